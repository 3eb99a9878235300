//! What a guest takes of the machine, wherever it takes it: memory of the host, room on a disk.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use wasm_exec::{Capability, Exit, Preopen, Task};

use super::{CALL_DEPTH, NAME, engine, stops, task};
use crate::{
    child,
    support::{calling, wasm},
};

#[test]
fn hostile_guests_take_no_more_memory_than_their_limit_says() {
    if engine().info().can(Capability::LimitMemory) {
        child::finish(child::start(&format!("{NAME}::resources::takes_little"), Stdio::null()));
    }
}

#[test]
#[ignore = "started by the test above"]
fn takes_little() {
    const LIMIT: u64 = 16 << 20;
    let mut too_much = Vec::new();
    for (what, wasm, task) in greedy() {
        let Ok(program) = engine().compile(&wasm) else { panic!("{what} does not compile") };
        let limits = task.limits.clone().memory(LIMIT).deadline(Duration::from_millis(300));
        forget_the_most();
        let before = child::memory("VmRSS");
        let ended = program.run(stops::best(task.limits(limits)));
        let taken = child::memory("VmHWM").saturating_sub(before);
        // However it ends: the other tests say how.
        drop(ended);
        if taken > LIMIT + (8 << 20) {
            too_much.push((what, taken));
        }
    }
    assert_eq!(too_much, []);
}

type Guest = (&'static str, Vec<u8>, Task);

/// Guests that do something without end, and what they would have to grow by it.
fn greedy() -> Vec<Guest> {
    let endless = stops::Endless::all().into_iter().map(|guest| (guest.what, guest.wasm, (guest.task)()));
    // An engine whose calls may go as deep as they like takes memory for them, until something else stops the guest.
    let recursion = wasm(r#"(module (func $deep (export "_start") (call $deep)))"#);
    let deep = CALL_DEPTH.then(|| ("a recursion", recursion, task()));
    endless.chain(deep).chain(growing()).chain(calling_again()).collect()
}

/// What grows by what WebAssembly itself has.
fn growing() -> Vec<Guest> {
    let memories = "(memory 1 1)".repeat(100);
    let filled = r#"(module (memory 1) (func (export "_start") (loop $again
        (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
        (drop (memory.grow (i32.const 1))) (br $again))))"#;
    let table = r#"(module (table 1 funcref) (func (export "_start")
        (loop $again (drop (table.grow (ref.null func) (i32.const 1000))) (br $again))))"#;
    vec![
        ("a hundred memories", wasm(&format!(r#"(module {memories} (func (export "_start")))"#)), task()),
        ("a table that grows", wasm(table), task()),
        ("a memory that is filled", wasm(filled), task()),
    ]
}

/// What calls the host for ever.
fn calling_again() -> Vec<Guest> {
    let calls = |params: &'static str, name: &'static str, call: &str| {
        let again = format!("(loop $again (result i32) (drop {call}) (br $again))");
        calling(&[(name, params)], &"\\ff".repeat(64), &again)
    };
    let here = || task().preopen(Preopen::read_only("/", "/"));
    let opens = "(call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 8))";
    let writes = "(call $fd_write (i32.const 1) (i32.const 0) (i32.const 8000) (i32.const 8))";
    let reads =
        "(call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 60000) (i64.const 0) (i32.const 60004))";
    vec![
        ("files that stay open", calls(OPEN, "path_open", opens), here()),
        ("a write of what is not there", calls("i32 i32 i32 i32", "fd_write", writes), task()),
        ("a directory that is read", calls("i32 i32 i32 i64 i32", "fd_readdir", reads), here()),
    ]
}

/// Begins to count anew what `VmHWM` says.
fn forget_the_most() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[test]
fn a_full_disk_is_an_error_for_the_guest() {
    child::finish(on_small_disk("fills_a_disk"));
}

#[test]
#[ignore = "started by the test above"]
fn fills_a_disk() {
    let dir = small_disk();
    let open =
        "(drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 1)
                  (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)))";
    let body = format!(
        "(block (result i32) {open}
           (i32.store (i32.const 8) (i32.const 4096)) (i32.store (i32.const 12) (i32.const 32768))
           (loop $again (result i32)
             (i32.store (i32.const 16)
               (call $fd_write (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 20)))
             (br_if $again (i32.eqz (i32.load (i32.const 16))))
             (i32.load (i32.const 16))))"
    );
    let fills = calling(&[("path_open", OPEN), ("fd_write", "i32 i32 i32 i32")], "full", &body);
    ends_with(&fills, &dir, NOSPC);
    fs::remove_file(Path::new(&dir).join("full")).unwrap();
    // Room again: the guest that comes next has it.
    ends_with(&fills, &dir, NOSPC);
}

#[test]
fn a_disk_with_too_many_files_is_an_error_for_the_guest() {
    child::finish(on_small_disk("makes_many_files"));
}

#[test]
#[ignore = "started by the test above"]
fn makes_many_files() {
    let dir = small_disk();
    // Two digits of the name count.
    let body = "(loop $again (result i32)
        (i32.store8 (i32.const 1024) (i32.add (i32.const 65) (i32.and (i32.load (i32.const 8)) (i32.const 15))))
        (i32.store8 (i32.const 1025)
          (i32.add (i32.const 65) (i32.and (i32.shr_u (i32.load (i32.const 8)) (i32.const 4)) (i32.const 15))))
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
        (i32.store (i32.const 16)
          (call $path_open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 2) (i32.const 5)
            (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)))
        (br_if $again (i32.eqz (i32.or (i32.load (i32.const 16)) (i32.gt_u (i32.load (i32.const 8)) (i32.const 255)))))
        (i32.load (i32.const 16)))";
    let makes = calling(&[("path_open", OPEN)], "AA", body);
    ends_with(&makes, &dir, NOSPC);
    assert!(fs::read_dir(&dir).unwrap().count() < 64);
}

#[track_caller]
fn ends_with(wasm: &[u8], dir: &str, errno: i32) {
    let program = engine().compile(wasm).unwrap();
    let granted = task().preopen(Preopen::read_write(dir, "/disk"));
    let limits = granted.limits.clone().deadline(Duration::from_secs(20));
    let exit = program.run(stops::best(granted.limits(limits))).unwrap();
    assert_eq!(exit, Exit::Code(errno));
    // Who may write nowhere is not disturbed.
    let hello = engine().compile(&guests::HELLO.wasm()).unwrap();
    assert_eq!(hello.run(task()).unwrap(), Exit::Code(0));
}

/// Starts a test in a place of its own that has a small file system, which no other process sees.
fn on_small_disk(test: &str) -> Child {
    let mount = format!("mount -t tmpfs -o size=1m,nr_inodes=64 disk {DISK} && exec \"$@\"");
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("{NAME}::resources::{test}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where it is mounted: a directory that every Linux has, hidden in that process only.
const DISK: &str = "/mnt";

fn small_disk() -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(mounts.contains(&format!("disk {DISK} tmpfs ")), "not in a place of its own");
    DISK.to_owned()
}

const OPEN: &str = "i32 i32 i32 i32 i32 i64 i64 i32 i32";

/// An error number of preview 1.
const NOSPC: i32 = 51;
