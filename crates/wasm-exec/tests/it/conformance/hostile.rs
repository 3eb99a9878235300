//! Guests that are up to no good, as far as the other modules have none of them. However they end, it is a typed exit
//! or a typed error, nothing outside of what was granted has changed, and others do not notice.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use tempfile::TempDir;
use wasm_exec::{Exit, Preopen, Task, TrapKind};

use super::{engine, task};
use crate::support::{calling, run};

/// Two directories, one for reading and one for writing, and a secret beside them.
struct World(TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        for dir in ["read", "write/sub"] {
            fs::create_dir_all(world.path(dir)).unwrap();
        }
        for file in ["secret", "read/file", "write/file"] {
            fs::write(world.path(file), file).unwrap();
        }
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Descriptor 3 is for reading, 4 for writing.
    fn task(&self) -> Task {
        let read = Preopen::read_only(self.path("read"), "/read");
        task().preopen(read).preopen(Preopen::read_write(self.path("write"), "/write"))
    }

    #[track_caller]
    fn assert_unharmed(&self) {
        assert_eq!(listing(self.0.path()), ["read", "secret", "write"]);
        assert_eq!(listing(&self.path("read")), ["file"]);
        for file in ["secret", "read/file"] {
            assert_eq!(fs::read_to_string(self.path(file)).unwrap(), file);
        }
    }
}

fn listing(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Calls one function after the other, with `text` at 1024; the last gives the exit code.
fn calls(text: &str, calls: &[&str]) -> Vec<u8> {
    let used =
        FUNCTIONS.iter().filter(|(name, _)| calls.iter().any(|call| call.contains(&format!("${name} "))));
    let imports: Vec<_> = used.copied().collect();
    let (last, before) = calls.split_last().unwrap();
    let before: String = before.iter().map(|call| format!("(drop {call})")).collect();
    calling(&imports, text, &format!("(block (result i32) {before} {last})"))
}

#[track_caller]
fn code(wasm: &[u8], task: Task) -> i32 {
    crate::support::code(&*engine(), wasm, task)
}

/// By an error number, or by a trap where it makes no sense at all.
#[track_caller]
fn assert_refused(wasm: &[u8], task: Task) {
    match run(&*engine(), wasm, task).exit {
        Exit::Code(errno) => assert_ne!(errno, 0),
        Exit::Trap(trap) => {
            assert!(matches!(trap.kind, TrapKind::Host | TrapKind::MemoryOutOfBounds), "{trap}");
        }
        exit => panic!("{exit}"),
    }
}

#[test]
fn what_does_not_fit_into_a_memory_is_refused() {
    let world = World::new();
    for call in [
        "(call $random_get (i32.const 0) (i32.const -1))",
        "(call $random_get (i32.const 65535) (i32.const 2))",
        "(call $fd_write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0))",
        "(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0))",
        "(call $fd_read (i32.const 0) (i32.const 65532) (i32.const 1) (i32.const 0))",
        "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))",
        "(call $args_sizes_get (i32.const -4) (i32.const -4))",
        "(call $fd_prestat_dir_name (i32.const 3) (i32.const -1) (i32.const 5))",
        "(call $path_create_directory (i32.const 4) (i32.const 1024) (i32.const -1))",
        "(call $path_create_directory (i32.const 4) (i32.const -1) (i32.const 16))",
    ] {
        assert_refused(&calls("", &[call]), world.task());
    }
    world.assert_unharmed();
    assert_eq!(listing(&world.path("write")), ["file", "sub"]);
}

#[test]
fn arguments_and_variables_of_ten_megabytes_arrive() {
    let sizes = calls(
        "",
        &[
            "(call $args_sizes_get (i32.const 0) (i32.const 4))",
            "(call $environ_sizes_get (i32.const 8) (i32.const 12))",
            "(i32.add (i32.load (i32.const 4)) (i32.load (i32.const 12)))",
        ],
    );
    let long = "x".repeat(10_000_000);
    assert_eq!(code(&sizes, task().arg(&long).env("A", &long)), 20_000_004);
}

#[test]
fn descriptors_that_are_renumbered_keep_their_rights() {
    let world = World::new();
    let secret = "../secret";
    let renumber = |from: i32, to: i32| format!("(call $fd_renumber (i32.const {from}) (i32.const {to}))");
    let open = |fd: i32, flags: i32, rights: i32| {
        format!(
            "(call $path_open (i32.const {fd}) (i32.const 1) (i32.const 1024) (i32.const 9) (i32.const {flags})
               (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 0))"
        )
    };
    let steps = |text: &str, steps: &[String]| {
        let steps: Vec<_> = steps.iter().map(String::as_str).collect();
        run(&*engine(), &calls(text, &steps), world.task()).exit
    };
    // To another number, over another one, over a stream, to itself, to what is not there.
    for moves in [
        vec![renumber(3, 5)],
        vec![renumber(3, 4)],
        vec![renumber(4, 3)],
        vec![renumber(3, 1), renumber(4, 2)],
        vec![renumber(3, 3), renumber(3, -1), renumber(99, 3), renumber(-1, 3)],
        vec![renumber(0, 3), renumber(1, 3), renumber(3, 0)],
    ] {
        for fd in 0..6 {
            for (text, flags, rights) in [(secret, 0, 2), (secret, 1, 64), ("./new.txt", 1, 64)] {
                let all = [&moves[..], &[open(fd, flags, rights)]].concat();
                let exit = steps(text, &all);
                let opened = exit == Exit::Code(0);
                assert!(
                    matches!(exit, Exit::Code(_) | Exit::Trap(_)) && !(opened && text == secret),
                    "{exit}"
                );
                world.assert_unharmed();
            }
        }
    }
}

