//! What a manifest says of its parts: digests, sizes, how many layers.

use hostile::{Outcome, Outcome::Refused, PLAIN};
use serde_json::{Value, json};
use wasm_oci::sha256;

use super::{
    case::Case,
    manifests::{LIMIT, MALFORMED, case, document, layer},
    tars::Blobs,
};
use crate::made::MANIFEST;

pub(super) fn cases() -> Vec<Case> {
    [digests(), sizes(), layers()].into_iter().flatten().collect()
}

fn digests() -> Vec<Case> {
    let digest = |name, digest: String, outcome| {
        case(name, "digests are parsed", move |it| it["layers"][0]["digest"] = json!(digest), outcome)
    };
    let no = |name, text: &str| digest(name, text.to_owned(), MALFORMED);
    let unknown = |name, text: &str| {
        digest(name, text.to_owned(), Refused("DigestAlgorithm", "is neither sha256 nor sha512"))
    };
    let hex = "a".repeat(64);
    vec![
        no("digest-with-a-path", "sha256:../../../../../../etc/passwd"),
        no("digest-with-a-path-of-64", &format!("sha256:../{}", "a".repeat(61))),
        no("digest-of-a-path-as-algorithm", &format!("../sha256:{hex}")),
        no("digest-absolute", "/etc/passwd"),
        no("digest-short", "sha256:00"),
        no("digest-long", &format!("sha256:{hex}a")),
        no("digest-upper-case", &format!("sha256:{}", "A".repeat(64))),
        no("digest-upper-case-algorithm", &format!("SHA256:{hex}")),
        no("digest-not-hexadecimal", &format!("sha256:{}", "g".repeat(64))),
        no("digest-without-algorithm", &hex),
        no("digest-without-value", "sha256:"),
        no("digest-empty", ""),
        no("digest-with-nul", &format!("sha256:{}\0", "a".repeat(63))),
        no("digest-with-newline", &format!("sha256:{hex}\n")),
        no("digest-sha512-short", &format!("sha512:{hex}")),
        unknown("digest-md5", "md5:d41d8cd98f00b204e9800998ecf8427e"),
        unknown("digest-blake3", "blake3:00ff"),
        unknown("digest-of-1-mib", &format!("x:{}", "a".repeat(1 << 20))),
        digest("digest-of-another-blob", format!("sha256:{hex}"), Refused("Io", "cannot read")),
        case(
            "config-digest-with-a-path",
            "digests are parsed",
            |it| it["config"]["digest"] = json!("sha256:../../x"),
            MALFORMED,
        ),
        Case::new(
            "layer-of-other-bytes",
            "bytes have their digest",
            Refused("Digest", "has the digest"),
            || swapped(PLAIN),
        ),
        Case::new(
            "manifest-of-other-bytes",
            "bytes have their digest",
            Refused("Digest", "has the digest"),
            || swapped(MANIFEST),
        ),
    ]
}

/// An image one of whose blobs has one bit changed, under the old digest.
fn swapped(media_type: &str) -> super::case::Read {
    let mut blobs = Blobs::default();
    let manifest = blobs.image(&[layer()]);
    let blob = match media_type {
        MANIFEST => manifest["digest"].as_str().unwrap().to_owned(),
        _ => sha256(&layer().blob).to_string(),
    };
    blobs.flip(&blob);
    blobs.program(manifest)
}

fn sizes() -> Vec<Case> {
    let size = |name, size: Value, outcome| {
        case(
            name,
            "sizes are true and within 1 GiB",
            move |it| it["layers"][0]["size"] = size.clone(),
            outcome,
        )
    };
    let json = |name, value| size(name, value, MALFORMED);
    let wrong = Refused("Size", "its descriptor says");
    let large = Refused("TooLarge", "the layer has");
    vec![
        size("layer-shorter-than-said", json!(99_999), wrong),
        size("layer-longer-than-said", json!(1), wrong),
        size("layer-of-size-0", json!(0), wrong),
        size("layer-of-1-gib-and-a-byte", json!((1_u64 << 30) + 1), large),
        size("layer-of-4-eib", json!(1_u64 << 62), large),
        json("layer-of-a-negative-size", json!(-1)),
        json("layer-of-a-fraction", json!(0.5)),
        json("layer-of-size-string", json!("2048")),
        document(
            "layer-of-size-2-to-the-64",
            "sizes are numbers",
            |text| sized(&text, "18446744073709551616"),
            MALFORMED,
        ),
        document("layer-of-size-1e400", "sizes are numbers", |text| sized(&text, "1e400"), MALFORMED),
        case(
            "config-of-4-mib-and-a-byte",
            "4 MiB",
            |it| it["config"]["size"] = json!(LIMIT + 1),
            Refused("TooLarge", "the config has 4194305 bytes"),
        ),
        case("config-longer-than-said", "sizes are true", |it| it["config"]["size"] = json!(1), wrong),
        case(
            "layers-of-5-gib-together",
            "4 GiB together",
            |it| {
                it["layers"] =
                    json!(vec![json!({"mediaType": PLAIN, "digest": sha256(b"x"), "size": 1 << 30}); 5]);
            },
            Refused("TooLarge", "what all layers hold has 5368709120 bytes"),
        ),
    ]
}

fn sized(text: &str, size: &str) -> Vec<u8> {
    let length = layer().blob.len().to_string();
    text.replace(&format!("\"size\":{length}"), &format!("\"size\":{size}")).into_bytes()
}

fn layers() -> Vec<Case> {
    let count = |name, layers: usize, outcome| {
        case(
            name,
            "128 layers",
            move |it| it["layers"] = json!(vec![it["layers"][0].clone(); layers]),
            outcome,
        )
    };
    let many = Refused("Malformed", "it has more than 128 layers");
    let ids = Refused("Malformed", "the manifest has");
    vec![
        count("layers-0", 0, ids),
        count("layers-2-for-1-diff-id", 2, ids),
        count("layers-129", 129, many),
        count("layers-8000", 8_000, many),
        count("layers-10000", 10_000, Refused("Malformed", "it has more than 32768 values")),
        Case::new("layers-128", "128 layers", Outcome::Fine, || {
            let mut blobs = Blobs::default();
            let manifest = blobs.image(&vec![layer(); 128]);
            blobs.program(manifest)
        }),
        Case::new(
            "layers-none-at-all",
            "there is a program",
            Refused("Entrypoint", "not in the layers"),
            || {
                let mut blobs = Blobs::default();
                let manifest = blobs.image(&[]);
                blobs.program(manifest)
            },
        ),
    ]
}
