//! Stories of the board, in bytes.

use super::*;

/// A board, and what it said last.
struct Board(Firmware);

impl Board {
    fn new() -> Board {
        Board(Firmware::new("cell-1".into()))
    }
    fn homed() -> Board {
        let mut board = Board::new();
        assert_eq!(board.tell("$H\n"), "");
        board.wait(60.0);
        assert_eq!(board.said(), "ok\r\n");
        board
    }
    fn said(&mut self) -> String {
        String::from_utf8(self.0.take()).expect("it speaks ASCII")
    }
    fn tell(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.0.hear(bytes.as_ref());
        self.said()
    }
    fn wait(&mut self, seconds: f64) {
        for _ in 0..(seconds / 0.005) as u32 {
            self.0.step(0.005);
        }
    }
}

#[test]
fn a_board_that_starts_is_locked_until_it_is_homed() {
    let mut board = Board::new();
    assert_eq!(board.tell("?"), "<Alarm|MPos:0.000,0.000,0.000|FS:0,0|WCO:0.000,0.000,0.000>\r\n");
    assert_eq!(board.tell("G1X-1F100\n"), "error:9\r\n");
    assert_eq!(board.tell("$I\n"), "[VER:1.1h.20190825:cell-1]\r\n[OPT:V,15,128]\r\nok\r\n");
    board.0.hear(b"$H\nG53G1X-10Y-10Z-10F600\n");
    board.wait(1.0);
    assert!(board.tell("?").starts_with("<Home|"));
    board.wait(15.0);
    // The line behind it waited for the end of homing.
    assert_eq!(board.said(), "ok\r\nok\r\n");
    let report = board.tell("?");
    assert!(report.starts_with("<Idle|MPos:-10.000,-10.000,-10.000|FS:0,0"), "{report}");
    assert_eq!(board.0.axes(), [-10.0; 3], "and there it is");
}

#[test]
fn homing_ends_a_pull_off_before_the_switches() {
    let mut board = Board::homed();
    let report = board.tell("?");
    assert!(report.starts_with("<Idle|MPos:-1.000,-1.000,-1.000|FS:0,0|WCO:"), "{report}");
    assert!(board.0.axes().iter().all(|part| (part + 1.0).abs() < 1e-9), "{:?}", board.0.axes());
}

#[test]
fn a_hold_stops_within_its_braking_way_and_goes_on_when_told() {
    let mut board = Board::homed();
    assert_eq!(board.tell("G90 G21 G1 X-301 F12000\n"), "ok\r\n");
    board.wait(0.5);
    let before = board.0.axes()[0];
    // 200 mm/s and 1000 mm/s^2: 0.2 s and 20 mm.
    board.0.hear(b"!");
    board.wait(0.1);
    assert!(board.tell("?").starts_with("<Hold:1|"));
    board.wait(0.105);
    assert!(board.tell("?").starts_with("<Hold:0|"));
    assert!((before - board.0.axes()[0] - 20.0).abs() < 1e-6, "{} mm", before - board.0.axes()[0]);
    assert_eq!(board.tell("G1 X-1\n"), "", "lines wait while it holds");
    board.wait(5.0);
    assert!(board.tell("?").starts_with("<Hold:0|"));
    assert_eq!(board.tell("~"), "ok\r\n");
    board.wait(5.0);
    assert_eq!(board.0.axes()[0], -1.0);
}

#[test]
fn a_jog_ends_with_any_hold_and_is_not_resumed() {
    for byte in [b'!', 0x85] {
        let mut board = Board::homed();
        assert_eq!(board.tell("$J=G91 G21 X-200 F6000\n"), "ok\r\n");
        board.wait(0.5);
        let report = board.tell("?");
        assert!(report.starts_with("<Jog|") && report.contains("FS:6000,0"), "{report}");
        board.0.hear(&[byte]);
        board.wait(0.5);
        let stopped = board.0.axes();
        assert!(board.tell("?").starts_with("<Idle|"));
        board.0.hear(b"~");
        board.wait(1.0);
        assert_eq!(board.0.axes(), stopped);
        assert_eq!(board.tell("$J=G91 X-700 F600\n"), "error:15\r\n");
    }
}

