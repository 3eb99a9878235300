//! `wasmctr pack` and `wasmctr inspect`.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::support::{Place, Ran};

fn image_digest(stdout: &str) -> String {
    let line = stdout.lines().find(|line| line.starts_with("image ")).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn says_what_it_wrote() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let stdout = place.wasmctr(&["pack", input, "-o", "oci:layout:v1"]).ok();
    let labels: Vec<_> = stdout.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(labels, ["module", "layer", "image", "written"]);
    assert!(stdout.contains(" compat, wasi/wasm\n"), "{stdout}");
    assert_eq!(place.names(), ["hello.wasm", "layout"]);
}

/// The same digest under another umask, time zone, locale and directory, and for another user.
#[test]
fn same_input_same_digest_wherever_it_is_packed() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let first = image_digest(&place.wasmctr(&["pack", input, "-o", "oci:a:v1"]).ok());

    let elsewhere = Place::new();
    fs::create_dir(elsewhere.path().join("deep")).unwrap();
    elsewhere.file("deep/hello.wasm", guests::HELLO.wasm());
    let program = env!("CARGO_BIN_EXE_wasmctr");
    let script = format!("umask 077; cd deep; exec '{program}' pack hello.wasm -o oci:b:other");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(elsewhere.path())
        .env("TZ", "Pacific/Auckland")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env_remove("SOURCE_DATE_EPOCH")
        .output();
    assert_eq!(image_digest(&Ran::of(output.unwrap()).ok()), first);

    let Some(()) = lab::need_root!() else { return };
    assert_eq!(image_digest(&as_nobody(&Place::new()).ok()), first);
}

/// Packs as a user without any right; the program is copied to where that user may read it.
fn as_nobody(place: &Place) -> Ran {
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    place.file("hello.wasm", guests::HELLO.wasm());
    let program = place.path().join("program");
    lab::install(Path::new(env!("CARGO_BIN_EXE_wasmctr")), &program);
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .args(["pack", "hello.wasm", "-o", "oci:c:v1"])
        .current_dir(place.path())
        .env_remove("SOURCE_DATE_EPOCH")
        .output();
    Ran::of(output.unwrap())
}

#[test]
fn source_date_epoch() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let at = |epoch: &str, output: &str| {
        let command = place.command(&["pack", input, "-o", output]).env("SOURCE_DATE_EPOCH", epoch).output();
        Ran::of(command.unwrap())
    };
    let zero = image_digest(&at("0", "oci:a:v1").ok());
    let later = image_digest(&at("86400", "oci:b:v1").ok());
    assert_ne!(zero, later);
    at("yesterday", "oci:c:v1").fails(1, "SOURCE_DATE_EPOCH is no number of seconds: `yesterday`");
    assert_eq!(place.names(), ["a", "b", "hello.wasm"]);
}

#[test]
fn everything_the_flags_say_is_in_the_image() {
    let place = Place::new();
    let input = place.file("hello.wat", guests::HELLO.text);
    let flags = ["--platform", "linux/amd64", "--entrypoint", "/bin/app.wasm", "--arg", "--port=80"];
    let more = ["--env", "MODE=a b", "--annotation", "org.example=1", "-o", "oci:l:v1"];
    place.wasmctr(&[&["pack", input][..], &flags, &more].concat()).ok();
    let json = place.wasmctr(&["inspect", "oci:l:v1", "--format", "json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let image = &report["image"];
    assert_eq!(image["platform"], "linux/amd64");
    assert_eq!(image["entrypoint"], serde_json::json!(["/bin/app.wasm", "--port=80"]));
    assert_eq!(image["env"], serde_json::json!(["MODE=a b"]));
    assert_eq!(image["annotations"]["org.example"], "1");
    assert_eq!(image["annotations"]["module.wasm.image/variant"], "compat");
    assert_eq!(report["wasm"]["kind"], "module");
    assert_eq!(report["wasm"]["size"], guests::HELLO.wasm().len());
}

#[test]
fn standard_input() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let from_file = image_digest(&place.wasmctr(&["pack", input, "-o", "oci:a:v1"]).ok());
    let stdin = fs::File::open(place.path().join(input)).unwrap();
    let output =
        place.command(&["pack", "-", "--entrypoint", "/hello.wasm", "-o", "oci:b:v1"]).stdin(stdin).output();
    assert_eq!(image_digest(&Ran::of(output.unwrap()).ok()), from_file);
    let nameless = "standard input has no name that the file could have in the image";
    place
        .wasmctr(&["pack", "-", "-o", "oci:c:v1"])
        .fails(1, nameless)
        .with("help: name it: `--entrypoint /app.wasm`");
    let empty = place.wasmctr(&["pack", "-", "--entrypoint", "/a.wasm", "-o", "oci:c:v1"]);
    empty.fails(1, "not WebAssembly but an empty file");
}

#[test]
fn inspect_shows_sockets() {
    let place = Place::new();
    let input = place.file("sockets.wasm", guests::WASMEDGE_SOCKETS.wasm());
    let stdout = place.wasmctr(&["inspect", input]).ok();
    assert!(stdout.contains("sockets     WasmEdge's: sock_"), "{stdout}");
}

/// What a file says about itself cannot play tricks with the terminal.
#[test]
fn control_characters_are_shown_as_text() {
    let place = Place::new();
    let wasm = wat::parse_str("(module (func (export \"\\1b[2Jgone\")))").unwrap();
    let input = place.file("a.wasm", wasm);
    let stdout = place.wasmctr(&["inspect", input]).ok();
    assert!(stdout.contains(r"\u{1b}[2Jgone func"), "{stdout:?}");
}