#[test]
fn nothing_gets_into_a_directory_that_is_read_only_and_nothing_out_of_it() {
    let world = World::new();
    let two = |function: &str, from: i32, to: i32| {
        let flags = if function == "path_link" { "(i32.const 0)" } else { "" };
        format!(
            "(call ${function} (i32.const {from}) {flags} (i32.const 1024) (i32.const 4)
               (i32.const {to}) (i32.const 1028) (i32.const 3))"
        )
    };
    for function in ["path_link", "path_rename"] {
        for (from, to) in [(4, 3), (3, 4), (3, 3)] {
            let call = two(function, from, to);
            assert_ne!(code(&calls("filenew", &[&call]), world.task()), 0, "{call}");
        }
    }
    world.assert_unharmed();
    assert_eq!(listing(&world.path("write")), ["file", "sub"]);
    // The same calls, where they are allowed.
    assert_eq!(code(&calls("filenew", &[&two("path_link", 4, 4)]), world.task()), 0);
    assert_eq!(code(&calls("filesub", &[&two("path_rename", 4, 4)]), world.task()), ISDIR);
}

#[test]
fn a_file_that_is_read_only_stays_as_it_is() {
    let world = World::new();
    let modified = || fs::metadata(world.path("read/file")).unwrap().modified().unwrap();
    let before = modified();
    let open = |flags: i32, rights: i64, fdflags: i32| {
        format!(
            "(call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 4) (i32.const {flags})
               (i64.const {rights}) (i64.const {rights}) (i32.const {fdflags}) (i32.const 0))"
        )
    };
    // Reading and truncating, writing, appending, everything.
    for (flags, rights, fdflags) in [(8, 2, 0), (9, 2, 0), (0, 66, 0), (0, 66, 1), (8, -1, 0), (0, -1, 0)] {
        for then in [
            "(call $fd_write (i32.load (i32.const 0)) (i32.const 1032) (i32.const 1) (i32.const 8))",
            "(call $fd_pwrite (i32.load (i32.const 0)) (i32.const 1032) (i32.const 1) (i64.const 0) (i32.const 8))",
            "(call $fd_filestat_set_size (i32.load (i32.const 0)) (i64.const 0))",
            "(call $fd_allocate (i32.load (i32.const 0)) (i64.const 0) (i64.const 1000))",
            "(call $fd_filestat_set_times (i32.load (i32.const 0)) (i64.const 1) (i64.const 1) (i32.const 5))",
            "(call $path_filestat_set_times (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 4)
               (i64.const 1) (i64.const 1) (i32.const 5))",
        ] {
            let text = "file\\00\\00\\00\\00\\00\\04\\00\\00\\04\\00\\00\\00";
            assert_refused(&calls(text, &[&open(flags, rights, fdflags), then]), world.task());
            world.assert_unharmed();
            assert_eq!(modified(), before, "{flags} {rights} {fdflags} {then}");
        }
    }
}

#[test]
fn a_link_that_a_guest_makes_leads_nowhere() {
    let world = World::new();
    let secret = world.path("secret");
    for target in ["../secret", "sub/../../secret", secret.to_str().unwrap(), "/proc/self/root/etc/passwd"] {
        let length = target.len();
        let link = format!(
            "(call $path_symlink (i32.const 1024) (i32.const {length}) (i32.const 4)
               (i32.const {}) (i32.const 4))",
            1024 + length
        );
        let open = format!(
            "(call $path_open (i32.const 4) (i32.const 1) (i32.const {}) (i32.const 4) (i32.const 0)
               (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0))",
            1024 + length
        );
        assert_ne!(code(&calls(&format!("{target}link"), &[&link, &open]), world.task()), 0, "{target}");
        let _ = fs::remove_file(world.path("write/link"));
    }
    world.assert_unharmed();
}

#[test]
fn the_files_of_the_process_are_not_there() {
    let world = World::new();
    for path in [
        "/proc/self/fd/0",
        "/proc/self/fd/3",
        "/proc/self/root",
        "proc/self/fd",
        "/dev/stdin",
        "//etc",
        "\\00",
    ] {
        let open = format!(
            "(call $path_open (i32.const 4) (i32.const 1) (i32.const 1024) (i32.const {}) (i32.const 0)
               (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0))",
            path.replace("\\00", "0").len()
        );
        assert_ne!(code(&calls(path, &[&open]), world.task()), 0, "{path}");
    }
}

