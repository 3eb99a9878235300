//! `wasmctr store`.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use crate::support::Place;

/// A layout with two images, and the path of the layer of the first.
fn packed(place: &Place) -> PathBuf {
    place.file("hello.wasm", guests::HELLO.wasm());
    place.file("trap.wasm", guests::TRAP.wasm());
    let printed = place.wasmctr(&["pack", "hello.wasm", "-o", "oci:out:v1"]).ok();
    place.wasmctr(&["pack", "trap.wasm", "-o", "oci:out:v2"]).ok();
    let layer = printed.lines().find_map(|line| line.strip_prefix("layer       sha256:")).unwrap();
    place.path().join("out/blobs/sha256").join(layer.split(' ').next().unwrap())
}

#[test]
fn a_whole_layout() {
    let place = Place::new();
    packed(&place);
    let printed = place.wasmctr(&["store", "verify", "oci:out"]).ok();
    assert!(printed.starts_with("checked     6 blobs of "), "{printed}");
    assert_eq!(printed.lines().count(), 1);
}

#[test]
fn damage_is_told_and_mended() {
    let place = Place::new();
    let layer = packed(&place);
    fs::write(&layer, "damage").unwrap();
    let digest = format!("sha256:{}", layer.file_name().unwrap().display());
    let ran = place.wasmctr(&["store", "verify", "oci:out", "--format", "json"]);
    assert_eq!(ran.code, Some(1));
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["corrupt"], serde_json::json!([{"digest": digest, "quarantined": true}]));
    assert_eq!(found["missing"], serde_json::json!([{"digest": digest, "tag": "v1"}]));
    let ran = place.wasmctr(&["store", "verify", "oci:out"]);
    assert_eq!(
        (ran.code, ran.stdout.lines().nth(1)),
        (Some(1), Some(&*format!("missing     {digest} of v1")))
    );
    place.wasmctr(&["pack", "hello.wasm", "-o", "oci:out:v1", "--force"]).ok();
    place.wasmctr(&["store", "verify", "oci:out"]).ok();
}

#[test]
fn what_no_image_needs_goes() {
    let place = Place::new();
    packed(&place);
    assert_eq!(place.wasmctr(&["store", "rm", "oci:out:v2"]).ok(), "removed     v2\n");
    let kept = place.wasmctr(&["store", "gc", "oci:out"]).ok();
    assert!(kept.starts_with("removed     0 files of 0 bytes\nleft        6 blobs, 3 "), "{kept}");
    let gone = place.wasmctr(&["store", "gc", "oci:out", "--keep", "0"]).ok();
    assert!(gone.starts_with("removed     3 files of "), "{gone}");
    assert_eq!(place.wasmctr(&["run", "oci:out"]).ok(), "Hello, World!\n");
    place.wasmctr(&["store", "rm", "oci:out:v2"]).fails(1, "the layout has no tag `v2`: it has v1");
}

#[test]
fn locations_that_are_none() {
    let place = Place::new();
    packed(&place);
    place
        .wasmctr(&["store", "verify", "oci:out:v1"])
        .fails(1, "`oci:out:v1` is no layout as a whole")
        .with("help: name one without a tag: `oci:DIR`");
    place.wasmctr(&["store", "rm", "oci:out"]).fails(1, "`oci:out` names no tag of a layout");
    place.wasmctr(&["store", "gc", "hello.wasm"]).fails(1, "`hello.wasm` is no layout as a whole");
}

#[test]
fn the_store_of_this_user() {
    let place = Place::new();
    assert_eq!(place.wasmctr(&["store", "verify"]).ok(), "checked     0 blobs of 0 bytes\n");
    let dir = place.cache_home().join("wasmctr/images");
    assert!(dir.join("oci-layout").exists());
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    let error = format!("`{}` is no store of this user: others can write to it (mode 777)", dir.display());
    place.wasmctr(&["store", "gc"]).fails(1, &error);
}
