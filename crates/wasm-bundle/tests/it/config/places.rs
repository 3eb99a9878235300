//! Links, pipes and sockets where a bundle has files and directories.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    process::Command,
};

use super::Fate::{self, Io, NoProgram, NotBundle, Opens};
use crate::image::{MODULE, Yard};

/// A name, what is done to a sound bundle, and what must become of it.
type Case = (&'static str, fn(&Yard), Fate);

const MOUNT_POINT: Fate = NotBundle("`dev`, `proc` or `sys` in its root file system is no directory");

pub(super) const CASES: &[Case] = &[
    ("dev-link", |yard| symlink("/tmp", yard.rootfs("dev")).unwrap(), MOUNT_POINT),
    ("dev-link-inside", |yard| symlink("proc", yard.rootfs("dev")).unwrap(), MOUNT_POINT),
    ("dev-link-to-nowhere", |yard| symlink("gone", yard.rootfs("dev")).unwrap(), MOUNT_POINT),
    ("proc-link", |yard| symlink("../../canary", yard.rootfs("proc")).unwrap(), MOUNT_POINT),
    ("sys-link", |yard| symlink("/", yard.rootfs("sys")).unwrap(), MOUNT_POINT),
    ("dev-file", |yard| fs::write(yard.rootfs("dev"), "").unwrap(), MOUNT_POINT),
    ("dev-pipe", |yard| pipe(yard, "rootfs/dev"), MOUNT_POINT),
    ("dev-directory", |yard| fs::create_dir(yard.rootfs("dev")).unwrap(), Opens),
    ("root-link-out", |yard| root(yard, "../canary"), NotBundle("is outside of it")),
    ("root-link-absolute", |yard| root(yard, "/usr"), NotBundle("is outside of it")),
    ("root-link-to-itself", |yard| root(yard, "rootfs"), Io("Too many levels of symbolic links")),
    ("root-link-to-nowhere", |yard| root(yard, "gone"), NotBundle("is missing")),
    ("root-link-inside", |yard| moved(yard), Opens),
    (
        "config-gone",
        |yard| fs::remove_file(yard.bundle().join("config.json")).unwrap(),
        NotBundle("has no config.json"),
    ),
    ("config-link-out", |yard| config(yard, "../canary/file"), Io("")),
    ("config-link-absolute", |yard| config(yard, "/etc/hostname"), Io("")),
    ("config-link-to-itself", |yard| config(yard, "config.json"), Io("")),
    ("config-directory", |yard| replaced(yard, |path| fs::create_dir(path).unwrap()), Io("is a directory")),
    ("config-pipe", |yard| replaced(yard, |_| pipe(yard, "config.json")), Io("not a regular file")),
    (
        "config-socket",
        |yard| replaced(yard, |path| drop(UnixListener::bind(path).unwrap())),
        Io("not a regular file"),
    ),
    ("config-device", |yard| config(yard, "/dev/zero"), Io("")),
    ("program-link-out", |yard| program(yard, "../../canary/file"), NoProgram),
    ("program-link-absolute", |yard| program(yard, "/etc/passwd"), NoProgram),
    ("program-link-to-itself", |yard| program(yard, "app.wasm"), NoProgram),
    ("program-link-to-a-directory", |yard| program(yard, "/"), NoProgram),
    ("program-link-round-about", |yard| round_about(yard), Opens),
    ("program-pipe", |yard| without_program(yard, || pipe(yard, "rootfs/app.wasm")), NoProgram),
    (
        "program-directory",
        |yard| without_program(yard, || fs::create_dir(yard.rootfs("app.wasm")).unwrap()),
        NoProgram,
    ),
    ("program-gone", |yard| without_program(yard, || ()), NoProgram),
];

fn pipe(yard: &Yard, path: &str) {
    assert!(Command::new("mkfifo").arg(yard.bundle().join(path)).status().unwrap().success());
}

fn root(yard: &Yard, target: &str) {
    fs::remove_dir_all(yard.rootfs("")).unwrap();
    symlink(target, yard.bundle().join("rootfs")).unwrap();
}

fn moved(yard: &Yard) {
    fs::rename(yard.rootfs(""), yard.bundle().join("elsewhere")).unwrap();
    symlink("elsewhere", yard.bundle().join("rootfs")).unwrap();
}

fn replaced(yard: &Yard, make: impl Fn(&std::path::Path)) {
    let path = yard.bundle().join("config.json");
    fs::remove_file(&path).unwrap();
    make(&path);
}

fn config(yard: &Yard, target: &str) {
    replaced(yard, |path| symlink(target, path).unwrap());
}

fn without_program(yard: &Yard, make: impl Fn()) {
    fs::remove_file(yard.rootfs("app.wasm")).unwrap();
    make();
}

fn program(yard: &Yard, target: &str) {
    without_program(yard, || symlink(target, yard.rootfs("app.wasm")).unwrap());
}

/// Absolute links and `..` above the root, which lead a process in the container back inside.
fn round_about(yard: &Yard) {
    program(yard, "/../../a/../b/c");
    fs::create_dir(yard.rootfs("d")).unwrap();
    fs::write(yard.rootfs("d/c"), MODULE).unwrap();
    symlink("/d", yard.rootfs("b")).unwrap();
    fs::create_dir(yard.rootfs("a")).unwrap();
}
