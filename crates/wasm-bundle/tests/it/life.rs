//! The life of a container: create, start, state, kill, delete, on every runtime; and what limits and separates it.

use std::{fs, path::Path};

use serde_json::Value;
use tar::Header;
use wasm_bundle::{Bundle, Handler, Mount, Resources, UserNamespace, Workload};
use wasm_oci::{Artifact, Format, Overwrite, Pack};

use crate::{
    container::{Container, native, sleeper},
    image::{Tar, image},
};

/// A bundle with a guest that never ends.
fn endless(container: &Container, workload: &Workload) {
    let image = Pack::new(guests::LOOP.wasm(), "/app.wasm").unwrap().build(Format::Compat).unwrap();
    let spec = workload.to_spec(Handler::Compat).unwrap();
    Bundle::write(container.bundle(), &spec, &image, Overwrite::Refuse).unwrap();
}

fn app() -> Workload {
    Workload::new(["/app.wasm"])
}

fn live(container: &Container) {
    let created = container.create();
    assert!(created.status.success(), "{created:?}");
    assert_eq!(container.state().unwrap()["status"], "created");
    assert_eq!(container.state().unwrap()["bundle"], container.bundle().to_str().unwrap());
    let started = container.tell("start", &[]);
    assert!(started.status.success(), "{started:?}");
    container.wait_for("running");
    let killed = container.tell("kill", &["KILL"]);
    assert!(killed.status.success(), "{killed:?}");
    container.wait_for("stopped");
    let deleted = container.tell("delete", &[]);
    assert!(deleted.status.success(), "{deleted:?}");
    assert_eq!(container.state(), None);
}

#[test]
fn a_container_lives_on_crun() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&crun);
    endless(&container, &app());
    live(&container);
}

#[test]
fn a_container_lives_on_youki() {
    let Some(youki) = lab::need!("youki") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&youki);
    endless(&container, &app());
    live(&container);
}

/// runc has no Wasm handler: this is an image of several layers with a program of Linux, links and all.
#[test]
fn a_container_lives_on_runc() {
    let Some(runc) = lab::need!("runc") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&runc);
    let spec = Workload::new(["/bin/sleeper"]).to_spec(None).unwrap();
    Bundle::write(container.bundle(), &spec, &linux(), Overwrite::Refuse).unwrap();
    live(&container);
}

#[test]
fn programs_of_linux_are_found_through_links() {
    let Some(()) = lab::need_root!() else { return };
    let runtimes = [lab::need!("crun"), lab::need!("runc")];
    for runtime in runtimes.into_iter().flatten() {
        let container = Container::new(&runtime);
        let spec = Workload::new(["/sbin/tool"]).to_spec(None).unwrap();
        Bundle::write(container.bundle(), &spec, &linux(), Overwrite::Refuse).unwrap();
        let output = container.run();
        assert_eq!(output.stdout, b"native\n", "{output:?}");
    }
}

/// A small Linux system in three layers: programs behind links, one replaced, one deleted.
fn linux() -> Artifact {
    let program = |tar: Tar, path: &str, content: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.raw(header, content)
    };
    let base = Tar::new().dir("usr/bin").symlink("bin", "usr/bin").symlink("sbin", "/bin");
    let base = program(program(base, "usr/bin/sleeper", b"old"), "usr/bin/gone", b"gone");
    let second = program(Tar::new().file("bin/.wh.gone", b""), "bin/sleeper", &sleeper());
    let third = program(Tar::new(), "usr/lib/tool", &native()).symlink("bin/tool", "../lib/tool");
    image(&[base.end(), second.end(), third.end()])
}

/// The limits are in the kernel's own files.
#[test]
fn resources_are_taken_by_every_runtime() {
    let Some(()) = lab::need_root!() else { return };
    let workload = app().resources(Resources::default().memory(256 << 20).cpu_millis(500).pids(64));
    for runtime in [lab::need!("crun"), lab::need!("runc")].into_iter().flatten() {
        let container = created(&runtime, &workload);
        let pid = container.state().unwrap()["pid"].as_u64().unwrap();
        let limit = |controller: &str, v1: &str, v2: &str| cgroup(pid, controller, v1, v2);
        assert_eq!(limit("memory", "memory.limit_in_bytes", "memory.max"), "268435456", "{runtime:?}");
        assert_eq!(limit("pids", "pids.max", "pids.max"), "64", "{runtime:?}");
        let cpu = limit("cpu", "cpu.cfs_quota_us", "cpu.max");
        assert_eq!(cpu.split(' ').next(), Some("50000"), "{runtime:?}");
    }
}

#[test]
fn a_user_namespace_is_made_by_every_runtime() {
    let Some(()) = lab::need_root!() else { return };
    let workload = app().user_namespace(UserNamespace::new(100_000, 65_536));
    for runtime in [lab::need!("crun"), lab::need!("runc")].into_iter().flatten() {
        let container = created(&runtime, &workload);
        let pid = &container.state().unwrap()["pid"];
        let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
        let map: Vec<_> = map.split_whitespace().collect();
        assert_eq!(map, ["0", "100000", "65536"], "{runtime:?}");
    }
    // Whoever is root in the namespace may not make a mount point: it is there.
    let Some(crun) = lab::need!("crun") else { return };
    let container = Container::new(&crun);
    let data = container.dir().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file.txt"), "granted\n").unwrap();
    let output =
        container.run_guest(guests::READ_FILE, Handler::Compat, &workload.mount(Mount::new(&data, "/data")));
    assert_eq!(output.stdout, b"granted\n", "{output:?}");
}

/// A container that waits to be started, of a program of Linux called as the guest.
fn created(runtime: &Path, workload: &Workload) -> Container {
    let container = Container::new(runtime);
    let mut header = Header::new_ustar();
    header.set_path("app.wasm").unwrap();
    header.set_size(sleeper().len() as u64);
    header.set_mode(0o755);
    let image = image(&[Tar::new().raw(header, &sleeper()).end()]);
    Bundle::write(container.bundle(), &workload.to_spec(None).unwrap(), &image, Overwrite::Refuse).unwrap();
    let created = container.create();
    assert!(created.status.success(), "{runtime:?}: {created:?}");
    container
}

/// A file of a process's control group, in either version of the hierarchy.
fn cgroup(pid: u64, controller: &str, v1: &str, v2: &str) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let own = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        controllers.split(',').any(|name| name == controller).then(|| (controllers.to_owned(), fields.next()))
    });
    let file = match own {
        Some((controllers, Some(path))) => {
            let mounted =
                [controllers.as_str(), controller].map(|name| format!("/sys/fs/cgroup/{name}{path}/{v1}"));
            mounted.into_iter().find(|file| Path::new(file).exists()).unwrap()
        }
        _ => format!("/sys/fs/cgroup{}/{v2}", groups.trim().trim_start_matches("0::")),
    };
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}")).trim().to_owned()
}

#[test]
fn the_states_document_is_json() {
    let Some(runc) = lab::need!("runc") else { return };
    let Some(()) = lab::need_root!() else { return };
    let state: Value = created(&runc, &app()).state().unwrap();
    assert!(state["ociVersion"].is_string() && state["pid"].is_u64(), "{state}");
}
