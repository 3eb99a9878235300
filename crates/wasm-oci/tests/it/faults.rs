//! What a store is after any of its system calls failed, or was the last.
//!
//! strace tells which calls writing an image takes, lets each of them fail, and ends the process at each of them.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Mutex,
    thread,
    time::{Duration, SystemTime},
};

use wasm_oci::{Error, Format, Layout, Overwrite, Pack, Store};

use crate::{
    hello,
    sharing::{child, given},
};

/// What changes a file system, or reads of it what is there.
const CALLS: &str = "openat,read,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,\
                     mkdir,mkdirat,rmdir,ftruncate,flock,fchmod,chmod,statx,newfstatat,getdents64";
/// Those that change nothing.
const LOOKS: [&str; 4] = ["read", "statx", "newfstatat", "getdents64"];
/// Where the calls of interest begin and end: files that are nowhere.
const BEGIN: &str = "/wasm-oci-begins-here";
const END: &str = "/wasm-oci-ends-here";
/// What leads to everything else.
const INDEX: &str = "/index.json";

/// A call between the two, and the how manieth of its kind it is in its thread.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    nth: usize,
    /// What strace tells of it, with the paths of file descriptors.
    told: String,
}

/// The store with the image `v1`, and the file that strace writes.
fn place() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("images");
    Store::open(&dir).unwrap().into_layout().put(Some("v1"), &hello(), Overwrite::Refuse).unwrap();
    (place, dir)
}

/// Writes `v2`, with what `inject` does to it.
fn traced(strace: &Path, place: &Path, inject: &str) -> ExitStatus {
    let test = child("faults::child_puts", &place.join("images"), 0);
    let mut command = Command::new(strace);
    command.args(["-f", "-qq", "-y", "-s", "0", "-o"]).arg(place.join("trace"));
    command.args(["-e", &format!("trace={CALLS}")]);
    if !inject.is_empty() {
        command.args(["-e", &format!("inject={inject}")]);
    }
    command.arg(test.get_program()).args(test.get_args()).arg("--test-threads=1");
    for (name, value) in test.get_envs() {
        command.env(name, value.unwrap());
    }
    command.output().unwrap().status
}

#[test]
#[ignore = "a child of the tests here"]
fn child_puts() {
    let (dir, _) = given();
    let image = other();
    // strace counts in each thread: with these, no call of another one has the number of one of ours.
    let mut null = fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    for _ in 0..100 {
        fs::File::open("/dev/null").unwrap();
        fs::metadata("/dev/null").unwrap();
        null.write_all(b"x").unwrap();
        let _ = null.read(&mut [0]).unwrap();
    }
    assert!(fs::File::open(BEGIN).is_err());
    let put = || Store::open(&dir)?.into_layout().put(Some("v2"), &image, Overwrite::Refuse);
    let came = put();
    assert!(fs::File::open(END).is_err());
    let there = Layout::open(&dir).unwrap().tags().any(|tag| tag == "v2");
    match came {
        Ok(()) => assert!(there),
        // What went wrong in the end may be that it is there and nobody knows for how long.
        Err(Error::Io { .. } | Error::NotPrivate { .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn other() -> wasm_oci::Artifact {
    Pack::new(guests::TRAP.wasm(), "/trap.wasm").unwrap().build(Format::Artifact).unwrap()
}

/// The calls that writing an image takes.
fn calls(strace: &Path) -> Vec<Call> {
    let (place, dir) = place();
    assert!(traced(strace, place.path(), "").success());
    assert_eq!(Layout::open(&dir).unwrap().tags().count(), 2);
    let trace = fs::read_to_string(place.path().join("trace")).unwrap();
    let begin = trace.lines().find(|line| line.contains(BEGIN)).unwrap();
    let thread = begin.split_whitespace().next().unwrap();
    let mut counts = std::collections::HashMap::new();
    let mut calls = vec![];
    let mut inside = false;
    for line in trace.lines().filter(|line| line.split_whitespace().next() == Some(thread)) {
        let told = line[thread.len()..].trim_start();
        let Some((name, _)) = told.split_once('(') else { continue };
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        if told.contains(END) {
            break;
        }
        if inside {
            calls.push(Call { name: name.to_owned(), nth: *nth, told: told.to_owned() });
        }
        inside |= told.contains(BEGIN);
    }
    assert!(calls.len() > 20, "{calls:?}");
    calls
}

/// Power may go at any time: what is renamed to its place is on the disk before, and its name behind; that of a blob before
/// the index has its own.
#[test]
fn what_is_renamed_is_on_the_disk() {
    let Some(strace) = lab::need!("strace") else { return };
    let calls = calls(&strace);
    let mut renames = 0;
    for (at, rename) in calls.iter().enumerate().filter(|(_, call)| call.name.starts_with("rename")) {
        let paths: Vec<&str> = rename.told.split('"').skip(1).step_by(2).collect();
        let [from, to] = paths[..] else { panic!("{rename:?}") };
        let synced = |calls: &[Call], path: &str| {
            let syncs = |call: &Call| matches!(&*call.name, "fsync" | "fdatasync");
            calls.iter().any(|call| syncs(call) && call.told.contains(&format!("<{path}>")))
        };
        assert!(synced(&calls[..at], from), "{from} is not flushed before it is renamed:\n{calls:#?}");
        let dir = Path::new(to).parent().unwrap().to_str().unwrap();
        let rest = &calls[at..];
        let named = rest.iter().position(|call| call.name.starts_with("rename") && call.told.contains(INDEX));
        let until = if to.ends_with(INDEX) { rest.len() } else { named.unwrap() };
        assert!(synced(&rest[..until], dir), "{dir} is not flushed after {to} was made:\n{calls:#?}");
        renames += 1;
    }
    assert!(renames >= 4, "a config, a layer, a manifest and the index: {calls:#?}");
}

/// Nothing is lost, nothing is seen in part, nothing stays locked, and the same works afterwards.
#[test]
fn every_call_may_fail_or_be_the_last() {
    let Some(strace) = lab::need!("strace") else { return };
    let calls = calls(&strace);
    let faults = calls.iter().enumerate().flat_map(|(at, call)| {
        // After what only looks, everything is as it was after the call before.
        let killed = (!LOOKS.contains(&call.name.as_str())).then_some("signal=SIGKILL");
        let faults = killed.into_iter().chain([error(call, at)]);
        faults.map(|fault| format!("{}:{fault}:when={}", call.name, call.nth))
    });
    let faults = Mutex::new(faults.collect::<Vec<_>>());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(fault) = { faults.lock().unwrap().pop() } {
                    check(&strace, &fault);
                }
            });
        }
    });
}

