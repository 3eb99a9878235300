//! Configurations of images and artifacts.

use hostile::{Outcome, Outcome::Refused};
use serde_json::{Value, json};
use wasm_oci::sha256;

use super::{case::Case, manifests::layer, tars::Blobs};
use crate::made::{IMAGE_CONFIG, MANIFEST};

const MALFORMED: Outcome = Refused("Json", "malformed the config");
const CNCF: &str = "application/vnd.wasm.config.v0+json";

pub(super) fn cases() -> Vec<Case> {
    [shapes(), programs(), artifacts(), carried()].into_iter().flatten().collect()
}

/// A config whose text is changed.
fn document(
    name: &'static str,
    rule: &'static str,
    change: impl Fn(String) -> String + 'static,
    outcome: Outcome,
) -> Case {
    Case::new(name, rule, outcome, move || {
        let mut blobs = Blobs::default();
        let layer = blobs.keep(layer().media_type, layer().blob);
        let config = json!({
            "architecture": "wasm", "os": "wasi", "config": {"Entrypoint": ["/app.wasm"]},
            "rootfs": {"type": "layers", "diff_ids": [sha256(b"")]},
        });
        let config = blobs.keep(IMAGE_CONFIG, change(config.to_string()));
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
        let manifest = blobs.keep(MANIFEST, manifest.to_string());
        blobs.program(manifest)
    })
}

