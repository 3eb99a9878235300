use std::{fmt, str::FromStr};

use super::{Config, Runtime, Version, kind};
use crate::{Error, Result};

/// Who runs containerd on a node, and so where its configuration is.
///
/// (The places are those of runtime-class-manager `internal/preset/preset.go` and of each project's documentation.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Distribution {
    /// containerd as Debian, Fedora or its own release install it: kubeadm, most managed nodes.
    Containerd,
    /// k3s, which writes the configuration itself, from a template.
    K3s,
    /// rke2, as k3s.
    Rke2,
    /// `MicroK8s`.
    Microk8s,
    /// k0s, which merges files of its own directory.
    K0s,
    /// kind, whose nodes are containers: what it needs is a cluster configuration.
    Kind,
}

impl Distribution {
    /// Every distribution.
    pub const ALL: [Self; 6] =
        [Self::Containerd, Self::K3s, Self::Rke2, Self::Microk8s, Self::K0s, Self::Kind];

    /// Returns the name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::K3s => "k3s",
            Self::Rke2 => "rke2",
            Self::Microk8s => "microk8s",
            Self::K0s => "k0s",
            Self::Kind => "kind",
        }
    }

    /// Returns the file that [`setup`](Self::setup) writes for a containerd that reads this version.
    #[must_use]
    pub fn path(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Containerd, Version::V2) => "/etc/containerd/config.toml",
            (Self::Containerd, _) => "/etc/containerd/conf.d/50-wasm.toml",
            (Self::K3s, Version::V2) => "/var/lib/rancher/k3s/agent/etc/containerd/config.toml.tmpl",
            (Self::K3s, _) => "/var/lib/rancher/k3s/agent/etc/containerd/config-v3.toml.tmpl",
            (Self::Rke2, Version::V2) => "/var/lib/rancher/rke2/agent/etc/containerd/config.toml.tmpl",
            (Self::Rke2, _) => "/var/lib/rancher/rke2/agent/etc/containerd/config-v3.toml.tmpl",
            (Self::Microk8s, _) => "/var/snap/microk8s/current/args/containerd-template.toml",
            (Self::K0s, _) => "/etc/k0s/containerd.d/50-wasm.toml",
            (Self::Kind, _) => "kind.yaml",
        }
    }

    /// Returns what makes containerd read the file.
    #[must_use]
    pub fn restart(self) -> &'static str {
        match self {
            Self::Containerd => "systemctl restart containerd",
            Self::K3s => "systemctl restart k3s, or k3s-agent",
            Self::Rke2 => "systemctl restart rke2-server, or rke2-agent",
            Self::Microk8s => "microk8s stop && microk8s start",
            Self::K0s => "systemctl restart k0scontroller, or k0sworker",
            Self::Kind => "kind create cluster --config kind.yaml",
        }
    }

    /// Returns what else has to be done, if something has.
    #[must_use]
    pub fn note(self, version: Version) -> Option<&'static str> {
        match (self, version) {
            (Self::Containerd, Version::V3 | Version::V4) => Some(
                "/etc/containerd/config.toml must have `imports = [\"/etc/containerd/conf.d/*.toml\"]`; the \
                 configuration that containerd has without a file has it since 2.2",
            ),
            (Self::Kind, _) => Some("the node's own files must hold the runtime and its libraries"),
            _ => None,
        }
    }

    /// Writes the file from nothing: a drop-in where the distribution and the version have them, else a template, else the
    /// cluster configuration of kind.
    ///
    /// # Errors
    ///
    /// [`Error::DropIn`] where there is only one file, which has to be edited: containerd 1.x and `MicroK8s`; those of
    /// [`Config::set`].
    pub fn setup(self, version: Version, runtimes: &[Runtime]) -> Result<String> {
        let mut config = match (self, version) {
            (Self::Containerd, Version::V2) | (Self::Microk8s, _) => return Err(Error::DropIn),
            (Self::Containerd | Self::K0s | Self::Kind, _) => Config::fragment(version),
            (Self::K3s | Self::Rke2, _) => Config::template(version)?,
        };
        for runtime in runtimes {
            config.set(runtime)?;
        }
        Ok(if self == Self::Kind { kind::cluster(&config, runtimes) } else { config.to_string() })
    }

    /// Adds the runtimes to a file that is there.
    ///
    /// # Errors
    ///
    /// Those of [`Config::parse`] and [`Config::set`]; [`Error::Value`] for kind, whose cluster configuration is written once.
    pub fn edit(self, text: &str, version: Version, runtimes: &[Runtime]) -> Result<String> {
        let mut config = match self {
            Self::Containerd | Self::Microk8s => Config::parse(text)?,
            Self::K0s => Config::parse_fragment(text, version)?,
            Self::K3s | Self::Rke2 => Config::parse_template(text, version)?,
            Self::Kind => return Err(Error::value("distribution", "kind", "has no file to edit")),
        };
        for runtime in runtimes {
            config.set(runtime)?;
        }
        Ok(config.to_string())
    }
}

/// The name.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Distribution {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|distribution| distribution.name() == name);
        found.ok_or_else(|| {
            Error::value("distribution", name, "is none of containerd, k3s, rke2, microk8s, k0s, kind")
        })
    }
}
