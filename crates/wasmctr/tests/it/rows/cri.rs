//! Section 5.3.2 and 7.1: pods, as a kubelet starts them through containerd's CRI.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use lab::Containerd;
use serde_json::{Value, json};
use wasm_bundle::node::{Config, Runtime};

use super::{assert_hello, bounded, eventually, native, pack, ran, unique};
use crate::support::{Place, Ran, get_8080, port_8080};

const SERVER: &str = "localhost/wasm-demo-app:v1";
const NATIVE: &str = "localhost/native:v1";

/// What every node has, and what this test needs: no folder of the machine's, no network plugin, no rights that a
/// sandbox may lack.
const NODE: &str = r#"version = 2
disabled_plugins = ["io.containerd.internal.v1.opt"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/native:v1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "DIR/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.silent]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.silent.options]
      BinaryName = "crun"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.through]
    runtime_type = "io.containerd.runc.v2"
    pod_annotations = ["module.wasm.image/variant"]
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.through.options]
      BinaryName = "youki"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.based]
    runtime_type = "io.containerd.runc.v2"
    base_runtime_spec = "DIR/base.json"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.based.options]
      BinaryName = "crun"
"#;

/// A node without a kubelet: its containerd, and the client that makes a kubelet's calls.
struct Node {
    containerd: Containerd,
    client: PathBuf,
    place: Place,
    busybox: PathBuf,
}

/// A pod, removed with the value.
struct Pod<'a> {
    node: &'a Node,
    id: String,
    name: String,
}

impl Node {
    fn start() -> Option<Self> {
        let program = lab::need!("containerd")?;
        let crun = lab::need!("crun")?;
        let busybox = lab::need!("busybox")?;
        let client = client(&lab::here!())?;
        lab::need_root!()?;
        let place = Place::new();
        write_base(&program, &place.path().join("base.json"));
        let containerd =
            Containerd::start(&program, &place.path().join("ctd"), &configuration(&crun, place.path()))
                .unwrap();
        let node = Self { containerd, client, place, busybox };
        native::write(&node.place.path().join("native.tar"), &node.busybox, &["/busybox", "sleep", "86400"]);
        node.import("native.tar", "localhost/native");
        Some(node)
    }

    /// Imports an archive where CRI looks for images.
    fn import(&self, archive: &str, name: &str) {
        let mut ctr = self.containerd.ctr();
        ctr.args([
            "--namespace",
            "k8s.io",
            "image",
            "import",
            "--all-platforms",
            "--base-name",
            name,
            archive,
        ]);
        ran(ctr.current_dir(self.place.path())).ok();
    }

    fn import_server(&self, guest: &Path) {
        pack(&self.place, guest, "oci-archive:demo.tar:v1", "wasi/wasm");
        self.import("demo.tar", "localhost/wasm-demo-app");
    }

    fn call(&self, args: &[&str]) -> Ran {
        let mut client = Command::new(&self.client);
        client.arg(self.containerd.address()).args(args).current_dir(self.place.path());
        ran(&mut bounded(&client))
    }

    /// Starts a pod; its id, and how it went.
    fn run(&self, name: &str, handler: &str, variant: &str, containers: &Value) -> (Pod<'_>, Ran) {
        let name = unique(name);
        let pod = json!({
            "name": &name,
            "handler": handler,
            "annotations": { "module.wasm.image/variant": variant },
            "log_directory": self.place.path().join("logs"),
            "containers": containers,
        });
        fs::write(self.place.path().join("pod.json"), pod.to_string()).unwrap();
        let ran = self.call(&["run", "pod.json"]);
        let id = ran.stdout.lines().next().unwrap_or_default().to_owned();
        assert!(!id.is_empty(), "no sandbox: {ran:?}\n{}", self.containerd.log());
        (Pod { node: self, id, name }, ran)
    }

    fn log(&self, container: &str) -> String {
        fs::read_to_string(self.place.path().join("logs").join(container).with_extension("log"))
            .unwrap_or_default()
    }
}

impl Pod<'_> {
    fn states(&self) -> Vec<String> {
        let mut states: Vec<_> =
            self.node.call(&["states", &self.id]).ok().lines().map(str::to_owned).collect();
        states.sort();
        states
    }
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        self.node.call(&["remove", &self.id]);
        // As a kubelet does: the client has named the pod's group so.
        lab::remove_cgroups(&self.name);
    }
}

/// The node's file with our runtime in it, as `wasmctr node` writes it.
fn configuration(crun: &Path, dir: &Path) -> String {
    let mut config = Config::parse(&NODE.replace("DIR", dir.to_str().unwrap())).unwrap();
    config.set(&format!("crun={}", crun.display()).parse().unwrap()).unwrap();
    config.set(&"youki=youki".parse().unwrap()).unwrap();
    config.to_string().replace(Runtime::BASE, dir.join("base.json").to_str().unwrap())
}

/// What `ctr oci spec` prints, with the annotation, by the line that the book has.
fn write_base(containerd: &Path, file: &Path) {
    let script = Runtime::WRITE_BASE.replace(Runtime::BASE, file.to_str().unwrap());
    let mut shell = Command::new("sh");
    let path = [containerd.parent().unwrap().to_str().unwrap(), &std::env::var("PATH").unwrap()].join(":");
    ran(shell.args(["-c", &script]).env("PATH", path)).ok();
}

