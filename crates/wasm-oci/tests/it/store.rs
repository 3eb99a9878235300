//! The store of one user.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use wasm_oci::{Error, Layout, Overwrite, Store};

use crate::{
    hello,
    sharing::{child, given},
};

fn filled(dir: &Path) {
    Store::open(dir).unwrap().into_layout().put(Some("v1"), &hello(), Overwrite::Refuse).unwrap();
}

#[test]
fn it_is_made_and_found_again() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("a/b/images");
    filled(&dir);
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
    let store = Store::open(&dir).unwrap();
    assert_eq!(store.layout().artifact(Some("v1")).unwrap().digest(), hello().digest());
    // It is a layout as any other.
    assert_eq!(Layout::open(&dir).unwrap().tags().collect::<Vec<_>>(), ["v1"]);
}

#[test]
fn threads_make_one_store() {
    let place = tempfile::tempdir().unwrap();
    let dir = &place.path().join("images");
    std::thread::scope(|scope| {
        for number in 0..16 {
            scope.spawn(move || {
                let mut layout = Store::open(dir).unwrap().into_layout();
                layout.put(Some(&format!("t{number}")), &hello(), Overwrite::Refuse).unwrap();
            });
        }
    });
    assert_eq!(Store::open(dir).unwrap().layout().tags().count(), 16);
}

#[test]
fn what_others_can_change_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("images");
    filled(&dir);
    let link = place.path().join("link");
    symlink(&dir, &link).unwrap();
    refused(&link, "it is a symbolic link");
    refused(&link.join(""), "it is a symbolic link");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o770)).unwrap();
    refused(&dir, "others can write to it (mode 770)");
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    refused(&file, "it is no directory");
    if lab::root().is_some() {
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&dir, Some(12345), None).unwrap();
        refused(&dir, "it belongs to user 12345");
    } else {
        refused(Path::new("/usr"), "it belongs to user 0");
    }
}

#[track_caller]
fn refused(dir: &Path, why: &str) {
    match Store::open(dir) {
        Err(Error::NotPrivate { why: found, .. }) => assert_eq!(*found, *why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_later_version_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("images");
    filled(&dir);
    let version = dir.join(".wasmctr-store");
    assert_eq!(fs::read_to_string(&version).unwrap(), "1\n");
    fs::write(&version, "2\n").unwrap();
    assert!(matches!(Store::open(&dir), Err(Error::StoreVersion { version: 2, .. })));
    for odd in ["", "x", "-1", "99999999999999999999999"] {
        fs::write(&version, odd).unwrap();
        assert!(Store::open(&dir).is_err(), "{odd}");
    }
}

/// On a file system that is read-only: by a mount that only a child has, where this is root, and by its mode elsewhere.
#[test]
fn it_can_be_read_only() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("images");
    filled(&dir);
    let status = if lab::root().is_some() {
        let test = child("store::child_reads", &dir, 0);
        in_mounts(r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0""#, &dir, &test).status().unwrap()
    } else {
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).unwrap();
        child("store::child_reads", &dir, 0).status().unwrap()
    };
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "a child of it_can_be_read_only"]
fn child_reads() {
    let (dir, _) = given();
    let store = Store::open(&dir).unwrap();
    assert_eq!(store.layout().artifact(Some("v1")).unwrap().digest(), hello().digest());
    assert!(store.layout().verify().unwrap().missing.is_empty());
    let error = store.into_layout().put(Some("v2"), &hello(), Overwrite::Refuse).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

/// A disk of 64 KiB: nothing is visible of what does not fit, and what is there stays.
#[test]
fn a_full_disk_leaves_it_whole() {
    if lab::root().is_none() {
        lab::skip("a_full_disk_leaves_it_whole", "needs root to mount a small file system");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let test = child("store::child_fills", place.path(), 0);
    let mount = r#"mount -t tmpfs -o size=64k,mode=700 none "$0""#;
    assert!(in_mounts(mount, place.path(), &test).status().unwrap().success());
}

#[test]
#[ignore = "a child of a_full_disk_leaves_it_whole"]
fn child_fills() {
    let (dir, _) = given();
    filled(&dir);
    let mut seed = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    })
    .take(100_000)
    .collect();
    let wasm = [guests::HELLO.wasm().as_slice(), &[0, 0xa3, 0x8d, 6, 2, b'n', b'o'], &noise].concat();
    let large = wasm_oci::Pack::new(wasm, "/a.wasm").unwrap().build(wasm_oci::Format::Artifact).unwrap();
    let mut layout = Store::open(&dir).unwrap().into_layout();
    for _ in 0..2 {
        let error = layout.put(Some("v2"), &large, Overwrite::Refuse).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
    let verified = Store::open(&dir).unwrap().layout().verify().unwrap();
    assert!(verified.corrupt.is_empty() && verified.missing.is_empty(), "{verified:?}");
    assert_eq!(Store::open(&dir).unwrap().layout().tags().collect::<Vec<_>>(), ["v1"]);
}

/// The command in mounts of its own, after `prepare` with the directory as `$0`.
fn in_mounts(prepare: &str, dir: &Path, command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "sh", "-c", &format!(r#"{prepare} && exec "$@""#)]).arg(dir);
    unshare.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        unshare.env(name, value.unwrap());
    }
    unshare
}
