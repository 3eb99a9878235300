//! The cache of precompiled code: whom and what it does not trust.

use std::{
    fs::{self, File, Permissions},
    io::Read,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
    thread,
};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use wasm_exec::{Cache, CacheFault, Error, Exit, Origin, Task};

use crate::cache::{Counting, Place, guest, hit};

#[test]
fn what_is_damaged_is_replaced() {
    let place = Place::new();
    place.hit(&guest(1));
    let whole = fs::read(place.entry()).unwrap();
    let step = whole.len() / 40;
    for at in (0..whole.len()).step_by(step).chain([1, whole.len() - 129, whole.len() - 33, whole.len() - 1])
    {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        place.replace_entry(&damaged);
        assert!(!place.hit(&guest(1)), "byte {at}");
        assert!(place.hit(&guest(1)), "byte {at}");
    }
}

#[test]
fn what_is_cut_off_or_longer_is_replaced() {
    let place = Place::new();
    place.hit(&guest(1));
    let whole = fs::read(place.entry()).unwrap();
    for length in [0, 1, 31, 32, 128, 129, 4096, whole.len() / 2, whole.len() - 32, whole.len() - 1] {
        place.replace_entry(&whole[..length]);
        assert!(!place.hit(&guest(1)), "{length} bytes");
    }
    place.replace_entry(&[&whole[..], b"\0"].concat());
    assert!(!place.hit(&guest(1)));
    assert!(place.hit(&guest(1)));
}

#[test]
fn code_under_a_wrong_name_is_no_code() {
    let place = Place::new();
    place.hit(&guest(1));
    let first = fs::read(place.entry()).unwrap();
    place.cache().prune(0).unwrap();
    place.hit(&guest(2));
    place.replace_entry(&first);
    assert!(!place.hit(&guest(2)));
}

#[test]
fn code_of_another_configuration_is_not_found() {
    let place = Place::new();
    place.hit(&guest(1));
    let other = Counting::new("with another processor");
    assert!(!hit(&place.cache(), &other, &guest(1)));
    assert!(hit(&place.cache(), &other, &guest(1)));
    assert!(place.hit(&guest(1)), "both are there");
}

#[track_caller]
fn fault(dir: impl AsRef<Path>) -> CacheFault {
    let error = Cache::open(dir).unwrap_err();
    assert!(error.help().is_some());
    match error {
        Error::CacheDirectory { fault, .. } => fault,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_directory_that_others_could_change_is_refused() {
    let place = Place::new();
    place.cache();
    for mode in [0o777, 0o770, 0o720, 0o702, 0o1777] {
        fs::set_permissions(place.dir(), Permissions::from_mode(mode)).unwrap();
        assert_eq!(fault(place.dir()), CacheFault::Writable { mode });
    }
    fs::set_permissions(place.dir(), Permissions::from_mode(0o755)).unwrap();
    place.cache();

    let link = place.home.path().join("link");
    symlink(place.dir(), &link).unwrap();
    assert_eq!(fault(&link), CacheFault::Symlink);
    assert_eq!(fault(format!("{}/", link.display())), CacheFault::Symlink);
    let nowhere = place.home.path().join("nowhere");
    symlink("missing", &nowhere).unwrap();
    assert_eq!(fault(nowhere), CacheFault::Symlink);
    let file = place.home.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(fault(&file), CacheFault::NotADirectory);
    assert!(matches!(Cache::open(file.join("code")).unwrap_err(), Error::Cache { .. }));
}

#[test]
fn a_foreign_directory_or_entry_is_refused() {
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    place.hit(&guest(1));
    chown(place.entry(), Some(NOBODY), None).unwrap();
    let cache = place.cache();
    assert!(cache.entries().unwrap().is_empty());
    assert!(!place.hit(&guest(1)));
    chown(place.dir(), Some(NOBODY), None).unwrap();
    assert_eq!(fault(place.dir()), CacheFault::Owner { uid: NOBODY });
}

#[test]
fn what_is_no_entry_of_ours_is_replaced() {
    let place = Place::new();
    place.hit(&guest(1));
    let entry = place.entry();
    let kept = place.home.path().join("kept");

    fs::set_permissions(&entry, Permissions::from_mode(0o622)).unwrap();
    assert!(!place.hit(&guest(1)), "others could have written it");
    fs::rename(&entry, &kept).unwrap();
    symlink(&kept, &entry).unwrap();
    assert!(!place.hit(&guest(1)), "a symbolic link to the code");
    assert!(fs::symlink_metadata(&entry).unwrap().is_file());
    fs::remove_file(&entry).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &entry, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(!place.hit(&guest(1)), "a FIFO, which is not waited for");
    assert!(place.hit(&guest(1)));
}

#[test]
fn a_directory_that_cannot_be_written_gives_what_it_has() {
    let place = Place::new();
    place.hit(&guest(1));
    fs::set_permissions(place.dir(), Permissions::from_mode(0o500)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            obey_permissions();
            assert!(place.hit(&guest(1)));
            let cached = place.cache().program(&place.engine, &guest(2)).unwrap();
            assert!(matches!(cached.origin, Origin::NotStored(Error::Cache { .. })), "{:?}", cached.origin);
            assert_eq!(cached.program.run(Task::default()).unwrap(), Exit::Code(7));
            assert!(place.cache().prune(0).is_err());
        });
    });
}

/// Permissions do not bind root; from now on they bind this thread.
fn obey_permissions() {
    let mut sets = capabilities(None).unwrap();
    sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    set_capabilities(None, sets).unwrap();
}

/// As `/home` on a hardened machine: code cannot be mapped from there, but it can be read.
#[test]
fn a_file_system_without_execution_is_good_enough() {
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let dir = place.home.path().join("dir");
    fs::write(&dir, place.dir().to_str().unwrap()).unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", r#"mount -t tmpfs -o noexec none "$0" && exec "$@""#])
        .args([place.home.path(), &std::env::current_exe().unwrap()])
        .args(["--ignored", "--exact", "cache_trust::without_execution"])
        .stdin(File::open(dir).unwrap())
        .status();
    assert!(status.unwrap().success());
    assert!(!place.dir().exists(), "it was on the other file system");
}

#[test]
#[ignore = "a part of `a_file_system_without_execution_is_good_enough`"]
fn without_execution() {
    let mut dir = String::new();
    std::io::stdin().read_to_string(&mut dir).unwrap();
    let (cache, engine) = (Cache::open(dir).unwrap(), Counting::new(""));
    assert!(!hit(&cache, &engine, &guest(1)));
    assert!(hit(&cache, &engine, &guest(1)));
}

const NOBODY: u32 = 65534;
