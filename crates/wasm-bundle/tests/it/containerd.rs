//! The real containerd (1.7, of the lab): what it makes of our configuration, and which annotations it lets through.
//!
//! The runtime is a script that keeps the config.json it is given. So no container starts, and what a pod's annotations
//! become is seen as crun would see it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use wasm_bundle::node::{Config, Pattern, Program, Runtime};
use wasm_oci::{Archive, Format, Overwrite, Pack};

use crate::cri;

const PAUSE: &str = "localhost/pause:1";

/// What a pod might have, and what else is often seen.
const KEYS: [&str; 8] = [
    "module.wasm.image/variant",
    "run.oci.handler",
    "run.oci.hooks.stdout",
    "module.wasm.image/other",
    "wasm.module.image",
    "a.wasm.b",
    "a/b/c",
    "example.com/[x]",
];

struct Containerd {
    child: Child,
    dir: tempfile::TempDir,
    ctr: PathBuf,
}

impl Containerd {
    /// Starts containerd with this configuration, whose paths are put into the directory.
    fn start(containerd: &Path, ctr: &Path, dir: tempfile::TempDir, config: &str) -> Self {
        let at = |name: &str| format!("{:?}", dir.path().join(name));
        let head = format!(
            "version = 2\nroot = {}\nstate = {}\n[grpc]\naddress = {}\n[ttrpc]\naddress = {}\n",
            at("root"),
            at("state"),
            at("sock"),
            at("ttrpc")
        );
        let text = config.replacen("version = 2\n", &head, 1);
        fs::write(dir.path().join("config.toml"), text).unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let mut command = lab::container_command(containerd);
        command.arg("--config").arg(dir.path().join("config.toml")).stdin(Stdio::null());
        command.env("PATH", lab_path(containerd)).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let started = Self { child, dir, ctr: ctr.to_owned() };
        let deadline = Instant::now() + Duration::from_secs(60);
        while started.ctr(&["version"]).is_err() {
            assert!(Instant::now() < deadline, "containerd does not answer: {}", started.log());
            thread::sleep(Duration::from_millis(50));
        }
        started
    }

