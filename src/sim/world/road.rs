//! A road: one car that is driven, a vehicle before it, and a person who may cross. Straight, or of one curvature.
//!
//! Longitudinal: the acceleration follows its demand with a lag of the first order, as in the lower controller of R. Rajamani,
//! *Vehicle Dynamics and Control*, 2nd ed., chapter 5. Lateral: the single-track model at rest in its states, yaw rate
//! = v δ / (l (1 + v²/v_ch²)), M. Mitschke and H. Wallentowitz, *Dynamik der Kraftfahrzeuge*, chapter 20. Both books are
//! cited from memory. What each number rests on stands beside it.

use super::World;
use crate::fault::TwinFault;
use crate::time::Span;
use std::any::Any;

/// One turn of the gateway's loop and of the physics: our own.
pub const TURN: Span = Span::from_millis(10);
const STEP: f64 = 0.01;
/// Lag of drive and brake, in s: Rajamani, chapter 5, from memory.
pub const ACCEL_LAG: f64 = 0.5;
/// Lag of the steering, in s: our own, for want of a source.
pub const STEER_LAG: f64 = 0.1;
/// Distance of the axles, in m: a middle-sized car, our own.
pub const WHEELBASE: f64 = 2.7;
/// Characteristic speed, in m/s. Source: 65 to 100 km/h for cars that understeer (EuroMotor, lecture on the linearised
/// single-track model).
pub const CHARACTERISTIC_SPEED: f64 = 25.0;
/// What tyres on a dry road hold, in m/s²: from memory.
pub const BRAKE_MAX: f64 = 8.0;
/// What the drive gives, in m/s²: our own.
pub const DRIVE_MAX: f64 = 2.5;
/// Half a car's width and its length, in m: our own.
const HALF_WIDTH: f64 = 0.9;
const LENGTH: f64 = 4.5;
/// Half a lane, in m: 3.5 m are the usual width, from memory.
const HALF_LANE: f64 = 1.75;
/// A vehicle that cuts in comes from the middle of the next lane at this speed, in m and m/s: our own.
const CUT_IN_FROM: f64 = 3.5;
const CUT_IN_SPEED: f64 = 1.5;
/// A person begins to cross here, in m to the right, and takes so much room: our own.
const WALK_FROM: f64 = 4.0;
const PERSON_HALF: f64 = 0.3;
/// As far as the car's sensors see, in m: our own.
pub const SIGHT: f64 = 250.0;

/// The car that is driven.
#[derive(Clone, Debug, Default)]
pub struct Car {
    /// Along the road, in m.
    pub way: f64,
    pub speed: f64,
    pub accel: f64,
    /// To the left of the middle of its lane, in m.
    pub offset: f64,
    /// To the left of the road's direction, in rad.
    pub heading: f64,
    pub yaw_rate: f64,
    /// Of the front wheels, in rad.
    pub steer: f64,
    pub accel_demand: f64,
    pub steer_demand: f64,
    /// Share of the demanded acceleration that drive and brake give.
    pub gain: f64,
    /// Lag of drive and brake, in s.
    pub lag: f64,
    pub crashed: bool,
}

/// A vehicle before it.
#[derive(Clone, Debug)]
struct Lead {
    /// Of its rear, along the road.
    way: f64,
    speed: f64,
    offset: f64,
    target: f64,
    braking: f64,
}

/// A person who crosses from the right.
#[derive(Clone, Debug)]
struct Walker {
    way: f64,
    side: f64,
    speed: f64,
}

/// Who is seen before the car.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Seen {
    pub gap: f64,
    /// Along the road, in m/s.
    pub speed: f64,
    /// To the left, in m.
    pub side: f64,
}

/// The road with everyone on it.
#[derive(Clone, Debug)]
pub struct Road {
    /// In 1/m, positive to the left.
    curvature: f64,
    pub car: Car,
    lead: Option<Lead>,
    walker: Option<Walker>,
}

