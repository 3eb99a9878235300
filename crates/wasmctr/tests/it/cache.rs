//! `wasmctr compile` and `wasmctr cache`, and `wasmctr run` with the cache that they fill.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use crate::support::{Place, Ran};

fn code(place: &Place) -> PathBuf {
    place.cache_home().join("wasmctr/code")
}

/// The labels of the lines that `compile` prints, which tell whether it compiled.
#[track_caller]
fn compile(place: &Place, location: &str) -> String {
    let stdout = place.wasmctr(&["compile", location]).ok();
    let labels: Vec<_> = stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!([&labels[..3], &labels[4..]].concat(), ["module", "engine", "code", "cache"], "{stdout}");
    labels[3].to_owned()
}

fn entries(place: &Place) -> usize {
    fs::read_dir(code(place)).map_or(0, Iterator::count)
}

#[test]
fn compile_fills_it_and_run_uses_it() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    assert_eq!(compile(&place, input), "compiled");
    assert_eq!(compile(&place, input), "found");
    assert_eq!(place.wasmctr(&["run", input]).ok(), "Hello, World!\n");
    assert_eq!(entries(&place), 1);
    assert_eq!(fs::metadata(code(&place)).unwrap().permissions().mode() & 0o7777, 0o700);
}

/// Code that can be stopped is other code.
#[test]
fn compile_fills_it_for_a_timeout() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["compile", "--interruptible", input]).ok();
    for (timeout, how) in [(&["--timeout", "10"][..], "cache"), (&[], "compile")] {
        let ran = place.wasmctr(&[&["run", "--time"], timeout, &[input]].concat());
        assert!(ran.stderr.lines().any(|line| line.starts_with(how)), "{}", ran.stderr);
    }
    assert_eq!(entries(&place), 2);
}

#[test]
fn run_fills_it() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    assert_eq!(place.wasmctr(&["run", "--no-cache", input]).ok(), "Hello, World!\n");
    assert_eq!(entries(&place), 0);
    for _ in 0..2 {
        let ran = place.wasmctr(&["run", input]);
        assert_eq!(ran.stderr, "");
        assert_eq!(ran.ok(), "Hello, World!\n");
    }
    assert_eq!(compile(&place, input), "found");
}

/// A module is the same wherever it lies.
#[test]
fn every_location_is_compiled() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:l:v1"]).ok();
    place.wasmctr(&["bundle", "oci:l:v1", "bundle"]).ok();
    assert_eq!(compile(&place, "bundle"), "compiled");
    assert_eq!(compile(&place, "oci:l:v1"), "found");
    assert_eq!(compile(&place, input), "found");
    place.wasmctr(&["compile", "none.wasm"]).fails(1, "cannot read `none.wasm`");
    let stranger = place.file("stranger.wasm", guests::UNKNOWN_IMPORT.wasm());
    let ran = place.wasmctr(&["compile", stranger]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("nothing from env"), "{ran:?}");
    assert_eq!(entries(&place), 1);
}

#[test]
fn a_trap_tells_the_same_from_the_cache() {
    let place = Place::new();
    let input = place.file("trap.wasm", guests::TRAP.wasm());
    let [first, second] = [(), ()].map(|()| place.wasmctr(&["run", input]));
    assert_eq!(first.code, Some(134), "{first:?}");
    assert_eq!(first.stderr, second.stderr);
    assert!(first.stderr.contains("note: 0: "), "{first:?}");
}