/// Opens a file below descriptor 4 again and again, until it can or has tried so often; gives 1 if it could.
fn opens_again(path: &str, times: u32) -> Vec<u8> {
    let body = format!(
        "(loop $again (result i32)
           (if (i32.eqz (call $path_open (i32.const 4) (i32.const 1) (i32.const 1024) (i32.const {})
                 (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
             (then (call $proc_exit (i32.const 1))))
           (i32.store (i32.const 600) (i32.add (i32.load (i32.const 600)) (i32.const 1)))
           (br_if $again (i32.lt_u (i32.load (i32.const 600)) (i32.const {times})))
           (i32.const 0))",
        path.len()
    );
    calling(&[("path_open", OPEN)], path, &body)
}

#[test]
fn a_link_that_somebody_swaps_is_not_followed_out() {
    let world = World::new();
    let program = engine().compile(&opens_again("swap/secret", 20_000)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let [swap, dir] = ["write/swap", "write/sub"].map(|path| world.path(path));
            while !stop.load(Relaxed) {
                symlink("..", &swap).unwrap();
                fs::remove_file(&swap).unwrap();
                fs::rename(&dir, &swap).unwrap();
                fs::rename(&swap, &dir).unwrap();
            }
        });
        let exit = program.run(world.task());
        stop.store(true, Relaxed);
        assert_eq!(exit.unwrap(), Exit::Code(0));
    });
}

#[test]
fn a_directory_that_moves_stays_the_guests() {
    let world = World::new();
    let program = engine().compile(&opens_again("ready", 5_000_000)).unwrap();
    thread::scope(|scope| {
        let task = world.task();
        let running = scope.spawn(|| program.run(task));
        thread::sleep(std::time::Duration::from_millis(50));
        fs::rename(world.path("write"), world.path("moved")).unwrap();
        fs::create_dir(world.path("write")).unwrap();
        fs::write(world.path("moved/ready"), "").unwrap();
        assert_eq!(running.join().unwrap().unwrap(), Exit::Code(1));
    });
}

#[test]
fn numbers_that_make_no_sense_are_no_harm() {
    let world = World::new();
    let open = "(call $path_open (i32.const 4) (i32.const 1) (i32.const 1024) (i32.const 4) (i32.const 0)
                  (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 0))";
    for then in [
        "(call $fd_seek (i32.load (i32.const 0)) (i64.const -9223372036854775808) (i32.const 0) (i32.const 8))",
        "(call $fd_seek (i32.load (i32.const 0)) (i64.const 0) (i32.const 77) (i32.const 8))",
        "(call $fd_pwrite (i32.load (i32.const 0)) (i32.const 1032) (i32.const 1) (i64.const -1) (i32.const 8))",
        "(call $fd_filestat_set_size (i32.load (i32.const 0)) (i64.const -1))",
        "(call $fd_allocate (i32.load (i32.const 0)) (i64.const -1) (i64.const -1))",
        "(call $fd_readdir (i32.const 4) (i32.const 0) (i32.const 1) (i64.const -1) (i32.const 8))",
        "(call $fd_close (i32.const -1))",
        "(call $clock_time_get (i32.const 99) (i64.const -1) (i32.const 0))",
        "(call $path_open (i32.const 4) (i32.const -1) (i32.const 1024) (i32.const 4) (i32.const -1)
           (i64.const -1) (i64.const -1) (i32.const -1) (i32.const 0))",
    ] {
        let text = "file\\00\\00\\00\\00\\00\\04\\00\\00\\04\\00\\00\\00";
        let exit = run(&*engine(), &calls(text, &[open, then]), world.task()).exit;
        assert!(matches!(exit, Exit::Code(_) | Exit::Trap(_)), "{then}: {exit}");
        world.assert_unharmed();
    }
}

/// An error number of preview 1.
const ISDIR: i32 = 31;

const OPEN: &str = "i32 i32 i32 i32 i32 i64 i64 i32 i32";

/// The functions of preview 1 that the calls above use.
const FUNCTIONS: &[(&str, &str)] = &[
    ("args_sizes_get", "i32 i32"),
    ("clock_time_get", "i32 i64 i32"),
    ("environ_sizes_get", "i32 i32"),
    ("fd_allocate", "i32 i64 i64"),
    ("fd_close", "i32"),
    ("fd_filestat_set_size", "i32 i64"),
    ("fd_filestat_set_times", "i32 i64 i64 i32"),
    ("fd_prestat_dir_name", "i32 i32 i32"),
    ("fd_pwrite", "i32 i32 i32 i64 i32"),
    ("fd_read", "i32 i32 i32 i32"),
    ("fd_readdir", "i32 i32 i32 i64 i32"),
    ("fd_renumber", "i32 i32"),
    ("fd_seek", "i32 i64 i32 i32"),
    ("fd_write", "i32 i32 i32 i32"),
    ("path_create_directory", "i32 i32 i32"),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32"),
    ("path_open", OPEN),
    ("path_rename", "i32 i32 i32 i32 i32 i32"),
    ("path_symlink", "i32 i32 i32 i32 i32"),
    ("poll_oneoff", "i32 i32 i32 i32"),
    ("random_get", "i32 i32"),
];
