//! Every manifest that we write, against the schemas of Kubernetes itself: strictly, so that a field that is not known is a
//! mistake.

use std::{fs, path::Path, process::Command};

use wasm_bundle::kubernetes::{App, Controller, Via, migrate};

const IMAGE: &str = "ghcr.io/me/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The oldest and the newest Kubernetes that the package has schemas of.
const RELEASES: [&str; 2] = ["1.25", "1.37"];

/// All kinds, with all that can be said and with nothing.
fn texts() -> Vec<String> {
    let mut texts = vec![];
    for via in [Via::Crun, Via::Youki, Via::Shim("wasmtime".into())] {
        for controller in [Controller::Pod, Controller::Deployment, Controller::Job] {
            let least = App::new("least", IMAGE, via.clone()).unwrap().controller(controller);
            let mut most =
                App::new("most", IMAGE, via.clone()).unwrap().controller(controller).port(8080).replicas(3);
            most.namespace = Some("shop".into());
            most.probe = Some("/healthz".into());
            most.command = vec!["/app.wasm".into()];
            most.args = vec!["1".into(), "true".into()];
            most.env = [("A".into(), "1".into()), ("B".into(), "yes".into())].into();
            most.autoscale = (controller == Controller::Deployment).then_some(9);
            texts.extend([least, most].map(|app| app.manifests().unwrap().to_yaml().unwrap()));
        }
    }
    let docker = "docker run -p 80:80 --runtime=io.containerd.wasmedge.v1 -e A=1 me/app:v1 1 true";
    texts.push(migrate(docker, &Via::Crun).unwrap().manifests.to_yaml().unwrap());
    texts
}

fn validate(program: &Path, file: &Path) -> (bool, String) {
    let releases = RELEASES.iter().flat_map(|release| ["-k", release]);
    let output = Command::new(program).arg("--strict").args(releases).arg(file).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn every_manifest_is_valid_in_the_oldest_and_the_newest_kubernetes() {
    let Some(program) = lab::need!("kubernetes-validate") else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("all.yaml");
    fs::write(&file, texts().join("---\n")).unwrap();
    let (valid, said) = validate(&program, &file);
    assert!(valid, "{said}");
    // The judge judges: a field that no Kubernetes has.
    fs::write(&file, texts()[0].replace("enableServiceLinks", "enableServiceLink")).unwrap();
    let (valid, said) = validate(&program, &file);
    assert!(!valid && said.contains("enableServiceLink"), "{said}");
}
