//! The configurations that `crun spec` and `youki spec` write.

use std::path::Path;

use oci_spec::runtime::Spec;
use serde_json::{Value, json};

use crate::{
    Error, Handler, Network, Result, Workload,
    check::text,
    spec::{ROOTFS, read},
};

/// Whose template a configuration follows.
///
/// What most walkthroughs show is one of these with three edits: the arguments, the annotation, the network. They grant
/// more than [`Workload::to_spec`] does, to every program alike: three capabilities, `/sys` and the cgroups, devices for
/// terminals and shared memory. Take them to compare, or for an engine that wants such a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Like {
    /// `crun spec`: runtime specification 1.0.0, with a terminal.
    Crun,
    /// `youki spec`: runtime specification 1.0.2-dev, without one.
    Youki,
}

impl Like {
    fn name(self) -> &'static str {
        match self {
            Self::Crun => "crun",
            Self::Youki => "youki",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Crun => "1.0.0",
            Self::Youki => "1.0.2-dev",
        }
    }

    /// Own namespaces, in the template's order; the network's place is there and depends on the workload.
    fn namespaces(self) -> [&'static str; 6] {
        match self {
            Self::Crun => ["pid", "network", "ipc", "uts", "cgroup", "mount"],
            Self::Youki => ["pid", "network", "ipc", "uts", "mount", "cgroup"],
        }
    }

    fn capabilities(self) -> Value {
        let inheritable: &[&str] = match self {
            Self::Crun => &[],
            Self::Youki => &CAPABILITIES,
        };
        json!({
            "bounding": CAPABILITIES, "effective": CAPABILITIES, "inheritable": inheritable,
            "permitted": CAPABILITIES, "ambient": CAPABILITIES,
        })
    }
}

impl Workload {
    /// Makes the runtime configuration of this workload on the template of `crun spec` or `youki spec`.
    ///
    /// The workload's own values take the place of the template's: arguments, user, working directory, mounts (after
    /// the template's), network, annotations, resources and user namespace. Its environment is added to the template's
    /// `PATH` and `TERM`, and its host name counts when it is not the default one.
    ///
    /// # Errors
    ///
    /// As [`to_spec`](Self::to_spec).
    pub fn to_spec_like(&self, like: Like, handler: impl Into<Option<Handler>>) -> Result<Spec> {
        let annotations = self.checked_annotations(handler.into())?;
        let hostname = match &self.hostname {
            default if *default == Self::default().hostname => Some(like.name()),
            other => other.as_deref(),
        };
        let mut linux = json!({
            "resources": self.resources.document(),
            "namespaces": self.namespaces_like(like)?,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        });
        self.map_ids(&mut linux);
        let mut mounts = template_mounts();
        mounts.extend(self.bind_mounts()?);
        read(json!({
            "ociVersion": like.version(),
            "process": {
                "terminal": like == Like::Crun,
                "user": { "uid": self.uid, "gid": self.gid },
                "args": self.args,
                "env": self.env_like(),
                "cwd": text("cwd", &self.cwd)?,
                "capabilities": like.capabilities(),
                "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
                "noNewPrivileges": true,
            },
            "root": { "path": ROOTFS, "readonly": self.read_only_root },
            "hostname": hostname,
            "mounts": mounts,
            "annotations": annotations,
            "linux": linux,
        }))
    }

    /// The template's variables that the workload does not set, and the workload's.
    fn env_like(&self) -> Vec<&str> {
        let sets = |name: &str| self.env.iter().any(|variable| variable.split('=').next() == Some(name));
        let template = ENV.into_iter().filter(|(name, _)| !sets(name)).map(|(_, variable)| variable);
        template.chain(self.env.iter().map(String::as_str)).collect()
    }

    fn namespaces_like(&self, like: Like) -> Result<Vec<Value>> {
        let mut namespaces = vec![];
        for kind in like.namespaces() {
            match &self.network {
                Network::Host if kind == "network" => {}
                Network::Path(path) if kind == "network" => namespaces.push(joined(path)?),
                _ => namespaces.push(json!({ "type": kind })),
            }
        }
        if self.user_namespace.is_some() {
            namespaces.push(json!({ "type": "user" }));
        }
        Ok(namespaces)
    }
}

fn joined(path: &Path) -> Result<Value, Error> {
    Ok(json!({ "type": "network", "path": text("network namespace", path)? }))
}

fn template_mounts() -> Vec<Value> {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| {
        let mut mount = json!({ "destination": destination, "type": kind, "source": source });
        if !options.is_empty() {
            mount["options"] = json!(options);
        }
        mount
    };
    vec![
        mount("/proc", "proc", "proc", &[]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
}

const CAPABILITIES: [&str; 3] = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

const ENV: [(&str, &str); 2] =
    [("PATH", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("TERM", "TERM=xterm")];

/// Both templates' list, which is shorter than ours.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
];

const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
