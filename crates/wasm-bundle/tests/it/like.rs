//! The configurations of the walkthrough, field by field.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;
use wasm_bundle::{Bundle, Handler, Like, Mount, Network, Resources, UserNamespace, Workload, config_json};
use wasm_oci::{Format, Overwrite, Pack};

use crate::container::Container;

/// What the walkthrough runs: a server on the network of the machine.
fn server() -> Workload {
    Workload::new(["/http-server.wasm"]).network(Network::Path("/proc/1/ns/net".into()))
}

fn document(like: Like, workload: &Workload) -> Value {
    let spec = workload.to_spec_like(like, Handler::Compat).unwrap();
    let bytes = config_json(&spec).unwrap();
    assert_eq!(bytes, config_json(&workload.to_spec_like(like, Handler::Compat).unwrap()).unwrap());
    serde_json::from_slice(&bytes).unwrap()
}

fn expected(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every field by its path, in order; the sets of capabilities without one.
fn fields(document: &Value) -> Vec<(String, String)> {
    fn add(at: String, value: &Value, fields: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let sorted: BTreeSet<_> = map.keys().collect();
                sorted.into_iter().for_each(|key| add(format!("{at}/{key}"), &map[key], fields));
            }
            Value::Array(items) if !items.is_empty() => {
                let mut items: Vec<_> = items.iter().collect();
                if at.starts_with("/process/capabilities/") {
                    items.sort_by_key(ToString::to_string);
                }
                items
                    .iter()
                    .enumerate()
                    .for_each(|(at_item, item)| add(format!("{at}/{at_item}"), item, fields));
            }
            other => fields.push((at, other.to_string())),
        }
    }
    let mut found = vec![];
    add(String::new(), document, &mut found);
    found
}

#[test]
fn the_walkthroughs_configurations() {
    for (like, name) in [(Like::Crun, "like-crun"), (Like::Youki, "like-youki")] {
        let (found, expected) = (fields(&document(like, &server())), fields(&expected(name)));
        assert!(expected.len() > 90, "{}", expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
    }
}

#[test]
fn the_workload_takes_the_templates_place() {
    let workload = Workload::new(["/app.wasm"])
        .env("PATH=/opt")
        .env("MODE=test")
        .cwd("/srv")
        .user(7, 8)
        .hostname("mine")
        .mount(Mount::new("/srv/data", "/data"))
        .read_only_root(false)
        .resources(Resources::default().pids(9))
        .user_namespace(UserNamespace::new(1000, 10))
        .annotation("a", "b");
    let found = document(Like::Youki, &workload);
    let at = |pointer: &str| found.pointer(pointer).unwrap_or(&Value::Null).to_string();
    for (pointer, value) in [
        ("/process/env/0", r#""TERM=xterm""#),
        ("/process/env/1", r#""PATH=/opt""#),
        ("/process/env/2", r#""MODE=test""#),
        ("/process/cwd", r#""/srv""#),
        ("/process/user", r#"{"gid":8,"uid":7}"#),
        ("/hostname", r#""mine""#),
        ("/mounts/7/destination", r#""/data""#),
        ("/root/readonly", "false"),
        ("/linux/resources/pids/limit", "9"),
        ("/linux/namespaces/6/type", r#""user""#),
        ("/linux/uidMappings/0/hostID", "1000"),
        ("/annotations/a", r#""b""#),
    ] {
        assert_eq!(at(pointer), value, "{pointer}");
    }
    let mut workload = workload.network(Network::Host);
    workload.hostname = None;
    let without = document(Like::Crun, &workload);
    assert_eq!(without.pointer("/hostname"), None);
    assert!(!without.pointer("/linux/namespaces").unwrap().to_string().contains("network"));
}

#[test]
fn what_is_written_like_others_is_read_the_same() {
    for like in [Like::Crun, Like::Youki] {
        let spec = server().to_spec_like(like, Handler::CompatSmart).unwrap();
        assert_eq!(Handler::of(&spec), Some(Handler::CompatSmart));
        let workload = Workload::from_spec(&spec).unwrap();
        assert_eq!(workload.network, server().network);
        assert!(workload.mounts.is_empty());
        // All that is read is in what is written again.
        assert_eq!(
            Workload::from_spec(&workload.to_spec_like(like, Handler::Compat).unwrap()).unwrap(),
            workload
        );
    }
}

/// youki's has no terminal, so that it runs here; `/proc/1/ns/net` is not everybody's to open.
#[test]
fn crun_runs_what_is_written_like_others() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let workload = Workload::new(["/app.wasm"]).network(Network::Path("/proc/self/ns/net".into()));
    for like in [Like::Youki, Like::Crun] {
        let container = Container::new(&crun);
        let image = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap().build(Format::Compat).unwrap();
        let mut spec = workload.to_spec_like(like, Handler::Compat).unwrap();
        if let Some(mut process) = spec.process().clone() {
            process.set_terminal(Some(false));
            spec.set_process(Some(process));
        }
        Bundle::write(container.bundle(), &spec, &image, Overwrite::Refuse).unwrap();
        let output = container.run();
        assert_eq!(output.stdout, b"Hello, World!\n", "{like:?}: {output:?}");
    }
}

/// The template is the one that `crun spec` writes today, but for what later releases added.
#[test]
fn the_template_is_cruns() {
    let Some(crun) = lab::need!("crun") else { return };
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new(crun).arg("spec").current_dir(dir.path()).status().unwrap();
    assert!(status.success());
    let written: Value = serde_json::from_slice(&fs::read(dir.path().join("config.json")).unwrap()).unwrap();
    let ours = document(Like::Crun, &Workload::new(["sh"]));
    for field in [
        "/ociVersion",
        "/process/terminal",
        "/process/env",
        "/process/rlimits",
        "/process/noNewPrivileges",
        "/root",
        "/hostname",
        "/linux/resources",
        "/linux/readonlyPaths",
    ] {
        assert_eq!(ours.pointer(field), written.pointer(field), "{field}");
    }
}
