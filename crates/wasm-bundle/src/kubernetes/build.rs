//! From an [`App`] to objects.

use super::{
    App, Controller, Manifests,
    object::{
        Autoscaler, Capabilities, Class, Container, ContainerPort, Deployment, HttpGet, Job, Labels,
        Metadata, Metric, MetricTarget, Object, PodSecurity, PodSpec, Probe, Profile, ResourceMetric,
        Resources, Scheduling, Security, Selector, Service, ServicePort, Socket, Target, Template, Variable,
        With,
    },
};
use crate::{Handler, Result};

/// The name of the only port.
const PORT: &str = "http";
/// The user `nonroot` of distroless images; any but 0 would do.
const USER: u32 = 65532;

pub(super) fn objects(app: &App) -> Result<Manifests> {
    let mut manifests = Manifests::default();
    manifests.add(&class(app.handler(), app.handler(), &app.node_selector))?;
    match app.controller {
        Controller::Pod => {
            let Template { metadata, spec } = template(app, None);
            let metadata = Metadata { annotations: metadata.annotations, ..named(app) };
            manifests.add(&Object { api_version: "v1", kind: "Pod", metadata, body: With { spec } })?;
        }
        Controller::Deployment => manifests.add(&deployment(app))?,
        Controller::Job => {
            let spec = Job { backoff_limit: 3, template: template(app, Some("Never")) };
            manifests.add(&Object {
                api_version: "batch/v1",
                kind: "Job",
                metadata: named(app),
                body: With { spec },
            })?;
        }
    }
    if let Some(port) = app.port {
        let ports = vec![ServicePort { name: PORT, port, target_port: PORT }];
        let spec = Service { selector: labels(app), ports };
        manifests.add(&Object {
            api_version: "v1",
            kind: "Service",
            metadata: named(app),
            body: With { spec },
        })?;
    }
    if let Some(most) = app.autoscale {
        manifests.add(&autoscaler(app, most))?;
    }
    Ok(manifests)
}

/// The class that a pod names, and the nodes that have its runtime.
pub(super) fn class(name: &str, handler: &str, nodes: &Labels) -> Object<Class> {
    let scheduling = (!nodes.is_empty()).then(|| Scheduling { node_selector: nodes.clone() });
    Object {
        api_version: "node.k8s.io/v1",
        kind: "RuntimeClass",
        metadata: Metadata { name: name.to_owned(), ..Metadata::default() },
        body: Class { handler: handler.to_owned(), scheduling },
    }
}

fn deployment(app: &App) -> Object<With<Deployment>> {
    // What an autoscaler counts is not to be reset by the next `kubectl apply`.
    let replicas = app.autoscale.is_none().then_some(app.replicas);
    let selector = Selector { match_labels: labels(app) };
    let spec = Deployment { replicas, selector, template: template(app, None) };
    Object { api_version: "apps/v1", kind: "Deployment", metadata: named(app), body: With { spec } }
}

fn autoscaler(app: &App, most: u32) -> Object<With<Autoscaler>> {
    let target = MetricTarget { kind: "Utilization", average_utilization: 80 };
    let spec = Autoscaler {
        scale_target_ref: Target { api_version: "apps/v1", kind: "Deployment", name: app.name.clone() },
        min_replicas: app.replicas.max(1),
        max_replicas: most,
        metrics: vec![Metric { kind: "Resource", resource: ResourceMetric { name: "cpu", target } }],
    };
    Object {
        api_version: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: named(app),
        body: With { spec },
    }
}

fn labels(app: &App) -> Labels {
    [("app.kubernetes.io/name".to_owned(), app.name.clone())].into()
}

fn named(app: &App) -> Metadata {
    Metadata {
        name: app.name.clone(),
        namespace: app.namespace.clone(),
        labels: labels(app),
        annotations: Labels::new(),
    }
}

/// The pod: the annotation belongs here, and nowhere above.
fn template(app: &App, restart_policy: Option<&'static str>) -> Template {
    let annotation = |handler: Handler| (Handler::ANNOTATION.to_owned(), handler.value().to_owned());
    let annotations = app.via.variant().map(annotation).into_iter().collect();
    let spec = PodSpec {
        runtime_class_name: app.handler().to_owned(),
        automount_service_account_token: false,
        enable_service_links: false,
        restart_policy,
        termination_grace_period_seconds: app.grace,
        security_context: PodSecurity {
            run_as_non_root: true,
            run_as_user: USER,
            run_as_group: USER,
            seccomp_profile: Profile { kind: "RuntimeDefault" },
        },
        containers: vec![container(app)],
    };
    let metadata = Metadata { labels: labels(app), annotations, ..Metadata::default() };
    Template { metadata, spec }
}

fn container(app: &App) -> Container {
    let memory = ("memory".to_owned(), app.memory.clone());
    let cpu = |amount: &str| ("cpu".to_owned(), amount.to_owned());
    // An autoscaler compares what is used with what is requested.
    let least = if app.autoscale.is_some() { app.cpu.as_str() } else { "10m" };
    let env = app.env.iter().map(|(name, value)| Variable { name: name.clone(), value: value.clone() });
    Container {
        name: app.name.clone(),
        image: app.image.clone(),
        command: app.command.clone(),
        args: app.args.clone(),
        env: env.collect(),
        ports: app
            .port
            .map(|container_port| ContainerPort { name: PORT, container_port })
            .into_iter()
            .collect(),
        readiness_probe: probe(app, 2),
        liveness_probe: probe(app, 10),
        resources: Resources {
            requests: [memory.clone(), cpu(least)].into(),
            limits: [memory, cpu(&app.cpu)].into(),
        },
        security_context: Security {
            allow_privilege_escalation: false,
            read_only_root_filesystem: true,
            capabilities: Capabilities { drop: vec!["ALL"] },
        },
    }
}

/// A probe that the kubelet makes over the network: no Wasm handler can run a command in the container.
fn probe(app: &App, period_seconds: u32) -> Option<Probe> {
    app.port?;
    let http_get = app.probe.clone().map(|path| HttpGet { path, port: PORT });
    let tcp_socket = http_get.is_none().then_some(Socket { port: PORT });
    Some(Probe { http_get, tcp_socket, period_seconds })
}
