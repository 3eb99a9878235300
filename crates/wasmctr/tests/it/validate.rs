//! `wasmctr bundle` with its flags, and `wasmctr validate`.

use std::fs;

use serde_json::{Value, json};

use crate::support::Place;

/// A place with a module in it.
fn place() -> Place {
    let place = Place::new();
    place.file("app.wasm", guests::HELLO.wasm());
    place
}

fn config(place: &Place, bundle: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path().join(bundle).join("config.json")).unwrap()).unwrap()
}

#[test]
fn flags_of_a_bundle_are_in_its_configuration() {
    let place = place();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let mount = format!("{}::/data::rw", data.display());
    let ran = place.wasmctr(&[
        "bundle",
        "app.wasm",
        "b",
        "--memory",
        "64M",
        "--cpus",
        "0.5",
        "--pids",
        "32",
        "--userns",
        "100000:65536",
        "--env",
        "A=b",
        "--mount",
        &mount,
        "--annotation",
        "team=a",
        "--writable",
        "--variant",
        "compat-smart",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("module.wasm.image/variant=compat-smart\n"), "{ran:?}");
    let config = config(&place, "b");
    for (pointer, value) in [
        ("/linux/resources/memory/limit", json!(64 << 20)),
        ("/linux/resources/cpu", json!({ "quota": 50_000, "period": 100_000 })),
        ("/linux/resources/pids/limit", json!(32)),
        ("/linux/uidMappings", json!([{ "containerID": 0, "hostID": 100_000, "size": 65_536 }])),
        ("/process/env", json!(["A=b"])),
        ("/mounts/2/source", json!(data)),
        ("/mounts/2/options/4", json!("rw")),
        ("/annotations", json!({ "team": "a", "module.wasm.image/variant": "compat-smart" })),
        ("/root/readonly", json!(false)),
    ] {
        assert_eq!(config.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn bundles_like_others() {
    let place = place();
    for (like, version, terminal) in [("crun", "1.0.0", true), ("youki", "1.0.2-dev", false)] {
        let ran = place.wasmctr(&["bundle", "app.wasm", like, "--like", like, "--net", "/proc/1/ns/net"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let config = config(&place, like);
        assert_eq!(config["ociVersion"], version);
        assert_eq!(config["process"]["terminal"], terminal);
        assert_eq!(config["hostname"], like);
        assert_eq!(config["annotations"], json!({ "module.wasm.image/variant": "compat" }));
        assert!(config["mounts"].as_array().unwrap().len() == 7);
    }
}

#[test]
fn runtimes_of_a_bundle() {
    let place = place();
    let youki = place.wasmctr(&["bundle", "app.wasm", "b", "--runtime", "youki"]);
    assert!(youki.stdout.ends_with("next        youki run -b b b\n"), "{youki:?}");
    let smart =
        place.wasmctr(&["bundle", "app.wasm", "c", "--runtime", "youki", "--variant", "compat-smart"]);
    assert_eq!(smart.code, Some(2), "{smart:?}");
    assert!(smart.stderr.contains("youki does not know compat-smart"), "{smart:?}");
    let runc = place.wasmctr(&["bundle", "app.wasm", "d", "--runtime", "runc"]);
    assert!(runc.stdout.contains("handler     none: the program is executed\n"), "{runc:?}");
    assert_eq!(config(&place, "d")["annotations"], json!({}));
}

#[test]
fn values_of_flags_that_are_none() {
    let place = place();
    for (flag, value) in [
        ("--memory", "lots"),
        ("--cpus", "0"),
        ("--pids", "0"),
        ("--userns", "100000"),
        ("--mount", "/a"),
        ("--env", "A"),
        ("--annotation", "=b"),
        ("--like", "runc"),
    ] {
        let ran = place.wasmctr(&["bundle", "app.wasm", "b", flag, value]);
        assert_eq!(ran.code, Some(2), "{flag}: {ran:?}");
    }
    let handler = place.wasmctr(&["bundle", "app.wasm", "b", "--annotation", "run.oci.handler=wasm"]);
    assert!(handler.stderr.contains("is set by the handler"), "{handler:?}");
    assert_eq!(handler.code, Some(1));
    assert_eq!(place.names(), ["app.wasm"]);
}

#[test]
fn a_sound_bundle_is_valid() {
    let place = place();
    place.wasmctr(&["bundle", "app.wasm", "b"]);
    let ran = place.wasmctr(&["validate", "b", "--runtime", "youki", "--runtime", "runwasi"]);
    let expected = "bundle      b\nprogram     /app.wasm\nyouki       WebAssembly on wasmtime [youki-compat]\n\
                    runwasi     WebAssembly on wasmtime [shim-magic]\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), expected), "{ran:?}");
    assert_eq!(place.wasmctr(&["validate", "b"]).code, Some(0));
}

#[test]
fn problems_are_told_with_their_own_code() {
    let place = place();
    place.wasmctr(&["bundle", "app.wasm", "b"]);
    let runc = place.wasmctr(&["validate", "b", "--runtime", "runc"]);
    assert_eq!(runc.code, Some(3), "{runc:?}");
    assert!(runc.stdout.contains("no native program [runc]\n            ask for a Wasm handler"), "{runc:?}");

    let path = place.path().join("b/config.json");
    let typo = fs::read_to_string(&path).unwrap().replace("\"compat\"", "\"smart-compat\"");
    fs::write(&path, typo).unwrap();
    let ran = place.wasmctr(&["validate", "b"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("problem     no runtime knows the value \"smart-compat\""), "{ran:?}");

    let document = place.wasmctr(&["validate", "b", "--format", "json", "--runtime", "youki"]);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["runtimes"][0]["does"], "refused");
    assert_eq!(document["runtimes"][0]["rule"], "youki-path");
    assert_eq!(document["problems"][0]["id"], "unknown-variant");
}

#[test]
fn what_is_no_bundle_is_a_failure() {
    let place = place();
    let gone = place.wasmctr(&["validate", "gone"]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    fs::create_dir(place.path().join("empty")).unwrap();
    let empty = place.wasmctr(&["validate", "empty"]);
    assert_eq!(empty.code, Some(1));
    assert!(empty.stderr.contains("is not a bundle: it has no config.json"), "{empty:?}");
}
