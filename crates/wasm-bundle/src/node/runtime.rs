use std::str::FromStr;

use crate::{Error, Handler, Result, label::is_label};

/// A runtime that a node offers to pods: a table under containerd's `runtimes`, and the handler that a `RuntimeClass` names.
///
/// Its text form is a known name, or `NAME=WHAT` with a path or containerd's name of a shim:
///
/// | Text | Meaning |
/// |---|---|
/// | `crun`, `youki` | the OCI runtime in `/usr/bin` or `/usr/local/bin` |
/// | `wasmtime`, `wasmedge`, `wasmer`, `wamr`, `spin` | the shim of that name on containerd's `PATH` |
/// | `NAME=/usr/local/bin/crun` | an OCI runtime, under a name of yours |
/// | `NAME=/opt/bin/containerd-shim-mine-v1` | a shim, by its path |
/// | `NAME=io.containerd.mine.v1` | a shim, by containerd's name for it |
///
/// ```
/// use wasm_bundle::node::{Program, Runtime};
///
/// let crun: Runtime = "wasm=/opt/crun/bin/crun".parse()?;
/// assert_eq!(crun.name(), "wasm");
/// assert_eq!(crun.program(), &Program::Oci("/opt/crun/bin/crun".into()));
/// let shim: Runtime = "wasmtime".parse()?;
/// assert_eq!(shim.program(), &Program::Shim("io.containerd.wasmtime.v1".into()));
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    name: String,
    program: Program,
    systemd_cgroup: Option<bool>,
}

/// What containerd starts for a [`Runtime`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// An OCI runtime, by its path or name; containerd's own shim `io.containerd.runc.v2` calls it.
    Oci(String),
    /// A shim: `io.containerd.NAME.vN`, or the absolute path of its program.
    Shim(String),
}

impl Runtime {
    /// The keys of a pod's annotations by which crun and youki select WebAssembly.
    ///
    /// Only these, by their whole names: a pattern such as `run.oci.*` would also let a pod set
    /// `run.oci.hooks.stdout`, and so choose a file of the host's to write to (crun `src/libcrun/container.c`).
    pub const ANNOTATIONS: [&'static str; 2] = [Handler::ANNOTATION, Handler::OVERRIDE];

    /// The base specification of a handler with youki: what containerd's containers begin with, and its sandboxes do not.
    ///
    /// An annotation of the pod reaches its sandbox as well, which youki then takes for WebAssembly, so that no pod starts
    /// (youki 0.7 `crates/youki/src/workload/wasmtime.rs`, `can_handle`; crun leaves sandboxes alone). So for youki the
    /// annotation stands in this file, which [`WRITE_BASE`](Self::WRITE_BASE) writes, and nowhere else.
    pub const BASE: &'static str = "/etc/containerd/youki.json";

    /// The command that writes [`BASE`](Self::BASE) on a node: containerd's own specification, with the annotation.
    pub const WRITE_BASE: &'static str = r#"ctr oci spec | sed '1a "annotations": {"module.wasm.image/variant": "compat"},' > /etc/containerd/youki.json"#;

    /// Creates a runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] for a name that no `RuntimeClass` could have as its handler (a DNS label: lower case letters, digits
    /// and `-`) or that is `runc`, which every other pod uses; for a program that is neither a path nor a name of a shim.
    pub fn new(name: impl Into<String>, program: Program) -> Result<Self> {
        let name = name.into();
        if !is_label(&name) {
            return Err(Error::value(
                "handler",
                &name,
                "is not a name of lower case letters, digits and `-`",
            ));
        }
        if name == "runc" {
            return Err(Error::value("handler", &name, "is what all other pods run with"));
        }
        let (text, valid) = match &program {
            Program::Oci(path) => (path, is_program(path)),
            Program::Shim(shim) => (shim, is_runtime_type(shim)),
        };
        if !valid {
            let why = "is neither a program's path nor `io.containerd.NAME.vN`";
            return Err(Error::value("runtime", text, why));
        }
        Ok(Self { name, program, systemd_cgroup: None })
    }

    /// Sets whether systemd makes the cgroups, as it must where it does so for the kubelet.
    ///
    /// Without it the runtime gets what runc has in the same file.
    #[must_use]
    pub fn systemd_cgroup(mut self, on: bool) -> Self {
        self.systemd_cgroup = Some(on);
        self
    }

    /// Returns the name of the handler.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what is started.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Returns the base specification that it needs, which is [`BASE`](Self::BASE) for a program that is called `youki`.
    #[must_use]
    pub fn base(&self) -> Option<&'static str> {
        let Program::Oci(path) = &self.program else { return None };
        (path.rsplit('/').next() == Some("youki")).then_some(Self::BASE)
    }

