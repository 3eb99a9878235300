//! `--engine wasmedge`: another program takes over.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{Place, Ran, SLEEP, ended, ready, send, wasmedge};

/// A program in the place of `wasmctr-wasmedge`.
fn program(place: &Place, body: &str) -> PathBuf {
    let path = place.path().join("other");
    lab::script(&path, body);
    path
}

fn command(place: &Place, program: &Path, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = place.command(args);
    command.env("WASMCTR_WASMEDGE", program);
    command
}

#[test]
fn a_program_that_is_not_there() {
    let place = Place::new();
    let hello = place.file("hello.wasm", guests::HELLO.wasm());
    let none = place.path().join("none");
    for (args, code) in [
        (&["run", "--engine", "wasmedge", hello][..], 125),
        (&["serve", "--engine", "wasmedge", hello], 125),
        (&["compile", "--engine", "wasmedge", hello], 1),
    ] {
        let ran = Ran::of(command(&place, &none, args).output().unwrap());
        let error = format!("the engine `wasmedge` is in a program that is not here: `{}`", none.display());
        let ran = ran.fails(code, &error);
        for part in ["cargo xtask wasmedge", "WASMCTR_WASMEDGE", "libwasmedge 0.17"] {
            assert!(ran.stderr.contains(part), "{ran:?}");
        }
    }
}

/// Without the variable it is looked for beside `wasmctr`.
#[test]
fn beside_this_program() {
    let place = Place::new();
    let wasmctr = place.path().join("wasmctr");
    // A link would not do: the system tells where it leads.
    lab::install(Path::new(env!("CARGO_BIN_EXE_wasmctr")), &wasmctr);
    let run = || {
        let mut command = Command::new(&wasmctr);
        command.args(["run", "--engine=wasmedge", "a.wasm"]).env_remove("WASMCTR_WASMEDGE");
        Ran::of(command.env("NO_COLOR", "1").stdin(Stdio::null()).output().unwrap())
    };
    let beside = place.path().join("wasmctr-wasmedge");
    let error = format!("the engine `wasmedge` is in a program that is not here: `{}`", beside.display());
    run().fails(125, &error);
    fs::rename(program(&place, "echo found"), beside).unwrap();
    assert_eq!(run().ok(), "found\n");
}

#[test]
fn a_program_whose_library_is_not_there() {
    let place = Place::new();
    let said = "other: error while loading shared libraries: libwasmedge.so.0: cannot open shared object file: No such \
                file or directory";
    let program = program(&place, &format!("echo '{said}' >&2; exit 127"));
    let ran =
        Ran::of(command(&place, &program, &["run", "--engine", "wasmedge", "a.wasm"]).output().unwrap());
    let ran = ran.fails(125, &format!("`{}`, which has the engine, does not start", program.display()));
    assert!(ran.with(&format!("caused by: {said}")).stderr.contains("help: install libwasmedge 0.17 "));
}

#[test]
fn a_program_that_cannot_be_started() {
    let place = Place::new();
    let program = program(&place, "");
    Command::new("chmod").arg("644").arg(&program).status().unwrap();
    let ran =
        Ran::of(command(&place, &program, &["run", "--engine", "wasmedge", "a.wasm"]).output().unwrap());
    ran.fails(125, &format!("cannot start `{}`, which has the engine", program.display()))
        .with("caused by: Permission denied (os error 13)");
}

/// As they were given, one by one, and what comes back is that program's own: its output and its code.
#[test]
fn arguments_arrive_unchanged() {
    let place = Place::new();
    let program = program(&place, "[ \"$1\" = --version ] || { printf '<%s>' \"$@\"; cat; exit 9; }");
    let args: Vec<&OsStr> = [
        &b"run"[..],
        b"--engine",
        b"wasmedge",
        b"--env",
        b"A=b c",
        b"--",
        b"a.wasm",
        b"",
        b" x ",
        b"\xff\xfe",
        b"*",
        b"--engine",
        b"wasmtime",
    ]
    .map(OsStr::from_bytes)
    .to_vec();
    let input = place.file("input", "and standard input");
    let mut command = command(&place, &program, &args);
    let output = command.stdin(fs::File::open(place.path().join(input)).unwrap()).output().unwrap();
    let mut expected: Vec<u8> = args.iter().flat_map(|arg| [b"<", arg.as_bytes(), b">"].concat()).collect();
    expected.extend_from_slice(b"and standard input");
    assert_eq!((output.status.code(), output.stdout), (Some(9), expected));
}

#[test]
fn the_variable_chooses_too_and_the_flag_goes_before_it() {
    let place = Place::new();
    let hello = place.file("hello.wasm", guests::HELLO.wasm());
    let program = program(&place, "echo \"$WASMCTR_ENGINE\"");
    let run = |args: &[&str]| {
        Ran::of(command(&place, &program, args).env("WASMCTR_ENGINE", "wasmedge").output().unwrap()).ok()
    };
    assert_eq!(run(&["run", hello]), "wasmedge\n");
    assert_eq!(run(&["run", "--engine", "wasmtime", hello]), "Hello, World!\n");
    let output = place.command(&["run", hello]).env("WASMCTR_ENGINE", "fast").output().unwrap();
    assert_eq!(Ran::of(output).code, Some(2));
}

