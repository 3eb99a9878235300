//! Indexes: in themselves, too long, of both kinds.

use hostile::{MODULE, OTHER, Outcome, Outcome::Refused, PLAIN, Tar};
use serde_json::{Value, json};

use super::{case::Case, manifests::layer, tars::Blobs};
use crate::made::{INDEX, MANIFEST};

const MALFORMED: Outcome = Refused("Json", "malformed the index");

pub(super) fn cases() -> Vec<Case> {
    [shapes(), entries(), nested()].into_iter().flatten().collect()
}

/// An index with one good entry, changed.
fn case(
    name: &'static str,
    rule: &'static str,
    change: impl Fn(&mut Value) + 'static,
    outcome: Outcome,
) -> Case {
    Case::new(name, rule, outcome, move || {
        let mut blobs = Blobs::default();
        let mut entry = blobs.image(&[layer()]);
        entry["platform"] = json!({"os": "wasi", "architecture": "wasm"});
        let mut index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
        change(&mut index);
        let index = blobs.keep(INDEX, index.to_string());
        blobs.program(index)
    })
}

fn shapes() -> Vec<Case> {
    let json = |name, change: fn(&mut Value)| case(name, "fields have their types", change, MALFORMED);
    let both = |name, change: fn(&mut Value)| {
        case(
            name,
            "one kind (CVE-2021-41190)",
            change,
            Refused("Malformed", "it has `config` or `layers` as a manifest has"),
        )
    };
    vec![
        case(
            "index-version-1",
            "schema version 2",
            |it| it["schemaVersion"] = json!(1),
            Refused("Malformed", "schema version 1"),
        ),
        json("index-list", |it| *it = json!([])),
        json("index-without-manifests", |it| drop(it.as_object_mut().unwrap().remove("manifests"))),
        json("index-manifests-object", |it| it["manifests"] = json!({})),
        json("index-platform-string", |it| it["manifests"][0]["platform"] = json!("wasi/wasm")),
        json("index-platform-without-architecture", |it| {
            it["manifests"][0]["platform"] = json!({"os": "wasi"});
        }),
        json("index-digest-with-a-path", |it| it["manifests"][0]["digest"] = json!("sha256:../../x")),
        both("index-and-manifest-by-layers", |it| it["layers"] = json!([])),
        both("index-and-manifest-by-config", |it| it["config"] = json!({})),
        case(
            "index-with-a-long-key-twice",
            "32,768 values",
            |it| it["x"] = json!(vec![0; 40_000]),
            Refused("Malformed", "it has more than 32768 values"),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn entries() -> Vec<Case> {
    let many = |count: usize| {
        move |it: &mut Value| {
            let entry = it["manifests"][0].clone();
            it["manifests"] = json!(vec![entry; count]);
        }
    };
    let none = |name, change: fn(&mut Value)| {
        case(name, "one image for the platform", change, Refused("NoSuchPlatform", "no image of WebAssembly"))
    };
    vec![
        case("index-of-4000-entries", "32,768 values", many(4_000), Outcome::Fine),
        case(
            "index-of-6000-entries",
            "32,768 values",
            many(6_000),
            Refused("Malformed", "it has more than 32768 values"),
        ),
        case(
            "index-of-100000-entries",
            "4 MiB",
            many(100_000),
            Refused("TooLarge", "more than the limit of 4194304"),
        ),
        none("index-empty", |it| it["manifests"] = json!([])),
        none("index-of-other-platforms", |it| {
            let entry = it["manifests"][0].clone();
            let of = |os: usize| {
                let mut entry = entry.clone();
                entry["platform"]["os"] = json!(format!("os{os}"));
                entry
            };
            it["manifests"] = (0..3_000).map(of).collect();
        }),
        none("index-of-attestations", |it| {
            it["manifests"][0]["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        }),
        case(
            "index-entry-of-4-mib-and-a-byte",
            "4 MiB",
            |it| it["manifests"][0]["size"] = json!((4 << 20) + 1),
            Refused("TooLarge", "the manifest has"),
        ),
        case(
            "index-entry-not-there",
            "what an index names is there",
            |it| it["manifests"][0]["digest"] = json!(format!("sha256:{}", "a".repeat(64))),
            Refused("Io", "cannot read"),
        ),
        case(
            "index-entry-longer-than-said",
            "sizes are true",
            |it| it["manifests"][0]["size"] = json!(1),
            Refused("Size", "its descriptor says 1"),
        ),
        Case::new("index-with-a-platform-twice", "the first of a platform counts", Outcome::Fine, || {
            let mut blobs = Blobs::default();
            let other = hostile::Layer { media_type: PLAIN, blob: Tar::new().file("app.wasm", OTHER).end() };
            let mut entries = [blobs.image(&[layer()]), blobs.image(&[other])];
            for entry in &mut entries {
                entry["platform"] = json!({"os": "wasi", "architecture": "wasm"});
            }
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            let index = blobs.keep(INDEX, index.to_string());
            blobs.program(index)
        }),
    ]
}

fn nested() -> Vec<Case> {
    let nested = |name, depth: usize| {
        Case::new(name, "no index in an index", Refused("NoSuchPlatform", "it names none"), move || {
            let mut blobs = Blobs::default();
            let mut entry = blobs.image(&[layer()]);
            for _ in 0..depth {
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
                entry = blobs.keep(INDEX, index.to_string());
            }
            blobs.program(entry)
        })
    };
    vec![
        nested("index-in-an-index", 2),
        nested("index-5-deep", 5),
        Case::new(
            "index-called-manifest-in-an-index",
            "one type",
            Refused("Malformed", "it has `manifests` as an index has"),
            || {
                let mut blobs = Blobs::default();
                let inner = json!({"schemaVersion": 2, "manifests": [], "config": {}, "layers": []});
                let inner = blobs.keep(MANIFEST, inner.to_string());
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner]});
                let index = blobs.keep(INDEX, index.to_string());
                blobs.program(index)
            },
        ),
        Case::new(
            "layer-that-is-an-index",
            "types that are supported",
            Refused("MediaType", "the layer has the media type"),
            || {
                let mut blobs = Blobs::default();
                let manifest = blobs.image(&[hostile::Layer { media_type: INDEX, blob: MODULE.to_vec() }]);
                blobs.program(manifest)
            },
        ),
    ]
}
