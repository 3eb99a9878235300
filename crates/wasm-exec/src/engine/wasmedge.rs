use std::fmt;

use self::code::Code;
use crate::{Capability, Engine, EngineInfo, Error, Precompiled, Program, Result, imports, outline};

#[expect(unsafe_code, reason = "the C API of WasmEdge")]
mod capi;
mod code;
mod entries;
mod grant;
mod stdio;
mod trap;

/// WasmEdge: core modules with WASI preview 1 and WasmEdge's own sockets, interpreted.
///
/// It is the library `libwasmedge` 0.17, which the feature links: a program with it does not start where the library is
/// not. Linux only.
///
/// What it can do: [`Capability::ReadOnlyPreopen`], [`Capability::RedirectStdio`], [`Capability::Sockets`].
///
/// What is not as elsewhere:
///
/// - The library's log is switched off, for the whole process: it goes to standard output.
/// - The interpreter has no limit for the depth of calls: a guest that calls itself without end takes the host's memory.
/// - Traps have no backtrace.
/// - A guest that writes to a [`Capture`](crate::Capture) may be a page (4096 bytes) ahead of it: it gets `EPIPE` that
///   much later, though nothing above the limit is kept.
/// - With an observer, both outputs go through pipes, and [`Event::FirstOutput`](crate::Event::FirstOutput) is told on
///   the thread that reads them.
pub struct WasmedgeEngine {
    info: EngineInfo,
}

impl WasmedgeEngine {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] when the library is of another release than this crate is made for.
    pub fn new() -> Result<Self> {
        let (major, minor, version) = capi::version();
        if (major, minor) != RELEASE {
            let source =
                format!("libwasmedge is {version}, and {}.{} is needed", RELEASE.0, RELEASE.1).into();
            return Err(Error::Engine { engine: NAME, source });
        }
        capi::silence();
        let info = EngineInfo::new(NAME, version).with([
            Capability::ReadOnlyPreopen,
            Capability::RedirectStdio,
            Capability::Sockets,
        ]);
        Ok(Self { info })
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
    use crate::{Error, Exit, Limits, Network, Preopen, Task};

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
}