fn case(
    name: &'static str,
    rule: &'static str,
    change: impl Fn(&mut Value) + 'static,
    outcome: Outcome,
) -> Case {
    let change = move |text: String| {
        let mut config = serde_json::from_str(&text).unwrap();
        change(&mut config);
        config.to_string()
    };
    document(name, rule, change, outcome)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn shapes() -> Vec<Case> {
    let text =
        |name, text: &'static str| document(name, "one JSON object", move |_| text.to_owned(), MALFORMED);
    let json = |name, change: fn(&mut Value)| case(name, "fields have their types", change, MALFORMED);
    let ids = Refused("Malformed", "diff ids, the manifest has 1 layers");
    vec![
        text("config-empty", ""),
        text("config-list", "[]"),
        text("config-empty-object", "{}"),
        json("config-os-number", |it| it["os"] = json!(123)),
        json("config-architecture-missing", |it| drop(it.as_object_mut().unwrap().remove("architecture"))),
        json("config-rootfs-missing", |it| drop(it.as_object_mut().unwrap().remove("rootfs"))),
        json("config-entrypoint-string", |it| it["config"]["Entrypoint"] = json!("/app.wasm")),
        json("config-environment-number", |it| it["config"]["Env"] = json!([7353])),
        json("config-history-string", |it| it["history"] = json!("x")),
        json("config-user-number", |it| it["config"]["User"] = json!(0)),
        case(
            "config-without-diff-ids",
            "a diff id for each layer",
            |it| it["rootfs"]["diff_ids"] = json!([]),
            ids,
        ),
        case(
            "config-with-2-diff-ids",
            "a diff id for each layer",
            |it| it["rootfs"]["diff_ids"] = json!(["a", "b"]),
            ids,
        ),
        case(
            "config-of-40000-variables",
            "32,768 values",
            |it| it["config"]["Env"] = json!(vec!["A=b"; 40_000]),
            Refused("Malformed", "it has more than 32768 values"),
        ),
        case(
            "config-of-10000-variables",
            "32,768 values",
            |it| it["config"]["Env"] = json!(vec!["A=b"; 10_000]),
            Outcome::Fine,
        ),
        case(
            "config-with-history-of-5000",
            "32,768 values",
            |it| it["history"] = json!(vec![json!({"created_by": "x"}); 5_000]),
            Outcome::Fine,
        ),
        document(
            "config-with-a-key-twice",
            "a key stands once",
            |text| text.replacen('{', "{\"os\":\"linux\",", 1),
            Refused("Malformed", "the key `os` twice"),
        ),
        document(
            "config-200-deep",
            "128 levels",
            |text| text.replacen('{', &format!("{{\"a\":{}{},", "[".repeat(200), "]".repeat(200)), 1),
            MALFORMED,
        ),
    ]
}

fn programs() -> Vec<Case> {
    let entrypoint = |name, words: Value, outcome| {
        case(
            name,
            "the entrypoint is a file of the layers",
            move |it| it["config"]["Entrypoint"] = words.clone(),
            outcome,
        )
    };
    let missing =
        |name, path: &str| entrypoint(name, json!([path]), Refused("Entrypoint", "is not in the layers"));
    vec![
        entrypoint(
            "entrypoint-missing",
            Value::Null,
            Refused("NoEntrypoint", "neither entrypoint nor command"),
        ),
        entrypoint("entrypoint-empty", json!([]), Refused("NoEntrypoint", "neither entrypoint nor command")),
        missing("entrypoint-without-text", ""),
        missing("entrypoint-root", "/"),
        missing("entrypoint-parent", "../app.wasm"),
        missing("entrypoint-parent-inside", "/dir/../app.wasm"),
        missing("entrypoint-outside", "/../../../../etc/passwd"),
        missing("entrypoint-elsewhere", "/etc/passwd"),
        missing("entrypoint-url", "http://example.org/app.wasm"),
        entrypoint(
            "entrypoint-of-1-mib",
            json!(["/x".repeat(1 << 19)]),
            Refused("Entrypoint", "is too long"),
        ),
        missing("entrypoint-in-another-case", "/APP.WASM"),
        entrypoint("entrypoint-with-nul", json!(["/app.wasm\0.txt"]), Refused("Entrypoint", "it has a NUL")),
        entrypoint("entrypoint-with-dots", json!(["/.//./app.wasm"]), Outcome::Fine),
        case(
            "directory-outside",
            "the entrypoint is a file of the layers",
            |it| {
                it["config"] = json!({"Entrypoint": ["app.wasm"], "WorkingDir": "/../../"});
            },
            Refused("Entrypoint", "is not in the layers"),
        ),
    ]
}

/// Configs of CNCF artifacts.
fn artifacts() -> Vec<Case> {
    let case = |name, rule, config: fn(String) -> Value, outcome| {
        Case::new(name, rule, outcome, move || {
            let mut blobs = Blobs::default();
            let layer = blobs.keep("application/wasm", hostile::MODULE);
            let config = blobs.keep(CNCF, config(layer["digest"].as_str().unwrap().to_owned()).to_string());
            let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
            let manifest = blobs.keep(MANIFEST, manifest.to_string());
            blobs.program(manifest)
        })
    };
    let fields = "fields have their types";
    vec![
        case(
            "artifact",
            fields,
            |digest| json!({"architecture": "wasm", "os": "wasip1", "layerDigests": [digest]}),
            Outcome::Fine,
        ),
        case(
            "artifact-of-other-layers",
            "the config has the manifest's layers",
            |_| json!({"architecture": "wasm", "os": "wasip1", "layerDigests": [sha256(b"x")]}),
            Refused("Malformed", "its layer digests are not those of the manifest"),
        ),
        case(
            "artifact-with-a-layer-twice",
            "the config has the manifest's layers",
            |digest| json!({"architecture": "wasm", "os": "wasip1", "layerDigests": [digest, digest]}),
            Refused("Malformed", "its layer digests are not those of the manifest"),
        ),
        case(
            "artifact-with-no-digest",
            fields,
            |_| json!({"architecture": "wasm", "os": "wasip1", "layerDigests": ["../x"]}),
            MALFORMED,
        ),
        case("artifact-without-a-system", fields, |_| json!({"architecture": "wasm"}), MALFORMED),
        case(
            "artifact-with-a-component-list",
            fields,
            |_| json!({"architecture": "wasm", "os": "wasip2", "component": [1]}),
            MALFORMED,
        ),
    ]
}

/// What we put into annotations, put there by somebody else.
fn carried() -> Vec<Case> {
    let case = |name, key: &'static str, value: String, outcome| {
        Case::new(name, "annotations of ours are parsed", outcome, move || {
            let mut blobs = Blobs::default();
            let layer = blobs.keep("application/vnd.wasm.content.layer.v1+wasm", hostile::MODULE);
            let config = blobs.keep("application/vnd.wasm.config.v1+json", "{}");
            let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer], "annotations": {key: value.as_str()}});
            let manifest = blobs.keep(MANIFEST, manifest.to_string());
            blobs.program(manifest)
        })
    };
    let malformed = Refused("Malformed", "an annotation");
    vec![
        case("carried-config", "dev.wasmctr.config", r#"{"Entrypoint":["/x"]}"#.into(), Outcome::Fine),
        case("carried-config-not-json", "dev.wasmctr.config", "{".into(), malformed),
        case("carried-config-deep", "dev.wasmctr.config", "[".repeat(1 << 20), malformed),
        case(
            "carried-config-of-40000-values",
            "dev.wasmctr.config",
            json!({"Env": vec!["A=b"; 40_000]}).to_string(),
            malformed,
        ),
        case("carried-time-not-a-number", "dev.wasmctr.modified", "yesterday".into(), malformed),
        case("carried-platform", "dev.wasmctr.platform", "../..".into(), Outcome::Fine),
        case("carried-platform-of-4-parts", "dev.wasmctr.platform", "a/b/c/d".into(), malformed),
        case("carried-platform-long", "dev.wasmctr.platform", "x".repeat(1 << 20), malformed),
    ]
}
