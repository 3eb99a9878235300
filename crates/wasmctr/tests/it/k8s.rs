//! `wasmctr k8s` and `wasmctr node`: flags, exit codes, files.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::support::{Place, Ran};

const IMAGE: &str = "ghcr.io/me/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn an_image_needs_a_digest() {
    let place = Place::new();
    place
        .wasmctr(&["k8s", "ghcr.io/me/app:v1", "--via", "crun"])
        .fails(1, "the image `ghcr.io/me/app:v1` has no digest, so that nobody knows what it will be")
        .with("help: write ghcr.io/me/app:v1@sha256:…, or name the image here with --layout oci:DIR:TAG");
    let yaml = place.wasmctr(&["k8s", IMAGE, "--via", "crun"]).ok();
    assert!(yaml.contains("  name: app\n") && yaml.contains(IMAGE), "{yaml}");
}

/// The digest is that of the image here, which the runtime must take.
#[test]
fn the_image_here_is_looked_at() {
    let place = Place::new();
    let wasm = place.file("app.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", wasm, "-o", "oci:out:compat"]).ok();
    place.wasmctr(&["pack", wasm, "-o", "oci:out:artifact", "--format", "artifact"]).ok();
    let with = |layout: &str, via: &str| {
        place.wasmctr(&["k8s", "ghcr.io/me/app:v1", "--via", via, "--layout", layout])
    };
    let yaml = with("oci:out:compat", "crun").ok();
    let inspected = place.wasmctr(&["inspect", "oci:out:compat", "--format", "json"]).ok();
    let digest =
        serde_json::from_str::<Value>(&inspected).unwrap()["image"]["digest"].as_str().unwrap().to_owned();
    assert!(yaml.contains(&format!("image: ghcr.io/me/app:v1@{digest}\n")), "{yaml}");
    let refused = with("oci:out:artifact", "crun");
    let line = refused.stderr.lines().next().unwrap_or_default().to_owned();
    assert!(line.starts_with("error: crun does not take `oci:out:artifact`: "), "{refused:?}");
    with("oci:out:artifact", "shim").ok();
    let other = place.wasmctr(&["k8s", IMAGE, "--via", "crun", "--layout", "oci:out:compat"]);
    assert!(other.stderr.contains(", and not what `ghcr.io/me/app@sha256:"), "{other:?}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_flag_is_in_the_manifests() {
    let place = Place::new();
    let args = [
        "k8s",
        IMAGE,
        "--via",
        "shim-spin",
        "--name",
        "shop",
        "--handler",
        "spin-v2",
        "--namespace",
        "prod",
        "--replicas",
        "2",
        "--autoscale",
        "5",
        "--port",
        "80",
        "--probe",
        "/health",
        "--memory",
        "32Mi",
        "--cpu",
        "250m",
        "--env",
        "A=b=c",
        "--node",
        "pool=wasm",
        "--command",
        "/",
        "--",
        "--flag",
        "x",
    ];
    let yaml = place.wasmctr(&args).ok();
    for part in [
        "handler: spin-v2\n",
        "    pool: wasm\n",
        "  namespace: prod\n",
        "  name: shop\n",
        "minReplicas: 2\n",
        "maxReplicas: 5\n",
        "containerPort: 80\n",
        "path: /health\n",
        "memory: 32Mi\n",
        "cpu: 250m\n",
        "value: b=c\n",
        "        command:\n        - /\n",
        "        - --flag\n        - x\n",
    ] {
        assert!(yaml.contains(part), "{part:?} is not in {yaml}");
    }
    let any = place.wasmctr(&["k8s", IMAGE, "--via", "crun", "--node", "any"]).ok();
    assert!(!any.contains("scheduling"), "{any}");
    place.wasmctr(&["k8s", IMAGE, "--via", "runc"]).code.map(|code| assert_eq!(code, 2)).unwrap();
}

