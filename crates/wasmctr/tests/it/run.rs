//! `wasmctr run`: exit codes, streams, and what a guest gets.

use std::{fs, io::Write, process::Stdio};

use crate::support::{Place, Ran};

fn exit_of(guest: &guests::Wat) -> Ran {
    let place = Place::new();
    let input = place.file("guest.wasm", guest.wasm());
    place.wasmctr(&["run", input])
}

#[test]
fn hello() {
    assert_eq!(exit_of(&guests::HELLO).ok(), "Hello, World!\n");
}

#[test]
fn exit_codes() {
    assert_eq!(exit_of(&guests::EXIT_CODE).code, Some(7));
    assert_eq!(exit_of(&guests::EXIT_BIG).code, Some(200));
}

#[test]
fn a_trap_is_134_and_says_what() {
    let ran = exit_of(&guests::TRAP);
    assert_eq!(ran.code, Some(134), "{ran:?}");
    assert!(ran.stderr.starts_with("error: the guest trapped: unreachable instruction executed"), "{ran:?}");
}

#[test]
fn what_cannot_run_is_126() {
    let ran = exit_of(&guests::UNKNOWN_IMPORT);
    assert_eq!(ran.code, Some(126), "{ran:?}");
    assert!(ran.stderr.contains("nothing from env"), "{ran:?}");
    assert_eq!(exit_of(&guests::NO_START).code, Some(126));

    let place = Place::new();
    let text = place.file("a.wasm", "hello");
    assert_eq!(place.wasmctr(&["run", text]).code, Some(126));
}

#[test]
fn what_is_not_there_is_127() {
    let place = Place::new();
    place.wasmctr(&["run", "none.wasm"]).fails(127, "cannot read `none.wasm`");
    assert_eq!(place.wasmctr(&["run", "oci:none"]).code, Some(127));
}

#[test]
fn a_directory_that_is_no_bundle_is_125() {
    let place = Place::new();
    fs::create_dir(place.path().join("dir")).unwrap();
    assert_eq!(place.wasmctr(&["run", "dir"]).code, Some(125));
}

#[test]
fn standard_streams_are_the_callers() {
    let place = Place::new();
    let input = place.file("cat.wasm", guests::CAT.wasm());
    let mut child =
        place.command(&["run", input]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"to and fro\n").unwrap();
    assert_eq!(Ran::of(child.wait_with_output().unwrap()).ok(), "to and fro\n");

    let ran = exit_of(&guests::STDERR);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert!(!ran.stderr.is_empty());
}

#[test]
fn flags_after_the_location_are_the_guests() {
    let place = Place::new();
    let input = place.file("args-env.wasm", guests::ARGS_ENV.wasm());
    let ran = place.wasmctr(&["run", input, "--net", "x", "--", "-v", ""]).ok();
    assert_eq!(ran, "args-env.wasm\n--net\nx\n--\n-v\n\n");
}

/// The environment of the caller is not the guest's.
#[test]
fn nothing_is_inherited() {
    let place = Place::new();
    let input = place.file("args-env.wasm", guests::ARGS_ENV.wasm());
    let output = place.command(&["run", input]).env("SECRET", "1").output().unwrap();
    assert_eq!(Ran::of(output).ok(), "args-env.wasm\n");
}

#[test]
fn an_image_brings_its_arguments_and_environment() {
    let place = Place::new();
    let input = place.file("args-env.wasm", guests::ARGS_ENV.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:l:v1", "--arg", "one", "--env", "A=1"]).ok();
    assert_eq!(place.wasmctr(&["run", "oci:l:v1"]).ok(), "/args-env.wasm\none\nA=1\n");
    assert_eq!(place.wasmctr(&["run", "oci:l:v1", "two"]).ok(), "/args-env.wasm\ntwo\nA=1\n");
    place.wasmctr(&["bundle", "oci:l:v1", "bundle"]).ok();
    assert_eq!(place.wasmctr(&["run", "bundle"]).ok(), "/args-env.wasm\none\nA=1\n");
    assert_eq!(place.wasmctr(&["run", "./bundle", "two"]).ok(), "/args-env.wasm\ntwo\nA=1\n");
}

/// The root file system of a bundle is there, read-only as its config.json says.
#[test]
fn a_bundle_grants_its_root_and_no_more() {
    let place = Place::new();
    for (name, guest) in [("read-file", &guests::READ_FILE), ("write-file", &guests::WRITE_FILE)] {
        let input = format!("{name}.wasm");
        place.file(&input, guest.wasm());
        place.wasmctr(&["bundle", &input, name]).ok();
    }
    fs::write(place.path().join("read-file/rootfs/file.txt"), "content").unwrap();
    assert_eq!(place.wasmctr(&["run", "read-file"]).ok(), "content");

    const ROFS_OR_PERM: [Option<i32>; 2] = [Some(69), Some(63)];
    let ran = place.wasmctr(&["run", "write-file"]);
    assert!(ROFS_OR_PERM.contains(&ran.code), "{ran:?}");
    assert!(!place.path().join("write-file/rootfs/out.txt").exists());

    let config = place.path().join("write-file/config.json");
    let writable = fs::read_to_string(&config).unwrap().replace("\"readonly\": true", "\"readonly\": false");
    fs::write(&config, writable).unwrap();
    place.wasmctr(&["run", "write-file"]).ok();
    assert!(place.path().join("write-file/rootfs/out.txt").exists());
}

#[test]
fn a_guest_that_takes_too_long_is_stopped_and_says_so() {
    let place = Place::new();
    let input = place.file("loop.wasm", guests::LOOP.wasm());
    for timeout in ["0.2", "0"] {
        let ran = place.wasmctr(&["run", "--timeout", timeout, input]);
        ran.fails(124, "the guest was stopped: the deadline has passed");
    }
    assert_eq!(place.wasmctr(&["run", "--timeout", "-1", input]).code, Some(2));
    assert_eq!(place.wasmctr(&["run", "--timeout", "soon", input]).code, Some(2));
}

#[test]
fn memory_is_limited() {
    let place = Place::new();
    let input = place.file("memory-grow.wasm", guests::MEMORY_GROW.wasm());
    place.wasmctr(&["run", input]).ok();
    let refused = place.wasmctr(&["run", "--memory", "32M", input]);
    assert_eq!(refused.code, Some(1), "the guest's own code for growth that fails: {refused:?}");

    let wasm = wat::parse_str("(module (memory 32) (func (export \"_start\")))").unwrap();
    let input = place.file("two-mebibytes.wasm", wasm);
    place.wasmctr(&["run", "--memory", "2M", input]).ok();
    assert_eq!(place.wasmctr(&["run", "--memory", "1M", input]).code, Some(125));
}
