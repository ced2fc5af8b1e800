//! TLS to a broker through our own tunnel: a TLS front of the test's own stands before the embedded broker.

use checkrein::io::broker::{Broker, User};
use checkrein::io::clock::Clock;
use checkrein::io::mqtt::{self, Config, Login};
use checkrein::io::queue::{Post, Posts, queue};
use checkrein::io::tunnel::TlsSettings;
use checkrein::rig::Tls;
use checkrein::run::{Input, LinkState, SendId};
use checkrein::wire::{Frame, Lane, LinkId};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

fn file(name: &str) -> String {
    format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file(name)).unwrap().map(Result::unwrap).collect()
}

struct Bench {
    runtime: Runtime,
    user: User,
    _broker: Broker,
    port: u16,
}

impl Bench {
    /// A broker behind TLS; `clients`: it asks for a certificate that our authority signed.
    fn start(clients: bool) -> Bench {
        let user = User::harness().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_checkrein"));
        let broker = Broker::start(program, std::slice::from_ref(&user)).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if clients {
            let mut roots = RootCertStore::empty();
            certificates("ca.pem").into_iter().for_each(|certificate| roots.add(certificate).unwrap());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from_pem_file(file("broker.key")).unwrap();
        let config = builder.with_single_cert(certificates("broker.pem"), key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = broker.port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut near) = acceptor.accept(stream).await else { return };
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", behind)).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Bench { runtime, user, _broker: broker, port }
    }

    fn state(&self, host: &str, version: u8, tls: Tls) -> (LinkState, mqtt::Handle, Posts) {
        let config = Config {
            link: LinkId(0),
            client_id: format!("tls-{version}"),
            host: host.into(),
            port: self.port,
            tls: Some(TlsSettings::read(&tls).unwrap()),
            version,
            login: Some(Login { user: self.user.name.clone(), password: self.user.password.clone() }),
            subscriptions: vec!["echo".into()],
            keep_alive: Duration::from_secs(5),
            will: None,
        };
        let (poster, mut posts) = queue(Clock::start());
        let handle = mqtt::start(self.runtime.handle(), config, poster);
        let post = posts.blocking_recv().unwrap();
        let Post::Input(Input::Link { state, .. }) = post else { panic!("a state comes first, not {post:?}") };
        (state, handle, posts)
    }
    fn refused(&self, host: &str, tls: Tls) -> String {
        match self.state(host, 5, tls).0 {
            LinkState::Refused(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

fn trusting(ca: &str) -> Tls {
    Tls { ca: Some(file(ca)), cert: None, key: None }
}

fn with_certificate() -> Tls {
    Tls { cert: Some(file("client.pem")), key: Some(file("client.key")), ..trusting("ca.pem") }
}

#[test]
fn messages_pass_over_tls_with_a_client_certificate_in_both_versions() {
    let bench = Bench::start(true);
    for version in [3, 5] {
        let (state, handle, mut posts) = bench.state("localhost", version, with_certificate());
        assert_eq!(state, LinkState::Up);
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 253) as u8).collect();
        let frame = Frame::publish(LinkId(0), "echo", bytes.clone());
        assert!(handle.send(Clock::start().now(), Lane::Normal, Some(SendId(1)), frame));
        let back = loop {
            if let Post::Input(Input::Bytes { frame, .. }) = posts.blocking_recv().unwrap() {
                break frame;
            }
        };
        assert!(back.bytes == bytes);
        bench.runtime.block_on(handle.close());
    }
}

#[test]
fn a_certificate_that_proves_nothing_is_refused_in_words() {
    let bench = Bench::start(false);
    let port = bench.port;
    assert_eq!(
        bench.refused("localhost", trusting("stranger.pem")),
        format!("localhost:{port}: the broker's certificate is signed by nobody that `ca` knows")
    );
    assert_eq!(
        bench.refused("127.0.0.1", trusting("ca.pem")),
        format!("127.0.0.1:{port}: the broker's certificate is for another host name")
    );
}

#[test]
fn a_broker_that_wants_our_certificate_says_so() {
    let bench = Bench::start(true);
    let why = bench.refused("localhost", trusting("ca.pem"));
    assert_eq!(why, format!("localhost:{}: the broker does not accept our client certificate", bench.port));
}

#[test]
fn a_port_without_tls_is_told_apart() {
    let mut bench = Bench::start(false);
    bench.port = bench._broker.port();
    let why = bench.refused("localhost", trusting("ca.pem"));
    let handshake = "closes the connection during the TLS handshake: is it a TLS port?";
    assert_eq!(why, format!("localhost:{} {handshake}", bench.port));
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let why = TlsSettings::read(&trusting("make.sh")).unwrap_err();
    assert_eq!(why, format!("{} holds no certificate", file("make.sh")));
    let half = Tls { cert: Some(file("client.pem")), key: None, ca: Some(file("ca.pem")) };
    assert_eq!(TlsSettings::read(&half).unwrap_err(), "a client certificate (`cert`) needs its `key`");
    let missing = TlsSettings::read(&trusting("none.pem")).unwrap_err();
    assert!(missing.starts_with(&file("none.pem")), "{missing}");
}
