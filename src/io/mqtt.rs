//! MQTT links: one task per broker, over rumqttc, on the runtime beside the run thread.
//!
//! Every connection is a client of its own with a clean session: what was not delivered over the last one is gone, so that
//! no command of before a loss can arrive after it.
//!
//! Invariant: a link is up only when the broker has confirmed the subscriptions; what is sent before is not kept.

use crate::io::lanes::Left;
use crate::io::mqtt_client::{Client, Happening};
use crate::io::mqtt_pace::Pace;
use crate::io::queue::{Post, Poster, Posts};
use crate::io::tunnel::{TlsSettings, Tunnel};
use crate::rig::Secret;
use crate::run::{Input, LinkState, SendId};
use crate::time::Time;
use crate::wire::{Frame, FrameFlags, Lane, LinkId, Presence};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// Largest message either way. The library's own limit of 10 KiB is less than what devices send.
pub const PACKET_MAX: usize = 1 << 20;
/// Publishes given to the client that have not left yet: few, so that a trip finds Normal still here to be discarded.
const UNDERWAY_MAX: usize = 16;
/// Pauses between attempts to come back.
const BACK_OFF: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// A topic that nobody subscribed.
const UNHEARD: &str = "checkrein/unheard";
/// How fine the runtime's timer is.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// How is said what stands on a topic until somebody says otherwise.
const STANDING: FrameFlags = FrameFlags { retained: true, duplicate: false, qos: 1 };

/// Everything about one link to a broker.
#[derive(Clone, Debug)]
pub struct Config {
    pub link: LinkId,
    pub client_id: String,
    pub host: String,
    pub port: u16,
    pub tls: Option<TlsSettings>,
    /// 5, or 3 for 3.1.1.
    pub version: u8,
    pub login: Option<Login>,
    pub subscriptions: Vec<String>,
    /// At least one second.
    pub keep_alive: Duration,
    pub will: Option<Will>,
}

/// User and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({}, …)", self.user)
    }
}

/// What the broker says for us when we fall silent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
}

impl Login {
    /// Reads the password from where the rig says it is kept. The error says where it was looked for.
    pub fn read(user: &str, secret: &Secret) -> Result<Login, String> {
        let password = match secret {
            Secret::Environment(name) => std::env::var(name)
                .map_err(|_| format!("the password of {user}: environment variable {name} is not set"))?,
            Secret::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("the password of {user}: {path}: {error}"))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        };
        Ok(Login { user: user.to_owned(), password })
    }
}

#[derive(Debug)]
struct Waiter {
    id: Option<SendId>,
    frame: Frame,
    begun: Time,
    queued_ahead: u32,
}

#[derive(Default, Debug)]
struct Out {
    up: bool,
    closing: bool,
    safe: VecDeque<Waiter>,
    query: VecDeque<Waiter>,
    normal: VecDeque<Waiter>,
    /// Given to the client, in its order.
    underway: VecDeque<Waiter>,
    pace: Pace,
}

impl Out {
    /// What may be given to the client next; what may not leave any more is thrown away, and named in `lapsed`. What may not be
    /// late waits here while the broker is behind: from its socket nobody could take it back.
    fn next(&mut self, now: Time, lapsed: &mut Vec<SendId>) -> Option<Waiter> {
        while let Some(waiter) = self.normal.pop_front_if(|waiter| waiter.frame.has_lapsed(now)) {
            lapsed.extend(waiter.id);
        }
        if self.underway.len() >= UNDERWAY_MAX {
            return None;
        }
        let first = self.safe.pop_front().or_else(|| self.query.pop_front());
        first.or_else(|| {
            let waits = self.pace.is_behind(now);
            self.normal.pop_front_if(|waiter| waiter.frame.not_after.is_none() || !waits)
        })
    }
    /// When something that waits may not leave any more.
    fn next_lapse(&self) -> Option<Time> {
        self.normal.front().and_then(|waiter| waiter.frame.not_after)
    }
    fn forget(&mut self) {
        self.up = false;
        self.safe.clear();
        self.query.clear();
        self.normal.clear();
        self.underway.clear();
        self.pace = Pace::default();
    }
}

