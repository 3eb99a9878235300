//! Compiling in a process of its own: the one place where a compiler can be stopped.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::AsFd,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, memfd_create},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use wasm_oci::Kind;

use super::{NAME, WasmtimeEngine, config::Codegen, does_not_start};
use crate::{Error, Result, outline};

/// A program that compiles in a process of its own, for a
/// [`WasmtimeBuilder::compile_in`](super::WasmtimeBuilder::compile_in).
///
/// A process is started for each module and killed when its time is over, so that no module can take more of the host
/// than this says, and a compiler that breaks breaks nothing else. It costs some milliseconds each time: with a
/// [`Cache`](crate::Cache), once for each module.
///
/// The program is one of yours, with this release of this crate: it has to call
/// [`WasmtimeEngine::compile_for_parent`]. Most start themselves again with an argument that says so. Nothing is looked
/// for in `PATH` unless the name says so, and no other program is ever started. Its answer is code that will be trusted,
/// just like what this process compiles itself: whoever could change that program, or its answer, could change this
/// program as well.
///
/// ```no_run
/// use std::{io, time::Duration};
/// use wasm_exec::{CompilerProcess, WasmtimeEngine};
///
/// if std::env::args().nth(1).as_deref() == Some("compile") {
///     return Ok(WasmtimeEngine::compile_for_parent(io::stdin(), io::stdout())?);
/// }
/// let compiler = CompilerProcess::new(std::env::current_exe()?).arg("compile").time(Duration::from_secs(5));
/// let engine = WasmtimeEngine::builder().compile_in(compiler).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompilerProcess {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// How long it may take. Default: 30 s.
    pub time: Duration,
    /// How many bytes its memory may have, with the program itself: its address space. Default: 2 GiB.
    pub memory: u64,
}

impl CompilerProcess {
    /// Takes a program, with no arguments and the default limits.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new(), time: Duration::from_secs(30), memory: 2 << 30 }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Limits how long it may take.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Limits how many bytes its memory may have.
    #[must_use]
    pub fn memory(mut self, memory: u64) -> Self {
        self.memory = memory;
        self
    }

    /// Has a module or component compiled.
    pub(super) fn compile(&self, codegen: Codegen, wasm: &[u8]) -> Result<Vec<u8>> {
        let end = Instant::now().checked_add(self.time);
        let not_started = |error| does_not_start(format!("{}: {error}", self.program.display()));
        let mut process = self.start(codegen, wasm).map_err(not_started)?;
        let answer = process.answer(end).map_err(not_started)?;
        match answer.as_deref().map(<[u8]>::split_first) {
            Some(Some((&COMPILED, code))) => return Ok(code.to_vec()),
            Some(Some((&FAILED, message))) => {
                let source = String::from_utf8_lossy(message).into();
                let failed = Error::Compile { engine: NAME, source };
                return Err(outline::invalidity(wasm).unwrap_or(failed));
            }
            _ => {}
        }
        let status = process.status(end).map_err(not_started)?;
        Err(self.fault(status))
    }

    /// Says why there is no answer; `None` is a process that had to be killed.
    fn fault(&self, status: Option<ExitStatus>) -> Error {
        let over =
            |what, allowed: u64| Error::OverBudget { what, needed: allowed.saturating_add(1), allowed };
        match status.map(|status| (status, status.signal())) {
            None => over("milliseconds", u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX)),
            // Rust has no other answer to an allocation that fails.
            Some((_, Some(ABORT))) => over("bytes of memory", self.memory),
            Some((status, _)) => {
                does_not_start(format!("{} did not compile: {status}", self.program.display()))
            }
        }
    }

    fn start(&self, codegen: Codegen, wasm: &[u8]) -> io::Result<Process> {
        let mut input = File::from(memfd_create("wasm", MemfdFlags::CLOEXEC)?);
        input.write_all(MAGIC)?;
        input.write_all(&[u8::from(codegen.fuel), u8::from(codegen.interruptible)])?;
        input.write_all(&self.time.as_secs().saturating_add(1).to_le_bytes())?;
        input.write_all(&self.memory.to_le_bytes())?;
        input.write_all(wasm)?;
        input.rewind()?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(input).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map(Process)
    }
}

