//! WasmEdge's sockets on wasmtime and on WasmEdge: the same server, `http-server`, which nothing was changed in.
//!
//! Servers are started anew in a network of their own and asked turn by turn, over 1, 16 and 64 connections that stay:
//!
//! - `wasmctr run --net host`, whose code is in the cache;
//! - WasmEdge with code that its own compiler made, in the mode `aot` (without it WasmEdge interprets even that), as it
//!   is, and with `TCP_NODELAY` on each connection, by a library that is preloaded. `wasmctr` sets that option; without it
//!   the server sends head and body apart and waits for an acknowledgement in between, which is 44 ms on any engine;
//! - WasmEdge's interpreter, with the same option.
//!
//! Each server has a processor of its own, and the client another one, so that the scheduler's choice is not what is
//! compared.
//!
//! Then the same server written as one does today (`http-axum`, `http-wstd`), what idle connections cost, what calls on
//! files cost beside sockets, and what a start costs. Needs root, the lab (`cargo xtask lab`), the guests
//! (`cargo xtask guests`), a C compiler, and `cargo build --release` for `wasmctr`.
//!
//! `cargo bench -p benches --bench sockets`; with a word after it, as `-- sockets/16` or `-- files`, only what has it in
//! its name.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]
#![expect(clippy::print_stdout, reason = "a bench reports")]

