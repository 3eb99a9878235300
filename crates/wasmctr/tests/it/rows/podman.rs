//! podman, in the place of Docker: by annotation, and by platform.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use lab::Daemon;

use super::{assert_hello, bounded, linux, pack, ran};
use crate::support::{Place, get_8080, port_8080};

const VARIANT: &str = "module.wasm.image/variant=compat";

/// A podman that keeps everything in one directory and starts the lab's crun.
struct Podman {
    program: PathBuf,
    dir: PathBuf,
}

impl Podman {
    fn new(program: PathBuf, conmon: &Path, crun: &Path, place: &Place) -> Self {
        let dir = place.path().join("podman");
        fs::create_dir(&dir).unwrap();
        // crun asks for no annotation when it is called so: what podman wants for images of WebAssembly.
        let wasm = dir.join("crun-wasm");
        symlink(crun, &wasm).unwrap();
        let helpers = lab::prefix().join("podman/root/usr/lib/podman");
        let configuration = format!(
            "[containers]\nlog_driver = \"k8s-file\"\n\
             [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nlock_type = \"file\"\n\
             runtime = \"crun\"\nconmon_path = [{conmon:?}]\n\
             helper_binaries_dir = [{helpers:?}, \"/usr/libexec/podman\", \"/usr/lib/podman\"]\n\n"
        );
        // What `wasmctr node` writes: images of WebAssembly go to the first.
        let runtimes = [("crun-wasm", wasm.as_path()), ("crun", crun)];
        let runtimes = runtimes.map(|(name, path)| format!("{name}={}", path.display()).parse().unwrap());
        let configuration = configuration + &wasm_bundle::node::podman(&runtimes).unwrap();
        fs::write(dir.join("containers.conf"), configuration).unwrap();
        fs::write(dir.join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
        fs::write(dir.join("empty.conf"), "").unwrap();
        Self { program, dir }
    }

    /// One call, in namespaces of its own.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = lab::isolated_command(&self.program);
        for (flag, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(flag).arg(self.dir.join(name));
        }
        command.args(["--storage-driver", "overlay"]).args(args);
        command.env("CONTAINERS_CONF", self.dir.join("containers.conf"));
        command.env("CONTAINERS_STORAGE_CONF", self.dir.join("empty.conf"));
        command.env("CONTAINERS_REGISTRIES_CONF", self.dir.join("empty.conf"));
        command.env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        command
    }

    /// Loads an archive; what the image is called.
    fn load(&self, archive: &Path) -> String {
        let policy = self.dir.join("policy.json");
        let args = ["load", "--quiet", "--signature-policy", policy.to_str().unwrap(), "-i"];
        let said = ran(&mut bounded(self.command(&args).arg(archive))).ok();
        said.trim().rsplit(": ").next().unwrap().to_owned()
    }

    /// Runs the server until it has answered.
    fn serves(&self, flags: &[&str], image: &str) {
        let _port = port_8080();
        let args = [&["run", "--rm", "--network", "host", "--pull", "never"], flags, &[image]].concat();
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).is_ok();
        let server = Daemon::start(self.command(&args), &self.dir.join("podman.log"), listens).unwrap();
        let answer = get_8080();
        drop(server);
        assert_hello(&answer);
    }
}

/// podman of the lab, with everything that it needs.
fn podman(place: &Place) -> Option<Podman> {
    let podman = lab::need!("podman")?;
    let conmon = lab::need!("conmon")?;
    let crun = lab::need!("crun")?;
    lab::need_root!()?;
    Some(Podman::new(podman, &conmon, &crun, place))
}

/// podman with the guest loaded, and what the image is called.
fn loaded(place: &Place, archive: &str, platform: &str) -> Option<(Podman, String)> {
    let guest = guests::need!("http-server")?;
    let podman = podman(place)?;
    pack(place, &guest, archive, platform);
    let file = archive.split(':').nth(1).unwrap();
    let image = podman.load(&place.path().join(file));
    Some((podman, image))
}

/// podman 5.4 does not hand the annotations of an image's manifest on: only the flag says that it is WebAssembly.
#[test]
fn by_annotation() {
    let place = Place::new();
    let Some((podman, image)) = loaded(&place, "oci-archive:demo.tar:v1", &linux()) else { return };
    let plain = ran(&mut bounded(&podman.command(&["run", "--rm", "--network", "host", &image])));
    assert_ne!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stderr.to_lowercase().contains("exec format error"), "{plain:?}");
    podman.serves(&["--annotation", VARIANT], &image);
}

#[test]
fn by_platform() {
    let place = Place::new();
    let archive = "docker-archive:demo.tar:localhost/wasm-demo-app:v1";
    let Some((podman, image)) = loaded(&place, archive, "wasi/wasm") else { return };
    podman.serves(&["--platform", "wasi/wasm"], &image);
}

/// The platform of the image is enough, with a warning that it is not this machine's.
#[test]
fn by_what_the_image_says() {
    let place = Place::new();
    let Some((podman, image)) = loaded(&place, "oci-archive:demo.tar:v1", "wasi/wasm") else { return };
    podman.serves(&[], &image);
}
