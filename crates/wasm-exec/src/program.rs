use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use crate::{EngineInfo, Error, Exit, Result, Task};

/// Compiled code, ready to run.
///
/// A clone is one more reference to the same code. A program may run many times and on many threads at once; each run
/// has an instance of its own.
///
/// ```
/// # #[cfg(feature = "wasmtime")] {
/// use wasm_exec::{Exit, Task};
///
/// let wasm = wat::parse_str(r#"(module (func (export "_start")))"#)?;
/// let program = wasm_exec::engine("wasmtime")?.compile(&wasm)?;
/// let other = program.clone();
/// let there = std::thread::spawn(move || other.run(Task::default()));
/// assert_eq!(program.run(Task::default())?, Exit::Code(0));
/// assert_eq!(there.join().unwrap()?, Exit::Code(0));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner<dyn Run>>,
}

struct Inner<R: ?Sized> {
    engine: EngineInfo,
    code: R,
}

impl Program {
    /// Wraps what an engine compiled; engines call this.
    pub fn new(engine: &EngineInfo, code: impl Run + 'static) -> Self {
        Self { inner: Arc::new(Inner { engine: engine.clone(), code }) }
    }

    /// Returns the engine that the code belongs to.
    #[must_use]
    pub fn engine(&self) -> &EngineInfo {
        &self.inner.engine
    }

    /// Runs the program to its end, on this thread.
    ///
    /// It blocks as long as the guest runs. Inside an async runtime call it where blocking is allowed (tokio's
    /// `spawn_blocking`); it works on any thread, also on one that drives tasks, but nothing else does meanwhile.
    ///
    /// # Errors
    ///
    /// When the guest could not be run: [`Error::Unsupported`] if the engine cannot enforce what the task asks for,
    /// [`Error::Argument`] and [`Error::Variable`], [`Error::GuestPath`] and [`Error::Preopen`], [`Error::Stdio`],
    /// [`Error::MissingEntry`], [`Error::Instantiate`]; and [`Error::Panicked`] if something panicked, which ends this
    /// run and no other. A guest that ended, also by a trap, is no error.
    pub fn run(&self, task: Task) -> Result<Exit> {
        let Inner { engine, code } = &*self.inner;
        task.check(engine)?;
        contain(|| code.run(task))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("engine", &self.inner.engine.name)
            .field("code", &&self.inner.code)
            .finish()
    }
}

/// What an engine compiles to: code that can be run. Callers use [`Program`].
///
/// One required method, so that an engine is small. It blocks because that is what every engine can do: one that is
/// built on futures drives them here, on the caller's thread and without a hop.
pub trait Run: fmt::Debug + Send + Sync {
    /// Makes a fresh instance, runs it to its end, and gives back all it took.
    ///
    /// [`Program::run`] has checked the task already: the engine has each capability that it needs, and its arguments,
    /// variables and guest paths are well-formed. Panics are caught there too.
    ///
    /// # Errors
    ///
    /// When the guest could not be run.
    fn run(&self, task: Task) -> Result<Exit>;
}

/// Makes a panic an error. What it unwound through is dropped and not used again.
pub(crate) fn contain<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|panic| Err(Error::Panicked { message: message(&*panic) }))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capability, Network, Output, Preopen};

    /// An engine's code that does what it is told to.
    #[derive(Debug)]
    struct Fake(fn() -> Result<Exit>);

    impl Run for Fake {
        fn run(&self, _: Task) -> Result<Exit> {
            (self.0)()
        }
    }

    fn program(capabilities: &[Capability], run: fn() -> Result<Exit>) -> Program {
        Program::new(&EngineInfo::new("fake", "1").with(capabilities.iter().copied()), Fake(run))
    }

    #[test]
    fn a_panic_is_an_error_of_that_run() {
        let program = program(&[], || panic!("out of luck"));
        let error = program.run(Task::default().inherit_stdio()).unwrap_err();
        assert!(matches!(error, Error::Panicked { message } if message == "out of luck"));
        assert_eq!(program.engine().name, "fake");
    }

    #[test]
    fn what_the_engine_cannot_enforce_is_refused_before_it_runs() {
        let run = || panic!("must not be reached");
        for (task, capability) in [
            (Task::default().inherit_stdio().network(Network::Host), Capability::Sockets),
            (
                Task::default().inherit_stdio().preopen(Preopen::read_only("/", "/")),
                Capability::ReadOnlyPreopen,
            ),
            (Task::default().inherit_stdio().stderr(Output::Discard), Capability::RedirectStdio),
        ] {
            let error = program(&[], run).run(task).unwrap_err();
            assert!(
                matches!(error, Error::Unsupported { capability: c, .. } if c == capability),
                "{error:?}"
            );
        }
    }
}