#[test]
fn lint_ends_with_3_and_says_why() {
    let place = Place::new();
    let yaml = place.wasmctr(&["k8s", IMAGE, "--via", "crun"]).ok();
    let sound = place.file("sound.yaml", yaml.as_bytes());
    assert_eq!(place.wasmctr(&["k8s", "lint", sound]).ok(), "nothing to complain about\n");
    let broken = yaml.replace("compat-smart", "smart-compat").replace(IMAGE, "ghcr.io/me/app:latest");
    let broken = place.file("broken.yaml", broken);
    let ran = place.wasmctr(&["k8s", "lint", broken, "--format", "json"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let ids: Vec<_> = document["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
    assert_eq!(ids, ["annotation-value", "image-latest"]);
    let fields: Vec<_> = document["findings"][0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["fix", "found", "id", "meaning", "place"]);
    let allowed = ["k8s", "lint", broken, "--allow", "annotation-value", "--allow", "image-latest"];
    place.wasmctr(&allowed).ok();
    let bomb = place.file("bomb.yaml", "a: &a [*a]\n");
    place.wasmctr(&["k8s", "lint", bomb]).fails(1, "the manifest cannot be read");
    place.wasmctr(&["k8s", "lint", "none.yaml"]).fails(1, "cannot read `none.yaml`");
}

/// The image tells what the manifest does not.
#[test]
fn lint_takes_the_image() {
    let place = Place::new();
    let wasm = place.file("app.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", wasm, "-o", "oci:out:artifact", "--format", "artifact"]).ok();
    let yaml = place.wasmctr(&["k8s", IMAGE, "--via", "crun"]).ok();
    let file = place.file("app.yaml", yaml);
    let ran = place.wasmctr(&["k8s", "lint", file, "--layout", "oci:out:artifact"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.starts_with("image-refused: Deployment/app container app: "), "{ran:?}");
}

/// A file is replaced in one step, keeps its rights, and is left alone when it cannot be edited.
#[test]
fn a_nodes_file_is_edited_in_place() {
    let place = Place::new();
    let file = place.file("config.toml", "version = 2 # mine\n");
    let path = place.path().join(file);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let edit = ["node", "--runtime", "crun", "--edit", file, "--write"];
    let ran = place.wasmctr(&edit);
    assert!(
        ran.stderr.starts_with("file        config.toml, then systemctl restart containerd\n"),
        "{ran:?}"
    );
    assert_eq!(ran.ok(), "");
    let once = fs::read_to_string(&path).unwrap();
    assert!(once.starts_with("version = 2 # mine\n") && once.contains("runtimes.crun"), "{once}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    place.wasmctr(&edit).ok();
    assert_eq!(fs::read_to_string(&path).unwrap(), once);
    assert_eq!(place.wasmctr(&["node", "--check", file]).ok(), "nothing to complain about\n");

    place.file("config.toml", "version = 1\n");
    place.wasmctr(&edit).fails(1, "the containerd configuration is of version 1").with(
        "help: write `version = 2` for containerd 1.x, or `version = 3` for 2.x, in front of all tables",
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "version = 1\n");
    assert_eq!(place.names(), ["config.toml"]);
}

#[test]
fn where_there_is_one_file_it_has_to_be_edited() {
    let place = Place::new();
    place
        .wasmctr(&["node", "--runtime", "crun", "--containerd", "1.7.24"])
        .fails(1, "a drop-in for containerd 1.x would replace everything that its configuration says of CRI")
        .with("help: edit its configuration itself: `wasmctr node --edit /etc/containerd/config.toml`");
    for engine in ["k3s", "rke2", "k0s", "kind", "crio", "podman"] {
        let ran: Ran =
            place.wasmctr(&["node", "--runtime", "crun", "--engine", engine, "--containerd", "1.7"]);
        assert!(ran.stderr.starts_with("file        "), "{ran:?}");
        assert!(ran.ok().contains("crun"), "{engine}");
    }
    place.wasmctr(&["node"]).code.map(|code| assert_eq!(code, 2)).unwrap();
    let shim = place.wasmctr(&["node", "--runtime", "wasmtime", "--engine", "podman"]);
    shim.fails(1, r#"runtime "wasmtime" is a containerd shim, which podman does not start"#);
}
