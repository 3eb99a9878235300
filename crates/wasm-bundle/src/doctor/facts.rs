use std::path::PathBuf;

/// What is so on a machine: gathered by whoever may run programs and read files, and judged by
/// [`examine`](super::examine).
///
/// `None` and empty mean that there is no such thing, not that it was not looked for.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The targets that rustc has, if there is a rustc.
    pub rust_targets: Option<Vec<String>>,
    /// The engines that run guests here.
    pub engines: Vec<Engine>,
    /// What `crun --version` prints.
    pub crun: Option<Crun>,
    /// youki, if it is there.
    pub youki: Option<Youki>,
    /// containerd, if it is there.
    pub containerd: Option<Containerd>,
    /// Files on `PATH` that look like shims of containerd.
    pub shims: Vec<String>,
    /// podman, if it is there.
    pub podman: Option<Podman>,
    /// kubectl, if it is there and has a context.
    pub cluster: Option<Cluster>,
    /// The registry that was asked about.
    pub registry: Option<Registry>,
    /// The mounts, as `/proc/self/mounts` has them.
    pub mounts: String,
    /// `/proc/sys/user/max_user_namespaces`.
    pub user_namespaces: Option<u64>,
    /// Whether the kernel has seccomp.
    pub seccomp: bool,
    /// The directory for precompiled code, or why it cannot be used.
    pub cache: Option<Result<PathBuf, String>>,
}

/// An engine, and whether it starts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Engine {
    /// Its name.
    pub name: String,
    /// Its release, or why it does not start.
    pub starts: Result<String, String>,
}

/// crun.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Crun {
    /// What it prints for `--version`.
    pub version: String,
    /// The libraries of engines that the loader would find for it, by soname.
    pub libraries: Vec<String>,
}

/// youki.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Youki {
    /// What it prints for `--version`.
    pub version: String,
    /// Whether its program has the code that reads the annotation.
    pub wasm: bool,
}

/// containerd.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Containerd {
    /// What it prints for `--version`.
    pub version: String,
    /// Its configuration: the path, and the text or why it cannot be read; none if there is no file.
    pub config: Option<(PathBuf, Result<String, String>)>,
}

/// podman.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Podman {
    /// What it prints for `--version`.
    pub version: String,
    /// The texts of its configuration, the strongest last.
    pub configs: Vec<(PathBuf, String)>,
    /// Whether there is a `crun-wasm`, its default for `wasi/wasm`.
    pub crun_wasm: bool,
}

/// What kubectl says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cluster {
    /// The name of the context.
    pub context: String,
    /// The handlers of its classes, or why it does not answer.
    pub handlers: Result<Vec<String>, String>,
}

/// A registry.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Registry {
    /// Its host, and port if one was given.
    pub host: String,
    /// Why it cannot be reached, if it cannot.
    pub unreachable: Option<String>,
    /// Where its credentials are: a file, or a helper. Never what they are.
    pub credentials: Option<String>,
    /// A credential helper that is named but not on `PATH`.
    pub helper_missing: Option<String>,
}

macro_rules! new {
    ($($name:ident { $($field:ident: $type:ty),* })*) => {$(
        impl $name {
            /// Creates it from its fields.
            #[must_use]
            pub fn new($($field: $type),*) -> Self {
                Self { $($field),* }
            }
        }
    )*};
}

new! {
    Engine { name: String, starts: Result<String, String> }
    Crun { version: String, libraries: Vec<String> }
    Youki { version: String, wasm: bool }
    Containerd { version: String, config: Option<(PathBuf, Result<String, String>)> }
    Podman { version: String, configs: Vec<(PathBuf, String)>, crun_wasm: bool }
    Cluster { context: String, handlers: Result<Vec<String>, String> }
    Registry {
        host: String,
        unreachable: Option<String>,
        credentials: Option<String>,
        helper_missing: Option<String>
    }
}
