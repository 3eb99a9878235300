use std::{borrow::Cow, path::PathBuf};

use crate::{
    Cancel, Capability, Error, Event, GuestPathFault, Input, Limits, Network, Observer, Output, Result,
    Stopping, VariableFault, engine::Able,
};

/// What one run gets: its arguments, its streams, and what it may touch.
///
/// [`Task::default`] grants nothing. The fields are public, the methods set them one after the other:
///
/// ```
/// use wasm_exec::{Output, Preopen, Task};
///
/// let task = Task::default()
///     .args(["app.wasm", "--verbose"])
///     .env("LANG", "C")
///     .preopen(Preopen::read_only("/srv/data", "/data"))
///     .stdout(Output::Inherit);
/// assert_eq!(task.entry, "_start");
/// ```
///
/// Arguments and variables arrive as they are given: nothing is added, trimmed, dropped, merged or sorted. The first
/// argument is what a program sees as its own name.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Task {
    /// The exported function to call, without parameters and results. Default: `_start`.
    ///
    /// With another entry, an exported `_initialize` is called first, as WASI wants it for reactors.
    pub entry: Cow<'static, str>,
    /// The arguments, the program's name first. Default: none.
    pub args: Vec<String>,
    /// The environment variables, as names and values. Default: none.
    pub env: Vec<(String, String)>,
    /// The directories that the guest may use; the first gets descriptor 3. Default: none.
    pub preopens: Vec<Preopen>,
    /// Whether the guest may open FIFOs, devices and sockets in its directories. Default: no.
    ///
    /// Opening or reading one may take for ever. A guest that is stopped meanwhile is over for its caller, and leaves a
    /// thread of the engine behind until the system call returns.
    pub special_files: bool,
    /// Standard input. Default: at its end.
    pub stdin: Input,
    /// Standard output. Default: discarded.
    pub stdout: Output,
    /// Standard error. Default: discarded.
    pub stderr: Output,
    /// The network: a property of the task and never of an image or bundle, because whoever runs a guest decides. Default:
    /// none. [`Network::Host`] needs [`Capability::Sockets`](crate::Capability::Sockets), [`Network::Allow`]
    /// [`Capability::NetworkRules`](crate::Capability::NetworkRules).
    pub network: Network,
    /// How much of the host it may use. Default: [`Limits::default`].
    pub limits: Limits,
    /// The token that ends it. Default: none.
    pub cancel: Option<Cancel>,
    /// How sure `cancel` and the deadline must be. Default: [`Stopping::Always`].
    pub stopping: Stopping,
    /// Who is told how far the run is. Default: nobody.
    pub observer: Option<Observer>,
}

impl Task {
    /// Sets the exported function to call.
    #[must_use]
    pub fn entry(mut self, entry: impl Into<Cow<'static, str>>) -> Self {
        self.entry = entry.into();
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds environment variables.
    #[must_use]
    pub fn envs(mut self, env: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        self.env.extend(env.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Adds a directory.
    #[must_use]
    pub fn preopen(mut self, preopen: Preopen) -> Self {
        self.preopens.push(preopen);
        self
    }

    /// Sets whether the guest may open FIFOs, devices and sockets in its directories.
    #[must_use]
    pub fn special_files(mut self, special_files: bool) -> Self {
        self.special_files = special_files;
        self
    }

    /// Sets standard input.
    #[must_use]
    pub fn stdin(mut self, stdin: Input) -> Self {
        self.stdin = stdin;
        self
    }

    /// Sets standard output.
    #[must_use]
    pub fn stdout(mut self, stdout: Output) -> Self {
        self.stdout = stdout;
        self
    }

    /// Sets standard error.
    #[must_use]
    pub fn stderr(mut self, stderr: Output) -> Self {
        self.stderr = stderr;
        self
    }

    /// Gives the guest the three standard streams of this process.
    #[must_use]
    pub fn inherit_stdio(self) -> Self {
        self.stdin(Input::Inherit).stdout(Output::Inherit).stderr(Output::Inherit)
    }

    /// Sets what the guest may do with the network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Sets how much of the host it may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the token that ends it.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Sets how sure a deadline or the token must be.
    #[must_use]
    pub fn stopping(mut self, stopping: Stopping) -> Self {
        self.stopping = stopping;
        self
    }

    /// Sets the closure that is told of events.
    #[must_use]
    pub fn on_event(mut self, on_event: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer::new(on_event));
        self
    }

    /// Tells an observer, if there is one, of an event; engines call this.
    pub fn notify(&self, event: Event) {
        if let Some(observer) = &self.observer {
            observer.notify(event);
        }
    }

    /// Refuses what the engine cannot enforce and what no guest could receive as it is.
    pub(crate) fn check(&self, engine: &Able) -> Result<()> {
        if let Some(capability) = self.needs().find(|capability| !engine.can(*capability)) {
            return Err(Error::Unsupported { engine: engine.name, capability });
        }
        if let Some(index) = self.args.iter().position(|arg| arg.contains('\0')) {
            return Err(Error::Argument { index });
        }
        for (name, value) in &self.env {
            if let Some(fault) = VariableFault::of(name, value) {
                return Err(Error::Variable { name: name.as_str().into(), fault });
            }
        }
        self.preopens.iter().try_for_each(Preopen::check)
    }

    fn needs(&self) -> impl Iterator<Item = Capability> {
        let redirected = !matches!(
            (&self.stdin, &self.stdout, &self.stderr),
            (Input::Inherit, Output::Inherit, Output::Inherit)
        );
        let read_only = self.preopens.iter().any(|preopen| preopen.access == Access::ReadOnly);
        let network = match self.network {
            Network::None => None,
            Network::Host => Some(Capability::Sockets),
            _ => Some(Capability::NetworkRules),
        };
        let stoppable = self.cancel.is_some() || self.limits.deadline.is_some();
        let stopping = if stoppable { self.stopping.needs() } else { &[] };
        [
            redirected.then_some(Capability::RedirectStdio),
            read_only.then_some(Capability::ReadOnlyPreopen),
            network,
        ]
        .into_iter()
        .flatten()
        .chain(stopping.iter().copied())
        .chain(self.limits.needs())
    }
}

impl Default for Task {
    fn default() -> Self {
        Self {
            entry: Cow::Borrowed("_start"),
            args: Vec::new(),
            env: Vec::new(),
            preopens: Vec::new(),
            special_files: false,
            stdin: Input::default(),
            stdout: Output::default(),
            stderr: Output::default(),
            network: Network::default(),
            limits: Limits::default(),
            cancel: None,
            stopping: Stopping::default(),
            observer: None,
        }
    }
}

/// A directory of the host that the guest sees under a name of its own.
///
/// The guest cannot leave it: `..`, absolute paths and symbolic links that lead out are refused. The host path is opened
/// when the run begins, following symbolic links.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preopen {
    /// The directory on the host.
    pub host: PathBuf,
    /// Its name in the guest, for instance `/` or `/data`.
    pub guest: String,
    /// What the guest may do with it.
    pub access: Access,
}

impl Preopen {
    /// Shows a directory that the guest cannot change.
    #[must_use]
    pub fn read_only(host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        Self { host: host.into(), guest: guest.into(), access: Access::ReadOnly }
    }