/// The client that `cargo xtask cri` builds.
fn client(test: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/cri-client/debug/cri-client");
    lab::require(path.is_file().then_some(path), "the CRI client", "cargo xtask cri", test)
}

/// The pause container is an ordinary program although the pod asks for WebAssembly whatever a program is called: crun
/// knows it by containerd's own annotation.
#[test]
fn a_pod_of_a_runtime_class() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(node) = Node::start() else { return };
    node.import_server(&guest);
    let _port = port_8080();
    let (pod, ran) = node.run("plain", "crun", "compat", &json!([{ "name": "server", "image": SERVER }]));
    assert_eq!(ran.code, Some(0), "{ran:?}\n{}", node.containerd.log());
    assert_hello(&get_8080());
    assert_eq!(pod.states(), ["server CONTAINER_RUNNING 0"]);
    assert_eq!(node.call(&["remove", &pod.id]).code, Some(0));
    assert_eq!(
        super::ran(node.containerd.ctr().args(["--namespace", "k8s.io", "task", "ls", "--quiet"])).ok(),
        ""
    );
}

/// What a pod of youki needs, on crun: containerd gives the base specification of a handler to containers, and not to the
/// sandbox.
#[test]
fn a_base_specification_is_for_containers_alone() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(node) = Node::start() else { return };
    node.import_server(&guest);
    let _port = port_8080();
    let (pod, ran) = node.run("based", "based", "compat", &json!([{ "name": "server", "image": SERVER }]));
    assert_eq!(ran.code, Some(0), "{ran:?}\n{}", node.containerd.log());
    assert_hello(&get_8080());
    assert_eq!(pod.states(), ["server CONTAINER_RUNNING 0"]);
    let info =
        super::ran(node.containerd.ctr().args(["--namespace", "k8s.io", "container", "info", &pod.id]));
    let sandbox: Value = serde_json::from_str(&info.ok()).unwrap();
    assert_eq!(sandbox["Spec"]["annotations"]["io.kubernetes.cri.container-type"], "sandbox");
    assert_eq!(sandbox["Spec"]["annotations"]["module.wasm.image/variant"], Value::Null);
}

/// With what `wasmctr node` writes for youki.
#[test]
fn a_pod_on_youki() {
    let Some(guest) = guests::need!("hello-world") else { return };
    let Some(_) = lab::need!("youki") else { return };
    let Some(node) = Node::start() else { return };
    node.import_server(&guest);
    let containers = json!([{ "name": "hello", "image": SERVER }]);
    let (_pod, ran) = node.run("youki", "youki", "compat", &containers);
    assert_eq!(ran.code, Some(0), "{ran:?}\n{}", node.containerd.log());
    eventually("the guest has said something", || node.log("hello").contains("Hello, World!"));
}

/// youki takes the pause container for WebAssembly as well.
#[test]
fn a_pod_on_youki_whose_annotation_gets_through() {
    let Some(_) = lab::need!("youki") else { return };
    let Some(node) = Node::start() else { return };
    let pod = json!({ "name": unique("through"), "handler": "through", "log_directory": "/",
        "annotations": { "module.wasm.image/variant": "compat" }, "containers": [] });
    fs::write(node.place.path().join("pod.json"), pod.to_string()).unwrap();
    let ran = node.call(&["run", "pod.json"]);
    let tasks = || super::ran(node.containerd.ctr().args(["--namespace", "k8s.io", "task", "ls"])).ok();
    eventually("the pause container has ended", || ran.code == Some(1) || !tasks().contains("RUNNING"));
}

/// `compat-smart`: the sidecar is a Linux program, and asks the server over the pod's network.
#[test]
fn a_wasm_and_a_linux_container_in_one_pod() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(node) = Node::start() else { return };
    node.import_server(&guest);
    let ask = "until /busybox wget -q -O - http://127.0.0.1:8080/; do /busybox sleep 0.1; done";
    let containers = json!([
        { "name": "server", "image": SERVER },
        { "name": "sidecar", "image": NATIVE, "command": ["/busybox", "sh", "-c", ask] },
    ]);
    let _port = port_8080();
    let (pod, ran) = node.run("smart", "crun", "compat-smart", &containers);
    assert_eq!(ran.code, Some(0), "{ran:?}\n{}", node.containerd.log());
    eventually("the sidecar has its answer", || node.log("sidecar").contains("Hello, World!"));
    eventually("the sidecar has ended", || {
        pod.states() == ["server CONTAINER_RUNNING 0", "sidecar CONTAINER_EXITED 0"]
    });
    assert_hello(&get_8080());
}

/// The same pod where the handler lets no annotation through: what users meet as `Exec format error`.
#[test]
fn a_handler_that_drops_the_annotation() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(node) = Node::start() else { return };
    node.import_server(&guest);
    let containers = json!([{ "name": "server", "image": SERVER }]);
    let (pod, ran) = node.run("dropped", "silent", "compat", &containers);
    // Told at once, or by a container that has ended.
    eventually("the container has failed", || {
        ran.code == Some(1) || pod.states().iter().any(|state| state.starts_with("server CONTAINER_EXITED "))
    });
    let told = format!("{}{}", ran.stderr, node.log("server")).to_lowercase();
    assert!(told.contains("exec format error"), "{ran:?} {:?} {told:?}", pod.states());
}
