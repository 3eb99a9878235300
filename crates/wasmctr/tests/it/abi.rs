//! WasmEdge's socket functions, case by case: both engines do what is noted of WasmEdge, or a difference that is listed.
//!
//! `BLESS=1` notes what they do now.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

use guests::{CASES, Case};

use crate::support::{Place, wasmedge};

#[test]
fn wasmedge_does_what_is_noted() {
    let Some(program) = wasmedge(&lab::here!()) else { return };
    let Some(()) = lab::need_root!() else { return };
    compare(&program, |case| (case.seen, "seen"));
}

#[test]
fn wasmtime_does_the_same() {
    let Some(()) = lab::need_root!() else { return };
    compare(Path::new(env!("CARGO_BIN_EXE_wasmctr")), |case| match case.ours {
        Some(ours) => (ours.seen, "ours"),
        None => (case.seen, "ours"),
    });
}

#[test]
fn the_book_lists_what_is_different() {
    let page = include_str!("../../../../book/src/sockets.md");
    let listed = page.lines().filter(|line| line.starts_with("| `"));
    let different = CASES.iter().filter_map(|case| Some(format!("| `{}` | {} |", case.name, case.ours?.why)));
    assert_eq!(listed.collect::<Vec<_>>(), different.collect::<Vec<_>>());
}

/// Runs each case in a network of its own, and tells of all that print something else.
fn compare(program: &Path, noted: impl Fn(&Case) -> (&'static str, &'static str)) {
    let place = Place::new();
    let mut different = Vec::new();
    for case in CASES {
        let printed = ran(program, case, &place);
        let (expected, file) = noted(case);
        if env::var_os("BLESS").is_some() {
            let abi = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/abi");
            fs::write(abi.join(format!("{}.{file}", case.name)), &printed).unwrap();
        } else if printed != expected {
            different.push(format!("{}: {}", case.name, lines(expected, &printed)));
        }
    }
    assert!(different.is_empty(), "{} cases:\n{}", different.len(), different.join("\n"));
}

/// What a case prints, and how it ends.
fn ran(program: &Path, case: &Case, place: &Place) -> String {
    let wasm = place.file("case.wasm", case.wasm());
    let mut command = Command::new("timeout");
    command.arg("20").arg(program).args(["run", "--unlimited", "--net", "host", wasm]);
    command.current_dir(place.path()).env("NO_COLOR", "1").env("XDG_CACHE_HOME", place.cache_home());
    command.env_remove("WASMCTR_ENGINE").stdin(Stdio::null());
    let output = lab::Network::new().unwrap().enter(|| command.output().unwrap());
    let end = match (output.status.code(), output.status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    };
    format!("{}{end}\n", String::from_utf8_lossy(&output.stdout))
}

/// The lines that are not the same.
fn lines(expected: &str, printed: &str) -> String {
    let (mut expected, mut printed) = (expected.lines(), printed.lines());
    let mut text = String::new();
    loop {
        match (expected.next(), printed.next()) {
            (None, None) => return text,
            (one, other) if one == other => {}
            (one, other) => {
                text += &format!("\n  expected {}, got {}", one.unwrap_or("-"), other.unwrap_or("-"));
            }
        }
    }
}
