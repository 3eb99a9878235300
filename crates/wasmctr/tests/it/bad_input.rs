//! Each bad input is an error with a cause and a way out, the right exit code, and no output that is half there.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::Place;

/// `pack` of every file that is no module, and of paths that are no file.
#[test]
fn inputs() {
    let place = Place::new();
    let hello = guests::HELLO.wasm();
    place.file("empty.wasm", "");
    place.file("page.wasm", "<!doctype html><p>404");
    place.file("cut.wasm", &hello[..hello.len() - 3]);
    fs::create_dir(place.path().join("dir")).unwrap();
    let before = place.names();
    for (input, error, more) in [
        (
            "empty.wasm",
            "not WebAssembly but an empty file",
            "help: give a .wasm file, such as `cargo build --target wasm32-wasip1` writes to target/wasm32-wasip1/",
        ),
        (
            "page.wasm",
            "not WebAssembly but a web page (HTML)",
            "help: give a .wasm file, such as `cargo build --target wasm32-wasip1` writes to target/wasm32-wasip1/",
        ),
        ("missing.wasm", "cannot read `missing.wasm`", "caused by: No such file or directory (os error 2)"),
        ("dir", "cannot read `dir`", "caused by: is a directory"),
    ] {
        place.wasmctr(&["pack", input, "-o", "oci:out:v1"]).fails(1, error).with(more);
    }
    let cut = place.wasmctr(&["pack", "cut.wasm", "-o", "oci:out:v1"]);
    assert!(cut.stderr.starts_with("error: invalid WebAssembly at byte "), "{cut:?}");
    assert_eq!(place.names(), before);
}

#[test]
fn outputs() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:out:v1"]).ok();
    let force = "help: choose another name, or say `--force` to replace it";
    place
        .wasmctr(&["pack", input, "-o", "oci:out:v1"])
        .fails(1, "the layout has the tag `v1` already")
        .with(force);
    place.wasmctr(&["pack", input, "-o", "oci:out:v1", "--force"]).ok();
    place
        .wasmctr(&["pack", input, "-o", "oci:no/such/dir:v1"])
        .fails(1, "cannot create `no/such/dir`")
        .with("caused by: No such file or directory (os error 2)");
    place.wasmctr(&["pack", input, "-o", "oci:out"]).fails(1, "the output `oci:out` names no tag");
    place.wasmctr(&["pack", input, "-o", "image.tar"]).fails(1, "cannot write an image to `image.tar`");

    place.wasmctr(&["bundle", "oci:out:v1", "bundle"]).ok();
    place.wasmctr(&["bundle", "oci:out:v1", "bundle"]).fails(1, "`bundle` exists already").with(force);
    place.wasmctr(&["bundle", "oci:out:v1", "bundle", "--force"]).ok();
    fs::create_dir(place.path().join("letters")).unwrap();
    place.file("letters/a.txt", "dear");
    assert_eq!(place.wasmctr(&["bundle", "oci:out:v1", "letters", "--force"]).code, Some(1));
    assert_eq!(fs::read_to_string(place.path().join("letters/a.txt")).unwrap(), "dear");
    assert_eq!(place.names(), ["bundle", "hello.wasm", "letters", "out"]);
}

/// A directory that this user may not write to. (Root may write everywhere, so it needs a place that nobody can.)
#[test]
fn unwritable_output() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:/proc/wasmctr:v1"]).fails(1, "cannot create `/proc/wasmctr`");
    if lab::root().is_none() {
        fs::create_dir(place.path().join("closed")).unwrap();
        fs::set_permissions(place.path().join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
        place
            .wasmctr(&["pack", input, "-o", "oci:closed/out:v1"])
            .fails(1, "cannot create `closed/out`")
            .with("caused by: Permission denied (os error 13)");
    }
}

#[test]
fn damaged_layouts() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:out:v1"]).ok();
    place.wasmctr(&["inspect", "oci:out:v2"]).fails(1, "the layout has no tag `v2`: it has v1");

    let blobs = place.path().join("out/blobs/sha256");
    let largest =
        fs::read_dir(blobs).unwrap().map(Result::unwrap).max_by_key(|e| e.metadata().unwrap().len()).unwrap();
    let whole = fs::read(largest.path()).unwrap();
    let name = largest.file_name().into_string().unwrap();
    fs::write(largest.path(), &whole[1..]).unwrap();
    let size =
        format!("blob sha256:{name} has {} bytes, its descriptor says {}", whole.len() - 1, whole.len());
    for command in [&["inspect", "oci:out:v1"][..], &["bundle", "oci:out:v1", "bundle"]] {
        place
            .wasmctr(command)
            .fails(1, &size)
            .with("help: it is damaged or was changed: write or copy it again; `wasmctr store verify` finds all that is damaged");
    }
    place.wasmctr(&["run", "oci:out:v1"]).fails(125, &size);

    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(largest.path(), flipped).unwrap();
    let wrong = place.wasmctr(&["bundle", "oci:out:v1", "bundle"]);
    assert!(
        wrong.stderr.starts_with(&format!("error: blob sha256:{name} has the digest sha256:")),
        "{wrong:?}"
    );
    assert_eq!(place.names(), ["hello.wasm", "out"]);
}

#[test]
fn components_where_a_module_is_needed() {
    let place = Place::new();
    let input = place.file("component.wasm", guests::COMPONENT.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:out:v1"]).ok();
    let bundle = place.wasmctr(&["bundle", "oci:out:v1", "bundle"]);
    assert_eq!(bundle.code, Some(1), "{bundle:?}");
    assert!(bundle.stderr.contains("component"), "{bundle:?}");
    // It does not export `wasi:cli/run`.
    let run = place.wasmctr(&["run", input]);
    assert_eq!(run.code, Some(126), "{run:?}");
    assert!(run.stderr.contains("wasi:cli/run"), "{run:?}");
    assert_eq!(place.names(), ["component.wasm", "out"]);
}

#[test]
fn usage_is_2() {
    let place = Place::new();
    for args in [
        &["pack"][..],
        &["pack", "a.wasm", "-o", ""],
        &["pack", "a.wasm", "-o", "oci:a:v1", "--format", "zip"],
        &["pack", "a.wasm", "-o", "oci:a:v1", "--platform", "wasm"],
        &["pack", "a.wasm", "-o", "oci:a:v1", "--env", "novalue"],
        &["run"],
        &["fly"],
        &["bundle", "docker-daemon:alpine", "b"],
        &["bundle", "docker://Alpine", "b"],
        &["inspect", "a.wasm", "--for", "runc"],
    ] {
        let ran = place.wasmctr(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?} {ran:?}");
    }
    assert!(place.names().is_empty());
}
