use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use oci_spec::image::ImageConfiguration;

use crate::{Error, Resources, Result, UserNamespace};

/// What to run and what to grant it.
///
/// Plain data: make one with [`Workload::new`] or [`Workload::from_image`], set fields, and turn it into a runtime
/// configuration with [`Workload::to_spec`], which is where values are checked. What is not granted here the guest does
/// not get.
///
/// ```
/// use wasm_bundle::{Mount, Network, Workload};
///
/// let workload = Workload::new(["/app.wasm", "--port=8080"])
///     .env("MODE=test")
///     .mount(Mount::new("/srv/data", "/data"))
///     .network(Network::Host);
/// assert!(workload.read_only_root);
/// assert!(workload.mounts[0].read_only);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Workload {
    /// The program and its arguments. The program is a path in the root file system, or relative to `cwd`. Empty by
    /// default, which no runtime runs.
    pub args: Vec<String>,
    /// Environment variables as `NAME=VALUE`, in this order and as they are: nothing is trimmed, sorted or merged.
    pub env: Vec<String>,
    /// The working directory, absolute; `/` by default.
    pub cwd: PathBuf,
    /// The user id; 0 by default, which without capabilities owns files and can do no more.
    pub uid: u32,
    /// The group id; 0 by default.
    pub gid: u32,
    /// The host name that the guest sees, `wasm` by default; `None` shows the machine's own.
    pub hostname: Option<String>,
    /// Whether the root file system is read-only; true by default.
    pub read_only_root: bool,
    /// Files and directories of the machine that the guest may see, mounted in this order; none by default.
    pub mounts: Vec<Mount>,
    /// The network; [`Network::Isolated`] by default.
    pub network: Network,
    /// What the container may use of the machine; nothing is limited by default.
    pub resources: Resources,
    /// Which users of the machine the container's are; `None`, the default, makes them the same.
    pub user_namespace: Option<UserNamespace>,
    /// Annotations of the user's. Those that choose a handler are no part of the workload: see
    /// [`Handler`](crate::Handler).
    pub annotations: BTreeMap<String, String>,
}

