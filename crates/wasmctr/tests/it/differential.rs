//! Every guest, run by both programs: what they print and how they end must be the same.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use crate::support::{Place, Ran, wasmedge};

/// What is not the same, guest by guest, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("component", "WasmEdge has no components"),
    ("stack-overflow", "WasmEdge does not limit the depth of calls: it would take all memory"),
];

#[test]
fn both_programs_do_the_same() {
    let Some(wasmedge) = wasmedge(&lab::here!()) else { return };
    let names = guests::ALL.iter().map(|guest| guest.name);
    assert!(DIFFERENT.iter().all(|(different, _)| names.clone().any(|name| name == *different)));
    for guest in guests::ALL {
        let here = ran(Path::new(env!("CARGO_BIN_EXE_wasmctr")), guest);
        let there = if guest.name == "stack-overflow" { None } else { Some(ran(&wasmedge, guest)) };
        match DIFFERENT.iter().find(|(name, _)| *name == guest.name) {
            None => assert_eq!(Some(here), there, "{}", guest.name),
            Some((_, why)) => assert_ne!(Some(here), there, "{}, although {why}", guest.name),
        }
    }
}

/// The exit code, both outputs, and the file that the guest may have written.
fn ran(program: &Path, guest: &guests::Wat) -> (Option<i32>, String, String, Option<String>) {
    let place = Place::new();
    let dir = place.path().join("dir");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("file.txt"), "content\n").unwrap();
    place.file("input", "input");
    let wasm = place.file("guest.wasm", guest.wasm());
    let mut command = Command::new(program);
    command.args(["run", "--unlimited", "--env", "A=1", "--dir", "dir::/::rw"]);
    // It would go on for ever.
    command
        .args((guest.name == "loop").then_some(["--timeout", "0.3", "--best-effort"]).into_iter().flatten());
    command.args([wasm, "one", "two words"]).current_dir(place.path());
    command.env("NO_COLOR", "1").env("XDG_CACHE_HOME", place.cache_home()).env_remove("WASMCTR_ENGINE");
    let ran = Ran::of(command.stdin(File::open(place.path().join("input")).unwrap()).output().unwrap());
    (ran.code, ran.stdout, without_engine(&ran.stderr), fs::read_to_string(dir.join("out.txt")).ok())
}

/// Without what only one of them has: the name of the engine, and where a trap was.
fn without_engine(stderr: &str) -> String {
    let is_frame =
        |line: &&str| line.trim_start_matches("note:").trim_start().starts_with(|c: char| c.is_ascii_digit());
    let lines = stderr.lines().filter(|line| !is_frame(line));
    lines.map(|line| line.replace("wasmtime", "ENGINE").replace("wasmedge", "ENGINE") + "\n").collect()
}
