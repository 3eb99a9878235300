//! Manifests: of another shape, too much of something, sizes and digests that are not true.

use hostile::{Layer, MODULE, Outcome, Outcome::Refused, PLAIN, Tar};
use serde_json::{Value, json};
use wasm_oci::sha256;

use super::{case::Case, tars::Blobs};
use crate::made::{INDEX, MANIFEST};

pub(super) const MALFORMED: Outcome = Refused("Json", "malformed the manifest");
pub(super) const LIMIT: usize = 4 << 20;

pub(super) fn cases() -> Vec<Case> {
    [bytes(), fields(), types(), annotations(), ignored()].into_iter().flatten().collect()
}

pub(super) fn layer() -> Layer {
    Layer { media_type: PLAIN, blob: Tar::new().file("app.wasm", MODULE).end() }
}

/// The bytes of a manifest that is fine, but for what `change` does to it.
fn changed(blobs: &mut Blobs, change: impl Fn(&mut Value)) -> Vec<u8> {
    let good = blobs.image(&[layer()]);
    let mut manifest: Value =
        serde_json::from_slice(blobs.artifact(&good).unwrap().manifest_bytes()).unwrap();
    change(&mut manifest);
    manifest.to_string().into_bytes()
}

pub(super) fn case(
    name: &'static str,
    rule: &'static str,
    change: impl Fn(&mut Value) + 'static,
    outcome: Outcome,
) -> Case {
    document(
        name,
        rule,
        move |text| {
            serde_json::from_str(&text)
                .map(|mut json: Value| {
                    change(&mut json);
                    json.to_string().into()
                })
                .unwrap()
        },
        outcome,
    )
}

