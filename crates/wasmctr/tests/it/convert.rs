//! `wasmctr convert`, `pack --format`, archives, indexes and `inspect --for`.

use std::{fs, path::Path};

use serde_json::{Value, json};
use wasm_oci::{Artifact, Layout, Overwrite, sha256};

use crate::support::Place;

fn inspect(place: &Place, args: &[&str]) -> Value {
    let ran = place.wasmctr(&[&["inspect", "--format", "json"], args].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn each_format_is_written_read_converted_and_run() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let digest = sha256(&guests::HELLO.wasm()).to_string();
    for (format, platform) in [
        ("compat", "wasi/wasm"),
        ("runwasi", "wasi/wasm"),
        ("artifact", "wasip1/wasm"),
        ("legacy", "wasi/wasm"),
    ] {
        let packed = format!("oci-archive:{format}.tar:v1");
        let flags = ["--arg=-v", "--env=A=1", "--annotation=a=b", "--format", format, "-o", &packed];
        let stdout = place.wasmctr(&[&["pack", input], &flags[..]].concat()).ok();
        assert!(stdout.contains(&format!(" {format}, {platform}\n")), "{stdout}");
        let report = inspect(&place, &[&packed]);
        assert_eq!(report["image"]["format"], format);
        assert_eq!(report["image"]["platform"], platform);
        assert_eq!(report["image"]["entrypoint"], json!(["/hello.wasm", "-v"]), "{format}");
        assert_eq!(report["image"]["env"], json!(["A=1"]), "{format}");
        assert_eq!(report["image"]["annotations"]["a"], "b");
        assert_eq!(report["wasm"]["digest"], digest);
        assert_eq!(place.wasmctr(&["run", &packed]).ok(), "Hello, World!\n", "{format}");

        place.wasmctr(&["convert", &packed, "-o", "oci:there:v1", "--format", "compat", "--force"]).ok();
        place.wasmctr(&["convert", "oci:there:v1", "-o", "oci:back:v1", "--format", format, "--force"]).ok();
        let back = inspect(&place, &["oci:back:v1"]);
        assert_eq!(back["image"]["digest"], report["image"]["digest"], "{format}");
        place.wasmctr(&["bundle", &packed, format]).ok();
        assert_eq!(place.wasmctr(&["run", format]).ok(), "Hello, World!\n", "{format}");
    }
}

#[test]
fn what_has_no_place_is_named() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:out:v1"]).ok();
    let help = "help: choose one of compat, runwasi, artifact, legacy";
    let spin = ["convert", "oci:out:v1", "-o", "oci:out:v2", "--format", "spin"];
    place.wasmctr(&spin).fails(1, "the format `spin` is read, not written").with(help);
    let archive = ["convert", "oci:out:v1", "-o", "docker-archive:a.tar:app:v1", "--format"];
    place
        .wasmctr(&[&archive[..], &["artifact"]].concat())
        .fails(1, "`docker load` takes images with tar layers, not the format `artifact`");
    place.wasmctr(&[&archive[..], &["compat"]].concat()).ok();
    place
        .wasmctr(&[&archive[..], &["compat"]].concat())
        .fails(1, "`a.tar` exists already")
        .with("help: choose another name, or say `--force` to replace it");
    place.wasmctr(&[&archive[..], &["compat", "--force"]].concat()).ok();
    place
        .wasmctr(&["inspect", "docker-archive:a.tar"])
        .fails(1, "cannot read `docker-archive:a.tar`: archives of Docker are written, not read");
    let labelled = with_field(&place, "out", "Healthcheck");
    let args = ["convert", &labelled, "-o", "oci:out:v2", "--format", "artifact"];
    place
        .wasmctr(&args)
        .fails(1, "the format `artifact` has no place for the config's field Healthcheck")
        .with("help: leave them out (`wasmctr convert --lossy` does), or choose compat or runwasi, which take files");
    let stdout = place.wasmctr(&[&args[..], &["--lossy"]].concat()).ok();
    assert!(stdout.contains("left out    the config's field Healthcheck\n"), "{stdout}");
}

