//! What it costs to start a compiled guest: `Program::run` of hello beside a hand-written sequence for wasmtime.
//!
//! Both write `Hello, World!` to `/dev/null` with a system call, and both run the guest as a future on a fiber, from a
//! linked `InstancePre`, under the same configuration: code that looks at the epoch, and a sum of all memories and tables
//! that has a limit. Below them, as information, the cheapest sequence: without a
//! fiber. The last line has the ratio of the first two, measured turn by turn.
//!
//! `cargo bench -p benches --bench start`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{fs::File, sync::Arc, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use wasm_exec::{Exit, Output, Task};
use wasmtime::{Config, Engine, InstancePre, Linker, Module, ResourceLimiter, Store, WasmBacktraceDetails};
use wasmtime_wasi::{
    WasiCtxBuilder,
    cli::OutputFile,
    p1::{self, WasiP1Ctx},
};

fn start(criterion: &mut Criterion) {
    let hello = guests::HELLO.wasm();
    let program = wasm_exec::engine("wasmtime").unwrap().compile(&hello).unwrap();
    let file = Arc::new(sink());
    let ours = || {
        let task = Task::default().arg("hello.wasm").stdout(Output::File(Arc::clone(&file)));
        assert_eq!(program.run(task).unwrap(), Exit::Code(0));
    };
    let raw = Raw::new(&hello);
    let by_hand = || pollster::block_on(raw.run()).unwrap();
    let raw_without_fiber = Raw::without_fiber(&hello);

    let mut group = criterion.benchmark_group("start");
    group.bench_function("wasm-exec", |bencher| bencher.iter(ours));
    group.bench_function("wasmtime, by hand", |bencher| bencher.iter(by_hand));
    group.bench_function("wasmtime, by hand, without a fiber", |bencher| {
        bencher.iter(|| raw_without_fiber.run_without_fiber().unwrap());
    });
    group.finish();
    ratio(ours, by_hand);
}

/// Says how much more ours costs. Turn by turn, because on a shared machine one minute is not like the next.
#[expect(clippy::print_stdout, reason = "a bench reports")]
fn ratio(ours: impl Fn(), by_hand: impl Fn()) {
    const TURNS: usize = 2000;
    const RUNS: u32 = 10;
    let time = |run: &dyn Fn()| {
        let start = Instant::now();
        (0..RUNS).for_each(|_| run());
        start.elapsed() / RUNS
    };
    let (mut a, mut b): (Vec<_>, Vec<_>) = (0..TURNS).map(|_| (time(&ours), time(&by_hand))).unzip();
    a.sort_unstable();
    b.sort_unstable();
    let median = (a[TURNS / 2], b[TURNS / 2]);
    let ratio = median.0.as_secs_f64() / median.1.as_secs_f64();
    println!(
        "start/ratio: wasm-exec {:?}, by hand {:?}: {ratio:.3}x (medians, turn by turn)",
        median.0, median.1
    );
}

/// What one writes who needs wasmtime and nothing else.
struct Raw {
    linked: InstancePre<State>,
    stdout: OutputFile,
    runtime: tokio::runtime::Runtime,
}

impl Raw {
    fn new(wasm: &[u8]) -> Self {
        Self::linked(wasm, |linker| p1::add_to_linker_async(linker, |state| &mut state.wasi))
    }

    fn without_fiber(wasm: &[u8]) -> Self {
        Self::linked(wasm, |linker| p1::add_to_linker_sync(linker, |state| &mut state.wasi))
    }

    fn linked(wasm: &[u8], add: impl Fn(&mut Linker<State>) -> wasmtime::Result<()>) -> Self {
        let mut config = Config::new();
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable).epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        add(&mut linker).unwrap();
        let linked = linker.instantiate_pre(&Module::new(&engine, wasm).unwrap()).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { linked, stdout: OutputFile::new(sink()), runtime }
    }

    fn store(&self) -> Store<State> {
        let wasi = WasiCtxBuilder::new().arg("hello.wasm").stdout(self.stdout.clone()).build_p1();
        let limiter = Limiter { memory: 256 << 20, table_elements: 100_000 };
        let mut store = Store::new(self.linked.module().engine(), State { wasi, limiter });
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store
    }

    async fn run(&self) -> wasmtime::Result<()> {
        let _entered = self.runtime.enter();
        let mut store = self.store();
        let instance = self.linked.instantiate_async(&mut store).await?;
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
        start.call_async(&mut store, ()).await
    }

    fn run_without_fiber(&self) -> wasmtime::Result<()> {
        let _entered = self.runtime.enter();
        let mut store = self.store();
        let instance = self.linked.instantiate(&mut store)?;
        instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ())
    }
}

struct State {
    wasi: WasiP1Ctx,
    limiter: Limiter,
}

/// What is left for all memories and all tables.
struct Limiter {
    memory: usize,
    table_elements: usize,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(take(&mut self.memory, desired - current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(take(&mut self.table_elements, desired - current))
    }
}

fn take(left: &mut usize, wanted: usize) -> bool {
    left.checked_sub(wanted).map(|rest| *left = rest).is_some()
}

/// A file that takes everything: writing to it costs the system call and no disk.
fn sink() -> File {
    File::options().write(true).open("/dev/null").unwrap()
}

criterion_group!(benches, start);
criterion_main!(benches);
