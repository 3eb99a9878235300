//! Section 5.1: an engine and a module in an image that any runtime starts, made without Docker.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Runtime, assert_hello, linux, ran, unique};
use crate::support::{Place, get_8080, lines, port_8080};

/// A guest in an image with an engine, as a bundle for runc; what `pack` said.
fn bundled(place: &Place, guest: &Path, engine: &[&str], net: &str) -> String {
    let pack = ["pack", guest.to_str().unwrap(), "-o", "oci:images:slim", "--embed-engine"];
    let said = place.wasmctr(&[&pack, engine].concat()).ok();
    assert!(said.contains(&format!("compat, {}\n", linux())), "{said}");
    place.wasmctr(&["bundle", "oci:images:slim", "bundle", "--runtime", "runc", "--net", net]).ok();
    said
}

/// Our own program, linked statically: the image is two files.
#[test]
fn a_static_engine_on_runc() {
    let Some(guest) = guests::need!("hello-world") else { return };
    let Some(runc) = lab::need!("runc") else { return };
    let Some(engine) = static_wasmctr(&lab::here!()) else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let engine = [engine.to_str().unwrap(), "--engine-arg", "run", "--engine-arg", "--no-cache"];
    bundled(&place, &guest, &engine, "none");
    let container = unique("slim");
    let runc = Runtime { program: &runc, place: &place, container: container.clone() };
    let mut run = runc.call(&["run", "-b", "bundle", &container]);
    let mut run = run.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let said = lines(run.stdout.take().unwrap(), 2);
    ran(&mut runc.call(&["kill", &container, "KILL"])).ok();
    run.wait().unwrap();
    assert_eq!(said, "Hello, World!\nHello, World!\n");
}

/// The engine's exit code is the container's, unlike with crun's handler.
#[test]
fn the_exit_code_arrives() {
    let Some(runc) = lab::need!("runc") else { return };
    let Some(engine) = static_wasmctr(&lab::here!()) else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    place.file("exit.wasm", guests::EXIT_CODE.wasm());
    let engine = [engine.to_str().unwrap(), "--engine-arg", "run", "--engine-arg", "--no-cache"];
    bundled(&place, Path::new("exit.wasm"), &engine, "none");
    let here = place.wasmctr(&["run", "exit.wasm"]).code;
    assert_ne!(here, Some(0));
    let container = unique("exit");
    let runc = Runtime { program: &runc, place: &place, container: container.clone() };
    assert_eq!(ran(&mut runc.call(&["run", "-b", "bundle", &container])).code, here);
}

/// WasmEdge with its loader and libraries, as a directory. The server of the walkthrough runs on plain runc.
#[test]
fn wasmedge_on_runc() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(runc) = lab::need!("runc") else { return };
    let Some(wasmedge) = lab::need!("wasmedge") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let loader = tree(&wasmedge, &place.path().join("wasmedge"));
    let words = ["--library-path", "/lib", "/bin/wasmedge", "--dir", ".:/"];
    let words = words.iter().flat_map(|word| ["--engine-arg", word]);
    let engine: Vec<_> = ["wasmedge", "--engine-program", &loader].into_iter().chain(words).collect();
    bundled(&place, &guest, &engine, "host");

    let container = unique("slim");
    let runc = Runtime { program: &runc, place: &place, container: container.clone() };
    let _port = port_8080();
    let mut run = runc.call(&["run", "-b", "bundle", &container]);
    let mut run = run.stdin(Stdio::null()).spawn().unwrap();
    let answer = get_8080();
    ran(&mut runc.call(&["kill", &container, "KILL"])).ok();
    run.wait().unwrap();
    assert_hello(&answer);
}

/// The program, and in `/lib` its libraries and the loader, which is listed by its path; its path in the image.
fn tree(program: &Path, dir: &Path) -> String {
    fs::create_dir_all(dir.join("bin")).unwrap();
    fs::create_dir(dir.join("lib")).unwrap();
    fs::copy(program, dir.join("bin/wasmedge")).unwrap();
    let listed = ran(Command::new(program).env("LD_TRACE_LOADED_OBJECTS", "1")).ok();
    let mut loader = None;
    for line in listed.lines() {
        let path = line.trim().rsplit(" => ").next().unwrap().split(" (").next().unwrap();
        let Some(name) = path.strip_prefix('/').and_then(|path| path.rsplit('/').next()) else { continue };
        fs::copy(path, dir.join("lib").join(name)).unwrap();
        loader = loader.or_else(|| name.starts_with("ld-").then(|| format!("/lib/{name}")));
    }
    loader.expect("the loader is listed")
}

/// What `cargo xtask static` links.
fn static_wasmctr(test: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/static/wasmctr");
    lab::require(path.is_file().then_some(path), "a statically linked wasmctr", "cargo xtask static", test)
}
