//! The rows of the walkthrough, each against the real thing of the lab. The book has a page for each.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Place, Ran};

mod containerd;
mod cri;
mod crun;
mod docker;
mod native;
mod podman;
mod slim;
mod youki;

#[test]
fn no_file_is_forgotten() {
    lab::assert_all_listed(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/rows"), include_str!("rows.rs"));
}

/// What the guest of the walkthrough answers.
#[track_caller]
fn assert_hello(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nHello, World!"), "{answer}");
}

/// The pages show the commands that these tests run.
#[test]
fn the_book_says_the_same() {
    let containerd = include_str!("../../../../book/src/containerd.md");
    for part in [
        "ctr image import --all-platforms --base-name localhost/wasm-demo-app demo.tar",
        "ctr run --rm --net-host --runc-binary crun --runtime io.containerd.runc.v2",
        "--label module.wasm.image/variant=compat localhost/wasm-demo-app:v1 wasm-demo-app",
        "ctr task kill --signal SIGKILL wasm-demo-app",
    ] {
        assert!(containerd.contains(part), "{part}");
    }
    let others = include_str!("../../../../book/src/podman-docker.md");
    for part in [
        "--platform linux/amd64 -o docker-archive:demo.tar:localhost/wasm-demo-app:v1",
        "docker run --detach --network host --runtime crun",
        "podman run --rm --network host --platform wasi/wasm",
        "podman run --rm --network host --annotation module.wasm.image/variant=compat",
    ] {
        assert!(others.contains(part), "{part}");
    }
}

/// Packs a guest as one file, `location` being `oci-archive:` or `docker-archive:`.
fn pack(place: &Place, guest: &Path, location: &str, platform: &str) {
    place.wasmctr(&["pack", guest.to_str().unwrap(), "-o", location, "--platform", platform]).ok();
}

/// A name that no other test's container has.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// The platform of this machine, as Docker writes it.
fn linux() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

/// The same command, which is ended when it takes a minute.
fn bounded(command: &Command) -> Command {
    let mut bounded = Command::new("timeout");
    bounded.args(["-k", "1", "60"]).arg(command.get_program()).args(command.get_args());
    bounded.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.get_current_dir().into_iter().for_each(|dir| {
        bounded.current_dir(dir);
    });
    bounded
}

/// Runs a command whose end is bounded by what it begins with.
fn ran(command: &mut Command) -> Ran {
    Ran::of(command.stdin(Stdio::null()).output().unwrap())
}

/// Waits until something is so, for at most ten seconds.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A runtime that is called by hand, as in section 5.2.2: its containers are gone with this value.
struct Runtime<'a> {
    program: &'a Path,
    place: &'a Place,
    container: String,
}

impl Runtime<'_> {
    /// One call, which is ended when it takes a minute.
    fn call(&self, args: &[&str]) -> Command {
        let mut runtime = lab::container_command(self.program);
        runtime.arg("--root").arg(self.place.path().join("state")).args(args);
        bounded(runtime.current_dir(self.place.path()))
    }
}

impl Drop for Runtime<'_> {
    fn drop(&mut self) {
        ran(&mut self.call(&["delete", "--force", &self.container]));
    }
}
