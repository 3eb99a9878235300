//! What it costs to get a program: `Engine::compile` beside `Cache::program` that finds the code.
//!
//! Below them, as information, wasmtime's `deserialize_file` of the same code by hand, which checks nothing: neither who
//! owns the directory, nor of what module the code was made, nor whether it is whole. The last line of each guest has the
//! ratio of the first two, measured turn by turn.
//!
//! `cargo bench -p benches --bench load`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use wasm_exec::{Cache, Engine, Origin};
use wasmtime::{Config, Module, WasmBacktraceDetails};

fn load(criterion: &mut Criterion) {
    let mut guests = vec![("hello", guests::HELLO.wasm()), ("made-up", made_up())];
    if let Some(path) = guests::need!("hello-world") {
        guests.push(("hello-world", fs::read(path).unwrap()));
    }
    let engine = wasm_exec::engine("wasmtime").unwrap();
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path().join("code")).unwrap();
    for (name, wasm) in guests {
        guest(criterion, name, &wasm, &*engine, &cache, home.path());
    }
}

fn guest(criterion: &mut Criterion, name: &str, wasm: &[u8], engine: &dyn Engine, cache: &Cache, dir: &Path) {
    let compile = || drop(black_box(engine.compile(wasm).unwrap()));
    let hit = || {
        let found = cache.program(engine, wasm).unwrap();
        assert!(matches!(found.origin, Origin::Cache(_)));
    };
    cache.program(engine, wasm).unwrap();

    let by_hand =
        wasmtime::Engine::new(Config::new().wasm_backtrace_details(WasmBacktraceDetails::Disable)).unwrap();
    let path = dir.join(name);
    fs::write(&path, by_hand.precompile_module(wasm).unwrap()).unwrap();

    let mut group = criterion.benchmark_group(format!("load/{name}"));
    group.sample_size(20).bench_function("compile", |bencher| bencher.iter(compile));
    group.sample_size(100).bench_function("cache hit", |bencher| bencher.iter(hit));
    group.bench_function("wasmtime, by hand and unchecked", |bencher| {
        bencher.iter(|| unchecked(&by_hand, &path));
    });
    group.finish();
    ratio(name, wasm.len(), fs::metadata(&path).unwrap().len(), compile, hit);
}

#[expect(unsafe_code, reason = "what is measured")]
fn unchecked(engine: &wasmtime::Engine, path: &Path) -> Module {
    // SAFETY: this bench wrote the file, in a directory of its own.
    unsafe { Module::deserialize_file(engine, path) }.unwrap()
}

/// Says how much longer it takes to compile. Turn by turn, because on a shared machine one minute is not like the next.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn ratio(name: &str, wasm: usize, code: u64, compile: impl Fn(), hit: impl Fn()) {
    const TURNS: usize = 50;
    const HITS: u32 = 20;
    let time = |runs: u32, run: &dyn Fn()| {
        let start = Instant::now();
        (0..runs).for_each(|_| run());
        start.elapsed() / runs
    };
    let (mut a, mut b): (Vec<_>, Vec<_>) = (0..TURNS).map(|_| (time(1, &compile), time(HITS, &hit))).unzip();
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[TURNS / 2]
    };
    let (compile, hit) = (median(&mut a), median(&mut b));
    let ratio = compile.as_secs_f64() / hit.as_secs_f64();
    println!(
        "load/ratio: {name}, {wasm} bytes, {code} bytes of code: compile {compile:?}, cache hit {hit:?}: {ratio:.0}x \
         (medians, turn by turn)"
    );
}

/// A larger module: functions with a loop, branches, loads and stores, which call each other.
fn made_up() -> Vec<u8> {
    let function = |n: u32| {
        let rounds: String = (0..24)
            .map(|k| {
                format!(
                    "(if (i32.lt_u (local.get $x) (i32.const {})) (then
                       (i32.store (i32.and (local.get $x) (i32.const 65528)) (i32.mul (local.get $y) (i32.const {}))))
                      (else (local.set $y (i32.xor (local.get $y)
                        (i32.load offset={k} (i32.and (local.get $y) (i32.const 65528)))))))
                     (local.set $x (i32.add (local.get $x) (i32.rotl (local.get $y) (i32.const {k}))))",
                    n * 31 + k,
                    n + k * 7
                )
            })
            .collect();
        let next = if n == 0 {
            String::new()
        } else {
            format!("(local.set $x (call {} (local.get $x) (local.get $y)))", n - 1)
        };
        format!(
            "(func (param $x i32) (param $y i32) (result i32)
               (loop $again {rounds} {next} (br_if $again (i32.lt_s (local.get $x) (i32.const -2000000000))))
               (local.get $x))"
        )
    };
    let functions: String = (0..100).map(function).collect();
    let last = 99;
    wat::parse_str(format!(
        r#"(module (memory 2) {functions} (func (export "_start") (drop (call {last} (i32.const 1) (i32.const 2)))))"#
    ))
    .unwrap()
}

criterion_group!(benches, load);
criterion_main!(benches);
