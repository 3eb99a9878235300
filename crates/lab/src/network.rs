//! A network with nobody in it but the test.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::fd::AsFd as _;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace whose only device is its loopback, which is up: every port is free, and nothing leaves it.
///
/// It needs root's rights, and ends with the value and whatever still runs in it.
///
/// ```no_run
/// let network = lab::Network::new()?;
/// network.enter(|| std::net::TcpListener::bind("127.0.0.1:80"))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Network {
    /// A process that does nothing but be in it.
    holder: Child,
    namespace: File,
}

impl Network {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// This user may not, or `unshare` is missing.
    pub fn new() -> io::Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", UP])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let path = PathBuf::from(format!("/proc/{}/ns/net", holder.id()));
        let mut up = [0; 3];
        let is_up = holder.stdout.as_mut().is_some_and(|stdout| stdout.read_exact(&mut up).is_ok());
        match File::open(path) {
            Ok(namespace) if is_up => Ok(Self { holder, namespace }),
            _ => Err(io::Error::other(format!("no network of its own: {}", holder.wait()?))),
        }
    }

    /// Runs something on a thread of its own that is in this network, as are the sockets it opens and the processes it
    /// starts.
    ///
    /// # Panics
    ///
    /// When that panics, or the thread may not go there.
    pub fn enter<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let test = thread::current().name().unwrap_or("test").to_owned();
        thread::scope(|scope| {
            let inside = || {
                move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("this user may enter it");
                run()
            };
            let thread = thread::Builder::new().name(test).spawn_scoped(scope, inside);
            match thread.expect("a thread").join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Brings the loopback up without a tool that may not be installed, says so, and stays.
const UP: &str = "mount -t sysfs none /sys && echo 0x49 >/sys/class/net/lo/flags && echo up && exec cat";

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn two_networks_have_the_same_port() {
        let Some(()) = crate::need_root!() else { return };
        let [one, other] = [(); 2].map(|()| Network::new().unwrap());
        let listener = one.enter(|| TcpListener::bind("127.0.0.1:80")).unwrap();
        let second = other.enter(|| TcpListener::bind("[::1]:80")).unwrap();
        assert!(one.enter(|| TcpStream::connect("127.0.0.1:80")).is_ok());
        assert!(one.enter(|| TcpStream::connect("[::1]:80")).is_err());
        assert!(other.enter(|| TcpStream::connect("[::1]:80")).is_ok());
        drop((listener, second));
    }

    #[test]
    fn a_panic_inside_is_one_outside() {
        let Some(()) = crate::need_root!() else { return };
        let network = Network::new().unwrap();
        assert!(std::panic::catch_unwind(|| network.enter(|| panic!("inside"))).is_err());
    }
}