/// Puts a field into the config of the only image of a layout, and its digests right.
fn with_field(place: &Place, layout: &str, field: &str) -> String {
    let dir = place.path().join(layout);
    let read = |path: &Path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let blob =
        |descriptor: &Value| dir.join("blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"));
    let put = |document: &Value, descriptor: &mut Value| {
        let bytes = document.to_string();
        descriptor["digest"] = json!(sha256(bytes.as_bytes()).to_string());
        descriptor["size"] = json!(bytes.len());
        fs::write(blob(descriptor), bytes).unwrap();
    };
    let mut index = read(&dir.join("index.json"));
    let mut manifest = read(&blob(&index["manifests"][0]));
    let mut config = read(&blob(&manifest["config"]));
    config["config"][field] = json!({"Test": ["NONE"]});
    put(&config, &mut manifest["config"]);
    put(&manifest, &mut index["manifests"][0]);
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
    format!("oci:{layout}")
}

/// One tag with a module and an image that is none: which is read is told by the platform.
#[test]
fn an_index_of_several_platforms() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:out:linux", "--platform", "linux/amd64"]).ok();
    place.wasmctr(&["pack", input, "-o", "oci:out:wasm", "--platform", "wasm32/wasi"]).ok();
    let path = place.path().join("out/index.json");
    let inner = fs::read(&path).unwrap();
    let digest = sha256(&inner);
    fs::write(place.path().join("out/blobs/sha256").join(digest.digest()), &inner).unwrap();
    let outer = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": digest.to_string(),
        "size": inner.len(),
    }]});
    fs::write(path, outer.to_string()).unwrap();

    let platform =
        |args: &[&str]| inspect(&place, &[&["oci:out"], args].concat())["image"]["platform"].clone();
    assert_eq!(platform(&[]), "wasm32/wasi");
    assert_eq!(platform(&["--platform", "wasi/wasm"]), "wasm32/wasi");
    assert_eq!(platform(&["--platform", "linux/amd64"]), "linux/amd64");
    assert_eq!(place.wasmctr(&["run", "--platform", "wasip1/wasm", "oci:out"]).ok(), "Hello, World!\n");
    place.wasmctr(&["bundle", "--platform", "linux/amd64", "oci:out", "bundle"]).ok();
    let missing = "the index has no image for linux/arm64: it has linux/amd64, wasm32/wasi";
    place
        .wasmctr(&["bundle", "--platform", "linux/arm64", "oci:out", "other"])
        .fails(1, missing)
        .with("help: name one of those that are there: `--platform OS/ARCH`");
}

#[test]
fn whom_it_suits() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:out:v1", "--format", "legacy"]).ok();
    let ask = |location: &str, consumer: &str| place.wasmctr(&["inspect", location, "--for", consumer]);
    let ran = ask("oci:out:v1", "runwasi");
    let told = "for         runwasi: no, the shims pass over layers of other media types\n\
                do          wasmctr convert oci:out:v1 -o oci:out:v1-runwasi --format runwasi\n";
    assert!(ran.code == Some(1) && ran.stdout.ends_with(told), "{ran:?}");
    // The command that it says makes it a yes.
    place.wasmctr(&["convert", "oci:out:v1", "-o", "oci:out:v2", "--format", "runwasi"]).ok();
    let stdout = ask("oci:out:v2", "runwasi").ok();
    assert!(stdout.contains("for         runwasi: yes, "), "{stdout}");
    let file = inspect(&place, &[input, "--for", "wkg"]);
    let remedy = "wasmctr pack hello.wasm -o oci:out:artifact --format artifact";
    let why = "it is a file and no image";
    assert_eq!(file["for"], json!({"consumer": "wkg", "accepts": false, "why": why, "remedy": remedy}));
    assert_eq!(ask("oci:out:v1", "runc").code, Some(2));
}

