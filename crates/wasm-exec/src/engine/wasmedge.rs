use std::fmt;

use wasmedge_sdk::{LogManager, utils::CoreVersion};

use self::code::Code;
use crate::{Capability, Engine, EngineInfo, Error, Precompiled, Program, Result, imports, outline};

mod alarm;
#[expect(unsafe_code, reason = "the C API of WasmEdge")]
mod capi;
mod code;
mod entries;
mod grant;
mod meter;
mod rewrite;
mod sizes;
mod stdio;
mod trap;

/// WasmEdge: core modules with WASI preview 1 and WasmEdge's own sockets, interpreted.
///
/// It is the library `libwasmedge` 0.17, which the feature links: a program with it does not start where the library is
/// not. Linux only.
///
/// What it can do: [`Capability::Interrupt`], the limits of fuel (if it is built with [`fuel`](WasmedgeBuilder::fuel)),
/// instances, memory, output and table elements, [`Capability::ReadOnlyPreopen`], [`Capability::RedirectStdio`],
/// [`Capability::Sockets`].
///
/// What is not as elsewhere:
///
/// - A guest that waits in a host call is not ended before the call returns: a task with a deadline or a
///   [`Cancel`](crate::Cancel) must say [`Stopping::BestEffort`](crate::Stopping::BestEffort). The FIFOs and devices of
///   its directories can be opened, and keep it waiting.
/// - A run with a deadline, a `Cancel` or a limit of output takes place on a thread that the library starts; nobody can
///   wait for its end, so that it may be there for some microseconds more than the run.
/// - The interpreter has no limit for the depth of calls: a guest that calls itself without end takes the host's memory.
///   Neither that nor the objects of the garbage collection count for [`Limits::memory`](crate::Limits::memory).
/// - Several memories share what the limit leaves above their first sizes in equal parts; so do tables. No memory gets
///   larger than 4 GiB, also with addresses of 64 bits.
/// - Traps have no backtrace.
/// - The library's log is switched off, for the whole process: it goes to standard output.
/// - A guest that writes to a [`Capture`](crate::Capture), or whose output is limited, may be a page (4096 bytes) ahead:
///   it gets `EPIPE` that much later, though nothing above the limit is kept. Which of the two outputs gets the last
///   bytes below [`Limits::output_bytes`](crate::Limits::output_bytes) is not certain, and the guest is ended as soon as
///   it has written more.
/// - With an observer or a limit of output, both outputs go through pipes, and
///   [`Event::FirstOutput`](crate::Event::FirstOutput) is told on the thread that reads them.
pub struct WasmedgeEngine {
    info: EngineInfo,
}

impl WasmedgeEngine {
    /// Makes an engine with the default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when the library is of another release than this crate is made for.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Begins to make an engine with other settings.
    #[must_use]
    pub fn builder() -> WasmedgeBuilder {
        WasmedgeBuilder::default()
    }
}

/// The settings of a [`WasmedgeEngine`], which hold for all that it compiles.
///
/// ```no_run
/// use wasm_exec::{Engine, Exit, Limits, Stop, Task, WasmedgeEngine};
///
/// let wasm = wat::parse_str(r#"(module (func (export "_start") (loop $forever (br $forever))))"#)?;
/// let engine = WasmedgeEngine::builder().fuel(true).build()?;
/// let limits = Limits::default().enforced_by(engine.info()).fuel(1_000_000);
/// let program = engine.compile(&wasm)?;
/// assert_eq!(program.run(Task::default().limits(limits))?, Exit::Stopped(Stop::Fuel));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct WasmedgeBuilder {
    fuel: bool,
}

