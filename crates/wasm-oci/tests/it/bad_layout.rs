//! Layouts that somebody damaged or made up: each is an error that says what is wrong.

use std::{fs, path::Path};

use serde_json::{Value, json};
use wasm_oci::{Artifact, Error, Layout, Overwrite, Result, sha256};

use crate::hello;

/// A layout whose image was changed by `change`, with sizes and digests put right afterwards, so that only the change
/// is wrong.
fn changed(change: impl FnOnce(&mut Value, &mut Value)) -> Result<Artifact> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    let image = hello();
    Layout::write(&path, "v1", &image, Overwrite::Refuse).unwrap();

    let mut manifest: Value = serde_json::from_slice(image.manifest_bytes()).unwrap();
    let mut config: Value = serde_json::from_slice(image.config_bytes()).unwrap();
    let mut index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    let untouched = manifest.clone();
    change(&mut manifest, &mut config);
    if manifest["config"] == untouched["config"] {
        put(&path, &config, &mut manifest["config"]);
    }
    put(&path, &manifest, &mut index["manifests"][0]);
    fs::write(path.join("index.json"), index.to_string()).unwrap();
    Layout::open(&path)?.artifact(None)
}

fn put(layout: &Path, document: &Value, descriptor: &mut Value) {
    let bytes = document.to_string().into_bytes();
    let digest = sha256(&bytes);
    fs::write(layout.join("blobs/sha256").join(digest.digest()), &bytes).unwrap();
    descriptor["digest"] = json!(digest.to_string());
    descriptor["size"] = json!(bytes.len());
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value, &mut Value), message: &str) {
    assert_eq!(changed(change).unwrap_err().to_string(), message);
}

#[test]
fn the_helper_itself_changes_nothing() {
    assert!(changed(|_, _| {}).is_ok());
}

#[test]
fn layer_of_another_size() {
    let image = hello();
    let layer = image.layers()[0].descriptor();
    for wrong in [layer.size() - 1, layer.size() + 1] {
        refused(
            |manifest, _| manifest["layers"][0]["size"] = json!(wrong),
            &format!("blob {} has {} bytes, its descriptor says {wrong}", layer.digest(), layer.size()),
        );
    }
}

#[test]
fn sizes_are_compared_before_anything_is_read() {
    refused(
        |manifest, _| manifest["layers"][0]["size"] = json!(1_u64 << 40),
        "the layer has 1099511627776 bytes, more than the limit of 1073741824",
    );
    refused(
        |manifest, _| manifest["config"]["size"] = json!(5 << 20),
        "the config has 5242880 bytes, more than the limit of 4194304",
    );
}

#[test]
fn digests_that_are_none() {
    for digest in
        ["sha256:../../../../etc/passwd", "sha256:00", "sha256", "", &format!("sha256:{}", "A".repeat(64))]
    {
        refused(|manifest, _| manifest["layers"][0]["digest"] = json!(digest), "malformed the manifest");
    }
    refused(
        |manifest, _| manifest["layers"][0]["digest"] = json!("md5:d41d8cd98f00b204e9800998ecf8427e"),
        "digest `md5:d41d8cd98f00b204e9800998ecf8427e` is neither sha256 nor sha512",
    );
}

#[test]
fn manifest_that_is_an_index_too() {
    refused(
        |manifest, _| manifest["manifests"] = json!([]),
        "the manifest: it has `manifests` as an index has",
    );
}

#[test]
fn media_types() {
    refused(
        |manifest, _| manifest["mediaType"] = json!("application/vnd.oci.image.index.v1+json"),
        "the manifest: it calls itself `application/vnd.oci.image.index.v1+json`, its descriptor does not",
    );
    refused(
        |manifest, _| manifest["config"]["mediaType"] = json!("application/vnd.example.config+json"),
        "the config has the media type `application/vnd.example.config+json`, which is not supported",
    );
}

#[test]
fn layers_and_diff_ids_that_do_not_match() {
    refused(
        |_, config| config["rootfs"]["diff_ids"] = json!([]),
        "the config: it has 0 diff ids, the manifest has 1 layers",
    );
    refused(
        |manifest, _| manifest["layers"] = json!(vec![manifest["layers"][0].clone(); 129]),
        "the manifest: it has more than 128 layers",
    );
}

#[test]
fn json_that_is_none() {
    refused(|_, config| *config = json!([1]), "malformed the config");
    refused(|manifest, _| manifest["schemaVersion"] = json!(1), "the manifest: schema version 1");
}

#[test]
fn deep_json_is_an_error_and_no_overflow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    Layout::write(&path, "v1", &hello(), Overwrite::Refuse).unwrap();
    fs::write(path.join("index.json"), "[".repeat(100_000)).unwrap();
    assert!(matches!(Layout::open(&path), Err(Error::Json { what: "index.json", .. })));
}

#[test]
fn entrypoints() {
    let wasm = |change: fn(&mut Value)| changed(|_, config| change(&mut config["config"])).unwrap().wasm();
    assert!(matches!(wasm(|config| *config = json!({})), Err(Error::NoEntrypoint)));
    let missing = wasm(|config| config["Entrypoint"] = json!(["/other.wasm"])).unwrap_err();
    assert_eq!(missing.to_string(), "the entrypoint `/other.wasm` is not in the layers");
    let relative = wasm(|config| config["Entrypoint"] = json!(["hello.wasm"])).unwrap();
    assert_eq!(relative, guests::HELLO.wasm());
    let outside = wasm(|config| config["Entrypoint"] = json!(["../hello.wasm"])).unwrap_err();
    assert_eq!(outside.to_string(), "the entrypoint `../hello.wasm` is not in the layers");
}

#[test]
fn places_that_are_no_layout() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    assert!(matches!(Layout::open(&path.join("none")), Err(Error::Io { action: "read", .. })));
    assert!(matches!(Layout::open(path), Err(Error::NotLayout { .. })));
    fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(matches!(Layout::open(path), Err(Error::NotLayout { why: "its version is not 1.0.0", .. })));
    fs::write(path.join("oci-layout"), vec![b' '; 5 << 20]).unwrap();
    assert!(matches!(Layout::open(path), Err(Error::TooLarge { what: "oci-layout", .. })));
}