impl WasmtimeEngine {
    /// Compiles what the process that started this one has to compile, and returns when it is done: the other side of
    /// [`CompilerProcess`].
    ///
    /// It limits the memory and the processor time of the whole process, which should do nothing else and end then.
    ///
    /// # Errors
    ///
    /// When the input is not what a parent sends, and when it cannot be read or the answer not be written.
    pub fn compile_for_parent(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
        let mut header = [0; HEADER];
        input.read_exact(&mut header)?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let [fuel, interruptible, numbers @ ..] = rest else { return Err(io::ErrorKind::InvalidData.into()) };
        let (Some(seconds), Some(memory)) = (number(numbers, 0), number(numbers, 8)) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if magic != MAGIC {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let codegen = Codegen { fuel: *fuel != 0, interruptible: *interruptible != 0 };
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
        limit(Resource::Cpu, seconds.saturating_mul(threads))?;
        limit(Resource::As, memory)?;
        limit(Resource::Core, 0)?;
        let mut wasm = Vec::new();
        input.read_to_end(&mut wasm)?;
        let (kind, answer) = match generate(codegen, &wasm) {
            Ok(code) => (COMPILED, code),
            Err(error) => (FAILED, format!("{error:#}").into_bytes()),
        };
        output.write_all(&(answer.len() as u64 + 1).to_le_bytes())?;
        output.write_all(&[kind])?;
        output.write_all(&answer)?;
        output.flush()
    }
}

fn generate(codegen: Codegen, wasm: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let engine = wasmtime::Engine::new(&codegen.config())?;
    match outline::kind(wasm)? {
        Kind::Module => engine.precompile_module(wasm),
        Kind::Component => engine.precompile_component(wasm),
    }
}

/// Lowers a limit of this process; one that is lower already stays.
fn limit(resource: Resource, to: u64) -> io::Result<()> {
    let to = getrlimit(resource).maximum.map_or(to, |maximum| to.min(maximum));
    Ok(setrlimit(resource, Rlimit { current: Some(to), maximum: Some(to) })?)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// A child that does not outlive this value.
struct Process(Child);

impl Process {
    /// Reads the whole answer; `None` if there is none, or not in time.
    fn answer(&mut self, end: Option<Instant>) -> io::Result<Option<Vec<u8>>> {
        let Some(mut output) = self.0.stdout.take() else { return Ok(None) };
        let mut all = Vec::new();
        while wait(&output, end)? {
            let before = all.len();
            all.resize(before + CHUNK, 0);
            let read = output.read(&mut all[before..])?;
            all.truncate(before + read);
            if read == 0 {
                break;
            }
        }
        let whole = number(&all, 0).is_some_and(|length| all.len() as u64 == length.saturating_add(8));
        Ok(whole.then(|| all.split_off(8)))
    }

    /// Waits for the end of a process that has nothing more to say; `None` if it does not come in time.
    fn status(&mut self, end: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        while end.is_none_or(|end| Instant::now() < end) {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(None)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only if there is nothing left to kill or to wait for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until there is something to read, or the end; `false` if the time is over.
fn wait(output: &ChildStdout, end: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = [PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a parent sends: this, whether fuel is counted, whether the code can be interrupted, seconds and bytes; then the
/// module.
const MAGIC: &[u8; 20] = b"wasm-exec compile 2\n";
const HEADER: usize = MAGIC.len() + 2 + 8 + 8;

/// What a child answers: the length, one of these, and the code or a message.
const COMPILED: u8 = 0;
const FAILED: u8 = 1;

const ABORT: i32 = rustix::process::Signal::ABORT.as_raw();

const CHUNK: usize = 1 << 16;
