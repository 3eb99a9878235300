//! Directories.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use wasm_exec::{Error, Exit, Preopen, Task};

use super::{EXACT_NAMES, engine, task};
use crate::support::{calling, code, run, try_run};

/// A directory with a secret beside the one that is granted.
struct World {
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = Self { dir };
        fs::create_dir_all(world.granted().join("sub")).unwrap();
        fs::write(world.granted().join("file.txt"), "content\n").unwrap();
        fs::write(world.secret(), "secret\n").unwrap();
        world
    }

    fn granted(&self) -> PathBuf {
        self.dir.path().join("granted")
    }

    fn secret(&self) -> PathBuf {
        self.dir.path().join("secret.txt")
    }

    fn read_only(&self) -> Task {
        task().preopen(Preopen::read_only(self.granted(), "/"))
    }

    fn read_write(&self) -> Task {
        task().preopen(Preopen::read_write(self.granted(), "/"))
    }
}

/// Calls a path function on the first directory and gives its error number.
fn path_call(function: &str, path: &str, task: Task) -> i32 {
    let at = format!("(i32.const 1024) (i32.const {})", path.len());
    let (params, args) = match function {
        "path_open" => (OPEN, format!("(i32.const 3) (i32.const 1) {at} {READ}")),
        "path_open_create" => (OPEN, format!("(i32.const 3) (i32.const 1) {at} {CREATE}")),
        "path_open_truncate" => (OPEN, format!("(i32.const 3) (i32.const 1) {at} {TRUNCATE}")),
        "path_filestat_get" => {
            ("i32 i32 i32 i32 i32", format!("(i32.const 3) (i32.const 1) {at} (i32.const 0)"))
        }
        "path_create_directory" | "path_unlink_file" | "path_remove_directory" => {
            ("i32 i32 i32", format!("(i32.const 3) {at}"))
        }
        "path_rename" => ("i32 i32 i32 i32 i32 i32", format!("(i32.const 3) {at} (i32.const 3) {at}")),
        "path_symlink" => ("i32 i32 i32 i32 i32", format!("{at} (i32.const 3) {at}")),
        function => panic!("{function}"),
    };
    let function = if function.starts_with("path_open") { "path_open" } else { function };
    let guest = calling(&[(function, params)], path, &format!("(call ${function} {args})"));
    code(&*engine(), &guest, task)
}

#[test]
fn nothing_is_granted_by_default() {
    assert_eq!(code(&*engine(), &guests::READ_FILE.wasm(), task()), BADF);
    assert_eq!(code(&*engine(), &guests::WRITE_FILE.wasm(), task()), BADF);
    let prestat =
        calling(&[("fd_prestat_get", "i32 i32")], "", "(call $fd_prestat_get (i32.const 3) (i32.const 0))");
    assert_eq!(code(&*engine(), &prestat, task()), BADF);
}

#[test]
fn what_is_granted_can_be_read() {
    let world = World::new();
    for task in [world.read_only(), world.read_write()] {
        let ran = run(&*engine(), &guests::READ_FILE.wasm(), task);
        assert_eq!((ran.exit, &*ran.stdout), (Exit::Code(0), "content\n"));
    }
}

#[test]
fn what_is_granted_for_writing_can_be_written() {
    let world = World::new();
    assert_eq!(code(&*engine(), &guests::WRITE_FILE.wasm(), world.read_write()), 0);
    assert_eq!(fs::read_to_string(world.granted().join("out.txt")).unwrap(), "written\n");
    assert_eq!(path_call("path_create_directory", "new", world.read_write()), 0);
    assert_eq!(path_call("path_remove_directory", "new", world.read_write()), 0);
    assert_eq!(path_call("path_unlink_file", "out.txt", world.read_write()), 0);
    assert_eq!(listing(&world.granted()), ["file.txt", "sub"]);
}

#[test]
fn what_is_granted_for_reading_cannot_be_changed() {
    let world = World::new();
    for (function, path) in [
        ("path_open_create", "new.txt"),
        ("path_open_truncate", "file.txt"),
        ("path_create_directory", "new"),
        ("path_unlink_file", "file.txt"),
        ("path_remove_directory", "sub"),
        ("path_rename", "file.txt"),
        ("path_symlink", "link"),
    ] {
        assert_ne!(path_call(function, path, world.read_only()), 0, "{function}");
    }
    assert_ne!(code(&*engine(), &guests::WRITE_FILE.wasm(), world.read_only()), 0);
    assert_eq!(listing(&world.granted()), ["file.txt", "sub"]);
    assert_eq!(fs::read_to_string(world.granted().join("file.txt")).unwrap(), "content\n");
}