    /// Hands over a directory in which the guest may also write, create, rename and delete.
    #[must_use]
    pub fn read_write(host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        Self { host: host.into(), guest: guest.into(), access: Access::ReadWrite }
    }

    fn check(&self) -> Result<()> {
        match GuestPathFault::of(&self.guest) {
            Some(fault) => Err(Error::GuestPath { path: self.guest.as_str().into(), fault }),
            None => Ok(()),
        }
    }
}

/// What a guest may do with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Access {
    /// List and read.
    #[default]
    ReadOnly,
    /// Everything.
    ReadWrite,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineInfo;

    fn check(task: &Task) -> String {
        use Capability::{ReadOnlyPreopen, RedirectStdio};
        let defaults = Limits::default();
        let can = defaults.needs().chain([ReadOnlyPreopen, RedirectStdio]);
        let engine = EngineInfo::new("fake", "1").with(can);
        task.check(&Able::new(&engine)).unwrap_err().to_string()
    }

    #[test]
    fn the_default_grants_nothing() {
        let task = Task::default();
        assert!(task.args.is_empty() && task.env.is_empty() && task.preopens.is_empty());
        assert!(matches!(
            (&task.stdin, &task.stdout, &task.stderr),
            (Input::Empty, Output::Discard, Output::Discard)
        ));
        assert_eq!(task.network, Network::None);
        assert_eq!(task.limits, Limits::default());
        assert!(task.observer.is_none() && task.cancel.is_none());
    }

    #[test]
    fn names_the_argument_that_cannot_be_passed() {
        let task = Task::default().args(["a", "b\0c"]);
        assert_eq!(check(&task), "argument 1 holds a NUL byte");
    }

    #[test]
    fn names_the_variable_that_cannot_be_passed() {
        for (name, value, says) in [
            ("", "x", "the environment variable `` has an empty name"),
            ("A=B", "x", "the environment variable `A=B` has a `=` in its name"),
            ("A\0", "x", "the environment variable `A\\0` holds a NUL byte"),
            ("A", "x\0", "the environment variable `A` holds a NUL byte"),
        ] {
            assert_eq!(check(&Task::default().env("OK", "=").env(name, value)), says);
        }
    }

    #[test]
    fn names_the_guest_path_that_cannot_be_passed() {
        let task = Task::default().preopen(Preopen::read_only("/", ""));
        assert_eq!(check(&task), "the guest path `` is empty");
        let task = Task::default().preopen(Preopen::read_only("/", "a\0"));
        assert_eq!(check(&task), "the guest path `a\\0` holds a NUL byte");
    }

    #[test]
    fn needs_the_network_only_when_it_grants_it() {
        assert_eq!(check(&Task::default().network(Network::Host)), "fake does not support the network");
    }
}
