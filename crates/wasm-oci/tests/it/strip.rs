//! What is taken out of a module, and what it says about itself.

use std::io::Write;

use proptest::prelude::*;
use wasm_oci::{Error, Interface, Metadata, Strip, strip};

fn custom(name: &str) -> String {
    format!("(@custom \"{name}\" \"content of {name}\")")
}

fn sections(wasm: &[u8]) -> Vec<String> {
    let payloads = wasmparser::Parser::new(0).parse_all(wasm).map(Result::unwrap);
    let custom = payloads.filter_map(|payload| match payload {
        wasmparser::Payload::CustomSection(section) => Some(section.name().to_owned()),
        _ => None,
    });
    custom.collect()
}

const KEPT: [&str; 5] = ["producers", "target_features", "component-type:app", ".dep-v0", "other"];

#[test]
fn modules() {
    let names: String =
        [".debug_info", "name", ".debug_str"].iter().chain(&KEPT).map(|name| custom(name)).collect();
    let wasm = wat::parse_str(format!("(module {names} (func (export \"_start\")))")).unwrap();
    assert_eq!(strip(&wasm, Strip::Nothing).unwrap(), wasm);
    let debug = strip(&wasm, Strip::Debug).unwrap();
    assert_eq!(sections(&debug), [&["name"][..], &KEPT].concat());
    let all = strip(&wasm, Strip::Names).unwrap();
    assert_eq!(sections(&all), KEPT);
    assert_eq!(Interface::of(&all).unwrap(), Interface::of(&wasm).unwrap());
}

#[test]
fn modules_in_components() {
    let text = format!(
        "(component {0} (core module {0} {1} (func (export \"f\"))) (component (core module {0})) {1})",
        custom(".debug_line"),
        custom("producers"),
    );
    let wasm = wat::parse_str(text).unwrap();
    let stripped = strip(&wasm, Strip::Debug).unwrap();
    assert_eq!(sections(&stripped), ["producers", "producers"]);
    assert_eq!(Interface::of(&stripped).unwrap(), Interface::of(&wasm).unwrap());
}

#[test]
fn files_that_are_none() {
    assert!(matches!(strip(b"", Strip::Debug), Err(Error::NotWasm { .. })));
    let header = b"\0asm\x01\0\0\0".as_slice();
    let nested = [b"\0asm\x0d\0\x01\0\x04".as_slice()].repeat(200);
    for rest in [
        &b"\x00"[..],
        b"\x00\x05",
        b"\x00\x01\x05",
        b"\x01\xff\xff\xff\xff\xff\x01",
        b"\x01\xff\xff\xff\xff\x0f",
    ] {
        let wasm = [header, rest].concat();
        assert!(matches!(strip(&wasm, Strip::Debug), Err(Error::InvalidWasm { .. })), "{rest:?}");
    }
    assert!(strip(&nested.concat(), Strip::Debug).is_err());
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), component in any::<bool>()) {
        let header = if component { b"\0asm\x0d\0\x01\0" } else { b"\0asm\x01\0\0\0" };
        let wasm = [&header[..], &bytes].concat();
        if let Ok(stripped) = strip(&wasm, Strip::Names) {
            prop_assert!(stripped.len() <= wasm.len());
        }
        let _ = Metadata::of(&wasm);
    }
}

#[test]
fn metadata() {
    let long = "x".repeat(5000);
    let text = format!(
        r#"(module
             (@custom "authors" "A <a@example.org>") (@custom "licenses" "Apache-2.0") (@custom "version" "1.2.3")
             (@custom "homepage" "https://example.org") (@custom "revision" "\ff") (@custom "source" "{long}")
             (@producers (language "Rust" "") (processed-by "rustc" "1.95.0")))"#
    );
    let metadata = Metadata::of(&wat::parse_str(text).unwrap()).unwrap();
    let annotations: Vec<_> =
        metadata.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        annotations,
        [
            "org.opencontainers.image.authors=A <a@example.org>",
            "org.opencontainers.image.licenses=Apache-2.0",
            "org.opencontainers.image.url=https://example.org",
            "org.opencontainers.image.version=1.2.3",
        ]
    );
    let producers: Vec<_> = metadata.producers.iter().map(ToString::to_string).collect();
    assert_eq!(producers, ["language Rust", "processed-by rustc 1.95.0"]);
}

/// A module with a custom section of any content.
fn with_section(name: &str, content: &[u8]) -> Vec<u8> {
    let content: String = content.iter().map(|byte| format!("\\{byte:02x}")).collect();
    wat::parse_str(format!("(module (@custom \"{name}\" \"{content}\"))")).unwrap()
}

#[test]
fn crates_of_a_rust_program() {
    let packed = |json: &[u8]| {
        let mut zlib = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
        zlib.write_all(json).unwrap();
        zlib.finish().unwrap()
    };
    let json = br#"{"packages":[{"name":"app","version":"1.0.0","source":"local","root":true}]}"#;
    let crates = |content: &[u8]| Metadata::of(&with_section(".dep-v0", content)).unwrap().crates;
    assert_eq!(crates(&packed(json)), ["app 1.0.0"]);
    assert!(crates(&packed(&vec![b' '; 5 << 20])).is_empty());
    for content in [&b""[..], b"{}", json, &packed(b"[]"), &packed(json)[..20]] {
        assert!(crates(content).is_empty(), "{content:?}");
    }
}
