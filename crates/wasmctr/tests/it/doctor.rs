//! `wasmctr doctor`: what it gathers, from programs on a PATH of the test's own and files below a root of its own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::support::{Place, Ran};

/// A machine: programs that say what they are told to, and files.
struct Machine {
    place: Place,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { place: Place::new() };
        for dir in ["bin", "root/proc/self", "root/proc/sys/user", "home"] {
            fs::create_dir_all(machine.place.path().join(dir)).unwrap();
        }
        machine.file("proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
        machine.file("proc/self/status", "Name:\tx\nSeccomp:\t0\n");
        machine.file("proc/sys/user/max_user_namespaces", "100\n");
        machine
    }

    /// A program that runs a script.
    fn program(&self, name: &str, script: &str) -> &Self {
        lab::script(&self.place.path().join("bin").join(name), script);
        self
    }

    fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.place.path().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command(&[&["doctor", "--root", "root"], args].concat());
        command.env("PATH", self.place.path().join("bin")).env("HOME", "/home");
        for variable in ["LD_LIBRARY_PATH", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"] {
            command.env_remove(variable);
        }
        command
    }

    fn json(&self, args: &[&str]) -> Value {
        let ran = Ran::of(self.command(&[&["--format", "json"], args].concat()).output().unwrap());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The state and the words of one check.
    fn check(&self, id: &str) -> (String, String) {
        let document = self.json(&["--registry", "127.0.0.1:1"]);
        let checks = document["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id).unwrap();
        (check["state"].as_str().unwrap().into(), check["found"].as_str().unwrap().into())
    }
}

fn problem(found: &str) -> (String, String) {
    ("problem".into(), found.into())
}

fn ok(found: &str) -> (String, String) {
    ("ok".into(), found.into())
}

const CRUN: &str = "echo 'crun version 1.21'; echo '+SYSTEMD +WASM:wasmedge'";

#[test]
fn crun_and_its_library() {
    let machine = Machine::new();
    assert_eq!(machine.check("crun-wasm").0, "absent");
    machine.program("crun", "echo 'crun version 1.8.1'; echo '+SYSTEMD'");
    assert_eq!(machine.check("crun-wasm"), problem("crun version 1.8.1 has no +WASM"));
    machine.program("crun", CRUN);
    assert_eq!(machine.check("crun-wasm"), ok("crun version 1.21 has +WASM:wasmedge"));
    // The walkthrough's 7.3: `could not load libwasmedge.so.0`.
    assert_eq!(machine.check("crun-library"), problem("no libwasmedge.so.0"));
    machine.file("usr/lib/x86_64-linux-gnu/libwasmedge.so.0", "");
    assert_eq!(machine.check("crun-library"), ok("libwasmedge.so.0"));
}

#[test]
fn libraries_are_where_the_loaders_configuration_says() {
    let machine = Machine::new();
    machine.program("crun", CRUN).file("opt/wasmedge/lib/libwasmedge.so.0", "");
    assert_eq!(machine.check("crun-library").0, "problem");
    machine.file("etc/ld.so.conf.d/wasmedge.conf", "# WasmEdge\n/opt/wasmedge/lib\n");
    assert_eq!(machine.check("crun-library").0, "ok");
}

#[test]
fn youki_and_rust() {
    let machine = Machine::new();
    machine.program("youki", "echo youki 0.7.0");
    assert_eq!(machine.check("youki-wasm"), problem("youki 0.7.0"));
    machine.program("youki", "echo youki 0.7.0 # module.wasm.image/variant");
    assert_eq!(machine.check("youki-wasm"), ok("youki 0.7.0"));
    let sysroot = machine.place.path().join("sysroot");
    fs::create_dir_all(sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/lib")).unwrap();
    machine.program("rustc", &format!("echo {}", sysroot.display()));
    assert_eq!(machine.check("rust-targets"), problem("none"));
    fs::create_dir_all(sysroot.join("lib/rustlib/wasm32-wasip1/lib")).unwrap();
    assert_eq!(machine.check("rust-targets"), ok("wasm32-wasip1"));
}

#[test]
fn containerd_and_its_shims() {
    let machine = Machine::new();
    machine.program("containerd", "echo 'containerd github.com/containerd/containerd 1.7.24 x'");
    assert_eq!(machine.check("containerd-runtime").0, "problem");
    let config = "etc/containerd/config.toml";
    machine.file(config, "version = 3\n");
    assert_eq!(machine.check("containerd-version"), problem("version 3; this containerd reads up to 2"));
    machine.file(config, "version =\n");
    assert_eq!(machine.check("containerd-config").0, "problem");
    let plugin = "plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes";
    let runc = format!("[{plugin}.runc]\nruntime_type = \"io.containerd.runc.v2\"\n");
    let wasm = format!("[{plugin}.wasm]\nruntime_type = \"io.containerd.wasmtime.v1\"\n");
    machine.file(config, &format!("version = 2\n{runc}{wasm}"));
    assert_eq!(machine.check("containerd-runtime"), ok("wasm"));
    assert_eq!(machine.check("shim-missing"), problem("no containerd-shim-wasmtime-v1"));
    machine.program("containerd-shim-wasmtime", "exit 0");
    assert_eq!(machine.check("shim-name"), problem("containerd-shim-wasmtime"));
    machine.program("containerd-shim-wasmtime-v1", "exit 0");
    assert_eq!(machine.check("shim-missing"), ok("containerd-shim-wasmtime-v1"));
    // The lint of the node is in it.
    machine.file(config, &format!("version = 2\n{wasm}"));
    assert_eq!(machine.json(&[])["findings"][0]["id"], "default-missing");
    assert_eq!(machine.json(&["--allow", "default-missing"])["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn podman_and_kubectl() {
    let machine = Machine::new();
    machine.program("podman", "echo podman version 5.4.2");
    assert_eq!(machine.check("podman-platform").0, "problem");
    let conf = "etc/containers/containers.conf.d/50-wasm.conf";
    machine.file(conf, "[engine.platform_to_oci_runtime]\n\"wasi/wasm\" = \"crun\"\n");
    assert_eq!(machine.check("podman-platform"), ok(&format!("wasi/wasm is crun, says /{conf}")));

    assert_eq!(machine.check("cluster").0, "absent");
    machine.program("kubectl", "[ $1 = config ] && echo kind || { echo refused >&2; exit 1; }");
    assert_eq!(machine.check("cluster"), problem("kind: refused"));
    machine.program("kubectl", "[ $1 = config ] && echo kind || echo runc");
    assert_eq!(machine.check("cluster-class"), problem("none"));
    machine.program("kubectl", "[ $1 = config ] && echo kind || echo crun");
    assert_eq!(machine.check("cluster-class"), ok("crun"));
}

#[test]
fn the_kernel() {
    let machine = Machine::new();
    assert_eq!(machine.check("cgroup-hybrid").0, "ok");
    let both = "cgroup /sys/fs/cgroup/memory cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
    machine.file("proc/self/mounts", both);
    assert_eq!(machine.check("cgroup-hybrid"), problem("both versions are mounted"));
    machine.file("proc/self/mounts", "").file("proc/sys/user/max_user_namespaces", "0\n");
    assert_eq!(machine.check("cgroup-version"), problem("not mounted"));
    assert_eq!(machine.check("user-namespaces"), problem("0 are allowed"));
    machine.file("proc/self/status", "Name:\tx\n");
    assert_eq!(machine.check("seccomp"), problem("no"));
}

/// Where credentials are is told, and what they are is not.
#[test]
fn a_registry() {
    let machine = Machine::new();
    let (state, found) = machine.check("registry");
    assert!(state == "problem" && found.starts_with("127.0.0.1:1: "), "{found}");
    assert_eq!(machine.check("registry-credentials").0, "absent");
    let config = "home/.docker/config.json";
    machine.file(config, r#"{"auths": {"127.0.0.1:1": {"auth": "c2VjcmV0"}}}"#);
    let place = machine.check("registry-credentials");
    assert!(place.0 == "ok" && place.1.ends_with(config), "{place:?}");
    assert!(!machine.json(&["--registry", "127.0.0.1:1"]).to_string().contains("c2VjcmV0"));
    machine.file(config, r#"{"credHelpers": {"127.0.0.1:1": "ours"}}"#);
    let (state, found) = machine.check("registry-credentials");
    assert!(state == "problem" && found.starts_with("docker-credential-ours, which "), "{found}");
    machine.program("docker-credential-ours", "echo '{\"Secret\": \"c2VjcmV0\"}'");
    assert_eq!(machine.check("registry-credentials").0, "ok");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let document = machine.json(&["--registry", &host]);
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "registry").unwrap();
    assert_eq!((&check["state"], &check["found"]), (&"ok".into(), &host.as_str().into()));
}

#[test]
fn the_cache_and_the_engine() {
    let machine = Machine::new();
    assert_eq!(machine.check("cache").0, "ok");
    let code = machine.place.cache_home().join("wasmctr/code");
    fs::set_permissions(&code, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(machine.check("cache").0, "problem");
    fs::remove_dir_all(&code).unwrap();
    symlink("/", &code).unwrap();
    assert_eq!(machine.check("cache").0, "problem");

    let engine = |script: &str| {
        machine.program("wasmctr-wasmedge", script);
        let mut command = machine.command(&["--format", "json"]);
        command.env("WASMCTR_WASMEDGE", machine.place.path().join("bin/wasmctr-wasmedge"));
        let document: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let checks = document["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["id"] == "engine").unwrap()
    };
    assert_eq!(engine("exit 127")["state"], "problem");
    let sound = engine("echo wasmctr 0.1.0");
    assert_eq!(
        (&sound["state"], &sound["found"]),
        (&"ok".into(), &"wasmtime 48; wasmedge wasmctr 0.1.0".into())
    );
}

#[test]
fn the_exit_code_tells() {
    let machine = Machine::new();
    let ran = Ran::of(machine.command(&[]).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.lines().all(|line| line.starts_with("ok  ") || line.starts_with("--  ")), "{ran:?}");
    machine.program("crun", CRUN);
    let ran = Ran::of(machine.command(&[]).output().unwrap());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("!!  crun-library         no libwasmedge.so.0\n    crun has"), "{ran:?}");
    let ran = Ran::of(machine.command(&["--allow", "crun-library"]).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Ran::of(machine.command(&["--allow", "crun-libary"]).output().unwrap())
        .fails(2, "there is no rule `crun-libary`");
}

/// A program that neither answers nor ends does not keep the doctor.
#[test]
fn a_program_that_hangs_is_given_up() {
    let machine = Machine::new();
    machine.program("podman", "exec /bin/sleep 1000");
    assert_eq!(machine.check("podman-platform").0, "problem");
}

/// The real crun of the lab, and this machine's own cgroups.
#[test]
fn the_lab() {
    let Some(crun) = lab::need!("crun") else { return };
    let place = Place::new();
    let mut command = place.command(&["doctor", "--format", "json"]);
    command.env("PATH", crun.parent().unwrap());
    let document: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let check = |id: &str| {
        let checks = document["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap().clone()
    };
    assert!(check("crun-wasm")["found"].as_str().unwrap().ends_with("has +WASM:wasmedge"), "{document:#}");
    assert_eq!(check("crun-library")["found"], "libwasmedge.so.0");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounted =
        |kind: &str| mounts.lines().any(|line| line.contains("/sys/fs/cgroup") && line.contains(kind));
    let hybrid = mounted(" cgroup ") && mounted(" cgroup2 ");
    assert_eq!(check("cgroup-hybrid")["state"], if hybrid { "problem" } else { "ok" });
    assert!(Path::new("/proc/self/ns/user").exists() || check("user-namespaces")["state"] == "problem");
}
