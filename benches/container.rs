//! What `Hello, World!` costs as an instance, as a process and as a container: three classes that isolate a guest by
//! different means, so the lines say of what class each is.
//!
//! - instance: `Program::run` of a compiled guest, warm, in this process, with a pool. The sandbox is WebAssembly's; there
//!   are no namespaces.
//! - process: `wasmctr run` of the same guest, whose code is in the cache; `wasmtime run` of the code that wasmtime's own
//!   command compiled (if the lab has it: `cargo xtask lab --with wasmtime`); and a native program, linked statically.
//! - container: `crun run` and `runc run` of that native program.
//!
//! All are run turn by turn, so that each has the same share of what else the machine does. Needs root, the lab
//! (`cargo xtask lab`), and `cargo build --release` for `wasmctr`.
//!
//! `cargo bench -p benches --bench container`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]
#![expect(clippy::print_stdout, reason = "a bench reports")]

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use benches::{Turns, is_bench, sink};
use tempfile::TempDir;
use wasm_bundle::{Handler, Workload};
use wasm_exec::{Engine, Exit, Output, Program, Task, WasmtimeEngine};

/// Says that this process is in the mount namespace that crun needs.
const INSIDE: &str = "WASMCTR_BENCH_INSIDE";

fn main() {
    if env::var_os(INSIDE).is_none() {
        // Once, and not for each container.
        let program = env::current_exe().unwrap();
        let error = lab::container_command(&program).args(env::args_os().skip(1)).env(INSIDE, "1").exec();
        panic!("{error}");
    }
    let (Some(crun), Some(runc), Some(())) = (lab::need!("crun"), lab::need!("runc"), lab::need_root!())
    else {
        return;
    };
    let place = TempDir::new().unwrap();
    let native = native(place.path());
    bundle(place.path(), &native);
    let mut rows = vec![
        Row::new("instance", "wasm-exec, warm", 100, instance()),
        Row::new("process", "native, static", 1, process(&native, &[])),
    ];
    rows.extend(wasmctr(place.path()));
    rows.extend(wasmtime(place.path()));
    for (name, runtime) in [("crun run", crun), ("runc run", runc)] {
        rows.push(Row::new("container", name, 1, container(runtime, place.path().to_owned())));
    }
    let turns = if is_bench() { 200 } else { 1 };
    for _ in 0..turns {
        rows.iter_mut().for_each(Row::turn);
    }
    report(&rows, turns);
}

struct Row {
    class: &'static str,
    name: &'static str,
    runs: u32,
    run: Box<dyn Fn()>,
    times: Turns,
}

impl Row {
    fn new(class: &'static str, name: &'static str, runs: u32, run: impl Fn() + 'static) -> Self {
        // Whatever is done once has been done.
        run();
        Self { class, name, runs, run: Box::new(run), times: Turns::default() }
    }

    fn turn(&mut self) {
        self.times.turn(self.runs, &self.run);
    }
}

fn report(rows: &[Row], turns: u32) {
    println!("{:<10} {:<28} {:>12} {:>12} {:>12}  of crun", "class", "what", "least", "median", "p90");
    let Some(crun) = rows.iter().find(|row| row.name == "crun run").map(|row| row.times.median()) else {
        return;
    };
    for Row { class, name, times, .. } in rows {
        let [least, median, most] = [0, 50, 90].map(|percent| format!("{:.1?}", times.percentile(percent)));
        let part = crun.as_secs_f64() / times.median().as_secs_f64();
        println!("{class:<10} {name:<28} {least:>12} {median:>12} {most:>12}  1/{part:.1}");
    }
    println!("container/turns: {turns}, turn by turn; an instance has no namespaces, a container has");
}

fn instance() -> impl Fn() {
    let program: Program = WasmtimeEngine::pooled(100).unwrap().compile(&guests::HELLO.wasm()).unwrap();
    let file = Arc::new(sink().unwrap());
    move || {
        let task = Task::default().arg("hello.wasm").stdout(Output::File(Arc::clone(&file)));
        assert_eq!(program.run(task).unwrap(), Exit::Code(0));
    }
}

fn process(program: &Path, args: &[&str]) -> impl Fn() + 'static {
    let (program, args) = (program.to_owned(), args.iter().map(ToString::to_string).collect::<Vec<_>>());
    move || {
        let status = quiet(Command::new(&program).args(&args)).status().unwrap();
        assert!(status.success(), "{}: {status}", program.display());
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

/// `Hello, World!` in Rust, linked so that it needs no file but itself.
fn native(place: &Path) -> PathBuf {
    let source = place.join("hello.rs");
    fs::write(&source, "fn main() { println!(\"Hello, World!\"); }").unwrap();
    let program = place.join("hello");
    let status = Command::new("rustc")
        .args(["-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols", "-Ctarget-feature=+crt-static", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    assert!(status.unwrap().success(), "rustc cannot compile a static program");
    program
}

/// A bundle as wasm-bundle writes it, but for a native program.
fn bundle(place: &Path, native: &Path) {
    let mut spec = Workload::new(["/hello"]).to_spec(Handler::Compat).unwrap();
    spec.set_annotations(None);
    let rootfs = place.join("rootfs");
    for dir in ["dev", "proc"] {
        fs::create_dir_all(rootfs.join(dir)).unwrap();
    }
    fs::copy(native, rootfs.join("hello")).unwrap();
    fs::write(place.join("config.json"), serde_json::to_vec(&spec).unwrap()).unwrap();
}

fn container(runtime: PathBuf, bundle: PathBuf) -> impl Fn() {
    move || {
        let name = format!("bench-{}", std::process::id());
        let mut command = Command::new(&runtime);
        quiet(command.arg("run").arg("-b").arg(&bundle).arg(&name));
        assert!(command.status().unwrap().success(), "{}", runtime.display());
    }
}

/// `wasmctr run`, if it is built.
fn wasmctr(place: &Path) -> Option<Row> {
    let program = env::current_exe().unwrap().with_file_name("../wasmctr");
    if !program.is_file() {
        println!("no wasmctr beside this bench: `cargo build --release`");
        return None;
    }
    let guest = place.join("hello.wasm");
    fs::write(&guest, guests::HELLO.wasm()).unwrap();
    let run = process(&program, &["run", guest.to_str()?]);
    Some(Row::new("process", "wasmctr run, cached", 1, run))
}

/// `wasmtime run` of what `wasmtime compile` made, if the lab has it.
fn wasmtime(place: &Path) -> Option<Row> {
    let program = lab::need!("wasmtime")?;
    let [guest, code] = ["hello.wasm", "hello.cwasm"].map(|name| place.join(name).display().to_string());
    fs::write(&guest, guests::HELLO.wasm()).unwrap();
    process(&program, &["compile", "-o", &code, &guest])();
    Some(Row::new(
        "process",
        "wasmtime run, precompiled",
        1,
        process(&program, &["run", "--allow-precompiled", &code]),
    ))
}
