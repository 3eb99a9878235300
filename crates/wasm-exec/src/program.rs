use std::{
    any::Any,
    fmt,
    net::TcpListener,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
};

use crate::{Capability, EngineInfo, Error, Exit, Result, Running, Serve, Task, engine::Able};

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
    able: Able,
    code: R,
}

impl Program {
    /// Wraps what an engine compiled; engines call this.
    pub fn new(engine: &EngineInfo, code: impl Run + 'static) -> Self {
        Self { inner: Arc::new(Inner { engine: engine.clone(), able: Able::new(engine), code }) }
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
    /// [`Error::MissingEntry`], [`Error::OverLimit`], [`Error::Instantiate`]; and [`Error::Panicked`] if something panicked, which ends this
    /// run and no other. A guest that ended, also by a trap, is no error.
    pub fn run(&self, task: Task) -> Result<Exit> {
        let Inner { able, code, .. } = &*self.inner;
        task.check(able)?;
        contain(|| code.run(task))
    }

    /// Starts the program on a thread of its own.
    ///
    /// The guest can be ended by what is returned, so the engine must be able to: see [`Stopping`](crate::Stopping).
    /// A [`Cancel`](crate::Cancel) of the task is used for that.
    ///
    /// ```
    /// # #[cfg(feature = "wasmtime")] {
    /// use wasm_exec::{Exit, Stop, Task};
    ///
    /// let wasm = wat::parse_str(r#"(module (func (export "_start") (loop $forever (br $forever))))"#)?;
    /// let program = wasm_exec::engine("wasmtime")?.compile(&wasm)?;
    /// let running = program.start(Task::default())?;
    /// assert!(!running.is_finished());
    /// running.signal(15);
    /// assert_eq!(running.wait()?, Exit::Stopped(Stop::Signal(15)));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if the engine cannot enforce what the task asks for, [`Error::Argument`],
    /// [`Error::Variable`] and [`Error::GuestPath`], and [`Error::Engine`] when no thread can be started. All else that
    /// [`run`](Self::run) says is told by [`Running::wait`].
    pub fn start(&self, mut task: Task) -> Result<Running> {
        let cancel = task.cancel.get_or_insert_default().clone();
        task.check(&self.inner.able)?;
        let program = self.clone();
        self.spawn("wasm-guest", cancel, move || program.run(task))
    }

    /// Answers HTTP requests, on threads of its own: for components that export `wasi:http/incoming-handler`.
    ///
    /// Each request has a fresh instance, unless [`Serve::reuse`] says otherwise, which gets what the task grants; its
    /// limits, with the deadline, are those of one request. A guest that is stopped by its deadline is answered 504, one
    /// that ends in another way without an answer 500, and the others go on.
    ///
    /// [`Running::cancel`] and [`Running::signal`], or the [`Cancel`](crate::Cancel) of the task, end it: no further
    /// connection is accepted, requests that are under way may end within [`Serve::grace`], and [`Running::wait`]
    /// returns [`Exit::Stopped`].
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if the engine cannot enforce what the task asks for, or without [`Capability::Http`];
    /// [`Error::MissingEntry`] if the program does not answer HTTP requests; and those of [`start`](Self::start).
    pub fn serve(&self, listener: TcpListener, mut task: Task, serve: Serve) -> Result<Running> {
        let cancel = task.cancel.get_or_insert_default().clone();
        let Inner { engine, able, code } = &*self.inner;
        if !able.can(Capability::Http) {
            return Err(Error::Unsupported { engine: engine.name, capability: Capability::Http });
        }
        task.check(able)?;
        let server = contain(|| code.serve(listener, task, serve))?;
        self.spawn("wasm-serve", cancel, move || contain(server))
    }

    fn spawn(
        &self,
        name: &str,
        cancel: crate::Cancel,
        run: impl FnOnce() -> Result<Exit> + Send + 'static,
    ) -> Result<Running> {
        let engine = self.engine().name;
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| Error::Engine { engine, source: error.into() })?;
        Ok(Running::new(thread, cancel))
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
/// built on futures drives them here, on the caller's thread and without a hop; [`Program::start`] adds the thread.
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

    /// Prepares to answer HTTP requests; what is returned does it, on a thread of its own, until the
    /// [`Cancel`](crate::Cancel) of the task ends it.
    ///
    /// [`Program::serve`] has checked as for `run`, and that the engine has [`Capability::Http`]: others return
    /// [`Error::Unsupported`].
    ///
    /// # Errors
    ///
    /// [`Error::MissingEntry`] if the program does not answer HTTP requests; what keeps the service from beginning.
    fn serve(&self, listener: TcpListener, task: Task, serve: Serve) -> Result<Server>;
}

/// The part of [`Run::serve`] that takes long.
pub type Server = Box<dyn FnOnce() -> Result<Exit> + Send>;

/// Makes a panic an error. What it unwound through is dropped and not used again.
pub(crate) fn contain<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|panic| Err(Error::Panicked { message: message(&*panic) }))
}

