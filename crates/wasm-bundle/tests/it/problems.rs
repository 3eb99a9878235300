//! What `Bundle::problems` finds, each made true.

use std::fs;

use serde_json::{Value, json};
use wasm_bundle::{
    Bundle, Handler, Mount, Problem, Workload,
    select::{Engine, Runtime, Selection},
};
use wasm_oci::Overwrite;

use crate::image::{MODULE, Yard, app, image};

/// What is done to a sound bundle, the name of the problem, and a part of what it says.
type Case = (fn(&mut Value, &Yard), &'static str, &'static str);

fn open(change: impl Fn(&mut Value, &Yard)) -> Vec<Problem> {
    let yard = Yard::new();
    fs::create_dir_all(yard.rootfs("")).unwrap();
    fs::write(yard.rootfs("app.wasm"), MODULE).unwrap();
    let mut config = json!({
        "ociVersion": "1.0.2",
        "process": { "user": {}, "args": ["/app.wasm"], "cwd": "/" },
        "root": { "path": "rootfs" },
        "mounts": [{ "destination": "/dev/" }],
    });
    change(&mut config, &yard);
    fs::write(yard.bundle().join("config.json"), config.to_string()).unwrap();
    Bundle::open(yard.bundle()).unwrap().problems()
}

#[test]
fn a_bundle_of_ours_has_none() {
    let yard = Yard::new();
    let workload =
        Workload::new(["/app.wasm"]).cwd("/srv").mount(Mount::new(yard.path().join("canary"), "/data"));
    let spec = workload.to_spec(Handler::Compat).unwrap();
    let bundle = Bundle::write(yard.bundle(), &spec, &image(&[app().end()]), Overwrite::Refuse).unwrap();
    assert_eq!(bundle.problems(), []);
    assert_eq!(bundle.select(&Runtime::crun()).selection, Selection::Wasm(Engine::WasmEdge));
    assert_eq!(open(|_, _| ()), []);
}

#[test]
fn each_problem_is_found() {
    let variant = |value: &str| json!({ "module.wasm.image/variant": value });
    let cases: [Case; 8] = [
        (
            |_, yard| fs::remove_file(yard.rootfs("app.wasm")).unwrap(),
            "no-program",
            "the program \"/app.wasm\" is not in",
        ),
        (|config, _| config["process"]["args"][0] = json!("tool"), "no-program", "\"tool\""),
        (
            |config, _| config["annotations"] = json!({ "module.wasm.image/variant": "smart-compat" }),
            "unknown-variant",
            "no runtime knows the value \"smart-compat\"",
        ),
        (
            |config, _| {
                config["annotations"] =
                    json!({ "module.wasm.image/variant": "compat", "run.oci.handler": "x" });
            },
            "hidden-variant",
            "run.oci.handler hides module.wasm.image/variant",
        ),
        (
            |config, _| {
                config["mounts"] = json!([
                    { "destination": "/dev" }, { "destination": "/d", "source": "/no/such", "options": ["bind"] },
                ]);
            },
            "no-mount-source",
            "\"/no/such\", which is to be mounted, is not on this machine",
        ),
        (
            |config, _| config["process"]["cwd"] = json!("/srv"),
            "no-working-directory",
            "the working directory \"/srv\"",
        ),
        (|config, _| drop(config.as_object_mut().unwrap().remove("mounts")), "no-mounts", "crun refuses"),
        (|config, _| config["mounts"] = json!([]), "no-devices", "nothing is mounted to /dev"),
    ];
    for (change, id, message) in cases {
        let problems = open(change);
        assert_eq!(problems.iter().map(Problem::id).collect::<Vec<_>>(), [id]);
        assert!(problems[0].to_string().contains(message), "{}", problems[0]);
        assert!(!problems[0].help().is_empty());
    }
    for value in ["compat", "compat-smart"] {
        assert_eq!(open(|config, _| config["annotations"] = variant(value)), []);
    }
}

/// What is found elsewhere than in the root file system is no problem.
#[test]
fn programs_that_are_found_otherwise() {
    let in_path = open(|config, yard| {
        fs::create_dir(yard.rootfs("bin")).unwrap();
        fs::write(yard.rootfs("bin/tool"), "#!/bin/sh").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(yard.rootfs("bin/tool"), executable).unwrap();
        config["process"]["args"][0] = json!("tool");
        config["process"]["env"] = json!(["PATH=/sbin:/bin"]);
    });
    assert_eq!(in_path, []);
    let function = open(|config, _| config["process"]["args"][0] = json!("/app.wasm#main"));
    assert_eq!(function, []);
    let mounted = open(|config, _| {
        config["process"]["args"][0] = json!("/data/app.wasm");
        config["mounts"] = json!([{ "destination": "/dev" }, { "destination": "/data", "source": "/", "options": ["bind"] }]);
    });
    assert_eq!(mounted, []);
}
