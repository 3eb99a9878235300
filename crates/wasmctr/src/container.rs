//! What a container gets beyond its image, as flags: grants, limits, users.

use std::{num::NonZeroU32, path::PathBuf, str::FromStr};

use clap::Args;
use wasm_bundle::{Mount, Resources, UserNamespace, Workload};

use crate::size::Size;

/// The flags that grant something to a container, or limit it.
#[derive(Debug, Args)]
pub(crate) struct ContainerFlags {
    /// Set a variable of its environment, in place of one that the image has
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// Mount a file or directory of this machine, read-only; with ::rw the container may write there
    #[arg(long, value_name = "HOST::PATH[::rw]", value_parser = mount)]
    mount: Vec<Mount>,
    /// Add an annotation
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
    /// Let it write to its root file system, which is rootfs in the bundle
    #[arg(long)]
    writable: bool,
    /// Bytes of memory, the engine's own included: 64M, 1G [default: no limit]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Size>,
    /// Processors: 2, 0.5 [default: no limit]
    #[arg(long, value_name = "N")]
    cpus: Option<Cpus>,
    /// Processes and threads [default: no limit]
    #[arg(long, value_name = "N")]
    pids: Option<NonZeroU32>,
    /// A user namespace: its users from 0 on are those of this machine from HOST on [default: none]
    #[arg(long, value_name = "HOST:SIZE")]
    userns: Option<Users>,
}

impl ContainerFlags {
    /// Adds what the flags say to what an image brings along.
    pub(crate) fn apply(&self, mut workload: Workload) -> Workload {
        for (name, value) in &self.env {
            workload.env.retain(|variable| variable.split('=').next() != Some(name));
            workload.env.push(format!("{name}={value}"));
        }
        workload.mounts.extend_from_slice(&self.mount);
        workload.annotations.extend(self.annotation.iter().cloned());
        workload.read_only_root = !self.writable;
        let mut resources = Resources::default();
        resources.memory = self.memory.map(|size| size.0);
        resources.cpu_millis = self.cpus.map(|cpus| cpus.0);
        resources.pids = self.pids.map(NonZeroU32::get);
        workload.resources = resources;
        workload.user_namespace =
            self.userns.as_ref().map(|users| UserNamespace::new(users.host, users.size));
        workload
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) =
        text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Parses a mount as `wasmctr run` writes a directory.
fn mount(text: &str) -> Result<Mount, &'static str> {
    const HOW: &str = "write HOST::PATH or HOST::PATH::rw, both absolute";
    let mut parts = text.split("::");
    let (Some(host), Some(path)) = (parts.next(), parts.next()) else { return Err(HOW) };
    let read_only = match (parts.next(), parts.next()) {
        (None | Some("ro"), None) => true,
        (Some("rw"), None) => false,
        _ => return Err(HOW),
    };
    let (host, path) = (PathBuf::from(host), PathBuf::from(path));
    if host.is_absolute() && path.is_absolute() {
        Ok(Mount::new(host, path).read_only(read_only))
    } else {
        Err(HOW)
    }
}

/// Thousandths of a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cpus(u32);

impl FromStr for Cpus {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HOW: &str = "write a number of processors, such as 2, 0.5 or 1.25, at least 0.01";
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(HOW);
        }
        let part: u32 = format!("{part:0<3}").parse().map_err(|_| HOW)?;
        let millis = whole.parse::<u32>().ok().and_then(|whole| whole.checked_mul(1000)?.checked_add(part));
        millis.filter(|millis| *millis >= 10).map(Self).ok_or(HOW)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Users {
    host: u32,
    size: u32,
}

impl FromStr for Users {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers =
            text.split_once(':').and_then(|(host, size)| Some((host.parse().ok()?, size.parse().ok()?)));
        let (host, size) = numbers.ok_or("write HOST:SIZE, such as 100000:65536")?;
        Ok(Self { host, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors() {
        let cpus = |text: &str| text.parse::<Cpus>().map(|cpus| cpus.0);
        assert_eq!(
            (cpus("2"), cpus("0.5"), cpus("1.25"), cpus("0.01")),
            (Ok(2000), Ok(500), Ok(1250), Ok(10))
        );
        for bad in ["", ".5", "1.", "-1", "+1", "1e3", "0.001", "0.0001", "4294968", "1.2.3"] {
            assert!(cpus(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mounts() {
        assert_eq!(mount("/a::/b"), Ok(Mount::new("/a", "/b")));
        assert_eq!(mount("/a::/b::rw"), Ok(Mount::new("/a", "/b").read_only(false)));
        for bad in ["/a", "/a:/b", "a::/b", "/a::b", "/a::/b::x", "/a::/b::rw::"] {
            assert!(mount(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn users() {
        assert_eq!("100000:65536".parse(), Ok(Users { host: 100_000, size: 65_536 }));
        for bad in ["", "1", "1:2:3", "a:b", "-1:2"] {
            assert!(bad.parse::<Users>().is_err(), "{bad}");
        }
    }
}