    pub(crate) fn systemd(&self) -> Option<bool> {
        self.systemd_cgroup
    }

    /// The value of `runtime_type`.
    pub(crate) fn runtime_type(&self) -> &str {
        match &self.program {
            Program::Oci(_) => RUNC_V2,
            Program::Shim(shim) => shim,
        }
    }
}

/// The text form that is described above.
impl FromStr for Runtime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some((name, what)) = text.split_once('=') {
            let file = what.rsplit('/').next().unwrap_or_default();
            let is_shim = what.starts_with("io.containerd.") || file.starts_with("containerd-shim-");
            let program = if is_shim { Program::Shim(what.into()) } else { Program::Oci(what.into()) };
            return Self::new(name, program);
        }
        let program = match text {
            "crun" => Program::Oci("/usr/bin/crun".into()),
            "youki" => Program::Oci("/usr/local/bin/youki".into()),
            "spin" => Program::Shim("io.containerd.spin.v2".into()),
            "wasmtime" | "wasmedge" | "wasmer" | "wamr" => Program::Shim(format!("io.containerd.{text}.v1")),
            _ => {
                let why = "is no known runtime; write NAME=PATH or NAME=io.containerd.NAME.vN";
                return Err(Error::value("runtime", text, why));
            }
        };
        Self::new(text, program)
    }
}

/// containerd's shim for OCI runtimes.
pub(crate) const RUNC_V2: &str = "io.containerd.runc.v2";

/// `io.containerd.NAME.vN`, or an absolute path.
pub(crate) fn is_runtime_type(text: &str) -> bool {
    if text.starts_with('/') {
        return is_program(text);
    }
    let mut parts = text.split('.');
    let word = |part: Option<&str>| {
        part.is_some_and(|part| {
            !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
        })
    };
    let version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()))
    };
    parts.next() == Some("io")
        && parts.next() == Some("containerd")
        && word(parts.next())
        && parts.next().is_some_and(version)
        && parts.next().is_none()
}

/// A path or a name without anything that a shell or a table would mind.
fn is_program(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4096 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        for name in ["a", "wasmtime-spin-v2", "0"] {
            assert!(Runtime::new(name, Program::Oci("crun".into())).is_ok(), "{name}");
        }
        for name in ["", "A", "a_b", "-a", "a-", "a.b", "ä", "runc", &"a".repeat(64)] {
            assert!(Runtime::new(name, Program::Oci("crun".into())).is_err(), "{name}");
        }
    }

    #[test]
    fn texts_say_what_is_started() {
        let of = |text: &str| text.parse::<Runtime>().map(|runtime| runtime.program);
        assert_eq!(of("crun").unwrap(), Program::Oci("/usr/bin/crun".into()));
        assert_eq!(of("spin").unwrap(), Program::Shim("io.containerd.spin.v2".into()));
        let path = "/opt/containerd-shim-mine-v1";
        assert_eq!(of(&format!("a={path}")).unwrap(), Program::Shim(path.into()));
        assert_eq!(of("a=io.containerd.mine.v1").unwrap(), Program::Shim("io.containerd.mine.v1".into()));
        for text in
            ["krun", "", "=", "a=", "a=io.containerd.mine", "a=io.containerd.mine.1", "a=/b c", "A=/b"]
        {
            assert!(matches!(of(text), Err(Error::Value { .. })), "{text}");
        }
    }

    #[test]
    fn types_are_names_or_paths() {
        for good in ["io.containerd.runc.v2", "io.containerd.wasmtime.v1", "/usr/bin/containerd-shim-x-v1"] {
            assert!(is_runtime_type(good), "{good}");
        }
        for bad in [
            "",
            "runc",
            "io.containerd.runc",
            "io.containerd.runc.2",
            "io.containerd..v1",
            "io.containerd.a.v",
        ] {
            assert!(!is_runtime_type(bad), "{bad}");
        }
    }
}
