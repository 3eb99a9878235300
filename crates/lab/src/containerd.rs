//! A real containerd for one test.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Daemon, isolated_command};

/// A containerd with everything of its own: state, socket, mounts and processes. It ends with the value, and every
/// container with it. Needs root.
///
/// ```no_run
/// # fn test(dir: &std::path::Path) -> std::io::Result<()> {
/// let Some(program) = lab::need!("containerd") else { return Ok(()) };
/// let containerd = lab::Containerd::start(&program, dir, lab::Containerd::WITHOUT_CRI)?;
/// let images = containerd.ctr().args(["image", "ls"]).output()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Containerd {
    daemon: Daemon,
    dir: PathBuf,
    path: OsString,
}

impl Containerd {
    /// A configuration for `ctr`: no CRI, and nothing of containerd's in `/opt`.
    pub const WITHOUT_CRI: &str = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n";

    /// Starts the program with all of its files in `dir`, and waits until it answers.
    ///
    /// `configuration` is what stands in its file beside the places, which are given as flags, so that it can be the
    /// file of a node. Programs that it starts (`crun`, shims) are looked for beside the program, then on `PATH`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or does not answer in time.
    pub fn start(program: &Path, dir: &Path, configuration: &str) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let file = dir.join("config.toml");
        fs::write(&file, configuration)?;
        let path = search_path(program)?;
        let address = dir.join("containerd.sock");
        let mut command = isolated_command(program);
        command.arg("--config").arg(&file).arg("--root").arg(dir.join("root"));
        command.arg("--state").arg(dir.join("state")).arg("--address").arg(&address);
        command.env("PATH", &path);
        let ready = || {
            let mut ctr = ctr(&address, &path);
            ctr.arg("version").output().is_ok_and(|output| output.status.success())
        };
        let daemon = Daemon::start(command, &dir.join("containerd.log"), ready)?;
        Ok(Self { daemon, dir: dir.to_owned(), path })
    }

    /// Its socket.
    #[must_use]
    pub fn address(&self) -> PathBuf {
        self.dir.join("containerd.sock")
    }

    /// Its client, which is ended when it takes a minute.
    #[must_use]
    pub fn ctr(&self) -> Command {
        ctr(&self.address(), &self.path)
    }

    /// What it printed last.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

fn ctr(address: &Path, path: &OsString) -> Command {
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "60", "ctr", "--address"]).arg(address).env("PATH", path);
    command
}

/// `PATH`, with the program's folder in front.
fn search_path(program: &Path) -> io::Result<OsString> {
    let own = program.parent().map(Path::to_path_buf);
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(own.into_iter().chain(env::split_paths(&path))).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_containerd_answers() {
        let Some(program) = crate::need!("containerd") else { return };
        let Some(()) = crate::need_root!() else { return };
        let dir = env::temp_dir().join(format!("lab-containerd-{}", process::id()));
        let containerd = Containerd::start(&program, &dir, Containerd::WITHOUT_CRI).unwrap();
        let output = containerd.ctr().args(["plugin", "ls"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("io.containerd.runtime.v2"), "{text}\n{}", containerd.log());
        drop(containerd);
        fs::remove_dir_all(&dir).unwrap();
    }
}
