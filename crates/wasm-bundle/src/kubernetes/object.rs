//! The objects that we write: only the fields that we set, in the order in which people write them.

use std::collections::BTreeMap;

use serde::Serialize;

pub(super) type Labels = BTreeMap<String, String>;

/// An object with its `apiVersion` and `kind`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<B> {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) metadata: Metadata,
    #[serde(flatten)]
    pub(super) body: B,
}

/// The usual body.
#[derive(Debug, Clone, Serialize)]
pub(super) struct With<S> {
    pub(super) spec: S,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Metadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: Labels,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: Labels,
}

/// `RuntimeClass` has no spec.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Class {
    pub(super) handler: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduling: Option<Scheduling>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scheduling {
    pub(super) node_selector: Labels,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Template {
    pub(super) metadata: Metadata,
    pub(super) spec: PodSpec,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub(super) runtime_class_name: String,
    pub(super) automount_service_account_token: bool,
    pub(super) enable_service_links: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_policy: Option<&'static str>,
    pub(super) termination_grace_period_seconds: u32,
    pub(super) security_context: PodSecurity,
    pub(super) containers: Vec<Container>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSecurity {
    pub(super) run_as_non_root: bool,
    pub(super) run_as_user: u32,
    pub(super) run_as_group: u32,
    pub(super) seccomp_profile: Profile,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Profile {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<Variable>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<ContainerPort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) readiness_probe: Option<Probe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) liveness_probe: Option<Probe>,
    pub(super) resources: Resources,
    pub(super) security_context: Security,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerPort {
    pub(super) name: &'static str,
    pub(super) container_port: u16,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_get: Option<HttpGet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tcp_socket: Option<Socket>,
    pub(super) period_seconds: u32,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct HttpGet {
    pub(super) path: String,
    pub(super) port: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Socket {
    pub(super) port: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Resources {
    pub(super) requests: Labels,
    pub(super) limits: Labels,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Security {
    pub(super) allow_privilege_escalation: bool,
    pub(super) read_only_root_filesystem: bool,
    pub(super) capabilities: Capabilities,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Capabilities {
    pub(super) drop: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Deployment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replicas: Option<u32>,
    pub(super) selector: Selector,
    pub(super) template: Template,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selector {
    pub(super) match_labels: Labels,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) backoff_limit: u32,
    pub(super) template: Template,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Service {
    pub(super) selector: Labels,
    pub(super) ports: Vec<ServicePort>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicePort {
    pub(super) name: &'static str,
    pub(super) port: u16,
    pub(super) target_port: &'static str,
}

/// `HorizontalPodAutoscaler` of `autoscaling/v2`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Autoscaler {
    pub(super) scale_target_ref: Target,
    pub(super) min_replicas: u32,
    pub(super) max_replicas: u32,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Metric {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) resource: ResourceMetric,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ResourceMetric {
    pub(super) name: &'static str,
    pub(super) target: MetricTarget,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricTarget {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) average_utilization: u32,
}

/// `Shim` of runtime-class-manager.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShimSpec {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) node_selector: Labels,
    pub(super) fetch_strategy: Fetch,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) containerd_runtime_options: Labels,
    pub(super) runtime_class: ClassRef,
    pub(super) rollout_strategy: Rollout,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Fetch {
    pub(super) platforms: Vec<Platform>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Platform {
    pub(super) os: &'static str,
    pub(super) arch: String,
    pub(super) location: String,
    pub(super) sha256: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ClassRef {
    pub(super) name: String,
    pub(super) handler: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rollout {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) rolling: Rolling,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rolling {
    pub(super) max_update: u32,
}
