//! Section 5.2.3: containerd 1.7, with crun and with youki in the place of runc.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use lab::Containerd;

use super::{assert_hello, linux, pack, ran, unique};
use crate::support::{Place, ended, get_8080, lines, port_8080};

const IMAGE: &str = "localhost/wasm-demo-app:v1";
const VARIANT: &str = "module.wasm.image/variant=compat";

/// Starts a containerd and imports a guest as [`IMAGE`].
fn containerd(program: &Path, place: &Place, guest: &Path, platform: &str) -> Containerd {
    let containerd = Containerd::start(program, &place.path().join("ctd"), Containerd::WITHOUT_CRI).unwrap();
    pack(place, guest, "oci-archive:demo.tar:v1", platform);
    let mut import = containerd.ctr();
    import.args(["image", "import", "--all-platforms", "--base-name", "localhost/wasm-demo-app", "demo.tar"]);
    ran(import.current_dir(place.path())).ok();
    containerd
}

/// `ctr run` as the walkthrough has it.
fn run(containerd: &Containerd, place: &Place, flags: &[&str], container: &str) -> Command {
    let mut run = containerd.ctr();
    run.args(["run", "--rm", "--net-host", "--runtime", "io.containerd.runc.v2"]).args(flags);
    // Where both it and containerd, whose /run is its own, see the container's streams.
    run.arg("--fifo-dir").arg(place.path().join("fifo")).args([IMAGE, container]);
    run
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The server answers on the host's network until it is killed.
fn serves(flag: &str, platform: &str) {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(program) = lab::need!("containerd") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let containerd = containerd(&program, &place, &guest, platform);
    let container = unique("wasm-demo-app");
    let _port = port_8080();
    let client = start(run(&containerd, &place, &["--runc-binary", "crun", flag, VARIANT], &container));
    let answer = get_8080();
    ran(containerd.ctr().args(["task", "kill", "--signal", "SIGKILL", &container])).ok();
    let client = ended(client);
    assert_hello(&answer);
    assert_eq!(client.code, Some(137), "{client:?}\n{}", containerd.log());
    // `--rm` has removed what the walkthrough removes by hand.
    assert_eq!(ran(containerd.ctr().args(["container", "ls", "--quiet"])).ok(), "");
}

#[test]
fn crun_by_label() {
    serves("--label", "wasi/wasm");
}

#[test]
fn crun_by_annotation() {
    serves("--annotation", &linux());
}

#[test]
fn without_either_the_kernel_refuses_the_file() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(program) = lab::need!("containerd") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let containerd = containerd(&program, &place, &guest, "wasi/wasm");
    let plain = ended(start(run(&containerd, &place, &["--runc-binary", "crun"], &unique("plain"))));
    assert_ne!(plain.code, Some(0), "{plain:?}");
    assert!(plain.stderr.to_lowercase().contains("exec format error"), "{plain:?}");
}

#[test]
fn youki_by_label() {
    let Some(guest) = guests::need!("hello-world") else { return };
    let Some(program) = lab::need!("containerd") else { return };
    let Some(_) = lab::need!("youki") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let containerd = containerd(&program, &place, &guest, "wasi/wasm");
    let container = unique("wasm-demo-app");
    let flags = ["--runc-binary", "youki", "--label", VARIANT];
    let mut client = start(run(&containerd, &place, &flags, &container));
    let lines = lines(client.stdout.take().unwrap(), 2);
    ran(containerd.ctr().args(["task", "kill", "--signal", "SIGKILL", &container])).ok();
    let client = ended(client);
    assert_eq!(lines, "Hello, World!\nHello, World!\n", "{client:?}\n{}", containerd.log());
}