impl Workload {
    /// Creates a workload that runs `args` and is granted nothing.
    pub fn new<A: Into<String>>(args: impl IntoIterator<Item = A>) -> Self {
        Self { args: args.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Creates the workload that an image describes: entrypoint and command, environment, working directory, user.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRun`] when there is neither entrypoint nor command; [`Error::Value`] for what could not stand
    /// in a config.json, and for a user that is a name: there is no `/etc/passwd` to look it up in, and to run as
    /// somebody else than the image wants is no answer.
    pub fn from_image(config: &ImageConfiguration) -> Result<Self> {
        let config = config.config().clone().unwrap_or_default();
        let args: Vec<_> =
            [config.entrypoint(), config.cmd()].into_iter().flatten().flatten().cloned().collect();
        if args.is_empty() {
            return Err(Error::NothingToRun { whose: "the image" });
        }
        let (uid, gid) = user(config.user().as_deref().unwrap_or_default())?;
        let cwd = config.working_dir().as_deref().filter(|cwd| !cwd.is_empty()).unwrap_or("/");
        let env = config.env().clone().unwrap_or_default();
        let workload = Self { args, env, cwd: cwd.into(), uid, gid, ..Self::default() };
        workload.check()?;
        Ok(workload)
    }

    /// Replaces program and arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Adds an environment variable, `NAME=VALUE`.
    #[must_use]
    pub fn env(mut self, variable: impl Into<String>) -> Self {
        self.env.push(variable.into());
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// Sets user id and group id.
    #[must_use]
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// Sets the host name.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = Some(hostname.into());
        self
    }

    /// Says whether the root file system is read-only.
    #[must_use]
    pub fn read_only_root(mut self, read_only: bool) -> Self {
        self.read_only_root = read_only;
        self
    }

    /// Adds a mount.
    #[must_use]
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Sets the network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Sets the limits of the container.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Sets a user namespace.
    #[must_use]
    pub fn user_namespace(mut self, namespace: UserNamespace) -> Self {
        self.user_namespace = Some(namespace);
        self
    }

    /// Adds an annotation, in place of one of the same name.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// Returns the program as a path relative to the root file system: the first argument, under `cwd` when it is
    /// relative. `None` when there are no arguments.
    #[must_use]
    pub fn program(&self) -> Option<PathBuf> {
        let path = self.cwd.join(self.args.first()?);
        Some(path.strip_prefix("/").map(Path::to_path_buf).unwrap_or(path))
    }
}

/// Nothing to run and nothing granted; see the fields.
impl Default for Workload {
    fn default() -> Self {
        Self {
            args: vec![],
            env: vec![],
            cwd: "/".into(),
            uid: 0,
            gid: 0,
            hostname: Some("wasm".into()),
            read_only_root: true,
            mounts: vec![],
            network: Network::default(),
            resources: Resources::default(),
            user_namespace: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A file or directory of the machine that the guest may see.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// The path on the machine, absolute.
    pub source: PathBuf,
    /// The path for the guest, absolute.
    pub destination: PathBuf,
    /// Whether the guest may only read; true unless said otherwise.
    pub read_only: bool,
}

impl Mount {
    /// Creates a read-only mount.
    pub fn new(source: impl Into<PathBuf>, destination: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), destination: destination.into(), read_only: true }
    }

    /// Says whether the guest may only read.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }
}

/// The network that the guest is in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Network {
    /// An own network namespace with nothing in it. The default.
    #[default]
    Isolated,
    /// The network of whoever calls the runtime: usually the machine's.
    Host,
    /// The network namespace of this path, which somebody else made.
    Path(PathBuf),
}

/// Reads `UID[:GID]`; nothing and `root` are 0.
fn user(text: &str) -> Result<(u32, u32)> {
    let id = |text: &str| match text {
        "" | "root" => Some(0),
        text if text.starts_with('+') => None,
        text => text.parse().ok(),
    };
    let (uid, gid) = text.split_once(':').unwrap_or((text, ""));
    id(uid).zip(id(gid)).ok_or_else(|| Error::value("user", text, "is not numeric"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(config: serde_json::Value) -> ImageConfiguration {
        let image = serde_json::json!({
            "architecture": "wasm", "os": "wasi", "config": config, "rootfs": { "type": "layers", "diff_ids": [] },
        });
        serde_json::from_value(image).unwrap()
    }

    #[test]
    fn an_image_says_what_to_run() {
        let config = serde_json::json!({
            "Entrypoint": ["/app.wasm"], "Cmd": ["a", "b c"], "Env": ["A= x ", "B="], "WorkingDir": "/srv", "User": "7:8",
        });
        let workload = Workload::from_image(&image(config)).unwrap();
        let expected = Workload::new(["/app.wasm", "a", "b c"]).env("A= x ").env("B=").cwd("/srv").user(7, 8);
        assert_eq!(workload, expected);
    }

    #[test]
    fn a_command_alone_is_enough_and_nothing_is_not() {
        let command = image(serde_json::json!({ "Cmd": ["/app.wasm"], "WorkingDir": "", "User": "" }));
        assert_eq!(Workload::from_image(&command).unwrap(), Workload::new(["/app.wasm"]));
        for config in [serde_json::json!({ "Entrypoint": [] }), serde_json::Value::Null] {
            let error = Workload::from_image(&image(config)).unwrap_err();
            assert!(matches!(error, Error::NothingToRun { whose: "the image" }), "{error:?}");
        }
    }

    #[test]
    fn values_of_an_image_are_checked() {
        let cwd = image(serde_json::json!({ "Cmd": ["/a"], "WorkingDir": "srv" }));
        assert_eq!(Workload::from_image(&cwd).unwrap_err().to_string(), r#"cwd "srv" is not absolute"#);
    }

    #[test]
    fn users_are_numbers() {
        for (text, ids) in [("", (0, 0)), ("root:root", (0, 0)), ("1000", (1000, 0)), ("1:2", (1, 2))] {
            assert_eq!(user(text).unwrap(), ids);
        }
        for text in ["nobody", "1:staff", "-1", "+1", "4294967296", "1:2:3"] {
            assert_eq!(user(text).unwrap_err().to_string(), format!("user {text:?} is not numeric"));
        }
    }

    #[test]
    fn the_program_is_found_as_runtimes_do() {
        let program = |cwd, program| Workload::new([program]).cwd(cwd).program().unwrap();
        assert_eq!(program("/", "/app.wasm"), Path::new("app.wasm"));
        assert_eq!(program("/", "app.wasm"), Path::new("app.wasm"));
        assert_eq!(program("/sub", "./app.wasm"), Path::new("sub/app.wasm"));
        assert_eq!(program("/sub", "/app.wasm"), Path::new("app.wasm"));
        assert_eq!(Workload::default().program(), None);
    }
}
