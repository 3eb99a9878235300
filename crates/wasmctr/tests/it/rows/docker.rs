//! Section 5.3.1: Docker, with crun as one of its runtimes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use lab::Daemon;
use serde_json::json;

use super::{assert_hello, bounded, linux, pack, ran};
use crate::support::{Place, get_8080, port_8080};

const IMAGE: &str = "localhost/wasm-demo-app:v1";

/// A dockerd with a containerd of its own, in one directory.
struct Docker {
    client: PathBuf,
    socket: String,
    daemon: Daemon,
}

impl Docker {
    fn start(dockerd: &Path, client: PathBuf, crun: &Path, place: &Place) -> Self {
        let dir = place.path().join("docker");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("containerd.toml"), lab::Containerd::WITHOUT_CRI).unwrap();
        let runtimes = json!({ "runtimes": { "crun": { "path": crun } } });
        fs::write(dir.join("daemon.json"), runtimes.to_string()).unwrap();
        let bin = dockerd.parent().unwrap().display();
        let dir = dir.display();
        let script = format!(
            "export PATH={bin}:$PATH
            containerd --config {dir}/containerd.toml --root {dir}/c --state {dir}/s --address {dir}/c.sock \
              > {dir}/containerd.log 2>&1 &
            for i in $(seq 500); do [ -S {dir}/c.sock ] && break; sleep 0.01; done
            exec dockerd --iptables=false --ip6tables=false --bridge=none --containerd={dir}/c.sock \
              --data-root={dir}/data --exec-root={dir}/exec --pidfile={dir}/pid --host=unix://{dir}/d.sock \
              --config-file={dir}/daemon.json --userland-proxy=false"
        );
        let socket = format!("unix://{dir}/d.sock");
        let mut command = lab::isolated_command(Path::new("sh"));
        command.args(["-c", &script]).current_dir(place.path());
        let ready = || ran(call(&client, &socket).arg("version")).code == Some(0);
        let daemon = Daemon::start(command, &place.path().join("dockerd.log"), ready).unwrap();
        Self { client, socket, daemon }
    }

    fn call(&self, args: &[&str]) -> Command {
        let mut command = call(&self.client, &self.socket);
        command.args(args);
        command
    }
}

/// The client, which is ended when it takes a minute.
fn call(client: &Path, socket: &str) -> Command {
    bounded(Command::new(client).args(["--host", socket]))
}

#[test]
fn crun_as_a_runtime() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(dockerd) = lab::need!("dockerd") else { return };
    let Some(client) = lab::need!("docker") else { return };
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    pack(&place, &guest, &format!("docker-archive:demo.tar:{IMAGE}"), &linux());
    let docker = Docker::start(&dockerd, client, &crun, &place);
    ran(docker.call(&["load", "-i", "demo.tar"]).current_dir(place.path())).ok();

    let run = ["run", "--network", "host", "--runtime", "crun"];
    let plain = ran(docker.call(&run).args(["--rm", IMAGE]));
    assert_ne!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stderr.to_lowercase().contains("exec format error"), "{plain:?}");

    let _port = port_8080();
    let annotation = ["--annotation", "module.wasm.image/variant=compat"];
    let detached = ["--detach", "--name", "wasm-demo-app"];
    let started = ran(docker.call(&run).args(detached).args(annotation).arg(IMAGE));
    assert_eq!(started.code, Some(0), "{started:?}\n{}", docker.daemon.log());
    assert_hello(&get_8080());
    ran(&mut docker.call(&["kill", "--signal", "KILL", "wasm-demo-app"])).ok();
    ran(&mut docker.call(&["rm", "--force", "wasm-demo-app"])).ok();
}
