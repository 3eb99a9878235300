//! Tasks from OCI runtime bundles.
//!
//! ```no_run
//! use wasm_bundle::Bundle;
//! use wasm_exec::adapter;
//!
//! let bundle = Bundle::open("bundle")?;
//! let task = adapter::bundle::task(bundle.workload(), bundle.rootfs())?.inherit_stdio();
//! let exit = wasm_exec::engine("wasmtime")?.compile(&bundle.module()?)?.run(task)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Workload | Task |
//! |---|---|
//! | `args`, `env` | the same, in the same order |
//! | root file system | the directory `/`, read-only if the workload says so |
//! | `mounts` | directories of their own, read-only or read-write each; a mounted file is refused when the task runs |
//! | `network` | nothing: whoever runs the task decides ([`Task::network`]) |
//! | `cwd` | where the program is looked for, and the variable `PWD` unless it is `/` or `env` has one: preview 1 has no working directory, and Go's programs begin in this one |
//! | `resources`, `user_namespace` | nothing: they are of a container, and here is none; see [`Limits`](crate::Limits) |
//! | `uid`, `gid`, `hostname`, `annotations` | nothing: they are about processes, and the guest is none |

use std::path::Path;

use wasm_bundle::Workload;

use crate::{Access, Error, GuestPathFault, Preopen, Result, Task, VariableFault};

/// Makes the task that a workload describes, with its root file system and its mounts.
///
/// The streams are left as in [`Task::default`]: discarded.
///
/// # Errors
///
/// [`Error::Variable`] for a variable without `=`, [`Error::GuestPath`] for a destination that is not UTF-8.
pub fn task(workload: &Workload, rootfs: impl AsRef<Path>) -> Result<Task> {
    let root = preopen(rootfs.as_ref(), "/", workload.read_only_root);
    workload.mounts.iter().try_fold(process(workload)?.preopen(root), |task, mount| {
        let destination = mount.destination.to_str().ok_or_else(|| Error::GuestPath {
            path: mount.destination.to_string_lossy().into(),
            fault: GuestPathFault::NotUtf8,
        })?;
        Ok(task.preopen(preopen(&mount.source, destination, mount.read_only)))
    })
}

/// Makes the task that has a workload's arguments, variables and working directory and no files: for an image that was not unpacked.
///
/// # Errors
///
/// [`Error::Variable`] for a variable without `=`.
pub fn process(workload: &Workload) -> Result<Task> {
    let task = workload.env.iter().try_fold(Task::default().args(&workload.args), |task, variable| {
        let (name, value) = variable.split_once('=').ok_or_else(|| Error::Variable {
            name: variable.as_str().into(),
            fault: VariableFault::NoEquals,
        })?;
        Ok(task.env(name, value))
    })?;
    let cwd = workload.cwd.to_string_lossy();
    let is_known = cwd == "/" || task.env.iter().any(|(name, _)| name == "PWD");
    Ok(if is_known { task } else { task.env("PWD", cwd) })
}

fn preopen(host: &Path, guest: &str, read_only: bool) -> Preopen {
    let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
    Preopen { host: host.to_owned(), guest: guest.to_owned(), access }
}

#[cfg(test)]
mod tests {
    use wasm_bundle::{Mount, Network};

    use super::*;

    #[test]
    fn everything_that_a_task_can_have_arrives() {
        let workload = Workload::new(["/app.wasm", "", " a b "])
            .env("B= x ")
            .env("A=")
            .env("B=y=z")
            .mount(Mount::new("/srv/a", "/data"))
            .mount(Mount::new("/srv/b", "/data/out").read_only(false));
        let task = task(&workload, "/bundle/rootfs").unwrap();
        assert_eq!(task.entry, "_start");
        assert_eq!(task.args, ["/app.wasm", "", " a b "]);
        let env = [("B", " x "), ("A", ""), ("B", "y=z")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(task.env, env);
        assert_eq!(
            task.preopens,
            [
                Preopen::read_only("/bundle/rootfs", "/"),
                Preopen::read_only("/srv/a", "/data"),
                Preopen::read_write("/srv/b", "/data/out"),
            ]
        );
    }

    #[test]
    fn the_working_directory_is_told() {
        let pwd = |workload: Workload| process(&workload).unwrap().env;
        let srv = || Workload::new(["/a"]).cwd("/srv");
        assert_eq!(pwd(srv()), [("PWD".into(), "/srv".into())]);
        assert_eq!(pwd(srv().env("PWD=/own")), [("PWD".into(), "/own".into())]);
        assert_eq!(pwd(Workload::new(["/a"])), []);
    }

    #[test]
    fn a_writable_root_is_writable() {
        let task = task(&Workload::new(["/a"]).read_only_root(false), "/r").unwrap();
        assert_eq!(task.preopens, [Preopen::read_write("/r", "/")]);
    }

    #[test]
    fn the_network_is_never_granted_by_a_specification() {
        let task = task(&Workload::new(["/a"]).network(Network::Host), "/r").unwrap();
        assert_eq!(task.network, crate::Network::None);
    }

    #[test]
    fn a_variable_without_a_value_is_refused() {
        let error = process(&Workload::new(["/a"]).env("HOME")).unwrap_err();
        assert_eq!(error.to_string(), "the environment variable `HOME` has no `=`");
    }
}
