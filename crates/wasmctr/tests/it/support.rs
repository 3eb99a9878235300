//! What the tests share: running the command in an empty directory, and telling what it printed.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// An empty directory in which `wasmctr` is run, and elsewhere one for what it caches.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn cache_home(&self) -> &Path {
        self.cache.path()
    }

    /// Writes a file and returns its name.
    pub(crate) fn file<'a>(&self, name: &'a str, bytes: impl AsRef<[u8]>) -> &'a str {
        fs::write(self.path().join(name), bytes).unwrap();
        name
    }

    /// The command, to be started in this directory with no input, no colour and a known environment.
    pub(crate) fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasmctr"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("SOURCE_DATE_EPOCH").env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
        command.env_remove("WASMCTR_ENGINE").env_remove("WASMCTR_WASMEDGE");
        command.env("XDG_CACHE_HOME", self.cache_home());
        command
    }

    /// Runs the command.
    pub(crate) fn wasmctr(&self, args: &[impl AsRef<OsStr>]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// The names of everything in this directory, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A guest that prints `ready` and then goes on as `body` says, which may `call $poll` as WASI has it.
pub(crate) fn ready(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (data (i32.const 0) "\10\00\00\00\06\00\00\00")
             (data (i32.const 16) "ready\n")
             (func (export "_start")
               (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
               {body}))"#
    );
    wat::parse_str(text).unwrap()
}

/// For [`ready`]: computes for ever.
pub(crate) const SPIN: &str = "(loop $forever (br $forever))";

/// For [`ready`]: sleeps for a year.
pub(crate) const SLEEP: &str = "
    (i32.store (i32.const 80) (i32.const 1)) ;; the monotonic clock
    (i64.store (i32.const 88) (i64.const 31536000000000000))
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 160)))";

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Expects success and returns what was printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Expects a failure that says what, why and what to do; nothing on standard output.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, error: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        assert_eq!(self.stderr.lines().next(), Some(format!("error: {error}").as_str()), "{self:#?}");
        self
    }

    /// Expects a line of standard error.
    #[track_caller]
    pub(crate) fn with(self, line: &str) -> Self {
        assert!(self.stderr.lines().any(|found| found == line), "no line {line:?} in {self:#?}");
        self
    }
}

/// Sends a signal, by its name.
pub(crate) fn send(signal: &str, child: &Child) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Waits for the end, for at most 20 seconds.
pub(crate) fn ended(mut child: Child) -> Ran {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ran::of(child.wait_with_output().unwrap())
}

/// The guest listens on a fixed port of this machine: one test at a time.
pub(crate) fn port_8080() -> File {
    let lock = File::create(env::temp_dir().join("wasmctr-port-8080.lock")).unwrap();
    lock.lock().unwrap();
    // Whoever had it last may still be about to end.
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(20), "something else listens on port 8080");
        thread::sleep(Duration::from_millis(20));
    }
    lock
}

/// The program with the other engine, for a test: `WASMCTR_WASMEDGE`, or what `cargo xtask wasmedge` has built of the
/// sources as they are.
pub(crate) fn wasmedge(test: &str) -> Option<PathBuf> {
    let named = env::var_os("WASMCTR_WASMEDGE").filter(|named| !named.is_empty()).map(PathBuf::from);
    let built = || {
        let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasmedge");
        let targets = fs::read_dir(targets).ok()?.flatten();
        targets
            .map(|target| target.path().join("debug/wasmctr-wasmedge"))
            .find(|program| is_of_today(program))
    };
    lab::require(named.or_else(built), "wasmctr-wasmedge as the sources are", "cargo xtask wasmedge", test)
}

/// Tells whether a program that cargo built is younger than all that it was built of, which cargo lists beside it.
fn is_of_today(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    let Some(built) = modified(program) else { return false };
    let list = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    // A space in a path is escaped.
    let list = list.trim_end().replace("\\ ", "\0");
    let mut sources = list.split(' ').skip(1).map(|source| source.replace('\0', " "));
    !list.is_empty()
        && sources.all(|source| modified(Path::new(&source)).is_some_and(|source| source <= built))
}

/// Asks the server on port 8080 until it is up, for at most 30 seconds; see [`port_8080`].
pub(crate) fn get_8080() -> String {
    let start = Instant::now();
    loop {
        let answer = TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        });
        match answer {
            Ok(answer) => return answer,
            Err(error) if start.elapsed() > Duration::from_secs(30) => panic!("no answer: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Reads so many lines, each within 20 seconds.
pub(crate) fn lines(stdout: ChildStdout, count: usize) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().take(count) {
            let _ = sender.send(line.unwrap());
        }
    });
    let line = |_| receiver.recv_timeout(Duration::from_secs(20)).expect("a line within 20 seconds") + "\n";
    (0..count).map(line).collect()
}
