//! A rig of real boards, none of which has a twin, checks like any other.

use std::process::Command;

#[test]
fn a_rig_without_twins_checks_good() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    };
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect("shipped");
    let rig = read("rigs/drone-bench/rig.yaml")
        .replace("serial: twin", "serial: /dev/serial/by-id/usb-Test_Board-if00")
        .replace("    twin: quadrotor\n", "")
        .replace("    twin: hover-pilot\n", "");
    assert!(!rig.contains("twin:"), "the rig still has twins");
    write("rigs/drone-bench/rig.yaml", &rig);
    write("rigs/drone-bench/envelope.yaml", &read("rigs/drone-bench/envelope.yaml"));
    write("scenarios/drone-bench/hover.yaml", &read("scenarios/drone-bench/hover-and-land.yaml"));
    let checked = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(["check", "scenarios/drone-bench/hover.yaml"])
        .current_dir(root.path())
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{told}");
    assert!(String::from_utf8_lossy(&checked.stdout).contains("good"), "{told}");
}