#[test]
fn ls_and_prune() {
    let place = Place::new();
    let [a, b] = [("a.wasm", &guests::HELLO), ("b.wasm", &guests::EXIT_CODE)]
        .map(|(name, guest)| place.file(name, guest.wasm()));
    let last = |ran: Ran| ran.ok().lines().last().unwrap().to_owned();
    assert!(last(place.wasmctr(&["cache", "ls"])).starts_with("0 entries of 0 bytes in "));
    compile(&place, a);
    compile(&place, b);
    let listed = place.wasmctr(&["cache", "ls"]).ok();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.lines().all(|line| line.contains(" bytes")) && listed.contains(" s ago"), "{listed}");

    let json = place.wasmctr(&["cache", "ls", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let entries = json["entries"].as_array().unwrap();
    let digest = wasm_oci::sha256(&guests::HELLO.wasm()).digest().to_owned();
    assert!(entries.iter().any(|entry| entry["key"].as_str().unwrap().starts_with(&digest)), "{json}");
    assert!(
        entries.iter().all(|entry| entry["size"].as_u64() > Some(1000) && entry["used"].as_u64().is_some())
    );

    let kept = place.wasmctr(&["cache", "prune", "--max-size", "1G"]).ok();
    assert!(kept.starts_with("removed 0 entries of 0 bytes\nleft 2 entries"), "{kept}");
    let pruned = place.wasmctr(&["cache", "prune"]).ok();
    assert!(
        pruned.starts_with("removed 2 entries of ") && pruned.ends_with("left 0 entries of 0 bytes\n"),
        "{pruned}"
    );
    for wrong in ["1GB", "-1", ""] {
        assert_eq!(place.wasmctr(&["cache", "prune", "--max-size", wrong]).code, Some(2), "{wrong}");
    }
}

/// A cache that cannot be used is a warning for `run`, and an error for what is about the cache.
#[test]
fn a_directory_that_others_could_change() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    fs::create_dir_all(code(&place)).unwrap();
    fs::set_permissions(code(&place), fs::Permissions::from_mode(0o777)).unwrap();
    let says =
        format!("the cache directory `{}` can be written by others (mode 777)", code(&place).display());
    let help = format!("help: make it yours alone: `chmod 700 {}`", code(&place).display());
    for command in [&["compile", input][..], &["cache", "ls"], &["cache", "prune"]] {
        place.wasmctr(command).fails(1, &says).with(&help);
    }
    let ran = place.wasmctr(&["run", input]).with(&format!("warning: {says}")).with(&help);
    assert_eq!(ran.ok(), "Hello, World!\n");
    assert_eq!(place.wasmctr(&["run", "--no-cache", input]).stderr, "");

    fs::remove_dir(code(&place)).unwrap();
    symlink("/", code(&place)).unwrap();
    let ran = place.wasmctr(&["run", input]);
    assert!(ran.stderr.starts_with("warning: the cache directory "), "{ran:?}");
    assert_eq!(ran.ok(), "Hello, World!\n");
}

#[test]
fn where_it_is() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let compile = |home: &str, cache: &str| {
        let mut command = place.command(&["compile", input]);
        Ran::of(command.env("HOME", place.path().join(home)).env("XDG_CACHE_HOME", cache).output().unwrap())
            .ok()
    };
    for relative in ["", "relative"] {
        let stdout = compile("home", relative);
        let dir = place.path().join("home/.cache/wasmctr/code");
        assert!(stdout.contains(dir.to_str().unwrap()), "{stdout}");
    }
    assert_eq!(place.names(), ["hello.wasm", "home"]);
}

/// What lies in an image or bundle, whatever it is called, is never taken for code.
#[test]
fn nothing_is_loaded_from_a_bundle() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    compile(&place, input);
    let entry = fs::read_dir(code(&place)).unwrap().next().unwrap().unwrap();
    let precompiled = fs::read(entry.path()).unwrap();
    let name = entry.file_name().into_string().unwrap();
    let native = place.file("native.wasm", &precompiled);
    let ran = place.wasmctr(&["run", native]);
    assert_eq!(ran.code, Some(126), "{ran:?}");
    assert!(ran.stderr.starts_with("error: not WebAssembly but "), "{ran:?}");

    place.wasmctr(&["bundle", input, "bundle"]).ok();
    for beside in ["bundle", "bundle/rootfs"] {
        for name in [name.as_str(), "hello.cwasm", "hello.wasm.code"] {
            fs::write(place.path().join(beside).join(name), "not looked at").unwrap();
        }
    }
    place.wasmctr(&["cache", "prune"]).ok();
    assert_eq!(compile(&place, "bundle"), "compiled");
    fs::write(place.path().join("bundle/rootfs/hello.wasm"), &precompiled).unwrap();
    assert_eq!(place.wasmctr(&["run", "bundle"]).code, Some(126));
}
