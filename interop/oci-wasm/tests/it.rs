//! What the crate oci-wasm pushes we read, and it pulls what we write: modules and components, through docker-registry.
//! skopeo moves between the registry and a layout, which is where our side reads and writes.

#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use oci_wasm::{WasmClient, WasmConfig};
use wasm_oci::{Artifact, Format, Kind, Layout, Overwrite, Pack};

/// A registry, a directory, and skopeo.
struct Place {
    registry: lab::Registry,
    dir: tempfile::TempDir,
    skopeo: PathBuf,
}

impl Place {
    fn new() -> Option<Self> {
        let skopeo = lab::need!("skopeo")?;
        let program = lab::need!("docker-registry")?;
        let dir = tempfile::tempdir().unwrap();
        let registry = lab::Registry::start(&program, &dir.path().join("registry")).unwrap();
        Some(Self { registry, dir, skopeo })
    }

    fn reference(&self, name: &str) -> Reference {
        format!("{}/{name}:v1", self.registry.address()).parse().unwrap()
    }

    fn layout(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn remote(&self, name: &str) -> String {
        format!("docker://{}", self.reference(name))
    }

    fn copy(&self, from: &str, to: &str) {
        let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        let output = Command::new(&self.skopeo)
            .args(["--insecure-policy", "copy", tls[0], tls[1], from, to])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Puts an artifact of ours into the registry.
    fn push(&self, name: &str, artifact: &Artifact) {
        let layout = self.layout(name);
        Layout::write(&layout, "v1", artifact, Overwrite::Refuse).unwrap();
        self.copy(&local(&layout), &self.remote(name));
    }

    /// Reads what is in the registry.
    fn pull(&self, name: &str) -> Artifact {
        let layout = self.layout(name);
        self.copy(&self.remote(name), &local(&layout));
        Layout::open(&layout).unwrap().artifact(Some("v1")).unwrap()
    }
}

fn local(layout: &Path) -> String {
    format!("oci:{}:v1", layout.display())
}

fn client() -> WasmClient {
    let config = ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() };
    WasmClient::new(Client::new(config))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A module, and a component that imports and exports.
fn programs() -> [(Kind, Vec<u8>); 2] {
    let component = r#"(component
        (import "wasi:cli/environment@0.2.0"
            (instance (export "get-arguments" (func (result (list string))))))
        (core module $module (func (export "go")))
        (core instance $instance (instantiate $module))
        (func $go (canon lift (core func $instance "go")))
        (export "go" (func $go))
    )"#;
    [(Kind::Module, guests::HELLO.wasm().to_vec()), (Kind::Component, wat::parse_str(component).unwrap())]
}

#[test]
fn it_reads_what_we_write() {
    let Some(place) = Place::new() else { return };
    for (kind, wasm) in programs() {
        let artifact = Pack::new(wasm.clone(), "/app.wasm").unwrap().build(Format::Artifact).unwrap();
        let name = format!("ours-{kind}");
        place.push(&name, &artifact);
        let (reference, auth) = (place.reference(&name), RegistryAuth::Anonymous);
        let image = run(client().pull(&reference, &auth)).unwrap();
        assert_eq!(image.layers[0].data, wasm, "{kind}");
        assert_eq!(image.digest.unwrap(), artifact.digest().to_string());
        let (_, config, digest) = run(client().pull_manifest_and_config(&reference, &auth)).unwrap();
        assert_eq!(digest, artifact.digest().to_string());
        assert_eq!(config.architecture, "wasm");
        assert_eq!(config.os, if kind == Kind::Module { "wasip1" } else { "wasip2" });
        assert_eq!(config.component.is_some(), kind == Kind::Component);
        assert_eq!(config.layer_digests, [artifact.layers()[0].descriptor().digest().to_string()]);
    }
}

#[test]
fn we_read_what_it_writes() {
    let Some(place) = Place::new() else { return };
    for (kind, wasm) in programs() {
        let name = format!("its-{kind}");
        let (config, layer) = match kind {
            Kind::Module => WasmConfig::from_raw_module(wasm.clone(), Some("A".into())),
            Kind::Component => WasmConfig::from_raw_component(wasm.clone(), Some("A".into())),
        }
        .unwrap();
        let annotations = [("org.opencontainers.image.version".to_owned(), "1.0".to_owned())].into();
        run(client().push(
            &place.reference(&name),
            &RegistryAuth::Anonymous,
            layer,
            config,
            Some(annotations),
        ))
        .unwrap();
        let artifact = place.pull(&name);
        assert_eq!(artifact.format(), Format::Artifact);
        assert_eq!(artifact.wasm().unwrap(), wasm, "{kind}");
        assert_eq!(artifact.config().author().as_deref(), Some("A"));
        let annotations = artifact.manifest().annotations().clone().unwrap();
        assert_eq!(annotations["org.opencontainers.image.version"], "1.0");
    }
}

/// Field by field but for the date, which it takes from the clock, our config is its config.
#[test]
fn configs_are_the_same() {
    for (kind, wasm) in programs() {
        let (theirs, _) = match kind {
            Kind::Module => WasmConfig::from_raw_module(wasm.clone(), None),
            Kind::Component => WasmConfig::from_raw_component(wasm.clone(), None),
        }
        .unwrap();
        let ours = Pack::new(wasm, "/app.wasm").unwrap().build(Format::Artifact).unwrap();
        let ours: WasmConfig = serde_json::from_slice(ours.config_bytes()).unwrap();
        assert_eq!(ours.os, theirs.os);
        assert_eq!(ours.architecture, theirs.architecture);
        assert_eq!(ours.layer_digests, theirs.layer_digests);
        assert_eq!(ours.author, theirs.author);
        let names = |config: &WasmConfig| {
            config.component.as_ref().map(|component| (component.imports.clone(), component.exports.clone()))
        };
        assert_eq!(names(&ours), names(&theirs), "{kind}");
    }
}
