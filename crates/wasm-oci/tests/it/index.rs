//! Indexes of several images: which one is meant.

use serde_json::{Value, json};
use wasm_oci::Platform;

use crate::made::{INDEX, Made};

const CONFIG: (&str, &str) = ("application/vnd.wasm.config.v1+json", "{}");

/// An index of one image for each platform; the image is told by a layer with the platform's name.
fn index(platforms: &[&str]) -> (Made, Value) {
    let mut made = Made::default();
    let entries: Vec<_> = platforms.iter().map(|platform| entry(&mut made, platform)).collect();
    let index = made.index(&entries);
    (made, index)
}

fn entry(made: &mut Made, platform: &str) -> Value {
    let mut entry = made.manifest(CONFIG, &[("text/plain", platform.as_bytes())]);
    if !platform.is_empty() {
        let mut parts = platform.split('/');
        entry["platform"] = json!({"os": parts.next(), "architecture": parts.next()});
        if let Some(variant) = parts.next() {
            entry["platform"]["variant"] = json!(variant);
        }
    }
    entry
}

#[track_caller]
fn chosen(platforms: &[&str], wanted: Option<&str>) -> String {
    let (made, index) = index(platforms);
    match made.read(&index, wanted) {
        Ok(artifact) => String::from_utf8(artifact.layers()[0].blob().to_vec()).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn by_rank() {
    let mut platforms = vec!["linux/amd64", "js/wasm", "unknown/unknown", ""];
    for platform in Platform::WASM.iter().rev() {
        assert_eq!(platform.parse::<Platform>().unwrap().to_string(), *platform);
        platforms.push(platform);
        assert_eq!(chosen(&platforms, None), *platform, "{platforms:?}");
    }
}

#[test]
fn by_name_and_by_alias() {
    let all = ["linux/amd64", "wasip2/wasm", "wasip1/wasm", "linux/arm64/v8"];
    for (wanted, found) in [
        ("linux/amd64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("wasip2/wasm", "wasip2/wasm"),
        ("wasi/wasm", "wasip1/wasm"),
        ("wasm32/wasi", "wasip1/wasm"),
        (
            "linux/arm64",
            "the index has no image for linux/arm64: it has linux/amd64, wasip2/wasm, wasip1/wasm, linux/arm64/v8",
        ),
    ] {
        assert_eq!(chosen(&all, Some(wanted)), found, "{wanted}");
    }
    // A component is not what who asks for preview 1 means, an image that does not say may be.
    assert_eq!(
        chosen(&["wasip2/wasm"], Some("wasip1/wasm")),
        "the index has no image for wasip1/wasm: it has wasip2/wasm"
    );
    assert_eq!(chosen(&["wasip2/wasm", "wasi/wasm32"], Some("wasip1/wasm")), "wasi/wasm32");
}

#[test]
fn images_that_name_no_platform() {
    assert_eq!(chosen(&[""], None), "");
    assert_eq!(chosen(&["linux/amd64", ""], None), "");
    assert_eq!(chosen(&["", "wasi/wasm"], None), "wasi/wasm");
    assert_eq!(chosen(&["linux/amd64", "unknown/unknown"], None), "linux/amd64");
    assert_eq!(
        chosen(&["linux/amd64", "linux/arm64"], None),
        "the index has no image of WebAssembly: it has linux/amd64, linux/arm64"
    );
    assert_eq!(chosen(&[], None), "the index has no image of WebAssembly: it names none");
}

#[test]
fn hostile_indexes() {
    let (mut made, inner) = index(&["wasi/wasm"]);
    let outer = made.index(std::slice::from_ref(&inner));
    let error = made.read(&outer, None).unwrap_err();
    assert_eq!(error.to_string(), "the index has no image of WebAssembly: it names none");
    for (document, message) in [
        (
            json!({"schemaVersion": 2, "manifests": [], "layers": []}),
            "the index: it has `config` or `layers` as a manifest has",
        ),
        (
            json!({"schemaVersion": 2, "manifests": [], "config": {}}),
            "the index: it has `config` or `layers` as a manifest has",
        ),
        (json!({"schemaVersion": 1, "manifests": []}), "the index: schema version 1"),
        (json!({"schemaVersion": 2}), "malformed the index"),
        (json!([]), "malformed the index"),
    ] {
        let descriptor = made.blob(INDEX, document.to_string());
        assert_eq!(made.read(&descriptor, None).unwrap_err().to_string(), message, "{document}");
    }
    let mut large = inner;
    large["size"] = json!(5 << 20);
    let error = made.read(&large, None).unwrap_err();
    assert_eq!(error.to_string(), "the index has 5242880 bytes, more than the limit of 4194304");
    let mut wrong = made.index(&[]);
    wrong["size"] = json!(3);
    assert!(made.read(&wrong, None).unwrap_err().to_string().contains("its descriptor says 3"));
}