#[derive(Default, Debug)]
struct Shared {
    out: Mutex<Out>,
    changed: Notify,
}

impl Shared {
    fn out(&self) -> MutexGuard<'_, Out> {
        // Nobody panics while holding the lock; if somebody did, the queues are still whole.
        self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The run thread's end of a link to a broker.
#[derive(Debug)]
pub struct Handle {
    link: LinkId,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

/// Starts the link's task; what happens on it arrives through the queue.
pub fn start(runtime: &tokio::runtime::Handle, config: Config, poster: Poster) -> Handle {
    let shared = Arc::new(Shared::default());
    let link = config.link;
    let serve = serve(config, None, poster.clone(), shared.clone());
    let task = runtime.spawn(watched(serve, link, poster, shared.clone()));
    Handle { link, shared, task }
}

/// Like [`start`], with further last wills beside the one of `config`: MQTT has one per connection, so each is carried by a
/// connection of its own. The link is up only when all of them are, and lost when one of them is: its will has gone out.
/// With a presence, the will of `config` is not used: that we are gone takes its place, and that we are there is said
/// whenever the subscriptions stand, before anything else.
pub fn start_with_wills(
    runtime: &tokio::runtime::Handle,
    config: Config,
    further: Vec<Will>,
    presence: Option<Presence>,
    poster: Poster,
) -> Handle {
    let shared = Arc::new(Shared::default());
    let link = config.link;
    let serve = serve_beside(config, further, presence, poster.clone(), shared.clone());
    let task = runtime.spawn(watched(serve, link, poster, shared.clone()));
    Handle { link, shared, task }
}

/// The bearers of further wills first, then the link itself; all say good-bye together.
async fn serve_beside(
    config: Config,
    further: Vec<Will>,
    presence: Option<Presence>,
    poster: Poster,
    shared: Arc<Shared>,
) {
    let mut bearers = Vec::new();
    for (place, will) in further.into_iter().enumerate() {
        let words = format!("the connection that carries the last will for {}", will.topic);
        let (own, mut posts) = crate::io::queue::queue(*poster.clock());
        let config = Config {
            client_id: format!("{}-will-{}", config.client_id, place + 1),
            subscriptions: Vec::new(),
            will: Some(will),
            ..config.clone()
        };
        let link = config.link;
        let its_own = Arc::new(Shared::default());
        let task = AbortOnDrop(tokio::spawn(serve(config, None, own, its_own.clone())));
        let up = state(&mut posts).await;
        if up != Some(LinkState::Up) {
            tell_of_bearer(&poster, link, &words, up).await;
            return;
        }
        let (poster, its_words) = (poster.clone(), words.clone());
        let teller = AbortOnDrop(tokio::spawn(async move {
            while let Some(state) = state(&mut posts).await {
                if state != LinkState::Up {
                    tell_of_bearer(&poster, link, &its_words, Some(state)).await;
                }
            }
        }));
        bearers.push((its_own, task, teller));
    }
    serve(config, presence, poster, shared).await;
    for (its_own, _, _) in &bearers {
        its_own.out().closing = true;
        its_own.changed.notify_one();
    }
    for (_, mut task, _teller) in bearers {
        // A broker that no longer answers is given up by whoever closes the link.
        let _ = (&mut task.0).await;
    }
}

/// The next state of a link that is asked for nothing else; `None` at its end.
async fn state(posts: &mut Posts) -> Option<LinkState> {
    loop {
        if let Post::Input(Input::Link { state, .. }) = posts.recv().await? {
            return Some(state);
        }
    }
}

async fn tell_of_bearer(poster: &Poster, link: LinkId, words: &str, state: Option<LinkState>) {
    let state = match state {
        Some(LinkState::Refused(why)) => LinkState::Refused(format!("{words}: {why}")),
        Some(LinkState::Lost(why)) => LinkState::Lost(format!("{words}: {why}")),
        Some(LinkState::Up) => return,
        None => LinkState::Lost(format!("{words} stopped through a bug of its own")),
    };
    poster.post(Post::Input(Input::Link { at: poster.clock().now(), link, state })).await;
}

/// A link whose task ends through a bug of ours is lost, and the run hears of it as of any other loss.
async fn watched(serve: impl Future<Output = ()> + Send + 'static, link: LinkId, poster: Poster, shared: Arc<Shared>) {
    let mut task = AbortOnDrop(tokio::spawn(serve));
    let Err(error) = (&mut task.0).await else { return };
    shared.out().forget();
    let why = format!("its client stopped through a bug of its own: {error}");
    let at = poster.clock().now();
    poster.post(Post::Input(Input::Link { at, link, state: LinkState::Lost(why) })).await;
}

impl Handle {
    /// Which link it is.
    pub fn link(&self) -> LinkId {
        self.link
    }
    /// Gives a frame to its lane; `id` is `None` where more frames of the same name follow. A frame given while the link is down is not kept; false then.
    pub fn send(&self, at: Time, lane: Lane, id: Option<SendId>, frame: Frame) -> bool {
        let mut out = self.shared.out();
        if !out.up {
            return false;
        }
        let queued_ahead = match lane {
            Lane::Safe => out.underway.iter().chain(&out.safe).map(|w| w.frame.bytes.len() as u32).sum(),
            Lane::Query | Lane::Normal => 0,
        };
        let waiter = Waiter { id, frame, begun: at, queued_ahead };
        match lane {
            Lane::Safe => out.safe.push_back(waiter),
            Lane::Query => out.query.push_back(waiter),
            Lane::Normal => out.normal.push_back(waiter),
        }
        drop(out);
        self.shared.changed.notify_one();
        true
    }
    /// Discards what waits in Normal.
    pub fn drop_normal(&self) {
        self.shared.out().normal.clear();
    }
    /// Says good-bye, so that no will fires, once everything given before has left.
    pub async fn close(self) {
        self.shared.out().closing = true;
        self.shared.changed.notify_one();
        // A broker that no longer answers must not hold up the end of the run.
        let abort = self.task.abort_handle();
        if tokio::time::timeout(Duration::from_secs(1), self.task).await.is_err() {
            abort.abort();
        }
    }
}

async fn serve(config: Config, presence: Option<Presence>, poster: Poster, shared: Arc<Shared>) {
    let mut ever_up = false;
    let mut failures = 0;
    loop {
        let attempt = unix_ms(&poster);
        let ended = match &presence {
            Some(presence) => {
                let config = present(&config, presence, attempt);
                connection(&config, Some((presence, attempt)), &poster, &shared).await
            }
            None => connection(&config, None, &poster, &shared).await,
        };
        let was_up = shared.out().up;
        shared.out().forget();
        let Err(why) = ended else { return };
        ever_up |= was_up;
        failures = if was_up { 0 } else { failures + 1 };
        let state = match (was_up, ever_up) {
            (true, _) => Some(LinkState::Lost(why)),
            (false, false) => Some(LinkState::Refused(why)),
            // It was told once that the link is lost; failed attempts to come back are no news.
            (false, true) => None,
        };
        if let Some(state) = state {
            let refused = matches!(state, LinkState::Refused(_));
            let at = poster.clock().now();
            if !poster.post(Post::Input(Input::Link { at, link: config.link, state })).await || refused {
                return;
            }
        }
        tokio::time::sleep(BACK_OFF[failures.min(BACK_OFF.len() - 1)]).await;
        if shared.out().closing {
            return;
        }
    }
}

/// UTC in milliseconds since 1970.
fn unix_ms(poster: &Poster) -> u64 {
    let clock = poster.clock();
    ((clock.wall_clock_unix_nanos() + clock.now().nanos()) / 1_000_000).max(0) as u64
}

/// The connection that tells of us: its will says that we are gone, with the time of this attempt.
fn present(config: &Config, presence: &Presence, attempt: u64) -> Config {
    let topic = presence.topic.to_string();
    let subscriptions = config.subscriptions.iter().cloned().chain([topic.clone()]).collect();
    let will = Will { topic, payload: (presence.says)(false, attempt), qos: 1, retain: true };
    Config { will: Some(will), subscriptions, ..config.clone() }
}

/// Says of us on our topic what stands there until somebody says otherwise.
fn say_of_us(link: LinkId, presence: &Presence, word: Vec<u8>, poster: &Poster, shared: &Shared) {
    let frame = Frame { flags: STANDING, ..Frame::publish(link, &presence.topic, word) };
    let waiter = Waiter { id: None, frame, begun: poster.clock().now(), queued_ahead: 0 };
    shared.out().safe.push_front(waiter);
    shared.changed.notify_one();
}

/// One connection from hello to its end; `Ok` when we said good-bye. Birth and will have the time of the attempt.
async fn connection(
    config: &Config,
    presence: Option<(&Presence, u64)>,
    poster: &Poster,
    shared: &Arc<Shared>,
) -> Result<(), String> {
    let mut carrier = None;
    let mut client = match &config.tls {
        Some(settings) => {
            let tunnel = Tunnel::open(&config.host, config.port, settings).await?;
            let client = Client::through(config, &tunnel.path());
            carrier = Some(tokio::spawn(tunnel.carry()));
            client
        }
        None => Client::direct(config),
    };
    let sender = client.sender();
    let mut publisher = Some(AbortOnDrop(tokio::spawn(publish(
        sender.clone(),
        presence.map(|(of_us, _)| of_us.clone()),
        poster.clone(),
        shared.clone(),
    ))));
    let result = loop {
        let Some(happening) = next(&mut client, &mut publisher).await else {
            break Err("its sender stopped through a bug of its own".into());
        };
        match happening {
            Ok(Happening::Connected) if config.subscriptions.is_empty() => up(config, poster, shared).await,
            Ok(Happening::Connected) => sender.subscribe(&config.subscriptions)?,
            Ok(Happening::Subscribed(refused)) => match refused.first().and_then(|i| config.subscriptions.get(*i)) {
                Some(filter) => break Err(format!("the broker does not let us subscribe to {filter}")),
                None => {
                    if let Some((of_us, attempt)) = presence {
                        say_of_us(config.link, of_us, (of_us.says)(true, attempt), poster, shared);
                    }
                    up(config, poster, shared).await;
                }
            },
            Ok(Happening::Message { topic, bytes, flags }) => {
                // What is retained is of before our birth, which has taken its place.
                let live = !flags.retained && shared.out().up && !shared.out().closing;
                if let Some((of_us, attempt)) = presence.filter(|(of_us, _)| *of_us.topic == topic && live)
                    && let Some(word) = (of_us.contradicts)(attempt, &bytes)
                {
                    say_of_us(config.link, of_us, word, poster, shared);
                }
                let frame =
                    Frame { link: config.link, topic: Some(topic.into()), flags, bytes, not_after: None, order: None };
                if !poster.post(Post::Input(Input::bytes(poster.clock().now(), frame))).await {
                    break Ok(());
                }
            }
            Ok(Happening::PublishLeft) => left(poster, shared).await,
            Ok(Happening::Unsubscribed) => {
                shared.out().pace.answered(poster.clock().now());
                shared.changed.notify_one();
            }
            Ok(Happening::Other) => (),
            Err(_) if shared.out().closing => break Ok(()),
            Err(why) => break Err(why),
        }
    };
    drop(publisher);
    // Where the tunnel knows better than the client why the connection ended, the tunnel is quoted.
    if let Some(carrier) = carrier
        && result.is_err()
    {
        drop(client);
        if let Ok(Ok(Err(why))) = tokio::time::timeout(Duration::from_millis(200), carrier).await {
            return Err(format!("{}:{}: {why}", config.host, config.port));
        }
    }
    result
}

/// What happens next; `None` when the task that sends broke. The client's own wait is never begun anew, since it cannot be
/// given up in the middle.
async fn next(client: &mut Client, publisher: &mut Option<AbortOnDrop>) -> Option<Result<Happening, String>> {
    let mut happening = std::pin::pin!(client.next());
    if let Some(sending) = publisher {
        tokio::select! {
            happening = &mut happening => return Some(happening),
            ended = &mut sending.0 => {
                *publisher = None;
                ended.ok()?;
            }
        }
    }
    Some(happening.await)
}

async fn up(config: &Config, poster: &Poster, shared: &Shared) {
    shared.out().up = true;
    shared.changed.notify_one();
    let at = poster.clock().now();
    poster.post(Post::Input(Input::Link { at, link: config.link, state: LinkState::Up })).await;
}

async fn left(poster: &Poster, shared: &Shared) {
    let Some(waiter) = shared.out().underway.pop_front() else { return };
    shared.changed.notify_one();
    let Waiter { id, frame, begun, queued_ahead } = waiter;
    let done = poster.clock().now();
    poster.post(Post::Left(Left { id, begun, done, queued_ahead, frame })).await;
}

/// Gives frames to the client, Safe first, a few at a time.
async fn publish(
    sender: crate::io::mqtt_client::Sender,
    presence: Option<Presence>,
    poster: Poster,
    shared: Arc<Shared>,
) {
    let mut lapsed = Vec::new();
    loop {
        let (waiter, done, next_lapse) = {
            let (mut out, now) = (shared.out(), poster.clock().now());
            let next = if out.up { out.next(now, &mut lapsed) } else { None };
            let done = next.is_none() && out.closing && out.underway.is_empty() && out.normal.is_empty();
            let parts = next.map(|waiter| {
                let ask = waiter.frame.not_after.is_some() && out.pace.hand_over(now);
                let parts = (waiter.frame.topic.clone(), waiter.frame.flags, waiter.frame.bytes.clone(), ask);
                out.underway.push_back(waiter);
                parts
            });
            (parts, done, out.next_lapse().map(|last| last.since(now)))
        };
        for id in lapsed.drain(..) {
            poster.post(Post::Lapsed(id)).await;
        }
        match waiter {
            Some((topic, flags, bytes, ask)) => {
                let topic = topic.unwrap_or_else(|| "".into());
                if sender.publish(&topic, flags, bytes).await.is_err()
                    || ask && sender.unsubscribe(UNHEARD).await.is_err()
                {
                    return;
                }
            }
            None if done => {
                let up = shared.out().up;
                if let Some(presence) = presence.filter(|_| up) {
                    // Who leaves in order says so before, with the time of leaving: the will is dropped with the good-bye
                    // (host-topic-phid-death-payload-timestamp-disconnect-clean).
                    let gone = (presence.says)(false, unix_ms(&poster));
                    // Where the connection is gone, the will says it.
                    let _ = sender.publish(&presence.topic, STANDING, gone).await;
                }
                sender.disconnect().await;
                return;
            }
            None => {
                // What waits for a broker that is behind is thrown away in its time. The timer counts whole milliseconds.
                let lapse =
                    next_lapse.map(|left| Duration::from_nanos(left.nanos().max(0).unsigned_abs()) + TIMER_STEP);
                let _ = tokio::time::timeout(lapse.unwrap_or(Duration::MAX), shared.changed.notified()).await;
            }
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Measures whether the broker delays small messages for want of TCP_NODELAY: `bursts` bursts of three messages to a topic
/// of our own and back. The finding says what to change; the error says why it could not be measured.
pub async fn probe_delay(config: &Config, bursts: usize) -> Result<Option<String>, String> {
    let took = round_trips(config, "probe", bursts, 3, Duration::ZERO).await?;
    Ok(judge_delay(&took, &config.host))
}

/// The floor of a link: a message to the broker and back, `count` times, each met by clients that sleep.
pub async fn probe_floor(config: &Config, count: usize) -> Result<Vec<Duration>, String> {
    let took = round_trips(config, "floor", count, 1, Duration::from_millis(1));
    // Measured while the links come up: a broker that does not answer by then is told of by its link.
    tokio::time::timeout(FLOOR_PATIENCE, took).await.map_err(|_| "the broker did not answer in time".to_owned())?
}

/// As long as the broker may take for all of the floor's messages.
const FLOOR_PATIENCE: Duration = Duration::from_secs(5);

/// How long bursts of `together` messages take to a topic of our own and back, over a client of their own.
async fn round_trips(
    config: &Config,
    name: &str,
    bursts: usize,
    together: usize,
    pause: Duration,
) -> Result<Vec<Duration>, String> {
    let topic = format!("checkrein/{name}/{}", crate::io::broker::random_word().map_err(|e| e.to_string())?);
    let mut config = config.clone();
    config.client_id = format!("{}-{name}", config.client_id);
    config.will = None;
    let tunnel = match &config.tls {
        Some(settings) => Some(Tunnel::open(&config.host, config.port, settings).await?),
        None => None,
    };
    let mut client = match &tunnel {
        Some(tunnel) => Client::through(&config, &tunnel.path()),
        None => Client::direct(&config),
    };
    let carrier = tunnel.map(|tunnel| AbortOnDrop(tokio::spawn(async { drop(tunnel.carry().await) })));
    let sender = client.sender();
    let mut took = Vec::with_capacity(bursts);
    let mut begun = tokio::time::Instant::now();
    let mut arrived = 0;
    while took.len() < bursts {
        match client.next().await? {
            Happening::Connected => {
                sender.subscribe(std::slice::from_ref(&topic))?;
                continue;
            }
            Happening::Subscribed(refused) if refused.is_empty() => (),
            Happening::Subscribed(_) => {
                return Err("the broker does not let us subscribe to a topic of our own".into());
            }
            Happening::Message { .. } => {
                arrived += 1;
                if arrived < together {
                    continue;
                }
                took.push(begun.elapsed());
            }
            Happening::PublishLeft | Happening::Unsubscribed | Happening::Other => continue,
        }
        arrived = 0;
        tokio::time::sleep(pause).await;
        begun = tokio::time::Instant::now();
        for _ in 0..together {
            sender.publish(&topic, FrameFlags::default(), vec![0; 64]).await?;
        }
    }
    drop(carrier);
    Ok(took)
}

/// A burst is held up when it takes the 40 ms of a delayed acknowledgement longer than the usual one.
fn judge_delay(bursts: &[Duration], host: &str) -> Option<String> {
    let mut sorted = bursts.to_vec();
    sorted.sort();
    let usual = *sorted.get(sorted.len() / 2)?;
    let band = usual + Duration::from_millis(30)..usual + Duration::from_millis(60);
    let held = bursts.iter().filter(|took| band.contains(took)).count();
    (held > 0).then(|| {
        format!(
            "{held} of {} bursts of three messages were held up for about 40 ms: the broker on {host} does not set \
             TCP_NODELAY (mosquitto: `set_tcp_nodelay true`)",
            bursts.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue_and_shared() -> (Poster, Posts, Arc<Shared>) {
        let (poster, posts) = crate::io::queue::queue(crate::io::clock::Clock::start());
        let shared = Arc::new(Shared::default());
        shared.out().up = true;
        (poster, posts, shared)
    }

    #[test]
    fn a_client_that_panics_is_a_lost_link() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (poster, mut posts, shared) = queue_and_shared();
        let handle = Handle {
            link: LinkId(7),
            shared: shared.clone(),
            task: runtime.spawn(watched(async { panic!("the test asked for it") }, LinkId(7), poster, shared.clone())),
        };
        let post = runtime.block_on(posts.recv()).unwrap();
        let Post::Input(Input::Link { link: LinkId(7), state: LinkState::Lost(why), .. }) = post else {
            panic!("{post:?}")
        };
        assert!(why.contains("bug"), "{why}");
        assert!(!shared.out().up, "nothing is taken for it any more");
        runtime.block_on(handle.close());
    }

    #[test]
    fn what_may_not_leave_any_more_is_passed_over_and_named() {
        let (poster, _posts, shared) = queue_and_shared();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let task = runtime.spawn(std::future::ready(()));
        let handle = Handle { link: LinkId(7), shared: shared.clone(), task };
        let now = poster.clock().now();
        let frame = |last| Frame::publish(LinkId(7), "arm/go", *b"{}").until(last);
        for (id, lane, last) in [
            (1, Lane::Normal, Some(Time::ZERO)),
            (2, Lane::Normal, Some(now)),
            (3, Lane::Normal, None),
            // A safe frame has no such time; if it had, it would go all the same.
            (4, Lane::Safe, Some(Time::ZERO)),
        ] {
            assert!(handle.send(now, lane, Some(SendId(id)), frame(last)));
        }
        let mut lapsed = Vec::new();
        let given: Vec<_> = std::iter::from_fn(|| shared.out().next(now, &mut lapsed)).map(|w| w.id).collect();
        assert_eq!(given, [Some(SendId(4)), Some(SendId(2)), Some(SendId(3))]);
        assert_eq!(lapsed, [SendId(1)]);
        // Also behind a socket that takes nothing.
        let stuck = |id| Waiter { id: Some(SendId(id)), frame: frame(None), begun: now, queued_ahead: 0 };
        shared.out().underway.extend((100..).take(UNDERWAY_MAX).map(stuck));
        assert!(handle.send(now, Lane::Normal, Some(SendId(5)), frame(Some(Time::ZERO))));
        assert!(shared.out().next(now, &mut lapsed).is_none());
        assert_eq!(lapsed, [SendId(1), SendId(5)]);
    }

    #[test]
    fn a_client_that_ends_in_order_is_no_news() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (poster, mut posts, shared) = queue_and_shared();
        runtime.block_on(watched(std::future::ready(()), LinkId(7), poster, shared));
        assert_eq!(runtime.block_on(posts.recv()), None);
    }

    #[test]
    fn a_broker_that_holds_bursts_up_is_named() {
        let ms = Duration::from_millis;
        let mut bursts = vec![Duration::from_micros(300); 298];
        assert_eq!(judge_delay(&bursts, "lab"), None);
        bursts.extend([ms(40), ms(44)]);
        let finding = judge_delay(&bursts, "lab").unwrap();
        assert!(finding.starts_with("2 of 300 bursts"), "{finding}");
        // A broker far away is slow always, which is another matter.
        assert_eq!(judge_delay(&[ms(40), ms(41), ms(42)], "far"), None);
        assert_eq!(judge_delay(&[], "none"), None);
    }

    #[test]
    fn a_password_comes_from_a_file_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret").display().to_string();
        std::fs::write(&path, "geheim\n").unwrap();
        let login = Login::read("pilot", &Secret::File(path)).unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("pilot", "geheim"));
        assert!(!format!("{login:?}").contains("geheim"));
        let why = Login::read("pilot", &Secret::Environment("CHECKREIN_NO_SUCH_VARIABLE".into())).unwrap_err();
        assert_eq!(why, "the password of pilot: environment variable CHECKREIN_NO_SUCH_VARIABLE is not set");
    }
}