/// A manifest whose text is changed.
pub(super) fn document(
    name: &'static str,
    rule: &'static str,
    change: impl Fn(String) -> Vec<u8> + 'static,
    outcome: Outcome,
) -> Case {
    Case::new(name, rule, outcome, move || {
        let mut blobs = Blobs::default();
        let text = String::from_utf8(changed(&mut blobs, |_| {})).unwrap();
        let manifest = blobs.keep(MANIFEST, change(text));
        blobs.program(manifest)
    })
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn bytes() -> Vec<Case> {
    let json = |name, change: fn(String) -> Vec<u8>| document(name, "one JSON object", change, MALFORMED);
    let padded =
        |length: usize| move |text: String| format!("{text}{}", " ".repeat(length - text.len())).into_bytes();
    vec![
        document("manifest-of-4-mib", "4 MiB", padded(LIMIT), Outcome::Fine),
        document(
            "manifest-of-4-mib-and-a-byte",
            "4 MiB",
            padded(LIMIT + 1),
            Refused("TooLarge", "more than the limit of 4194304"),
        ),
        json("manifest-empty", |_| vec![]),
        json("manifest-blank", |_| b" \n".to_vec()),
        json("manifest-null", |_| b"null".to_vec()),
        json("manifest-list", |_| b"[]".to_vec()),
        json("manifest-string", |_| b"\"manifest\"".to_vec()),
        json("manifest-empty-object", |_| b"{}".to_vec()),
        json("manifest-html", |_| b"<html>".to_vec()),
        json("manifest-cut-off", |text| text[..text.len() - 1].into()),
        json("manifest-with-text-behind", |text| format!("{text}x").into()),
        json("manifest-twice", |text| format!("{text}{text}").into()),
        json("manifest-with-byte-order-mark", |text| format!("\u{feff}{text}").into()),
        json("manifest-utf-16", |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        json("manifest-not-utf-8", |text| [b"{\"a\":\"\xff\",", &text.as_bytes()[1..]].concat()),
        json("manifest-with-nul", |text| text.replace(":2}", ":\0}").into()),
        json("manifest-with-comment", |text| text.replacen('{', "{/**/", 1).into()),
        json("manifest-with-comma-at-the-end", |text| text.replacen('{', "{,", 1).into()),
        json("manifest-with-nan", |text| text.replacen('{', "{\"a\":NaN,", 1).into()),
        json("manifest-with-infinity", |text| text.replacen('{', "{\"a\":-Infinity,", 1).into()),
        json("manifest-with-an-integer-of-400-digits", |text| {
            text.replacen('{', &format!("{{\"a\":1{},", "0".repeat(400)), 1).into()
        }),
        json("manifest-with-a-lone-surrogate", |text| text.replacen('{', "{\"a\":\"\\ud800\",", 1).into()),
        json("manifest-with-a-lone-surrogate-as-key", |text| text.replacen('{', "{\"\\udfff\":1,", 1).into()),
        json("manifest-10000-deep", |text| {
            text.replacen('{', &format!("{{\"a\":{}{},", "[".repeat(10_000), "]".repeat(10_000)), 1).into()
        }),
        json("manifest-2-million-deep", |_| "[".repeat(2 << 20).into()),
        document(
            "manifest-with-a-key-twice",
            "a key stands once",
            |text| text.replacen('{', "{\"layers\":[],", 1).into(),
            Refused("Malformed", "it has the key `layers` twice in one object"),
        ),
        document(
            "manifest-with-a-key-twice-escaped",
            "a key stands once",
            |text| text.replacen('{', "{\"\\u006cayers\":[],", 1).into(),
            Refused("Malformed", "it has the key `layers` twice in one object"),
        ),
        document(
            "manifest-with-a-long-key-twice",
            "a key stands once",
            |text| text.replacen('{', &format!("{{\"{0}\":1,\"{0}\":2,", "k".repeat(1 << 20)), 1).into(),
            Refused("Malformed", "twice in one object"),
        ),
        document(
            "manifest-of-100000-values",
            "32,768 values",
            |text| text.replacen('{', &format!("{{\"a\":[0{}],", ",0".repeat(100_000)), 1).into(),
            Refused("Malformed", "it has more than 32768 values"),
        ),
    ]
}

fn fields() -> Vec<Case> {
    let json = |name, change: fn(&mut Value)| case(name, "fields have their types", change, MALFORMED);
    let version = |name, version: fn(&mut Value), outcome| case(name, "schema version 2", version, outcome);
    vec![
        version(
            "manifest-version-1",
            |it| it["schemaVersion"] = json!(1),
            Refused("Malformed", "schema version 1"),
        ),
        version(
            "manifest-version-3",
            |it| it["schemaVersion"] = json!(3),
            Refused("Malformed", "schema version 3"),
        ),
        version("manifest-version-negative", |it| it["schemaVersion"] = json!(-2), MALFORMED),
        version("manifest-version-string", |it| it["schemaVersion"] = json!("2"), MALFORMED),
        version("manifest-version-fraction", |it| it["schemaVersion"] = json!(2.5), MALFORMED),
        version(
            "manifest-version-missing",
            |it| drop(it.as_object_mut().unwrap().remove("schemaVersion")),
            MALFORMED,
        ),
        json("manifest-config-missing", |it| drop(it.as_object_mut().unwrap().remove("config"))),
        json("manifest-config-null", |it| it["config"] = Value::Null),
        json("manifest-config-list", |it| it["config"] = json!([])),
        json("manifest-layers-missing", |it| drop(it.as_object_mut().unwrap().remove("layers"))),
        json("manifest-layers-null", |it| it["layers"] = Value::Null),
        json("manifest-layers-object", |it| it["layers"] = json!({})),
        json("manifest-layer-string", |it| it["layers"] = json!(["sha256"])),
        json("manifest-layer-without-digest", |it| it["layers"] = json!([{"mediaType": PLAIN, "size": 1}])),
        json("manifest-annotation-number", |it| it["annotations"] = json!({"a": 1})),
        json("manifest-annotations-list", |it| it["annotations"] = json!(["a"])),
        json("manifest-subject-string", |it| it["subject"] = json!(".nope")),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn types() -> Vec<Case> {
    let described = |name, media_type: &'static str, outcome| {
        Case::new(name, "types that are supported", outcome, move || {
            let mut blobs = Blobs::default();
            let text = changed(&mut blobs, |_| {});
            let manifest = blobs.keep(media_type, text);
            blobs.program(manifest)
        })
    };
    let other = Refused("MediaType", "the manifest has the media type");
    let config = |name, media_type: Value| {
        case(
            name,
            "types that are supported",
            move |it| it["config"]["mediaType"] = media_type.clone(),
            Refused("MediaType", "the config has the media type"),
        )
    };
    let no_type = |name, media_type: Value| {
        case(
            name,
            "types have their form",
            move |it| it["config"]["mediaType"] = media_type.clone(),
            Refused("Malformed", "is no media type"),
        )
    };
    let layer = |name, media_type: Value| {
        case(
            name,
            "types that are supported",
            move |it| it["layers"][0]["mediaType"] = media_type.clone(),
            Refused("MediaType", "the layer has the media type"),
        )
    };
    vec![
        described(
            "manifest-called-schema-1",
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            other,
        ),
        described("manifest-called-json", "application/json", other),
        described("manifest-called-nothing", "", other),
        described(
            "manifest-called-index",
            INDEX,
            Refused("Malformed", "`config` or `layers` as a manifest has"),
        ),
        case(
            "manifest-that-calls-itself-index",
            "one type",
            |it| it["mediaType"] = json!(INDEX),
            Refused("Malformed", "its descriptor does not"),
        ),
        case(
            "manifest-that-calls-itself-something-long",
            "one type",
            |it| it["mediaType"] = json!("x".repeat(99_999)),
            Refused("Malformed", "its descriptor does not"),
        ),
        case(
            "manifest-that-does-not-say",
            "the descriptor says",
            |it| drop(it.as_object_mut().unwrap().remove("mediaType")),
            Outcome::Fine,
        ),
        case(
            "manifest-and-index",
            "one kind (CVE-2021-41190)",
            |it| it["manifests"] = json!([]),
            Refused("Malformed", "it has `manifests` as an index has"),
        ),
        config("config-of-an-unknown-type", json!("application/vnd.example+json")),
        no_type("config-of-a-long-type", json!(format!("a/{}", "x".repeat(1 << 20)))),
        no_type("config-of-no-type", json!("")),
        no_type("config-of-half-a-type", json!("application")),
        no_type("config-of-a-type-with-spaces", json!("a/b c")),
        layer("layer-for-windows-only", json!("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
        layer(
            "layer-not-to-be-distributed",
            json!("application/vnd.oci.image.layer.nondistributable.v1.tar"),
        ),
        layer("layer-encrypted", json!("application/vnd.oci.image.layer.v1.tar+encrypted")),
        layer("layer-of-an-unknown-type", json!("text/plain")),
    ]
}

fn annotations() -> Vec<Case> {
    let annotation = |name, key: String, value: String, outcome| {
        case(
            name,
            "annotations are text",
            move |it| it["annotations"] = json!({key.as_str(): value}),
            outcome,
        )
    };
    let many: fn(&mut Value) = |it| {
        it["annotations"] =
            (0..33_000).map(|at| (at.to_string(), json!(""))).collect::<serde_json::Map<_, _>>().into();
    };
    let most: fn(&mut Value) = |it| {
        it["annotations"] =
            (0..32_000).map(|at| (at.to_string(), json!(""))).collect::<serde_json::Map<_, _>>().into();
    };
    vec![
        annotation("annotation-of-1-mib", "a".into(), "x".repeat(1 << 20), Outcome::Fine),
        annotation("annotation-key-of-1-mib", "k".repeat(1 << 20), "x".into(), Outcome::Fine),
        annotation("annotation-empty-key", String::new(), String::new(), Outcome::Fine),
        annotation("annotation-with-nul", "a\0b".into(), "\0".into(), Outcome::Fine),
        annotation(
            "annotation-with-escape-sequences",
            "\x1b[2J".into(),
            "\x1b]0;x\x07".into(),
            Outcome::Fine,
        ),
        case("annotations-32000", "32,768 values", most, Outcome::Fine),
        case(
            "annotations-33000",
            "32,768 values",
            many,
            Refused("Malformed", "it has more than 32768 values"),
        ),
    ]
}

/// What is there and not acted upon: nothing is fetched but by digest, from where the image is.
fn ignored() -> Vec<Case> {
    let fine = |name, change: fn(&mut Value)| {
        case(name, "nothing but the digest is followed", change, Outcome::Fine)
    };
    vec![
        fine("layer-with-foreign-urls", |it| {
            it["layers"][0]["urls"] = json!(["http://169.254.169.254/x", "file:///etc/passwd"]);
        }),
        fine("layer-with-other-data", |it| it["layers"][0]["data"] = json!("bm90IHRoZSBsYXllcg==")),
        fine("layer-with-data-that-is-no-base64", |it| it["layers"][0]["data"] = json!("%%%")),
        fine("manifest-with-a-subject", |it| it["subject"] = it["config"].clone()),
        fine("manifest-with-itself-as-subject-in-name", |it| {
            it["subject"] = json!({"mediaType": MANIFEST, "size": 1, "digest": sha256(b"")});
        }),
        fine("manifest-with-unknown-fields", |it| it["x"] = json!([{"y": 0.5}])),
        fine("manifest-with-an-artifact-type", |it| it["artifactType"] = json!("a/b")),
    ]
}
