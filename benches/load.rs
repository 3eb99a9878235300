//! What it costs to get a program: `compile` is `Engine::compile` beside wasmtime's `Module::new`, `load` is what the cache
//! does when it has the code, beside wasmtime's `deserialize_file` of the same code by hand.
//!
//! The cache is asked in two ways: with the module, whose digest it computes, and with a digest that is known, as that of
//! a layer of an image. By hand nothing is checked: neither who owns the directory, nor of what module the code was made,
//! nor whether it is whole. The last lines of each guest have ratios, measured turn by turn.
//!
//! `cargo bench -p benches --bench load`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{fs, hint::black_box, path::Path, time::Duration};

use benches::{Raw, is_bench, medians, ratio};
use criterion::{Criterion, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use wasm_exec::{Cache, Engine, Origin};
use wasmtime::Module;

fn load(criterion: &mut Criterion) {
    let mut guests = vec![("hello", guests::HELLO.wasm()), ("made-up", made_up(100))];
    let compiled = [
        ("hello-world", guests::need!("hello-world")),
        ("probe-sockets", guests::need!("probe-sockets")),
        ("http-server", guests::need!("http-server")),
    ];
    for (name, path) in compiled {
        guests.extend(path.map(|path| (name, fs::read(path).unwrap())));
    }
    let engine = wasm_exec::engine("wasmtime").unwrap();
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path().join("code")).unwrap();
    for (name, wasm) in guests {
        guest(criterion, name, &wasm, &*engine, &cache, home.path());
    }
}

fn guest(criterion: &mut Criterion, name: &str, wasm: &[u8], engine: &dyn Engine, cache: &Cache, dir: &Path) {
    let by_hand = wasmtime::Engine::new(&Raw::config(false)).unwrap();
    let compile = || drop(black_box(engine.compile(wasm).unwrap()));
    let compile_by_hand = || drop(black_box(Module::new(&by_hand, wasm).unwrap()));
    let mut group = criterion.benchmark_group(format!("compile/{name}"));
    group.sample_size(20).bench_function("wasm-exec", |bencher| bencher.iter(compile));
    group.bench_function("wasmtime, by hand", |bencher| bencher.iter(compile_by_hand));
    group.finish();

    let digest = wasm_oci::sha256(wasm);
    cache.program(engine, wasm).unwrap();
    let hit = || assert!(matches!(cache.program(engine, wasm).unwrap().origin, Origin::Cache(_)));
    let known = || assert!(cache.find(engine, &digest).is_some());
    let path = dir.join(name);
    fs::write(&path, by_hand.precompile_module(wasm).unwrap()).unwrap();
    let unchecked = || drop(black_box(unchecked(&by_hand, &path)));
    let mut group = criterion.benchmark_group(format!("load/{name}"));
    group.bench_function("wasm-exec, cache hit", |bencher| bencher.iter(hit));
    group.bench_function("wasm-exec, cache hit by digest", |bencher| bencher.iter(known));
    group.bench_function("wasmtime, by hand and unchecked", |bencher| bencher.iter(unchecked));
    group.finish();

    let code = fs::metadata(&path).unwrap().len();
    times(&format!("{name}, {} bytes, {code} bytes of code: cache hit", wasm.len()), &compile, &hit);
    times(&format!("{name}, {} bytes, {code} bytes of code: by digest", wasm.len()), &compile, &known);
    ratio(&format!("load/{name}, by digest"), &known, &unchecked);
}

#[expect(unsafe_code, reason = "what is measured")]
fn unchecked(engine: &wasmtime::Engine, path: &Path) -> Module {
    // SAFETY: this bench wrote the file, in a directory of its own.
    unsafe { Module::deserialize_file(engine, path) }.unwrap()
}

/// Says how much longer it takes to compile: on the clock, where all processors compile at once, and in the time of
/// processors.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn times(what: &str, compile: &dyn Fn(), hit: &dyn Fn()) {
    let turns = if is_bench() { 50 } else { 1 };
    let work = processors(turns, compile).as_secs_f64() / processors(turns * 20, hit).as_secs_f64();
    let (compile, hit) = medians(turns, (1, compile), (20, hit));
    let ratio = compile.as_secs_f64() / hit.as_secs_f64();
    println!(
        "load/times: {what} {hit:?}, compile {compile:?}: {ratio:.0}x (medians, turn by turn); {work:.0}x of the time of \
         processors"
    );
}

/// The time of processors that something takes, all threads of this process together.
fn processors(runs: u32, run: &dyn Fn()) -> Duration {
    let time = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let start = time();
    (0..runs).for_each(|_| run());
    (time() - start) / runs
}

/// A larger module: so many functions with a loop, branches, loads and stores, which call each other.
fn made_up(count: u32) -> Vec<u8> {
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
    let functions: String = (0..count).map(function).collect();
    let last = count - 1;
    wat::parse_str(format!(
        r#"(module (memory 2) {functions} (func (export "_start") (drop (call {last} (i32.const 1) (i32.const 2)))))"#
    ))
    .unwrap()
}

criterion_group!(benches, load);
criterion_main!(benches);
