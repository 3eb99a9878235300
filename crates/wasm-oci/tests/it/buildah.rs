//! buildah, which is what podman builds, pulls and pushes with: it pulls our image, and what it pushes we read.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wasm_oci::{Layout, Overwrite, sha256};

use crate::hello;

/// buildah with its storage, its configuration and whom it trusts in a directory of the test.
struct Buildah {
    program: PathBuf,
    dir: PathBuf,
}

impl Buildah {
    fn new(program: PathBuf, dir: &Path) -> Self {
        let policy = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;
        fs::write(dir.join("policy.json"), policy).unwrap();
        fs::write(dir.join("registries.conf"), "unqualified-search-registries = []\n").unwrap();
        let helpers = lab::prefix().join("buildah/root/usr/lib/podman");
        let engine = format!("[engine]\nhelper_binaries_dir = [{helpers:?}]\n");
        fs::write(dir.join("containers.conf"), engine).unwrap();
        fs::write(dir.join("storage.conf"), "[storage]\ndriver = \"vfs\"\n").unwrap();
        Self { program, dir: dir.to_owned() }
    }

    #[track_caller]
    fn run(&self, task: &str, args: &[&str]) -> String {
        let at = |name: &str| self.dir.join(name);
        let mut command = Command::new(&self.program);
        command.args(["--storage-driver", "vfs", "--root"]).arg(at("storage"));
        command.arg("--runroot").arg(at("run")).arg("--registries-conf").arg(at("registries.conf"));
        command.arg(task).args(args).env("CONTAINERS_STORAGE_CONF", at("storage.conf"));
        command.env("CONTAINERS_CONF", at("containers.conf"));
        let output = command.env("TMPDIR", &self.dir).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "buildah {task} {args:?}: {text}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The arguments that tasks take which talk to a registry.
    fn plain(&self) -> [String; 3] {
        let policy = self.dir.join("policy.json");
        ["--tls-verify=false".to_owned(), "--signature-policy".to_owned(), policy.display().to_string()]
    }
}

#[test]
fn it_pulls_our_image_and_we_read_what_it_pushes() {
    let Some(()) = lab::need_root!() else { return };
    let Some(buildah) = lab::need!("buildah") else { return };
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let Some(registry) = lab::need!("docker-registry") else { return };
    let dir = tempfile::tempdir().unwrap();
    let registry = lab::Registry::start(&registry, &dir.path().join("registry")).unwrap();
    let buildah = Buildah::new(buildah, dir.path());
    let copy = |from: &str, to: &str| {
        let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        let mut skopeo = Command::new(&skopeo);
        let output = skopeo.args(["--insecure-policy", "copy"]).args(tls).args([from, to]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let (ours, back) = (dir.path().join("ours"), dir.path().join("back"));
    let remote = |name: &str| format!("docker://{}/{name}:v1", registry.address());
    Layout::write(&ours, "v1", &hello(), Overwrite::Refuse).unwrap();
    copy(&format!("oci:{}:v1", ours.display()), &remote("ours"));

    let [tls, policy, file] = &buildah.plain();
    let id = buildah.run("pull", &[tls, policy, file, "--os=wasi", "--arch=wasm", &remote("ours")]);
    let container =
        buildah.run("from", &[tls, policy, file, "--pull=never", "--os=wasi", "--arch=wasm", &id]);
    let root = buildah.run("mount", &[&container]);
    let program = fs::read(Path::new(&root).join("hello.wasm")).unwrap();
    assert_eq!(sha256(&program), sha256(&guests::HELLO.wasm()));
    buildah.run("umount", &[&container]);
    buildah.run("rm", &[&container]);

    buildah.run("push", &[tls, policy, file, &id, &remote("back")]);
    copy(&remote("back"), &format!("oci:{}:v1", back.display()));
    let image = Layout::open(&back).unwrap().artifact(Some("v1")).unwrap();
    assert_eq!(image.wasm().unwrap(), guests::HELLO.wasm());
    assert_eq!(image.entrypoint(), Some("/hello.wasm"));
    // It compresses anew: the layer's digest may differ, that of its content does not.
    assert_eq!(image.config().rootfs().diff_ids(), hello().config().rootfs().diff_ids());
}