use std::{
    env, fs,
    io::Write,
    net::{Shutdown, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use benches::{Load, is_bench, load, medians, sink};
use lab::Network;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;
use wasm_exec::{Engine, Exit, Output, Program, Task, WasmtimeEngine};

fn main() {
    let Some(guest) = guests::need!("http-server") else { return };
    let (Some(wasmedge), Some(())) = (lab::need!("wasmedge-0.17"), lab::need_root!()) else { return };
    let place = TempDir::new().unwrap();
    if let Some(wasmctr) = wasmctr() {
        let engines = engines(&wasmctr, &wasmedge, &guest, place.path());
        let today = today(&wasmctr, &guest, place.path());
        Network::new().unwrap().enter(|| {
            let connections = [1, 16, 64];
            connections.iter().for_each(|connections| throughput("sockets", &engines, *connections, true));
            engines.iter().take(2).for_each(idle);
            connections.iter().for_each(|connections| throughput("http", &today, *connections, false));
        });
    }
    files();
    start();
}

/// Tells whether somebody asked for this part: by a word of its name, or for all.
fn is_wanted(part: &str) -> bool {
    let mut words = env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| part.contains(&word))
}

/// `wasmctr`, if it is built.
fn wasmctr() -> Option<PathBuf> {
    let program = env::current_exe().unwrap().with_file_name("../wasmctr");
    let found = program.is_file().then_some(program);
    if found.is_none() {
        println!("no wasmctr beside this bench: `cargo build --release`");
    }
    found
}

/// A way to run the server.
struct Way {
    name: &'static str,
    /// How often it is asked: those that are far off need no second look.
    rounds: u32,
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(&'static str, PathBuf)>,
}

/// Ours first, then those that it is compared with.
fn engines(wasmctr: &Path, wasmedge: &Path, guest: &Path, place: &Path) -> Vec<Way> {
    let (aot, nodelay) = (place.join("server.so"), place.join("nodelay.so"));
    run(Command::new(wasmedge).arg("compile").arg(guest).arg(&aot));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodelay.c");
    run(Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&nodelay).arg(source).arg("-ldl"));
    let text = |path: &Path| path.display().to_string();
    let preload = [("LD_PRELOAD", nodelay)];
    let wasmedge = |name, rounds, args: &[String], env: &[(&'static str, PathBuf)]| Way {
        name,
        rounds,
        program: wasmedge.to_owned(),
        args: args.to_vec(),
        env: env.to_vec(),
    };
    let compiled = ["--run-mode".to_owned(), "aot".to_owned(), text(&aot)];
    vec![
        here("wasmctr (wasmtime)", wasmctr, &["run", "--net", "host"], guest, place),
        wasmedge("WasmEdge AOT, no delay", ROUNDS, &compiled, &preload),
        wasmedge("WasmEdge AOT, as it is", 2, &compiled, &[]),
        wasmedge("WasmEdge interpreter, no delay", 2, &[text(guest)], &preload),
    ]
}

/// The three ways to write the server, on wasmtime.
fn today(wasmctr: &Path, guest: &Path, place: &Path) -> Vec<Way> {
    let (run, serve) = (&["run", "--net", "host"][..], &["serve", "--addr", "127.0.0.1:8080"][..]);
    let again = &[serve, &["--reuse", "1000000"]].concat();
    let mut ways = vec![here("http-server", wasmctr, run, guest, place)];
    ways.extend(guests::need!("http-axum").map(|axum| here("http-axum", wasmctr, run, &axum, place)));
    if let Some(wstd) = guests::need!("http-wstd") {
        ways.push(here("http-wstd", wasmctr, serve, &wstd, place));
        ways.push(here("http-wstd, instances used again", wasmctr, again, &wstd, place));
    }
    ways
}

fn here(name: &'static str, wasmctr: &Path, args: &[&str], guest: &Path, place: &Path) -> Way {
    Way {
        name,
        rounds: ROUNDS,
        program: wasmctr.to_owned(),
        args: args.iter().copied().map(str::to_owned).chain([guest.display().to_string()]).collect(),
        env: vec![("XDG_CACHE_HOME", place.join("cache"))],
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Asks all of them turn by turn, there and back, and compares the first with the others. A server that is `alone` has
/// one processor, and the client another one.
fn throughput(what: &str, ways: &[Way], connections: usize, alone: bool) {
    let what = format!("{what}/{connections}");
    if !is_wanted(&what) {
        return;
    }
    let (rounds, time) =
        if is_bench() { (ROUNDS, Duration::from_millis(500)) } else { (1, Duration::from_millis(20)) };
    let mut seen: Vec<Vec<Seen>> = vec![Vec::new(); ways.len()];
    for round in 0..rounds {
        let mut turn: Vec<_> = ways.iter().zip(&mut seen).filter(|(way, _)| round < way.rounds).collect();
        if round % 2 == 1 {
            turn.reverse();
        }
        for (way, seen) in turn {
            let server = Server::start(way, alone.then_some(0));
            let before = server.ticks();
            let load = on(alone.then_some(1), || load(server.address, connections, time).unwrap());
            let ticks = (server.ticks() - before) as f64;
            let processors = ticks * 1e4 / (load.per_second * time.as_secs_f64());
            seen.push(Seen { load, processors, memory: server.memory() as f64 / 1024.0 });
        }
    }
    for (way, seen_of) in ways.iter().zip(&seen) {
        let of = |value: fn(&Seen) -> f64| median(seen_of.iter().map(value).collect());
        // Of each turn by itself: what else the machine does changes from turn to turn, and meets both.
        let ratio = |value: fn(&Seen) -> f64| {
            median(seen[0].iter().zip(seen_of).map(|(first, other)| value(first) / value(other)).collect())
        };
        println!(
            "{what}: {:<32} {:>8.0}/s, p50 {:.3} ms, p99 {:.3} ms, {:.1} us of processors each, {:.1} MiB; the first has \
             {:.2}x the rate, {:.2}x of p99, {} the requests of a processor's second, {:.2}x of the memory",
            way.name,
            of(Seen::rate),
            of(Seen::p50),
            of(Seen::p99),
            of(Seen::processors),
            of(Seen::memory),
            ratio(Seen::rate),
            ratio(Seen::p99),
            times(1.0 / ratio(Seen::processors)),
            ratio(Seen::memory)
        );
    }
}

/// A server that is asked seldom takes less time than the system counts.
fn times(ratio: f64) -> String {
    if ratio.is_normal() { format!("{ratio:.2}x") } else { "unknown".to_owned() }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// What was seen of a server under load.
#[derive(Clone)]
struct Seen {
    load: Load,
    /// The time of processors that a request took the server, in microseconds. The client is at its end sooner than a fast
    /// server on a machine with two processors, so the rate alone does not tell servers apart.
    processors: f64,
    /// In MiB.
    memory: f64,
}

impl Seen {
    fn rate(&self) -> f64 {
        self.load.per_second
    }

    fn p50(&self) -> f64 {
        self.load.p50.as_secs_f64() * 1e3
    }

    fn p99(&self) -> f64 {
        self.load.p99.as_secs_f64() * 1e3
    }

    fn processors(&self) -> f64 {
        self.processors
    }

    fn memory(&self) -> f64 {
        self.memory
    }
}

/// What 300 connections cost on which nothing happens.
fn idle(way: &Way) {
    if !is_wanted("sockets/idle") {
        return;
    }
    let server = Server::start(way, None);
    let streams: Vec<TcpStream> = (0..300)
        .map(|index| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            match index % 3 {
                0 => {}
                1 => stream.write_all(b"GET / HTTP/1.1\r\nHost").unwrap(),
                _ => stream.shutdown(Shutdown::Write).unwrap(),
            }
            stream
        })
        .collect();
    let time = Duration::from_secs(if is_bench() { 5 } else { 0 });
    thread::sleep(time / 5);
    let before = server.ticks();
    thread::sleep(time);
    println!(
        "sockets/idle: {}: {} ticks of 10 ms in {time:?}, with {} connections, {} KiB",
        way.name,
        server.ticks() - before,
        streams.len(),
        server.memory()
    );
}

/// A server that ends with the value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(way: &Way, processor: Option<usize>) -> Self {
        let mut command = Command::new(&way.program);
        command.args(&way.args).envs(way.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = on(processor, || command.spawn().unwrap());
        let server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 8080)) };
        let start = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "{} does not listen", way.name);
            thread::sleep(Duration::from_millis(5));
        }
        server
    }

    /// What of it is in memory, in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The time of processors that it has taken, in the kernel and outside.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does something on one of the processors that this program may use, with all that is started by it; where there are no
