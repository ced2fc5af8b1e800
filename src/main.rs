use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((first, rest)) if first == "child" => checkrein::io::child_main(rest),
        _ => ExitCode::from(64),
    }
}
