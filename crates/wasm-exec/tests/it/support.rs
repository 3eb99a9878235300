use wasm_exec::{Capture, Engine, Error, Exit, Output, Task};

/// What a guest did.
#[derive(Debug, PartialEq)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Translates the text format.
#[track_caller]
pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Runs a guest with captured output.
#[track_caller]
pub(crate) fn run(engine: &dyn Engine, wasm: &[u8], task: Task) -> Ran {
    try_run(engine, wasm, task).unwrap()
}

pub(crate) fn try_run(engine: &dyn Engine, wasm: &[u8], task: Task) -> Result<Ran, Error> {
    let [stdout, stderr] = [Capture::new(8 << 20), Capture::new(8 << 20)];
    let task = task.stdout(Output::Capture(stdout.clone())).stderr(Output::Capture(stderr.clone()));
    let exit = engine.compile(wasm)?.run(task)?;
    let text = |capture: Capture| String::from_utf8(capture.take()).unwrap();
    Ok(Ran { exit, stdout: text(stdout), stderr: text(stderr) })
}

/// Runs a guest that tells its result by its exit code.
#[track_caller]
pub(crate) fn code(engine: &dyn Engine, wasm: &[u8], task: Task) -> i32 {
    match run(engine, wasm, task).exit {
        Exit::Code(code) => code,
        exit => panic!("{exit}"),
    }
}

/// A guest that imports functions of preview 1 and ends with what `body`, an expression, gives.
///
/// Its memory has a page; a call may leave results from 0 on, and the text of `data` is at 1024.
pub(crate) fn calling(imports: &[(&str, &str)], data: &str, body: &str) -> Vec<u8> {
    let imports: String = imports
        .iter()
        .map(|(name, params)| {
            format!(
                r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {params}) (result i32)))"#
            )
        })
        .collect();
    wasm(&format!(
        r#"(module
             {imports}
             (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
             (memory (export "memory") 1)
             (data (i32.const 1024) "{data}")
             (func (export "_start") (call $proc_exit {body})))"#
    ))
}
