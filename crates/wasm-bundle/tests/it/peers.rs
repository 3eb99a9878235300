//! umoci unpacks the same image to the same tree.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use wasm_bundle::{Bundle, Workload};
use wasm_oci::{Artifact, Layout, Overwrite};

use crate::image::{Tar, app, image};

/// What is below a directory: contents of files, targets of links.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let what = match entry.file_type().unwrap() {
                kind if kind.is_dir() => {
                    open.push(entry.path());
                    "directory".to_owned()
                }
                kind if kind.is_file() => {
                    format!("file {}", fs::read(entry.path()).unwrap().escape_ascii())
                }
                _ => format!("link to {}", fs::read_link(entry.path()).unwrap().display()),
            };
            let path = entry.path();
            found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), what);
        }
    }
    found
}

/// A system in four layers, as builders make them: directories behind links, files replaced by links and back, directories
/// replaced and emptied.
fn system() -> Artifact {
    let base = app()
        .dir("usr/bin")
        .dir("usr/lib")
        .symlink("bin", "usr/bin")
        .symlink("lib", "/usr/lib")
        .file("usr/bin/busybox", b"busybox")
        .symlink("usr/bin/sh", "/bin/busybox")
        .link("usr/bin/ash", "usr/bin/busybox")
        .symlink("etc/mtab", "../proc/self/mounts")
        .symlink("var/run", "/run")
        .dir("run")
        .file("usr/lib/old.so", b"old")
        .file("opt/app/a", b"a")
        .file("opt/app/b", b"b")
        .file("swap", b"file");
    let second = Tar::new()
        .file("bin/tool", b"tool")
        .file("lib/.wh.old.so", b"")
        .file("var/run/app.pid", b"1")
        .symlink("swap", "etc/mtab");
    let third = Tar::new().file("opt/app/.wh..wh..opq", b"").file("opt/app/c", b"c").file("swap", b"again");
    let fourth = Tar::new().file(".wh.swap", b"").file("opt/app/c", b"changed").dir("usr/lib/x");
    image(&[base.end(), second.end(), third.end(), fourth.end()])
}

#[test]
fn umoci_unpacks_the_same() {
    let Some(umoci) = lab::need!("umoci") else { return };
    let Some(()) = lab::need_root!() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (layout, theirs, ours) =
        (dir.path().join("layout"), dir.path().join("theirs"), dir.path().join("ours"));
    let image = system();
    Layout::write(&layout, "v1", &image, Overwrite::Refuse).unwrap();
    let unpacked = Command::new(umoci)
        .args(["raw", "unpack", "--image", &format!("{}:v1", layout.display())])
        .arg(&theirs)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");

    let spec = Workload::new(["/app.wasm"]).to_spec(None).unwrap();
    let bundle = Bundle::write(&ours, &spec, &image, Overwrite::Refuse).unwrap();
    let (mut ours, mut theirs) = (tree(bundle.rootfs()), tree(&theirs));
    // Mount points: ours are made when the image has none.
    for point in ["dev", "proc", "sys"] {
        ours.remove(point);
        theirs.remove(point);
    }
    assert_eq!(ours, theirs);
    assert_eq!(ours["usr/bin/tool"], "file tool");
    assert!(!ours.contains_key("usr/lib/old.so") && !ours.contains_key("opt/app/a"));
}