impl Road {
    /// A road with the settings of the rig's world: `curvature` in 1/m. The error names an unknown setting.
    pub fn new(settings: &[(String, f64)]) -> Result<Road, String> {
        let mut curvature = 0.0;
        for (name, value) in settings {
            match name.as_str() {
                "curvature" => curvature = *value,
                _ => return Err(format!("the world `road` has no setting `{name}` (it has `curvature`)")),
            }
        }
        let car = Car { gain: 1.0, lag: ACCEL_LAG, ..Car::default() };
        Ok(Road { curvature, car, lead: None, walker: None })
    }
    /// A vehicle drives this far before the car, or comes into its lane there.
    pub fn put_lead(&mut self, gap: f64, speed: f64, cuts_in: bool) {
        let offset = if cuts_in { CUT_IN_FROM } else { 0.0 };
        self.lead = Some(Lead { way: self.car.way + gap, speed, offset, target: speed, braking: 0.0 });
    }
    /// It brakes to this speed.
    pub fn brake_lead(&mut self, to: f64, by: f64) {
        if let Some(lead) = &mut self.lead {
            (lead.target, lead.braking) = (to, by);
        }
    }
    /// A person begins to cross this far before the car.
    pub fn put_walker(&mut self, gap: f64, speed: f64) {
        self.walker = Some(Walker { way: self.car.way + gap, side: -WALK_FROM, speed });
    }
    /// The vehicle in the car's lane, as soon as a part of it is there.
    pub fn lead(&self) -> Option<Seen> {
        let lead = self.lead.as_ref().filter(|lead| lead.offset.abs() - HALF_WIDTH < HALF_LANE)?;
        let gap = lead.way - self.car.way;
        (-LENGTH..SIGHT).contains(&gap).then_some(Seen { gap: gap.max(0.0), speed: lead.speed, side: lead.offset })
    }
    /// The person, while in or before the lane.
    pub fn walker(&self) -> Option<Seen> {
        let walker = self.walker.as_ref().filter(|walker| walker.side < HALF_LANE + PERSON_HALF)?;
        let gap = walker.way - self.car.way;
        (0.0..SIGHT).contains(&gap).then_some(Seen { gap, speed: 0.0, side: walker.side })
    }
    /// Goes on by one step of [`TURN`].
    pub fn step(&mut self) {
        let car = &mut self.car;
        let demand = (car.accel_demand * car.gain).clamp(-BRAKE_MAX, DRIVE_MAX);
        // The lag is solved exactly over a step, during which the demand stays.
        car.accel = demand + (car.accel - demand) * libm::exp(-STEP / car.lag);
        car.steer = car.steer_demand + (car.steer - car.steer_demand) * libm::exp(-STEP / STEER_LAG);
        let speed = car.speed;
        car.speed = (speed + car.accel * STEP).max(0.0);
        if car.speed == 0.0 && car.accel < 0.0 {
            car.accel = 0.0;
        }
        let mean = (speed + car.speed) / 2.0;
        let ratio = mean / CHARACTERISTIC_SPEED;
        car.yaw_rate = mean * libm::tan(car.steer) / (WHEELBASE * (1.0 + ratio * ratio));
        let heading = car.heading + (car.yaw_rate - mean * self.curvature) * STEP;
        let (sin, cos) = libm::sincos((car.heading + heading) / 2.0);
        car.heading = heading;
        car.offset += mean * sin * STEP;
        car.way += mean * cos * STEP;
        if let Some(lead) = &mut self.lead {
            if lead.braking > 0.0 {
                lead.speed = (lead.speed - lead.braking * STEP).max(lead.target);
            }
            lead.way += lead.speed * STEP;
            lead.offset = (lead.offset - CUT_IN_SPEED * STEP).max(0.0);
        }
        if let Some(walker) = &mut self.walker {
            walker.side += walker.speed * STEP;
        }
        self.collide();
    }
    fn collide(&mut self) {
        let car = &mut self.car;
        let beside = |offset: f64, half: f64| (offset - car.offset).abs() < half + HALF_WIDTH;
        let along = |way: f64, length: f64| (-length - LENGTH..=0.0).contains(&(way - car.way));
        let hits_lead = self.lead.as_ref().is_some_and(|it| beside(it.offset, HALF_WIDTH) && along(it.way, LENGTH));
        let hits_walker = self.walker.as_ref().is_some_and(|it| beside(it.side, PERSON_HALF) && along(it.way, 0.0));
        // Who walks into the side of a car that stands was not run over.
        if hits_lead || hits_walker && car.speed > 0.0 {
            car.crashed = true;
        }
    }
}