/// two, anywhere.
fn on<T>(processor: Option<usize>, run: impl FnOnce() -> T) -> T {
    let all = sched_getaffinity(None).unwrap();
    let own = |nth| (0..CpuSet::MAX_CPU).filter(|number| all.is_set(*number)).nth(nth);
    let (Some(processor), 2..) = (processor.and_then(own), all.count()) else { return run() };
    let mut one = CpuSet::new();
    one.set(processor);
    sched_setaffinity(None, &one).unwrap();
    let done = run();
    sched_setaffinity(None, &all).unwrap();
    done
}

/// Calls on files of a guest that has sockets, beside one that has none.
fn files() {
    let count = if is_bench() { 200_000 } else { 10 };
    for (name, call) in [
        ("fd_fdstat_get", "(call $fdstat (i32.const 1) (i32.const 64))"),
        ("fd_write of a byte", "(call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))"),
    ] {
        let body = format!(
            "(local $left i32) (local.set $left (i32.const {count}))
             (loop $again (if {call} (then unreachable))
               (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
        );
        compare(&format!("sockets/files: {name}, {count} times"), &body, 20);
    }
}

/// A start of a guest that has sockets, beside one that has none.
fn start() {
    compare("sockets/start", "", 1000);
}

fn compare(what: &str, body: &str, turns: u32) {
    if !is_wanted(what) {
        return;
    }
    let engine = WasmtimeEngine::new().unwrap();
    let program = |import: &str| engine.compile(&wat::parse_str(module(import, body)).unwrap()).unwrap();
    let socket = r#"(import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32)))"#;
    let (with, without) = (program(socket), program(""));
    let file = Arc::new(sink().unwrap());
    let run = |program: &Program| {
        let task = Task::default().arg("bench.wasm").stdout(Output::File(Arc::clone(&file)));
        assert_eq!(program.run(task).unwrap(), Exit::Code(0));
    };
    let turns = if is_bench() { turns } else { 1 };
    let (with, without) = medians(turns, (1, &|| run(&with)), (1, &|| run(&without)));
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!("{what}: with sockets {with:?}, without {without:?}: {ratio:.2}x (medians, turn by turn)");
}

fn module(import: &str, body: &str) -> String {
    format!(
        r#"(module {import}
             (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 0) "\10\00\00\00\01\00\00\00")
             (func (export "_start") {body}))"#
    )
}

/// How often each server is asked that is compared with others.
const ROUNDS: u32 = 20;
