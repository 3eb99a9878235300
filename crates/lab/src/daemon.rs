//! A daemon for one test.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cgroup;

/// How long a daemon may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that runs while a test does, and ends with the value.
///
/// Started by [`isolated_command`](crate::isolated_command), everything that the daemon started ends with it, and the control
/// groups of its containers are removed.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the command with both of its streams in the file `log`, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or is not ready within 30 seconds: with the end of its log.
    pub fn start(mut command: Command, log: &Path, is_ready: impl Fn() -> bool) -> io::Result<Self> {
        let file = File::create(log)?;
        let name = log.file_stem().unwrap_or_default().to_string_lossy();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        let mut daemon = Self { child, log: log.to_owned() };
        let deadline = Instant::now() + PATIENCE;
        while !is_ready() {
            if let Some(status) = daemon.child.try_wait()? {
                return Err(io::Error::other(format!("{name}: ended with {status}\n{}", daemon.log())));
            }
            if Instant::now() > deadline {
                let text = format!("{name}: not ready\n{}", daemon.log());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(daemon)
    }

    /// The last 40 lines that it printed.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The process that `unshare` waits for, the first of its process namespace.
    fn inner(&self) -> Option<String> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }
}

/// The inner process first: it is gone only when its whole namespace is, and then the outer one ends by itself.
impl Drop for Daemon {
    fn drop(&mut self) {
        let inner = self.inner();
        let groups = inner.as_deref().map(cgroup::of_descendants).unwrap_or_default();
        let ended = inner.is_some_and(|inner| {
            Command::new("kill").args(["-KILL", &inner]).status().is_ok_and(|status| status.success())
        });
        if !ended {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        groups.iter().for_each(|group| cgroup::remove_cgroups(group));
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    fn log(name: &str) -> PathBuf {
        env::temp_dir().join(format!("lab-daemon-{name}-{}", process::id()))
    }

    #[test]
    fn what_a_daemon_started_ends_with_it() {
        let Some(()) = crate::need_root!() else { return };
        let log = log("tree");
        let mut command = crate::isolated_command(Path::new("sh"));
        command.args(["-c", "(trap '' TERM; echo ready; exec sleep 4321) & wait"]);
        let daemon =
            Daemon::start(command, &log, || fs::read_to_string(&log).is_ok_and(|text| text == "ready\n"));
        let daemon = daemon.unwrap();
        let inner = daemon.inner().unwrap();
        drop(daemon);
        assert!(!Path::new("/proc").join(inner).exists());
        let left = fs::read_dir("/proc").unwrap().flatten().any(|process| {
            fs::read(process.path().join("cmdline")).is_ok_and(|words| words == b"sleep\x004321\0")
        });
        assert!(!left);
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_daemon_that_ends_at_once_is_an_error_with_its_log() {
        let log = log("ends");
        let mut command = Command::new("sh");
        command.args(["-c", "echo bad >&2; exit 3"]);
        let error = Daemon::start(command, &log, || false).unwrap_err().to_string();
        fs::remove_file(log).unwrap();
        assert!(error.ends_with("ended with exit status: 3\nbad"), "{error}");
    }
}