impl World for Road {
    fn turn_length(&self) -> Span {
        TURN
    }
    fn turn(&mut self) {
        self.step();
    }
    fn fault(&mut self, fault: &TwinFault, _on: bool) -> Result<(), String> {
        Err(format!("the world `road` cannot act out {fault:?}"))
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn road() -> Road {
        Road::new(&[]).expect("no settings")
    }

    fn run(road: &mut Road, seconds: f64) {
        for _ in 0..libm::round(seconds / STEP) as usize {
            road.step();
        }
    }

    #[test]
    fn braking_takes_the_way_of_the_closed_form() {
        let mut road = road();
        road.car.speed = 15.0;
        road.car.accel_demand = -4.0;
        let mut steps = 0;
        while road.car.speed > 0.0 {
            road.step();
            steps += 1;
        }
        // v(t) = v0 - a (t - tau (1 - e^(-t/tau))): the stop comes tau later than without a lag.
        let time = 15.0 / 4.0 + ACCEL_LAG;
        assert!((f64::from(steps) * STEP - time).abs() < 0.03, "{steps} steps, {time} s");
        // The way is v0²/2a + v0 tau - a tau²/2, to e^(-T/tau).
        let way = 15.0 * 15.0 / 8.0 + 15.0 * ACCEL_LAG - 4.0 * ACCEL_LAG * ACCEL_LAG / 2.0;
        assert!((road.car.way - way).abs() < 0.15, "{} m, {way} m", road.car.way);
    }

    #[test]
    fn a_demand_is_met_as_by_a_lag_of_the_first_order() {
        let mut road = road();
        road.car.accel_demand = 2.0;
        run(&mut road, ACCEL_LAG);
        assert!((road.car.accel - 2.0 * (1.0 - libm::exp(-1.0))).abs() < 1e-9, "{}", road.car.accel);
    }

    #[test]
    fn a_steady_circle_has_the_yaw_rate_of_the_single_track_model() {
        for speed in [5.0, 15.0, 25.0] {
            let mut road = road();
            road.car.speed = speed;
            road.car.steer_demand = 0.01;
            run(&mut road, 3.0);
            let wanted = speed * libm::tan(0.01) / (WHEELBASE * (1.0 + speed * speed / 625.0));
            assert!((road.car.yaw_rate - wanted).abs() < 1e-9, "{} rad/s at {speed} m/s", road.car.yaw_rate);
        }
    }

    #[test]
    fn who_does_not_brake_hits_and_who_does_does_not() {
        for (demand, hits) in [(0.0, true), (-8.0, false)] {
            let mut road = road();
            road.car.speed = 15.0;
            road.car.accel_demand = demand;
            road.put_lead(40.0, 0.0, false);
            run(&mut road, 5.0);
            assert_eq!(road.car.crashed, hits, "{demand} m/s²");
            let mut road = self::road();
            road.car.speed = 15.0;
            road.car.accel_demand = demand;
            // At 15 m/s the car is there after 2.7 s, and the person is in its way.
            road.put_walker(40.0, 1.4);
            run(&mut road, 5.0);
            assert_eq!(road.car.crashed, hits, "{demand} m/s² before a person");
        }
    }

    /// Goal: whether it stops in time is decided where the closed form says. Method: 6 m/s² before a lead that stands; the way to a
    /// stop is v²/2a + v tau - a tau²/2. A metre more is enough, a metre less is not.
    #[test]
    fn who_stops_in_time_is_decided_by_the_braking_way() {
        for speed in [8.0, 12.0, 16.0] {
            let way = speed * speed / 12.0 + speed * ACCEL_LAG - 6.0 * ACCEL_LAG * ACCEL_LAG / 2.0;
            for (gap, hits) in [(way + 1.0, false), (way - 1.0, true)] {
                let mut road = road();
                road.car.speed = speed;
                road.car.accel_demand = -6.0;
                road.put_lead(gap, 0.0, false);
                run(&mut road, 6.0);
                assert_eq!(road.car.crashed, hits, "{speed} m/s, {gap} m before it; it takes {way} m");
            }
        }
    }

    /// Goal: in a bend the steering of the single-track model keeps the lane. Method: tan δ = l (1 + v²/v_ch²) / R leaves heading and
    /// offset where the steering's lag has put them; without steering the car leaves the lane along v²t²/2R.
    #[test]
    fn a_bend_wants_the_steering_of_its_radius() {
        let (speed, curvature) = (10.0, 1.0 / 200.0);
        let bend = || {
            let mut road = Road::new(&[("curvature".to_owned(), curvature)]).expect("the setting exists");
            road.car.speed = speed;
            road
        };
        let mut steered = bend();
        let ratio = speed / CHARACTERISTIC_SPEED;
        steered.car.steer_demand = libm::atan(WHEELBASE * (1.0 + ratio * ratio) * curvature);
        run(&mut steered, 2.0);
        let heading = steered.car.heading;
        // While the steering follows, the road turns away by v tau / R.
        assert!((heading + speed * STEER_LAG * curvature).abs() < 5e-4, "{heading} rad");
        run(&mut steered, 3.0);
        assert!((steered.car.heading - heading).abs() < 1e-7, "{} rad, then {heading} rad", steered.car.heading);
        let mut straight = bend();
        run(&mut straight, 2.0);
        let wanted = -speed * speed * 2.0 * 2.0 * curvature / 2.0;
        assert!((straight.car.offset - wanted).abs() < 0.01, "{} m, {wanted} m", straight.car.offset);
    }

    #[test]
    fn a_vehicle_that_cuts_in_is_seen_when_a_part_of_it_is_in_the_lane() {
        let mut road = road();
        road.put_lead(30.0, 10.0, true);
        assert_eq!(road.lead(), None);
        // Its side must come 0.85 m nearer, at 1.5 m/s.
        run(&mut road, 0.5);
        assert_eq!(road.lead(), None);
        run(&mut road, 0.1);
        assert!(road.lead().is_some_and(|seen| (seen.gap - 36.0).abs() < 0.1));
    }
}