#[test]
fn nothing_leads_out() {
    let world = World::new();
    let granted = world.granted();
    symlink("../secret.txt", granted.join("relative")).unwrap();
    symlink(world.secret(), granted.join("absolute")).unwrap();
    symlink("../..", granted.join("sub/up")).unwrap();
    symlink("loop", granted.join("loop")).unwrap();
    let absolute = world.secret().to_str().unwrap().to_owned();
    for path in [
        "../secret.txt",
        "sub/../../secret.txt",
        "./../secret.txt",
        "..",
        "/",
        "/etc/passwd",
        &absolute,
        "relative",
        "absolute",
        "sub/up/secret.txt",
        "sub/up/granted/../secret.txt",
        "loop",
    ] {
        for function in ["path_open", "path_open_create", "path_filestat_get"] {
            assert_ne!(path_call(function, path, world.read_write()), 0, "{function} {path}");
        }
    }
    for path in ["../new", "sub/up/new", "/tmp/wasm-exec-new"] {
        assert_ne!(path_call("path_create_directory", path, world.read_write()), 0, "{path}");
    }
    assert_eq!(listing(world.dir.path()), ["granted", "secret.txt"]);
    assert_eq!(fs::read_to_string(world.secret()).unwrap(), "secret\n");
}

#[test]
fn links_and_dots_inside_are_followed() {
    let world = World::new();
    symlink("../file.txt", world.granted().join("sub/link")).unwrap();
    for path in ["sub/link", "sub/../file.txt", "./file.txt"] {
        assert_eq!(path_call("path_open", path, world.read_only()), 0, "{path}");
    }
}

#[test]
fn each_directory_has_its_own_rights_and_number() {
    let [first, second] = [World::new(), World::new()];
    fs::remove_file(first.granted().join("file.txt")).unwrap();
    let task = || first.read_write().preopen(Preopen::read_only(second.granted(), "/data"));
    let open = |fd: i32, rest: &str| {
        let call =
            format!("(call $path_open (i32.const {fd}) (i32.const 1) (i32.const 1024) (i32.const 8) {rest})");
        code(&*engine(), &calling(&[("path_open", OPEN)], "file.txt", &call), task())
    };
    assert_eq!(open(3, READ), NOENT);
    assert_eq!(open(4, READ), 0);
    assert_ne!(open(4, TRUNCATE), 0);
    assert_eq!(open(3, CREATE), 0);
    assert_eq!(fs::read_to_string(second.granted().join("file.txt")).unwrap(), "content\n");
}

#[test]
fn a_guest_sees_the_names_that_it_is_given() {
    let world = World::new();
    let task = task().preopen(Preopen::read_only(world.granted(), "/a b/é"));
    // The name's length, then its last byte.
    let body = "(if (result i32) (call $fd_prestat_get (i32.const 3) (i32.const 0))
                  (then (i32.const -1))
                  (else (drop (call $fd_prestat_dir_name (i32.const 3) (i32.const 8) (i32.load (i32.const 4))))
                        (i32.add (i32.mul (i32.load (i32.const 4)) (i32.const 1000)) (i32.load8_u (i32.const 14)))))";
    let imports = [("fd_prestat_get", "i32 i32"), ("fd_prestat_dir_name", "i32 i32 i32")];
    // WasmEdge drops the slash at the beginning, as libc does with what it reads.
    let expected = if EXACT_NAMES { 7000 + 0xa9 } else { 6000 };
    assert_eq!(code(&*engine(), &calling(&imports, "", body), task), expected);
}

#[test]
fn a_directory_that_cannot_be_opened_is_an_error() {
    let world = World::new();
    let missing = world.granted().join("missing");
    let file = world.secret();
    for host in [missing, file] {
        let task = task().preopen(Preopen::read_only(&host, "/"));
        let error = try_run(&*engine(), &guests::HELLO.wasm(), task).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot open the directory `{}`", host.display()));
        let Error::Preopen { host: named, source } = error else { panic!() };
        assert_eq!(named, host);
        assert!(source.raw_os_error().is_some(), "{source}");
    }
}

#[test]
fn the_host_decides_too() {
    let world = World::new();
    let locked = world.granted().join("sub");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let task = task().preopen(Preopen::read_write(&locked, "/"));
    let wrote = code(&*engine(), &guests::WRITE_FILE.wasm(), task);
    // Root writes where it likes.
    assert_eq!(wrote == 0, locked.join("out.txt").exists());
}

fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const OPEN: &str = "i32 i32 i32 i32 i32 i64 i64 i32 i32";
/// The rest of `path_open`: flags, rights, inherited rights, descriptor flags, where the descriptor goes.
const READ: &str = "(i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)";
const CREATE: &str = "(i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)";
const TRUNCATE: &str = "(i32.const 8) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)";

/// Error numbers of preview 1.
const BADF: i32 = 8;
const NOENT: i32 = 44;
