//! A real registry for one test.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a registry may take until it answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a port that somebody else took meanwhile is replaced.
const ATTEMPTS: u32 = 3;

/// A docker-registry on a loopback port of its own; it ends with the value.
///
/// ```no_run
/// # fn test(dir: &std::path::Path) -> std::io::Result<()> {
/// let Some(program) = lab::need!("docker-registry") else { return Ok(()) };
/// let registry = lab::Registry::start(&program, dir)?;
/// let reference = format!("docker://{}/hello:v1", registry.address());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Registry {
    child: Child,
    address: SocketAddr,
}

impl Registry {
    /// Starts the program with its storage, configuration and log in `dir`, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or does not answer within 20 seconds.
    pub fn start(program: &Path, dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut last = io::Error::other("no attempt");
        for _ in 0..ATTEMPTS {
            match Self::attempt(program, dir) {
                Ok(registry) => return Ok(registry),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where it listens: `127.0.0.1:PORT`, without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One attempt, on a port that was free a moment ago.
    fn attempt(program: &Path, dir: &Path) -> io::Result<Self> {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let configuration = dir.join("registry.yml");
        fs::write(&configuration, configure(&dir.join("storage"), address))?;
        let log = File::create(dir.join("registry.log"))?;
        let child = Command::new(program)
            .arg("serve")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut registry = Self { child, address };
        registry.wait(&dir.join("registry.log"))?;
        Ok(registry)
    }

    /// Waits for the first answer of the process itself.
    fn wait(&mut self, log: &Path) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers = answers(self.address);
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(io::Error::other(format!("docker-registry ended with {status}: {log}")));
            }
            if answers {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "docker-registry does not answer"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(storage: &Path, address: SocketAddr) -> String {
    format!(
        "version: 0.1\nlog:\n  level: warn\nstorage:\n  delete:\n    enabled: true\n  filesystem:\n    \
         rootdirectory: {}\nhttp:\n  addr: {address}\n",
        storage.display()
    )
}

/// Whether the registry's API is there.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /v2/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn a_registry_answers_and_ends_with_its_value() {
        let Some(program) = crate::need!("docker-registry") else {
            return;
        };
        let dir = env::temp_dir().join(format!("lab-registry-{}", process::id()));
        let registry = Registry::start(&program, &dir).unwrap();
        let address = registry.address();
        assert!(answers(address));
        drop(registry);
        assert!(!answers(address));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_program_that_ends_at_once_is_an_error_with_its_log() {
        let dir = env::temp_dir().join(format!("lab-no-registry-{}", process::id()));
        let error = Registry::start(Path::new("/bin/false"), &dir).unwrap_err().to_string();
        fs::remove_dir_all(&dir).unwrap();
        assert!(error.starts_with("docker-registry ended with exit status: 1"), "{error}");
    }
}
