//! What a pod is, and what the runtime is told of it.

use std::collections::HashMap;

use k8s_cri::v1::{
    ContainerConfig, ContainerMetadata, ImageSpec, LinuxContainerConfig, LinuxContainerSecurityContext,
    LinuxPodSandboxConfig, LinuxSandboxSecurityContext, NamespaceMode, NamespaceOption, PodSandboxConfig,
    PodSandboxMetadata,
};
use serde::Deserialize;

/// A pod on the network of its node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pod {
    pub(crate) name: String,
    /// The handler of its RuntimeClass; none for the default.
    #[serde(default)]
    pub(crate) handler: String,
    #[serde(default)]
    pub(crate) annotations: HashMap<String, String>,
    /// The folder in which each container has a file `NAME.log`.
    pub(crate) log_directory: String,
    pub(crate) containers: Vec<Container>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    /// Takes the place of the image's entrypoint.
    #[serde(default)]
    pub(crate) command: Vec<String>,
}

impl Pod {
    pub(crate) fn config(&self) -> PodSandboxConfig {
        let security =
            LinuxSandboxSecurityContext { namespace_options: Some(namespaces()), ..Default::default() };
        PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                name: self.name.clone(),
                uid: format!("uid-{}", self.name),
                namespace: "default".to_owned(),
                attempt: 0,
            }),
            log_directory: self.log_directory.clone(),
            annotations: self.annotations.clone(),
            linux: Some(LinuxPodSandboxConfig {
                cgroup_parent: format!("/{}", self.name),
                security_context: Some(security),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

impl Container {
    /// Without annotations: the kubelet gives those of the pod to the sandbox, and containers get none of them.
    pub(crate) fn config(&self) -> ContainerConfig {
        let security =
            LinuxContainerSecurityContext { namespace_options: Some(namespaces()), ..Default::default() };
        let linux = LinuxContainerConfig { security_context: Some(security), ..Default::default() };
        ContainerConfig {
            metadata: Some(ContainerMetadata { name: self.name.clone(), attempt: 0 }),
            image: Some(ImageSpec { image: self.image.clone(), ..Default::default() }),
            command: self.command.clone(),
            log_path: format!("{}.log", self.name),
            linux: Some(linux),
            ..Default::default()
        }
    }
}

/// Those of a pod that says nothing about them, but for the network: each container has its own processes.
fn namespaces() -> NamespaceOption {
    NamespaceOption {
        network: NamespaceMode::Node.into(),
        pid: NamespaceMode::Container.into(),
        ipc: NamespaceMode::Pod.into(),
        ..Default::default()
    }
}