impl WasmedgeBuilder {
    /// Lets tasks have [`Limits::fuel`](crate::Limits::fuel), which makes their guests slower. Default: no.
    #[must_use]
    pub fn fuel(mut self, fuel: bool) -> Self {
        self.fuel = fuel;
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when the library is of another release than this crate is made for.
    pub fn build(&self) -> Result<WasmedgeEngine> {
        let version = CoreVersion::version_string();
        if (CoreVersion::major(), CoreVersion::minor()) != RELEASE {
            let source =
                format!("libwasmedge is {version}, and {}.{} is needed", RELEASE.0, RELEASE.1).into();
            return Err(Error::Engine { engine: NAME, source });
        }
        LogManager::log_off();
        let info = EngineInfo::new(NAME, version).with([
            Capability::Interrupt,
            Capability::LimitInstances,
            Capability::LimitMemory,
            Capability::LimitOutput,
            Capability::LimitTableElements,
            Capability::ReadOnlyPreopen,
            Capability::RedirectStdio,
            Capability::Sockets,
        ]);
        let info = if self.fuel { info.with([Capability::LimitFuel]) } else { info };
        Ok(WasmedgeEngine { info })
    }
}

impl Engine for WasmedgeEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn compile(&self, wasm: &[u8]) -> Result<Program> {
        let outline = outline::Outline::of_module(NAME, wasm)?;
        imports::check(NAME, &outline, &[imports::PREVIEW1, imports::SOCKETS])?;
        Ok(Program::new(self.info(), Code::new(wasm)?))
    }

    fn precompile(&self, _: &[u8]) -> Result<Precompiled> {
        Err(Error::Unsupported { engine: NAME, capability: Capability::Precompile })
    }

    fn load(&self, _: &Precompiled) -> Result<Program> {
        Err(Error::Unsupported { engine: NAME, capability: Capability::Precompile })
    }
}

impl fmt::Debug for WasmedgeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmedgeEngine").field("info", &self.info).finish()
    }
}

const NAME: &str = "wasmedge";

