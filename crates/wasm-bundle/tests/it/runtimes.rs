//! The bundles on the real runtimes of the lab.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio, id},
    sync::atomic::{AtomicU32, Ordering},
};

use guests::Wat;
use tar::Header;
use tempfile::TempDir;
use wasm_bundle::{Bundle, Handler, Mount, Network, Workload};
use wasm_oci::{Artifact, Format, Overwrite, Pack};

use crate::image::{MODULE, Tar, image};

/// A container that is gone with this value, and what it ran in.
#[derive(Debug)]
struct Container {
    runtime: PathBuf,
    name: String,
    dir: TempDir,
}

impl Container {
    fn new(runtime: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("wasm-bundle-{}-{}", id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = TempDir::new().unwrap();
        // The container's user looks into it.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { runtime: runtime.to_owned(), name, dir }
    }

    fn bundle(&self) -> PathBuf {
        self.dir.path().join("bundle")
    }

    /// Writes a bundle of a guest that runs `/app.wasm` and runs it to its end.
    fn run_guest(&self, guest: Wat, handler: Handler, workload: &Workload) -> Output {
        let image = Pack::new(guest.wasm(), "/app.wasm").unwrap().build(Format::Compat).unwrap();
        let spec = workload.to_spec(handler).unwrap();
        Bundle::write(self.bundle(), &spec, &image, Overwrite::Refuse).unwrap();
        self.run()
    }

    fn run(&self) -> Output {
        self.command().arg("run").arg("-b").arg(self.bundle()).arg(&self.name).output().unwrap()
    }

    /// The runtime, which is ended when it takes a minute.
    fn command(&self) -> Command {
        let runtime = lab::container_command(&self.runtime);
        let mut command = Command::new("timeout");
        command.args(["-k", "1", "60"]).arg(runtime.get_program()).args(runtime.get_args());
        // What a container inherits would keep a pipe to us open.
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.command().args(["delete", "-f", &self.name]).output();
    }
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn app() -> Workload {
    Workload::new(["/app.wasm"])
}

#[test]
fn crun_says_hello_with_either_handler() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    for handler in [Handler::Compat, Handler::CompatSmart] {
        let output = Container::new(&crun).run_guest(guests::HELLO, handler, &app());
        assert_eq!(stdout(&output), "Hello, World!\n", "{handler}: {output:?}");
        assert!(output.status.success(), "{handler}: {output:?}");
    }
}

#[test]
fn crun_takes_every_network() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    for network in [Network::Isolated, Network::Host, Network::Path("/proc/self/ns/net".into())] {
        let workload = app().network(network);
        let output = Container::new(&crun).run_guest(guests::HELLO, Handler::Compat, &workload);
        assert_eq!(stdout(&output), "Hello, World!\n", "{workload:?}: {output:?}");
    }
}

#[test]
fn crun_hands_on_what_the_workload_says() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let workload = app()
        .args(["app.wasm", "a b", "ä"])
        .env("MODE= x ")
        .env("EMPTY=")
        .user(1000, 1000)
        .hostname("h".repeat(64));
    let output = Container::new(&crun).run_guest(guests::ARGS_ENV, Handler::Compat, &workload);
    let lines: Vec<_> = stdout(&output).lines().collect();
    for line in ["app.wasm", "a b", "ä", "MODE= x ", "EMPTY="] {
        assert!(lines.contains(&line), "{line:?} in {output:?}");
    }
}

#[test]
fn crun_mounts_what_is_granted_and_no_more_than_that() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&crun);
    let data = container.dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file.txt"), "granted\n").unwrap();
    let workload = app().cwd("/made/when/missing").mount(Mount::new(&data, "/data"));
    let output = container.run_guest(guests::READ_FILE, Handler::Compat, &workload);
    assert_eq!(stdout(&output), "granted\n", "{output:?}");

    // crun loses the guest's exit code; what it wrote, or not, is there to see.
    for read_only in [true, false] {
        let container = Container::new(&crun);
        let workload = app().read_only_root(read_only);
        container.run_guest(guests::WRITE_FILE, Handler::Compat, &workload);
        assert_eq!(container.bundle().join("rootfs/out.txt").exists(), !read_only);
    }
}

#[test]
fn crun_does_not_write_to_our_bundles() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&crun);
    container.run_guest(guests::HELLO, Handler::Compat, &app().cwd("/srv"));
    let names = |path: &str| -> Vec<_> {
        let mut names: Vec<_> =
            fs::read_dir(container.bundle().join(path)).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(""), ["config.json", "rootfs"]);
    assert_eq!(names("rootfs"), ["app.wasm", "dev", "proc", "srv"]);
    assert!(names("rootfs/dev").is_empty());
}

/// runc has no Wasm handler, but it makes a container of a bundle of this shape.
#[test]
fn runc_creates_a_container_without_a_handler() {
    let Some(runc) = lab::need!("runc") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&runc);
    let mut spec = app().to_spec(Handler::Compat).unwrap();
    spec.set_annotations(None);
    Bundle::write(container.bundle(), &spec, &executable(), Overwrite::Refuse).unwrap();

    let created =
        container.command().arg("create").arg("-b").arg(container.bundle()).arg(&container.name).status();
    assert!(created.unwrap().success());
    let state = container.command().arg("state").arg(&container.name).output().unwrap();
    assert!(stdout(&state).contains(r#""status": "created""#), "{state:?}");
}

/// An image whose program may be executed; runc looks.
fn executable() -> Artifact {
    let mut header = Header::new_ustar();
    header.set_path("app.wasm").unwrap();
    header.set_size(MODULE.len() as u64);
    header.set_mode(0o755);
    image(&[Tar::new().raw(header, MODULE).end()])
}
