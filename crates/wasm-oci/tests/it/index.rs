//! Indexes of several images: which one is meant.

use serde_json::{Value, json};
use wasm_oci::{Error, Format, Index, Layout, Location, Overwrite, Pack, Platform};

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

/// What engines that go by the host look for, and what readers of WebAssembly do.
fn of_both() -> Index {
    let pack = Pack::new(guests::COMPONENT.wasm(), "/app.wasm").unwrap();
    let platforms = ["linux/amd64", "linux/arm64"].map(|platform| platform.parse::<Platform>().unwrap());
    let images = platforms.map(|platform| pack.clone().platform(platform).build(Format::Compat).unwrap());
    let artifact = pack.build(Format::Artifact).unwrap();
    Index::new(images.into_iter().chain([artifact]).collect()).unwrap()
}

#[test]
fn several_formats_under_one_tag() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    for location in [format!("oci:{}:v1", at("layout")), format!("oci-archive:{}:v1", at("a.tar"))] {
        let location: Location = location.parse().unwrap();
        location.write(&of_both(), Overwrite::Refuse).unwrap();
        let read = |platform: Option<&str>| {
            let platform = platform.map(|platform| platform.parse::<Platform>().unwrap());
            location.artifact(platform.as_ref())
        };
        for (platform, format) in [
            (None, Format::Artifact),
            (Some("wasi/wasm"), Format::Artifact),
            (Some("wasip2/wasm"), Format::Artifact),
            (Some("linux/amd64"), Format::Compat),
            (Some("linux/arm64"), Format::Compat),
        ] {
            let image = read(platform).unwrap();
            assert_eq!(image.format(), format, "{platform:?}");
            assert_eq!(image.wasm().unwrap(), guests::COMPONENT.wasm());
        }
        let error = read(Some("linux/riscv64")).unwrap_err();
        let message =
            "the index has no image for linux/riscv64: it has linux/amd64, linux/arm64, wasip2/wasm";
        assert_eq!(error.to_string(), message);
    }
    let layout = Layout::open(&place.path().join("layout")).unwrap();
    assert_eq!(layout.index().manifests()[0].digest(), of_both().digest());
    let verified = layout.verify().unwrap();
    // The layer of both compat images is one blob: 3 manifests, 3 configs, 2 layers, 1 index.
    assert_eq!((verified.blobs, verified.corrupt.len(), verified.missing.len()), (9, 0, 0));
}

#[test]
fn images_of_which_one_would_never_be_found() {
    let pack = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap();
    let images = [Format::Compat, Format::Runwasi].map(|format| pack.build(format).unwrap());
    let error = Index::new(images.to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "two images are for the platform wasi/wasm");
    let docker: Location = "docker-archive:a.tar".parse().unwrap();
    assert!(matches!(docker.write(&of_both(), Overwrite::Refuse), Err(Error::Place { .. })));
}