#[test]
fn sections_for_debuggers_stay_behind() {
    let place = Place::new();
    let text = r#"(module (@custom ".debug_info" "much") (@custom "description" "An app")
                    (@producers (language "Rust" "")) (func $main (export "_start")))"#;
    let input = place.file("app.wat", text);
    let size = |flags: &[&str]| {
        let stdout = place.wasmctr(&[&["pack", input, "-o", "oci:o:v1", "--force"], flags].concat()).ok();
        let stripped = stdout.lines().any(|line| line.starts_with("stripped    sha256:"));
        let report = inspect(&place, &["oci:o:v1"]);
        assert_eq!(report["image"]["annotations"]["org.opencontainers.image.description"], "An app");
        assert_eq!(report["wasm"]["producers"], json!(["language Rust"]));
        (stripped, report["wasm"]["size"].as_u64().unwrap())
    };
    let (all, debug, names) = (size(&["--keep-debug"]), size(&[]), size(&["--strip"]));
    assert!(!all.0 && debug.0 && names.0);
    assert!(all.1 > debug.1 && debug.1 > names.1, "{all:?} {debug:?} {names:?}");
    let said = ["--annotation", "org.opencontainers.image.description=Mine", "--force", "-o", "oci:o:v1"];
    place.wasmctr(&[&["pack", input], &said[..]].concat()).ok();
    let report = inspect(&place, &["oci:o:v1"]);
    assert_eq!(report["image"]["annotations"]["org.opencontainers.image.description"], "Mine");
    assert_eq!(report["wasm"]["metadata"]["org.opencontainers.image.description"], "An app");
    assert_eq!(place.wasmctr(&["pack", input, "-o", "oci:o:v1", "--strip", "--keep-debug"]).code, Some(2));
}

/// An application of Spin with two modules, as `spin registry push` would leave it in a layout.
fn application() -> Artifact {
    let image = json!({"architecture": "wasm", "os": "wasip1", "rootfs": {"type": "layers", "diff_ids": []}});
    let module = "application/vnd.wasm.content.layer.v1+wasm";
    let blobs = [
        ("application/vnd.oci.image.config.v1+json", image.to_string().into_bytes()),
        (module, guests::HELLO.wasm()),
        (module, guests::TRAP.wasm()),
        ("application/vnd.fermyon.spin.application.v1+config", b"{}".to_vec()),
    ];
    let describe = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": sha256(bytes).to_string(), "size": bytes.len()});
    let parts: Vec<_> = blobs.iter().map(|(media_type, bytes)| describe(media_type, bytes)).collect();
    let manifest =
        json!({"schemaVersion": 2, "config": parts[0], "layers": parts[1..]}).to_string().into_bytes();
    let descriptor = describe("application/vnd.oci.image.manifest.v1+json", &manifest);
    Artifact::read(&serde_json::from_value(descriptor).unwrap(), |wanted| {
        let all = blobs.iter().map(|(_, bytes)| bytes).chain([&manifest]);
        let mut found = all.filter(|bytes| sha256(bytes) == *wanted.digest());
        Ok(found.next().unwrap().clone().into())
    })
    .unwrap()
}

#[test]
fn applications_of_several_modules() {
    let place = Place::new();
    Layout::write(&place.path().join("app"), "v1", &application(), Overwrite::Refuse).unwrap();
    let report = inspect(&place, &["oci:app"]);
    assert_eq!(report["image"]["format"], "spin");
    assert_eq!(report["image"]["layers"].as_array().unwrap().len(), 3);
    assert_eq!(report.get("wasm"), None);
    let several = "the artifact has 2 modules, and nothing says which one to run";
    let help = "help: convert one of them: `wasmctr convert --lossy` takes the first";
    place.wasmctr(&["run", "oci:app"]).fails(126, several).with(help);
    let suits = place.wasmctr(&["inspect", "oci:app", "--for", "spin"]).ok();
    assert!(suits.contains("for         spin: yes, it is a Spin application\n"), "{suits}");
    let suits = place.wasmctr(&["inspect", "oci:app", "--for", "crun"]);
    let told = "do          wasmctr convert oci:app -o oci:app:compat --format compat --lossy\n";
    assert!(suits.code == Some(1) && suits.stdout.ends_with(told), "{suits:?}");
    place.wasmctr(&["convert", "oci:app", "-o", "oci:one:v1", "--format", "compat", "--lossy"]).ok();
    assert_eq!(place.wasmctr(&["run", "oci:one"]).ok(), "Hello, World!\n");
}
