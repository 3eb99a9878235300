//! What it costs to have an instance, and what a whole run costs: `Program::run` beside a hand-written sequence for
//! wasmtime with the same means, for each of two ways to get memory.
//!
//! `start` runs a module that does nothing, `run` one that writes `Hello, World!` to `/dev/null` with a system call. Below
//! them, as information, the cheapest sequence: without a fiber. The last line of each has the ratio of the first two,
//! measured turn by turn.
//!
//! `cargo bench -p benches --bench start`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::sync::Arc;

use benches::{Raw, ratio, sink};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_exec::{Engine, Exit, Output, Task, WasmtimeEngine};

fn start(criterion: &mut Criterion) {
    let nothing = wat::parse_str(r#"(module (func (export "_start")))"#).unwrap();
    for (group, wasm) in [("start", nothing), ("run", guests::HELLO.wasm())] {
        compare(criterion, group, "on demand", &wasm, WasmtimeEngine::new().unwrap());
        compare(criterion, group, "pooled", &wasm, WasmtimeEngine::pooled(100).unwrap());
    }
}

fn compare(criterion: &mut Criterion, group: &str, memory: &str, wasm: &[u8], engine: WasmtimeEngine) {
    let pooled = memory == "pooled";
    let program = engine.compile(wasm).unwrap();
    let file = Arc::new(sink().unwrap());
    let ours = || {
        let task = Task::default().arg("hello.wasm").stdout(Output::File(Arc::clone(&file)));
        assert_eq!(program.run(task).unwrap(), Exit::Code(0));
    };
    let raw = Raw::new(wasm, pooled).unwrap();
    let by_hand = || raw.run().unwrap();
    let cheapest = Raw::without_fiber(wasm, pooled).unwrap();

    let name = format!("{group}/{memory}");
    let mut criteria = criterion.benchmark_group(&name);
    criteria.bench_function("wasm-exec", |bencher| bencher.iter(ours));
    criteria.bench_function("wasmtime, by hand", |bencher| bencher.iter(by_hand));
    criteria.bench_function("wasmtime, by hand, without a fiber", |bencher| {
        bencher.iter(|| cheapest.run_without_fiber().unwrap());
    });
    criteria.finish();
    ratio(&name, &ours, &by_hand);
}

criterion_group!(benches, start);
criterion_main!(benches);