    fn ctr(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new("timeout")
            .args(["60".as_ref(), self.ctr.as_os_str(), "--address".as_ref()])
            .arg(self.dir.path().join("sock"))
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The state of the CRI plugin.
    fn cri(&self) -> String {
        let plugins = self.ctr(&["plugins", "ls"]).unwrap();
        let line =
            plugins.lines().find(|line| line.starts_with("io.containerd.grpc.v1") && line.contains(" cri "));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

fn lab_path(containerd: &Path) -> std::ffi::OsString {
    let mut path = containerd.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// A runtime that keeps the last config.json it was given, and starts nothing.
fn recorder(dir: &Path) -> PathBuf {
    let path = dir.join("recorder");
    let script = format!(
        "while [ $# -gt 0 ]; do\n  [ \"$1\" = --bundle ] && cp \"$2/config.json\" {0}/seen.new && mv {0}/seen.new \
         {0}/seen.json\n  shift\ndone\nexit 1",
        dir.display()
    );
    lab::script(&path, &script);
    path
}

/// Our file, with what tests need beside it.
fn configuration(dir: &Path, patterns: Option<&[&str]>) -> String {
    let base = format!("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = {PAUSE:?}\n");
    let mut config = Config::parse(&base).unwrap();
    let program = Program::Oci(recorder(dir).display().to_string());
    config.set(&Runtime::new("wasm", program).unwrap()).unwrap();
    let text = config.to_string();
    match patterns {
        None => text,
        Some(patterns) => {
            let own = r#"["module.wasm.image/variant", "run.oci.handler"]"#;
            assert!(text.contains(own), "{text}");
            text.replacen(own, &format!("{patterns:?}"), 1)
        }
    }
}

fn pause(dir: &Path) -> PathBuf {
    let path = dir.join("pause.tar");
    let image = Pack::new(b"\0asm\x01\0\0\0".to_vec(), "/pause.wasm").unwrap();
    let image = image.platform("linux/amd64".parse().unwrap()).build(Format::Compat).unwrap();
    Archive::write(&path, Some("1"), &image, Overwrite::Refuse).unwrap();
    path
}

/// The annotations that arrive at the runtime.
fn arrive(containerd: &Path, ctr: &Path, patterns: Option<&[&str]>) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let text = configuration(dir.path(), patterns);
    let image = pause(dir.path());
    let containerd = Containerd::start(containerd, ctr, dir, &text);
    assert_eq!(containerd.cri(), "ok", "{}", containerd.log());
    let import = ["-n", "k8s.io", "image", "import", "--base-name", "localhost/pause", "--all-platforms"];
    containerd.ctr(&[&import[..], &[image.to_str().unwrap()]].concat()).unwrap();
    let seen = containerd.dir.path().join("seen.json");
    // CRI learns of the image by an event.
    for _ in 0..20 {
        cri::run_pod_sandbox(&containerd.dir.path().join("sock"), "wasm", &KEYS);
        if seen.exists() {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    let seen = fs::read(seen).unwrap_or_else(|error| panic!("{error}: {}", containerd.log()));
    let spec: serde_json::Value = serde_json::from_slice(&seen).unwrap();
    serde_json::from_value(spec["annotations"].clone()).unwrap()
}

/// Every key that is used arrives, and nothing else of the pod's.
#[test]
fn our_annotations_reach_the_runtime() {
    let Some(containerd) = lab::need!("containerd") else { return };
    let Some(ctr) = lab::need!("ctr") else { return };
    let Some(()) = lab::need_root!() else { return };
    let annotations = arrive(&containerd, &ctr, None);
    for key in KEYS {
        assert_eq!(
            annotations.contains_key(key),
            Runtime::ANNOTATIONS.contains(&key),
            "{key} of {annotations:?}"
        );
    }
    // What crun's guard of the pause container looks at comes from containerd itself.
    assert_eq!(annotations["io.kubernetes.cri.container-type"], "sandbox");
}

/// containerd's rule is ours, for patterns of every kind.
#[test]
fn patterns_match_as_in_containerd() {
    let Some(containerd) = lab::need!("containerd") else { return };
    let Some(ctr) = lab::need!("ctr") else { return };
    let Some(()) = lab::need_root!() else { return };
    for pattern in
        ["*", "*.wasm.*", "*.wasm.*/*", "run.oci.*", "run.oci.handle[^a-q]", "*/[", "*/\\[x]", "?/b/[!-z]"]
    {
        let annotations = arrive(&containerd, &ctr, Some(&[pattern]));
        for key in KEYS {
            let ours = Pattern::parse(pattern).is_some_and(|pattern| pattern.matches(key));
            assert_eq!(annotations.contains_key(key), ours, "{pattern} {key}");
        }
    }
}

/// Without the table for runc that we add, containerd 1.7 has no CRI at all: our lint says so beforehand.
#[test]
fn the_default_runtime_is_needed() {
    let Some(containerd) = lab::need!("containerd") else { return };
    let Some(ctr) = lab::need!("ctr") else { return };
    let Some(()) = lab::need_root!() else { return };
    let dir = tempfile::tempdir().unwrap();
    let text = configuration(dir.path(), None);
    let (without, with) = (text.replace("runtimes.runc]", "runtimes.other]"), text);
    let ids: Vec<_> = Config::parse(&without).unwrap().lint().iter().map(|finding| finding.rule.id).collect();
    assert_eq!(ids, ["default-missing"]);
    assert!(Config::parse(&with).unwrap().lint().is_empty());
    let containerd = Containerd::start(&containerd, &ctr, dir, &without);
    assert_eq!(containerd.cri(), "error");
    assert!(containerd.log().contains("no corresponding runtime configured"), "{}", containerd.log());
}