/// Returns what a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Cancel, Capability, Limits, Network, Output, Preopen, Stopping};

    /// An engine's code that does what it is told to.
    #[derive(Debug)]
    struct Fake(fn() -> Result<Exit>);

    impl Run for Fake {
        fn run(&self, _: Task) -> Result<Exit> {
            (self.0)()
        }

        fn serve(&self, _: TcpListener, _: Task, _: Serve) -> Result<Server> {
            let run = self.0;
            Ok(Box::new(run))
        }
    }

    /// A task that needs nothing.
    fn task() -> Task {
        Task::default().inherit_stdio().limits(Limits::unlimited())
    }

    fn program(capabilities: &[Capability], run: fn() -> Result<Exit>) -> Program {
        Program::new(&EngineInfo::new("fake", "1").with(capabilities.iter().copied()), Fake(run))
    }

    #[test]
    fn threads_can_share_it() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Program>();
        shared::<Task>();
        shared::<Error>();
    }

    #[test]
    fn a_panic_is_an_error_of_that_run() {
        let program = program(&[], || panic!("out of luck"));
        let error = program.run(task()).unwrap_err();
        assert!(matches!(error, Error::Panicked { message } if message == "out of luck"));
        assert_eq!(program.engine().name, "fake");
    }

    #[test]
    fn what_the_engine_cannot_enforce_is_refused_before_it_runs() {
        let run = || panic!("must not be reached");
        for (task, capability) in [
            (task().network(Network::Host), Capability::Sockets),
            (task().preopen(Preopen::read_only("/", "/")), Capability::ReadOnlyPreopen),
            (task().stderr(Output::Discard), Capability::RedirectStdio),
            (task().limits(Limits::unlimited().memory(1)), Capability::LimitMemory),
            (task().limits(Limits::unlimited().table_elements(1)), Capability::LimitTableElements),
            (task().limits(Limits::unlimited().instances(1)), Capability::LimitInstances),
            (task().limits(Limits::unlimited().fuel(1)), Capability::LimitFuel),
            (task().limits(Limits::unlimited().output_bytes(1)), Capability::LimitOutput),
            (task().limits(Limits::unlimited().handles(1)), Capability::LimitHandles),
            (task().limits(Limits::unlimited().deadline(Duration::MAX)), Capability::Interrupt),
            (task().cancel(Cancel::new()), Capability::Interrupt),
        ] {
            let error = program(&[], run).run(task).unwrap_err();
            assert!(
                matches!(error, Error::Unsupported { capability: c, .. } if c == capability),
                "{error:?}"
            );
        }
    }

    #[test]
    fn stopping_needs_all_that_it_takes_unless_the_task_says_otherwise() {
        let stoppable = || task().cancel(Cancel::new());
        let cannot = program(&[Capability::Interrupt], || panic!("must not be reached"));
        let error = cannot.run(stoppable()).unwrap_err();
        assert_eq!(error.to_string(), "fake does not support stopping a guest that waits in a host call");
        assert!(error.help().unwrap().contains("BestEffort"));
        assert!(cannot.start(task()).is_err());
        let can = program(&[Capability::Interrupt], || Ok(Exit::Code(1)));
        let best_effort = || task().stopping(Stopping::BestEffort);
        assert_eq!(can.run(best_effort().cancel(Cancel::new())).unwrap(), Exit::Code(1));
        assert_eq!(can.start(best_effort()).unwrap().wait().unwrap(), Exit::Code(1));
        assert!(program(&[], || panic!()).run(best_effort().cancel(Cancel::new())).is_err());
    }

    #[test]
    fn a_panic_on_another_thread_is_an_error_too() {
        let both = [Capability::Interrupt, Capability::InterruptHostCall];
        let error = program(&both, || panic!("out of luck")).start(task()).unwrap().wait().unwrap_err();
        assert!(matches!(error, Error::Panicked { message } if message == "out of luck"));
    }
}
