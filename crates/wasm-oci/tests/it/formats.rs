//! Every way in which others pack WebAssembly is read, and what we write is as they write it.

use serde_json::{Value, json};
use wasm_oci::{Artifact, Error, Format, Interface, Pack, sha256};

use crate::made::{IMAGE_CONFIG, artifact};

const RUNWASI_LAYER: &str = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
const CNCF_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LEGACY_CONFIG: &str = "application/vnd.wasm.config.v1+json";
const LEGACY_LAYER: &str = "application/vnd.wasm.content.layer.v1+wasm";
const SOLO_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const SOLO_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const SPIN: &str = "application/vnd.fermyon.spin.application.v1+config";
const ASSET: &str = "application/vnd.wasm.content.layer.v1+data";
const BUNDLE: &str = "application/vnd.wasm.content.bundle.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

const IMAGE: &str = r#"{"architecture":"wasm","os":"wasip1","config":{"Entrypoint":["app.wasm"]},"rootfs":{"type":"layers","diff_ids":[]}}"#;
const CNCF: &str = r#"{"created":"2024-09-25T00:00:00Z","author":null,"architecture":"wasm","os":"wasip1","layerDigests":[],"component":null}"#;

/// Each row of the table of media types.
#[test]
fn all_are_told_by_their_media_types() {
    let wasm = guests::HELLO.wasm();
    let wasm = wasm.as_slice();
    for (config, layers, format) in [
        ((CNCF_CONFIG, CNCF), &[("application/wasm", wasm)][..], Format::Artifact),
        ((IMAGE_CONFIG, IMAGE), &[(RUNWASI_LAYER, wasm)], Format::Runwasi),
        ((IMAGE_CONFIG, IMAGE), &[("application/wasm", wasm)], Format::Runwasi),
        ((DOCKER_CONFIG, IMAGE), &[(RUNWASI_LAYER, wasm)], Format::Runwasi),
        ((LEGACY_CONFIG, "{}"), &[(LEGACY_LAYER, wasm)], Format::Legacy),
        ((EMPTY, "{}"), &[(LEGACY_LAYER, wasm)], Format::Legacy),
        ((SOLO_CONFIG, r#"{"type":"envoy_proxy"}"#), &[(SOLO_LAYER, wasm)], Format::Solo),
        (("application/vnd.example", "{}"), &[(SOLO_LAYER, wasm)], Format::Solo),
        (
            (IMAGE_CONFIG, IMAGE),
            &[(LEGACY_LAYER, wasm), (ASSET, b"a"), (BUNDLE, b"a"), (SPIN, b"{}")],
            Format::Spin,
        ),
        ((LEGACY_CONFIG, "{}"), &[(LEGACY_LAYER, wasm), (SPIN, b"{}")], Format::Spin),
    ] {
        let read = artifact(config, layers).unwrap();
        assert_eq!(read.format(), format, "{config:?}");
        assert_eq!(read.wasm().unwrap(), wasm, "{format}");
        assert_eq!(read.modules().count(), 1, "{format}");
        assert_eq!(read.interface().unwrap(), Interface::of(wasm).unwrap(), "{format}");
    }
}

/// The book's page has each of them.
#[test]
fn the_book_names_them() {
    let page = include_str!("../../../../book/src/media-types.md");
    let wasm = [
        "application/wasm",
        RUNWASI_LAYER,
        CNCF_CONFIG,
        LEGACY_CONFIG,
        LEGACY_LAYER,
        SOLO_CONFIG,
        SOLO_LAYER,
    ];
    let spin = [SPIN, ASSET, BUNDLE];
    let images = [
        IMAGE_CONFIG,
        DOCKER_CONFIG,
        EMPTY,
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ];
    for media_type in wasm.into_iter().chain(spin).chain(images) {
        assert!(page.contains(&format!("| `{media_type}` |")), "{media_type}");
    }
    for platform in wasm_oci::Platform::WASM {
        assert!(page.contains(&format!("`{platform}`")), "{platform}");
    }
}

#[test]
fn images_for_envoy_have_no_entrypoint() {
    let pack = Pack::new(guests::HELLO.wasm(), "/plugin.wasm").unwrap();
    let image = pack.build(Format::Compat).unwrap();
    let config = String::from_utf8(image.config_bytes().to_vec()).unwrap();
    let config = config.replace(r#""Entrypoint":["/plugin.wasm"],"#, "");
    let layer = ("application/vnd.oci.image.layer.v1.tar+gzip", image.layers()[0].blob().as_ref());
    let read = artifact((IMAGE_CONFIG, &config), &[layer]).unwrap();
    assert_eq!((read.entrypoint(), read.wasm().unwrap()), (None, guests::HELLO.wasm().into()));
}

#[test]
fn several_modules() {
    let (one, two) = (guests::HELLO.wasm(), guests::TRAP.wasm());
    let spin = [(LEGACY_LAYER, one.as_slice()), (LEGACY_LAYER, &two), (SPIN, b"{}")];
    let error = artifact((IMAGE_CONFIG, IMAGE), &spin).unwrap().wasm().unwrap_err();
    assert_eq!(error.to_string(), "the artifact has 2 modules, and nothing says which one to run");
    let error = artifact((LEGACY_CONFIG, "{}"), &[]).unwrap().wasm().unwrap_err();
    assert_eq!(error.to_string(), "the artifact has no module");
    let layers = [("application/wasm", one.as_slice()), ("text/plain", b"a")];
    let error = artifact((CNCF_CONFIG, CNCF), &layers).unwrap().wasm().unwrap_err();
    assert_eq!(error.to_string(), "the manifest: an artifact of version 0 has one layer");
}

#[test]
fn documents_that_are_none() {
    let wasm = guests::HELLO.wasm();
    let layer = [("application/wasm", wasm.as_slice())];
    let other = CNCF.replace("[]", &format!("[\"{}\"]", sha256(b"other")));
    for (config, message) in [
        ("{}", "malformed the config"),
        ("", "malformed the config"),
        ("[]", "malformed the config"),
        (r#"{"architecture":1,"os":"wasip1"}"#, "malformed the config"),
        (&other, "the config: its layer digests are not those of the manifest"),
    ] {
        let error = artifact((CNCF_CONFIG, config), &layer).unwrap_err();
        assert_eq!(error.to_string(), message, "{config}");
    }
    let error = artifact(("text/plain", "{}"), &layer).unwrap_err();
    assert_eq!(error.to_string(), "the config has the media type `text/plain`, which is not supported");
    let page = artifact((CNCF_CONFIG, CNCF), &[("application/wasm", b"<html>")]).unwrap();
    assert!(matches!(page.wasm(), Err(Error::NotWasm { .. })));
}

fn pack(component: bool) -> Pack {
    let wasm = if component { component_wasm() } else { b"\0asm\x01\0\0\0".to_vec() };
    Pack::new(wasm, "/app.wasm").unwrap()
}

fn component_wasm() -> Vec<u8> {
    let text = r#"(component
        (import "wasi:cli/stdout@0.2.3" (instance))
        (import "log" (func))
        (instance $run)
        (export "wasi:cli/run@0.2.3" (instance $run)))"#;
    wat::parse_str(text).unwrap()
}

fn config(artifact: &Artifact) -> &str {
    std::str::from_utf8(artifact.config_bytes()).unwrap()
}

/// Byte for byte as oci-wasm serialises it: the order of the fields is its struct's.
#[test]
fn config_of_an_artifact() {
    let digest = sha256(b"\0asm\x01\0\0\0");
    let module = pack(false).build(Format::Artifact).unwrap();
    assert_eq!(
        config(&module),
        format!(
            r#"{{"created":"1970-01-01T00:00:00Z","author":null,"architecture":"wasm","os":"wasip1","layerDigests":["{digest}"],"component":null}}"#
        )
    );
    let digest = sha256(&component_wasm());
    let component = pack(true).author("a").created("2026-01-02T03:04:05Z").build(Format::Artifact).unwrap();
    assert_eq!(
        config(&component),
        format!(
            r#"{{"created":"2026-01-02T03:04:05Z","author":"a","architecture":"wasm","os":"wasip2","layerDigests":["{digest}"],"component":{{"exports":["wasi:cli/run@0.2.3"],"imports":["wasi:cli/stdout@0.2.3","log"],"target":null}}}}"#
        )
    );
    assert_eq!(component.platform().to_string(), "wasip2/wasm");
}

#[test]
fn manifests() {
    for (format, config, layer) in [
        (Format::Runwasi, IMAGE_CONFIG, RUNWASI_LAYER),
        (Format::Artifact, CNCF_CONFIG, "application/wasm"),
        (Format::Legacy, LEGACY_CONFIG, LEGACY_LAYER),
    ] {
        let made = pack(false).annotation("a", "b").build(format).unwrap();
        let manifest: Value = serde_json::from_slice(made.manifest_bytes()).unwrap();
        assert_eq!(manifest["config"]["mediaType"], config);
        assert_eq!(manifest["config"].get("platform"), None);
        assert_eq!(manifest["layers"][0]["mediaType"], layer);
        assert_eq!(
            manifest["layers"][0]["annotations"],
            json!({"org.opencontainers.image.title": "app.wasm"})
        );
        assert_eq!(manifest["annotations"], json!({"a": "b"}));
        assert_eq!(made.format(), format);
        assert_eq!(made.entrypoint(), Some("/app.wasm"));
        assert_eq!(made.wasm().unwrap(), b"\0asm\x01\0\0\0".as_slice());
    }
    assert_eq!(config(&pack(false).build(Format::Legacy).unwrap()), "{}");
}

/// These three have no compressor in them: the digests hold across releases. Do not update them.
#[test]
fn digests_are_stable() {
    for (format, digest) in [
        (Format::Runwasi, "sha256:ae4b2d9feefe74f099f9549328bf461c29a502768ebea7c1fd8fea8422ae09a5"),
        (Format::Artifact, "sha256:8dc36616fc533414541f4544c1c5f5cc10464e3b2d21548f33b31db718f98c97"),
        (Format::Legacy, "sha256:7c725f7d8e338059612f567945249504de79ee6e2d4a61cb83a9fb4281a1bfa3"),
    ] {
        assert_eq!(pack(false).build(format).unwrap().digest().as_ref(), digest, "{format}");
        let all = pack(true).arg("-v").env("A=1").title("An app").modified(7).build(format).unwrap();
        let again = pack(true).arg("-v").env("A=1").title("An app").modified(7).build(format).unwrap();
        assert_eq!(all.digest(), again.digest());
    }
}

#[test]
fn spin_and_solo_are_not_written() {
    for format in [Format::Spin, Format::Solo] {
        let error = pack(false).build(format).unwrap_err();
        assert_eq!(error.to_string(), format!("the format `{format}` is read, not written"));
    }
}