/// A program that has not got it either is asked once.
#[test]
fn it_is_not_handed_over_twice() {
    let place = Place::new();
    let wasmctr = Path::new(env!("CARGO_BIN_EXE_wasmctr"));
    let ran = Ran::of(command(&place, wasmctr, &["run", "--engine", "wasmedge", "a.wasm"]).output().unwrap());
    ran.fails(125, "this program was started for the engine `wasmedge`, and does not have it either")
        .with("help: let WASMCTR_WASMEDGE name a `wasmctr-wasmedge`");
}

#[test]
fn hello_on_wasmedge() {
    let Some(program) = wasmedge(&lab::here!()) else { return };
    let place = Place::new();
    let hello = place.file("hello.wasm", guests::HELLO.wasm());
    let run = |args: &[&str]| Ran::of(command(&place, &program, args).output().unwrap());
    let ran = run(&["run", "--engine", "wasmedge", hello]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "Hello, World!\n"), "{ran:?}");
    assert!(ran.stderr.starts_with("warning: wasmedge does not limit "), "{ran:?}");
    let ran = ran.with("help: `--unlimited` says that no limit is meant");
    assert!(ran.stderr.lines().next().unwrap().contains("open handles"), "{ran:?}");
    let ran = run(&["run", "--engine", "wasmedge", "--unlimited", hello]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let ran = run(&["run", "--engine", "wasmedge", "--unlimited", "--format", "json", hello]);
    assert!(ran.stdout.contains("\"name\": \"wasmedge\""), "{ran:?}");
    run(&["run", "--engine", "wasmedge", "--handles", "10", hello])
        .fails(125, "wasmedge does not support a limit of open handles")
        .with("help: leave `--handles` out");
    run(&["serve", "--engine", "wasmedge", "--unlimited", "--addr", "127.0.0.1:0", hello])
        .fails(125, "wasmedge does not support answering HTTP requests");
}

/// It cannot end a guest that waits for its input, and so `wasmctr` ends.
#[test]
fn wasmctr_ends_in_the_place_of_a_guest_on_wasmedge() {
    let Some(program) = wasmedge(&lab::here!()) else { return };
    let place = Place::new();
    let waits = place.file("waits.wasm", ready(SLEEP));
    let run = |flags: &[&str]| {
        let args = [&["run", "--engine", "wasmedge", "--unlimited"], flags, &[waits]].concat();
        let mut command = command(&place, &program, &args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        child
    };
    const WARNING: &str = "warning: wasmedge cannot end a guest that waits for the host";
    const NOTE: &str = "note: it did not end within the grace time, and so `wasmctr` did";

    let ran = ended(run(&["--grace", "0.2", "--timeout", "0.1"])).with(WARNING).with(NOTE);
    assert_eq!(ran.code, Some(124), "{ran:?}");
    ran.with("error: the guest was stopped: the deadline has passed");
    let child = run(&["--grace", "0.2", "--best-effort"]);
    send("TERM", &child);
    ended(child).fails(143, "the guest was stopped: signal 15").with(NOTE);
    let child = run(&["--grace", "1000"]);
    send("HUP", &child);
    std::thread::sleep(Duration::from_millis(200));
    send("INT", &child);
    let ran = ended(child).with(WARNING).with("note: a second signal ended `wasmctr`");
    assert_eq!(ran.code, Some(130), "{ran:?}");
}

#[test]
fn the_document_tells_that_wasmctr_ended() {
    let Some(program) = wasmedge(&lab::here!()) else { return };
    let place = Place::new();
    let waits = place.file("waits.wasm", ready(SLEEP));
    let flags = ["--unlimited", "--best-effort", "--grace", "0.1", "--timeout", "0.1", "--format", "json"];
    let args = [&["run", "--engine", "wasmedge"], &flags[..], &[waits]].concat();
    let ran = Ran::of(command(&place, &program, &args).output().unwrap());
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&document["exit"]["kind"], ran.code), (&"stopped".into(), Some(124)));
    assert!(ran.stderr.starts_with("ready\n"), "{ran:?}");
}

#[test]
fn wasmedge_does_not_have_the_other_engine() {
    let Some(program) = wasmedge(&lab::here!()) else { return };
    let place = Place::new();
    let output = Command::new(program)
        .args(["run", "--engine", "wasmtime", "a.wasm"])
        .current_dir(place.path())
        .env("NO_COLOR", "1")
        .output();
    Ran::of(output.unwrap())
        .fails(125, "this program has the engine `wasmedge` only")
        .with("help: `wasmctr` has `wasmtime`");
}

#[test]
fn wasmedge_refuses_what_it_has_no_use_for() {
    let Some(program) = wasmedge(&lab::here!()) else { return };
    let place = Place::new();
    let hello = place.file("hello.wasm", guests::HELLO.wasm());
    let args = ["run", "--engine", "wasmedge", "--compile-timeout", "5", hello];
    Ran::of(command(&place, &program, &args).output().unwrap())
        .fails(125, "`wasmedge` does not compile, it interprets")
        .with("help: leave `--compile-timeout` out");
}