/// The release that `wasmedge-sys` binds.
const RELEASE: (u32, u32) = (0, 17);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Exit, Limits, Network, Preopen, Stop, Task};

    fn task() -> Task {
        Task::default().limits(Limits::unlimited())
    }

    /// Runs a guest that ends with what `body` gives; `data` is at 64.
    fn run(imports: &[(&str, usize)], data: &str, body: &str, task: Task) -> Result<Exit> {
        let imports: String = imports
            .iter()
            .map(|(name, params)| {
                let params = "i32 ".repeat(*params);
                format!(r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {params}) (result i32)))"#)
            })
            .collect();
        let wasm = format!(
            r#"(module
                 {imports}
                 (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                 (memory (export "memory") 1)
                 (data (i32.const 64) "{data}")
                 (func (export "_start") (call $exit {body})))"#
        );
        WasmedgeEngine::new()?.compile(&wat::parse_str(wasm).unwrap())?.run(task)
    }

    #[test]
    fn the_network_can_be_denied() {
        for name in ["sock_open", "sock_open_v2"] {
            let body = format!("(call ${name} (i32.const 1) (i32.const 2) (i32.const 0))");
            let run = |network| run(&[(name, 3)], "", &body, task().network(network)).unwrap();
            assert_eq!(run(Network::None), Exit::Code(2));
            assert_eq!(run(Network::Host), Exit::Code(0));
        }
    }

    #[test]
    fn a_name_lookup_can_be_denied() {
        // 127.0.0.1 as text, into an empty list: WasmEdge answers 82, as it has no room.
        let body =
            "(call $sock_getaddrinfo (i32.const 64) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 128)
                     (i32.const 256) (i32.const 0) (i32.const 260))";
        let run =
            |network| run(&[("sock_getaddrinfo", 8)], "127.0.0.1", body, task().network(network)).unwrap();
        assert_eq!(run(Network::None), Exit::Code(2));
        assert_eq!(run(Network::Host), Exit::Code(82));
    }

    #[test]
    fn many_directories_are_in_order() {
        let dirs: Vec<_> = (0..20).map(|_| tempfile::tempdir().unwrap()).collect();
        for (index, dir) in dirs.iter().enumerate() {
            std::fs::write(dir.path().join(format!("{index:02}")), "").unwrap();
        }
        let tasks =
            || dirs.iter().fold(task(), |task, dir| task.preopen(Preopen::read_only(dir.path(), "/data")));
        for index in 0..dirs.len() {
            let wasm = format!(
                r#"(module
                     (import "wasi_snapshot_preview1" "path_filestat_get"
                       (func $stat (param i32 i32 i32 i32 i32) (result i32)))
                     (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                     (memory (export "memory") 1)
                     (data (i32.const 128) "{index:02}")
                     (func (export "_start")
                       (call $exit (call $stat (i32.const {}) (i32.const 0) (i32.const 128) (i32.const 2) (i32.const 0)))))"#,
                index + 3
            );
            let program = WasmedgeEngine::new().unwrap().compile(&wat::parse_str(wasm).unwrap()).unwrap();
            for _ in 0..10 {
                assert_eq!(program.run(tasks()).unwrap(), Exit::Code(0));
            }
        }
    }

    #[test]
    fn a_colon_in_a_path_is_handed_over_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let host = dir.path().join("a:b:readonly");
        std::fs::create_dir(&host).unwrap();
        let run = |guest: &str| {
            let task = task().preopen(Preopen::read_write(&host, guest));
            run(&[("fd_prestat_get", 2)], "", "(call $fd_prestat_get (i32.const 3) (i32.const 0))", task)
        };
        assert_eq!(run("/data").unwrap(), Exit::Code(0));
        let error = run("/a:b").unwrap_err();
        assert!(matches!(error, Error::GuestPath { .. }), "{error:?}");
    }

    #[test]
    fn fuel_is_the_same_in_each_run() {
        let text = r#"(module
            (func $count (param $n i32)
              (loop $again
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (local.get $n))))
            (func $start (call $count (i32.const 10)))
            (start $start)
            (func (export "_start") (call $count (i32.const 100))))"#;
        let engine = WasmedgeEngine::builder().fuel(true).build().unwrap();
        let program = engine.compile(&wat::parse_str(text).unwrap()).unwrap();
        let exit = |fuel| program.run(task().limits(Limits::unlimited().fuel(fuel))).unwrap();
        let least = (1..10_000).find(|fuel| exit(*fuel) == Exit::Code(0)).unwrap();
        for _ in 0..3 {
            assert_eq!(exit(least), Exit::Code(0));
            assert_eq!(exit(least - 1), Exit::Stopped(Stop::Fuel));
        }
        assert_eq!(exit(0), Exit::Stopped(Stop::Fuel));
        assert_eq!(program.run(task()).unwrap(), Exit::Code(0));
    }

    #[test]
    fn a_module_that_is_written_again_is_the_same() {
        let text = r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory $a (export "memory") 1) (memory $b 1 9) (table $t 1 funcref)
            (global $found (mut i32) (i32.const 0))
            (func $more (param $by i32) (global.set $found (i32.add (global.get $found) (local.get $by))))
            (func $start
              (if (i32.ne (memory.grow $a (i32.const 2)) (i32.const -1)) (then (call $more (i32.const 1))))
              (if (i32.ne (memory.grow $b (i32.const 3)) (i32.const -1)) (then (call $more (i32.const 2))))
              (if (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))
                (then (call $more (i32.const 4))))
              (if (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))
                (then (call $more (i32.const 8)))))
            (start $start)
            (elem (i32.const 0) $start)
            (data (memory $b) (i32.const 0) "\10")
            (func (export "_start")
              (call $exit (i32.add (global.get $found) (i32.load8_u $b (i32.const 0))))))"#;
        let program = WasmedgeEngine::new().unwrap().compile(&wat::parse_str(text).unwrap()).unwrap();
        let limits = Limits::unlimited().memory(6 * 65536).table_elements(2);
        assert_eq!(program.run(task().limits(limits)).unwrap(), Exit::Code(16 + 1 + 4));
        assert_eq!(program.run(task()).unwrap(), Exit::Code(16 + 1 + 2 + 4 + 8));
    }

    #[test]
    fn a_memory_that_begins_too_large_is_refused() {
        let compile = |declared| {
            let text = format!(r#"(module (memory i64 {declared}) (func (export "_start")))"#);
            WasmedgeEngine::new().unwrap().compile(&wat::parse_str(text).unwrap())
        };
        assert_eq!(compile("65536").unwrap().run(task()).unwrap(), Exit::Code(0));
        assert!(compile("65537").unwrap_err().is_not_runnable());
    }

    #[test]
    fn the_start_function_is_no_entry() {
        let text = r#"(module (func $start) (start $start) (func (export "a")))"#;
        let program = WasmedgeEngine::new().unwrap().compile(&wat::parse_str(text).unwrap()).unwrap();
        for entry in ["wasm-exec:start", "_start"] {
            let error = program.run(task().entry(entry)).unwrap_err();
            let Error::MissingEntry { others, .. } = error else { panic!("{error:?}") };
            assert_eq!(*others, ["a"]);
        }
    }
}
