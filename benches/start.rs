//! What it costs to start a compiled guest: `Program::run` of hello beside a hand-written sequence for wasmtime.
//!
//! Both write `Hello, World!` into a file with a system call, and both run the guest as a future on a fiber, from a
//! linked `InstancePre`. Below them, as information, the cheapest that wasmtime can do, without a fiber.
//!
//! `cargo bench -p benches --bench start`

use std::{fs::File, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use wasm_exec::{Exit, Output, Task};
use wasmtime::{Config, Engine, InstancePre, Linker, Module, Store, WasmBacktraceDetails};
use wasmtime_wasi::{
    WasiCtxBuilder,
    cli::OutputFile,
    p1::{self, WasiP1Ctx},
};

fn start(criterion: &mut Criterion) {
    let hello = guests::HELLO.wasm();
    let mut group = criterion.benchmark_group("start");
    group.measurement_time(Duration::from_secs(5));

    let program = wasm_exec::engine("wasmtime").unwrap().compile(&hello).unwrap();
    let file = Arc::new(sink());
    group.bench_function("wasm-exec", |bencher| {
        bencher.iter(|| {
            let task = Task::default().arg("hello.wasm").stdout(Output::File(Arc::clone(&file)));
            assert_eq!(program.run(task).unwrap(), Exit::Code(0));
        });
    });

    let raw = Raw::new(&hello);
    group.bench_function("wasmtime, by hand", |bencher| {
        bencher.iter(|| pollster::block_on(raw.run()).unwrap());
    });

    let raw = Raw::without_fiber(&hello);
    group.bench_function("wasmtime, by hand, without a fiber", |bencher| {
        bencher.iter(|| raw.run_without_fiber().unwrap());
    });
    group.finish();
}

/// What one writes who needs wasmtime and nothing else.
struct Raw {
    linked: InstancePre<WasiP1Ctx>,
    stdout: OutputFile,
    runtime: tokio::runtime::Runtime,
}

impl Raw {
    fn new(wasm: &[u8]) -> Self {
        Self::linked(wasm, |linker| p1::add_to_linker_async(linker, |wasi| wasi))
    }

    fn without_fiber(wasm: &[u8]) -> Self {
        Self::linked(wasm, |linker| p1::add_to_linker_sync(linker, |wasi| wasi))
    }

    fn linked(wasm: &[u8], add: impl Fn(&mut Linker<WasiP1Ctx>) -> wasmtime::Result<()>) -> Self {
        let mut config = Config::new();
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
        let engine = Engine::new(&config).unwrap();
        let mut linker = Linker::new(&engine);
        add(&mut linker).unwrap();
        let linked = linker.instantiate_pre(&Module::new(&engine, wasm).unwrap()).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { linked, stdout: OutputFile::new(sink()), runtime }
    }

    fn store(&self) -> Store<WasiP1Ctx> {
        let wasi = WasiCtxBuilder::new().arg("hello.wasm").stdout(self.stdout.clone()).build_p1();
        Store::new(self.linked.module().engine(), wasi)
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

/// A file that takes everything: writing to it costs the system call and no disk.
fn sink() -> File {
    File::options().write(true).open("/dev/null").unwrap()
}

criterion_group!(benches, start);
criterion_main!(benches);