/// An error that the call can give.
fn error(call: &Call, at: usize) -> &'static str {
    let of: &[&str] = match call.name.as_str() {
        "openat" if call.told.contains("O_CREAT") => {
            &["error=ENOSPC", "error=EMFILE", "error=EROFS", "error=EDQUOT"]
        }
        "openat" => &["error=EMFILE", "error=EIO", "error=EACCES"],
        "write" | "pwrite64" | "ftruncate" => &["error=ENOSPC", "error=EIO", "error=EDQUOT"],
        "fsync" | "fdatasync" => &["error=EIO", "error=ENOSPC"],
        "read" | "statx" | "newfstatat" | "getdents64" => &["error=EIO"],
        "flock" => &["error=ENOLCK", "error=EINTR"],
        _ => &["error=ENOSPC", "error=EIO", "error=EROFS", "error=EDQUOT"],
    };
    of[at % of.len()]
}

fn check(strace: &Path, fault: &str) {
    let (place, dir) = place();
    let status = traced(strace, place.path(), fault);
    assert!(status.success() || fault.contains("SIGKILL"), "{fault}: {status}");
    whole(&dir, fault);
    Store::open(&dir).unwrap().into_layout().put(Some("v2"), &other(), Overwrite::Replace).unwrap();
    assert_eq!(
        Layout::open(&dir).unwrap().artifact(Some("v2")).unwrap().digest(),
        other().digest(),
        "{fault}"
    );
    // Processes that other threads just start hold our locks for a moment.
    Layout::gc(&dir, SystemTime::now() + Duration::from_secs(60), Duration::from_secs(10)).unwrap();
    let left = left_behind(&dir);
    assert!(left.is_empty(), "{fault}: {left:?}");
}

/// What was there is there, and of what is new there is all of it or nothing.
fn whole(dir: &Path, fault: &str) {
    let layout = Store::open(dir).unwrap().into_layout();
    let verified = layout.verify().unwrap();
    assert!(verified.corrupt.is_empty() && verified.missing.is_empty(), "{fault}: {verified:?}");
    assert_eq!(layout.artifact(Some("v1")).unwrap().digest(), hello().digest(), "{fault}");
    if layout.tags().any(|tag| tag == "v2") {
        assert_eq!(layout.artifact(Some("v2")).unwrap().wasm().unwrap(), guests::TRAP.wasm(), "{fault}");
    }
}

/// What nobody needs.
fn left_behind(dir: &Path) -> Vec<PathBuf> {
    let mut open = vec![dir.to_owned()];
    let mut left = vec![];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path.clone());
            }
            if path.file_name().unwrap().to_str().unwrap().starts_with(".tmp-") {
                left.push(path);
            }
        }
    }
    left
}

/// The clock of the machine was ahead, and is right again: what was written tomorrow is no reason to remove it.
#[test]
fn a_clock_that_went_back_removes_nothing() {
    let (_place, dir) = place();
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600);
    let loose = wasm_oci::sha256(b"loose");
    let blob = dir.join("blobs/sha256").join(loose.digest());
    fs::write(&blob, "loose").unwrap();
    fs::File::options().write(true).open(&blob).unwrap().set_modified(tomorrow).unwrap();
    Layout::gc(&dir, SystemTime::now(), Duration::ZERO).unwrap();
    assert!(blob.exists());
    assert_eq!(Layout::open(&dir).unwrap().artifact(Some("v1")).unwrap().digest(), hello().digest());
    Layout::gc(&dir, tomorrow + Duration::from_secs(1), Duration::ZERO).unwrap();
    assert!(!blob.exists());
}
