//! Every config.json that is written is one by the schema of the runtime specification 1.2.0.

use std::{error::Error, fs, path::PathBuf};

use jsonschema::{Retrieve, Uri, Validator};
use proptest::prelude::*;
use serde_json::{Value, json};
use wasm_bundle::{Handler, Like, Workload, config_json, oci_spec::runtime::Spec};

use crate::properties::workload;

/// The schema's files, which name one another.
struct Files(PathBuf);

impl Retrieve for Files {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.path().as_str().trim_start_matches('/');
        Ok(serde_json::from_slice(&fs::read(self.0.join(name))?)?)
    }
}

/// The schema of config.json.
fn schema(folder: PathBuf) -> Validator {
    let schema: Value =
        serde_json::from_slice(&fs::read(folder.join("config-schema.json")).unwrap()).unwrap();
    let options = jsonschema::options().with_base_uri("schema:///config-schema.json");
    options.with_retriever(Files(folder)).build(&schema).unwrap()
}

fn faults(schema: &Validator, spec: &Spec) -> Vec<String> {
    let document: Value = serde_json::from_slice(&config_json(spec).unwrap()).unwrap();
    schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_configuration_is_sound() {
    let Some(folder) = lab::need!("runtime-spec") else { return };
    let schema = schema(folder);
    proptest!(ProptestConfig::with_cases(64), |(workload in workload())| {
        let specs = [
            workload.to_spec(Handler::Compat),
            workload.to_spec(None),
            workload.to_spec_like(Like::Crun, Handler::Compat),
            workload.to_spec_like(Like::Youki, None),
        ];
        for spec in specs {
            prop_assert_eq!(faults(&schema, &spec.unwrap()), Vec::<String>::new());
        }
    });
}

#[test]
fn the_schema_finds_faults() {
    let Some(folder) = lab::need!("runtime-spec") else { return };
    let schema = schema(folder);
    let spec = Workload::new(["/app.wasm"]).to_spec(Handler::Compat).unwrap();
    let mut document = serde_json::to_value(spec).unwrap();
    assert!(schema.is_valid(&document));
    // A rule of each of the files.
    for (pointer, value) in [
        ("/ociVersion", json!(1)),
        ("/process/cwd", json!(null)),
        ("/process/args", json!("a")),
        ("/root", json!({})),
        ("/linux/namespaces/0/type", json!("moon")),
        ("/mounts/0", json!({ "source": "a" })),
        ("/annotations", json!({ "a": 1 })),
    ] {
        let sound = std::mem::replace(document.pointer_mut(pointer).unwrap(), value);
        assert!(!schema.is_valid(&document), "{pointer}");
        *document.pointer_mut(pointer).unwrap() = sound;
    }
}