#[test]
fn a_reset_while_it_moves_loses_the_position() {
    let mut board = Board::homed();
    board.tell("G1 X-301 F12000\n");
    board.wait(0.5);
    let said = board.tell([RESET]);
    assert_eq!(said, "ALARM:3\r\n\r\nGrbl 1.1h ['$' for help]\r\n[MSG:'$H'|'$X' to unlock]\r\n");
    let stopped = board.0.axes();
    board.wait(1.0);
    assert_eq!(board.0.axes(), stopped);
    assert_eq!(board.tell("G1 X-1 F100\n"), "error:9\r\n");
    assert_eq!(board.tell("$X\n"), "[MSG:Caution: Unlocked]\r\nok\r\n");
    // At rest nothing is lost.
    assert_eq!(board.tell([RESET]), BANNER);
    assert!(board.tell("?").starts_with("<Idle|"));
}

#[test]
fn beyond_the_travel_it_stops_and_is_silent_until_the_reset() {
    let mut board = Board::homed();
    board.tell("G1 X-301 F12000\n");
    board.wait(0.5);
    assert_eq!(board.tell("X-601\n"), "", "no answer");
    board.wait(0.5);
    assert_eq!(board.said(), "ALARM:2\r\n[MSG:Reset to continue]\r\n");
    assert_eq!(board.tell("?$X\n"), "");
    assert!(board.tell([RESET]).ends_with("[MSG:'$H'|'$X' to unlock]\r\n"));
    assert!(board.tell("?").starts_with("<Alarm|"));
}

#[test]
fn a_switch_is_hit_where_the_position_is_wrong() {
    let mut board = Board::new();
    assert_eq!(board.tell("$X\n"), "[MSG:Caution: Unlocked]\r\nok\r\n");
    // It stands at -120 mm and believes to be at zero: 500 mm further the switch at -605 mm comes first.
    board.tell("G1 X-500 F12000\n");
    board.wait(5.0);
    assert_eq!(board.said(), "ok\r\nALARM:1\r\n[MSG:Reset to continue]\r\n".split_at(4).1);
    assert!((board.0.axes()[0] + TRAVEL[0] + SWITCH_BEHIND).abs() <= 1.0, "{:?}", board.0.axes());
}

#[test]
fn overrides_slow_feeds_down_to_a_tenth() {
    let mut board = Board::homed();
    board.tell("G1 X-301 F12000\n");
    board.wait(0.5);
    board.0.hear(&[0x92; 19]);
    board.wait(0.5);
    assert!(board.tell("?").contains("|FS:1200,0"));
    board.0.hear(&[0x90]);
    board.wait(0.5);
    assert!(board.tell("?").contains("|FS:12000,0"));
}

#[test]
fn the_planner_holds_fifteen_ways_and_the_rest_waits() {
    let mut board = Board::homed();
    let mut answers = 0;
    for way in 1..=20 {
        answers += board.tell(format!("G1X-{}F60\n", 1 + way)).matches("ok").count();
    }
    assert_eq!(answers, 15);
    board.wait(40.0);
    assert_eq!(board.said(), "ok\r\n".repeat(5));
    assert_eq!(board.0.axes()[0], -21.0);
}

#[test]
fn the_door_stops_it_and_switches_the_tool_off() {
    let mut board = Board::homed();
    assert_eq!(board.tell("M3 S900\n"), "");
    board.wait(0.01);
    assert_eq!(board.said(), "ok\r\n");
    board.tell("G1 X-301 F12000\n");
    board.wait(0.5);
    board.0.hear(&[DOOR]);
    board.wait(0.01);
    assert!(board.tell("?").contains(",900"));
    board.wait(0.5);
    let report = board.tell("?");
    assert!(report.starts_with("<Door:0|") && report.contains("|FS:0,0"), "{report}");
}
