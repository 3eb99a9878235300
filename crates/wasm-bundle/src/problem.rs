use std::{fmt, path::Path};

use crate::{
    Bundle, Handler,
    select::{Found, Runtime, Selection, Verdict, select},
};

/// Something about a bundle that keeps it from starting, or from meaning what it says, on some runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The program is not in the root file system.
    NoProgram {
        /// The program as the configuration names it.
        path: Box<str>,
    },
    /// `module.wasm.image/variant` has a value that no runtime knows.
    UnknownVariant {
        /// The value.
        value: Box<str>,
    },
    /// `run.oci.handler` is there, so that nothing looks at `module.wasm.image/variant`.
    HiddenVariant,
    /// What is to be mounted is not on this machine.
    NoMountSource {
        /// The path.
        path: Box<str>,
    },
    /// The working directory is not in the root file system: youki does not make it.
    NoWorkingDirectory {
        /// The path.
        path: Box<str>,
    },
    /// There is no `mounts` at all, which crun takes for an invalid file.
    NoMounts,
    /// Nothing is mounted to `/dev`, where crun wants to make its devices.
    NoDevices,
}

impl Problem {
    /// Returns its name, which stays.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::NoProgram { .. } => "no-program",
            Self::UnknownVariant { .. } => "unknown-variant",
            Self::HiddenVariant => "hidden-variant",
            Self::NoMountSource { .. } => "no-mount-source",
            Self::NoWorkingDirectory { .. } => "no-working-directory",
            Self::NoMounts => "no-mounts",
            Self::NoDevices => "no-devices",
        }
    }

    /// Returns what to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoProgram { .. } => {
                "the first of `process.args` is a path in `rootfs`, or relative to `process.cwd`"
            }
            Self::UnknownVariant { .. } => "write `compat`, or `compat-smart` for crun",
            Self::HiddenVariant => "leave `run.oci.handler` out",
            Self::NoMountSource { .. } => "make it, or take the mount out",
            Self::NoWorkingDirectory { .. } => "make it in `rootfs`",
            Self::NoMounts => "mount `/proc` and `/dev`",
            Self::NoDevices => "mount a tmpfs to `/dev`",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram { path } => write!(f, "the program {path:?} is not in the root file system"),
            Self::UnknownVariant { value } => {
                write!(f, "no runtime knows the value {value:?} of {}", Handler::ANNOTATION)
            }
            Self::HiddenVariant => write!(f, "run.oci.handler hides {}", Handler::ANNOTATION),
            Self::NoMountSource { path } => {
                write!(f, "{path:?}, which is to be mounted, is not on this machine")
            }
            Self::NoWorkingDirectory { path } => {
                write!(f, "the working directory {path:?} is not in the root file system")
            }
            Self::NoMounts => f.write_str("config.json has no mounts, which crun refuses"),
            Self::NoDevices => f.write_str("nothing is mounted to /dev, where crun makes devices"),
        }
    }
}

impl Bundle {
    /// Says what a runtime would do with this bundle: [`select`] with its root file system.
    #[must_use]
    pub fn select(&self, runtime: &Runtime) -> Verdict {
        select(runtime, self.spec(), &|path| self.look(path))
    }

    /// Looks for what would keep the bundle from starting, whatever the runtime. Each kind is one that users meet; an empty
    /// list is no promise.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = vec![];
        let workload = self.workload();
        let program = format!("/{}", workload.program().unwrap_or_default().display());
        if self.look(&program) == Found::Missing && !self.runs_without_a_file() {
            problems.push(Problem::NoProgram { path: workload.args[0].as_str().into() });
        }
        problems.extend(self.annotation_problems());
        let destinations = self.spec().mounts().as_ref();
        match destinations {
            None => problems.push(Problem::NoMounts),
            Some(mounts) if !mounts.iter().any(|mount| is_dev(mount.destination())) => {
                problems.push(Problem::NoDevices);
            }
            Some(_) => {}
        }
        for mount in workload.mounts.iter().filter(|mount| !mount.source.exists()) {
            problems.push(Problem::NoMountSource { path: mount.source.to_string_lossy().into() });
        }
        if !self.has_directory(&workload.cwd) {
            problems.push(Problem::NoWorkingDirectory { path: workload.cwd.to_string_lossy().into() });
        }
        problems
    }

    fn annotation_problems(&self) -> Option<Problem> {
        let annotations = self.spec().annotations().as_ref()?;
        let variant = annotations.get(Handler::ANNOTATION)?;
        if annotations.contains_key(Handler::OVERRIDE) {
            return Some(Problem::HiddenVariant);
        }
        let known = self.handler().is_some();
        (!known).then(|| Problem::UnknownVariant { value: variant.as_str().into() })
    }

    /// A bare Spin application is called `/`, a native program is looked for in `PATH`, and runwasi calls a function
    /// behind `#`.
    fn runs_without_a_file(&self) -> bool {
        [Runtime::Spin { wasm_layers: false }, Runtime::Runc, Runtime::runwasi()]
            .iter()
            .any(|runtime| !matches!(self.select(runtime).selection, Selection::Refused(_)))
    }
}

fn is_dev(destination: &Path) -> bool {
    destination.components().eq(Path::new("/dev").components())
}
