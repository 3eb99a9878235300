//! Kubernetes: what is written, what is found in manifests, and what becomes of old ones.

use std::collections::BTreeMap;

use wasm_bundle::{
    Error,
    kubernetes::{App, Controller, Manifests, RULES, Shim, Subject, Via, lint, migrate},
};
use wasm_oci::{Format, Pack};

const IMAGE: &str = "ghcr.io/me/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Everything that can be said of a program.
fn full(via: Via) -> App {
    let mut app = App::new("app", IMAGE, via).unwrap().replicas(2).port(8080);
    app.namespace = Some("shop".into());
    app.probe = Some("/healthz".into());
    app.command = vec!["/app.wasm".into()];
    app.args = vec!["--colour=on".into(), "yes".into(), "1e3".into(), String::new()];
    app.env = BTreeMap::from([("A".into(), "no: #1".into()), ("B".into(), "a\nb ".into())]);
    app.autoscale = Some(9);
    app
}

fn yaml(manifests: &Manifests) -> String {
    manifests.to_yaml().unwrap()
}

fn ids(text: &str) -> Vec<&'static str> {
    lint(text, None, None).unwrap().iter().map(|finding| finding.rule.id).collect()
}

#[test]
fn manifests_are_as_people_write_them() {
    insta::assert_snapshot!("deployment-crun", yaml(&full(Via::Crun).manifests().unwrap()));
    let pod = App::new("app", IMAGE, Via::Youki).unwrap().controller(Controller::Pod);
    insta::assert_snapshot!("pod-youki", yaml(&pod.manifests().unwrap()));
    let job = App::new("app", IMAGE, Via::Shim("wasmtime".into())).unwrap().controller(Controller::Job);
    insta::assert_snapshot!("job-shim", yaml(&job.manifests().unwrap()));
}

/// What we write, our own lint finds nothing in; and YAML says what JSON says.
#[test]
fn what_is_written_is_sound() {
    for via in [Via::Crun, Via::Youki, Via::Shim("wasmtime".into()), Via::Shim("spin".into())] {
        for controller in [Controller::Pod, Controller::Deployment, Controller::Job] {
            let mut app = full(via.clone()).controller(controller);
            if controller != Controller::Deployment {
                app.autoscale = None;
            }
            let manifests = app.manifests().unwrap();
            let text = yaml(&manifests);
            assert_eq!(lint(&text, None, None).unwrap(), [], "{text}");
            let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).unwrap();
            assert_eq!(read, manifests.objects(), "{text}");
            assert_eq!(text, yaml(&app.manifests().unwrap()), "the same bytes");
        }
    }
}

/// The annotation is on the pod, and on nothing above it.
#[test]
fn the_annotation_is_on_the_pod_alone() {
    for (via, value) in [
        (Via::Crun, Some("compat-smart")),
        (Via::Youki, Some("compat")),
        (Via::Shim("wasmtime".into()), None),
    ] {
        let manifests = full(via).manifests().unwrap();
        let deployment = &manifests.objects()[1];
        let key = "module.wasm.image/variant";
        assert_eq!(deployment["spec"]["template"]["metadata"]["annotations"][key].as_str(), value);
        assert_eq!(deployment["metadata"]["annotations"].get(key), None);
    }
}

#[test]
fn what_kubernetes_would_refuse_is_refused_before() {
    type Change = fn(&mut App);
    let cases: Vec<(Change, &str)> = vec![
        (
            |app| app.image = "ghcr.io/me/app:v1".into(),
            r#"image "ghcr.io/me/app:v1" has no digest, so that nobody knows what it will be"#,
        ),
        (|app| app.image = "a b".into(), r#"image "a b" is no reference to an image"#),
        (
            |app| app.name = "My_App".into(),
            r#"name "My_App" is not a name of lower case letters, digits and `-`"#,
        ),
        (
            |app| app.handler = Some("a.b".into()),
            r#"handler "a.b" is not a name of lower case letters, digits and `-`"#,
        ),
        (
            |app| app.namespace = Some(String::new()),
            r#"namespace "" is not a name of lower case letters, digits and `-`"#,
        ),
        (|app| app.memory = "64MB".into(), r#"memory "64MB" is no quantity as Kubernetes writes them"#),
        (|app| app.cpu = "much".into(), r#"cpu "much" is no quantity as Kubernetes writes them"#),
        (|app| app.port = Some(0), r#"port "0" is no port"#),
        (|app| app.port = None, r#"probe "/healthz" needs a port"#),
        (|app| app.probe = Some("healthz".into()), r#"probe "healthz" is no path"#),
        (|app| app.controller = Controller::Job, r#"autoscale "" needs a Deployment"#),
        (|app| app.replicas = 10, r#"autoscale "" is below replicas"#),
        (
            |app| app.env = BTreeMap::from([("1".into(), String::new())]),
            r#"env "1" is no name of a variable"#,
        ),
    ];
    for (change, message) in cases {
        let mut app = full(Via::Crun);
        change(&mut app);
        let error = app.manifests().unwrap_err();
        assert!(matches!(error, Error::Value { .. }));
        assert_eq!(error.to_string(), message);
    }
    assert!(App::new("A", IMAGE, Via::Crun).is_err());
}

/// A pod with these annotations, fields of the pod, and fields of its container.
fn pod(class: &str, annotations: &str, spec: &str, container: &str) -> String {
    format!(
        "kind: Pod\nmetadata: {{name: a, annotations: {{{annotations}}}}}\nspec: {{{class} {spec} containers: [{{name: c, image: \
         '{IMAGE}', {container}}}]}}\n"
    )
}

const CRUN: &str = "runtimeClassName: crun,";
const SMART: &str = "module.wasm.image/variant: compat-smart";

/// Each rule: a manifest that breaks it and nothing else, and almost the same that breaks nothing.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_rule_is_broken_and_kept() {
    let deployment = |above: &str, on: &str| {
        format!(
            "kind: Deployment\nmetadata: {{name: a, annotations: {{{above}}}}}\nspec: {{template: {{metadata: {{annotations: \
             {{{on}}}}}, spec: {{runtimeClassName: crun, containers: [{{name: c, image: '{IMAGE}'}}]}}}}}}\n"
        )
    };
    let class = |handler: &str, more: &str| {
        format!("kind: RuntimeClass\nmetadata: {{name: a}}\nhandler: {handler}\n{more}")
    };
    let nodes = "scheduling: {nodeSelector: {runtime: wasm}}\n";
    let two = "initContainers: [{name: i, image: 'a@sha256:b'}],";
    let shim = "runtimeClassName: wasmtime,";
    let latest = |image: &str| pod(CRUN, SMART, "", "").replace(IMAGE, image);
    let arch =
        "tolerations: [{key: kubernetes.io/arch, operator: Equal, value: wasm32-wasi, effect: NoExecute}],";
    let cases: Vec<(&str, String, String)> = vec![
        ("annotation-place", deployment(SMART, ""), deployment("", SMART)),
        (
            "annotation-value",
            pod(CRUN, "module.wasm.image/variant: smart-compat", "", ""),
            pod(CRUN, SMART, "", ""),
        ),
        (
            "annotation-hidden",
            pod(CRUN, &format!("{SMART}, run.oci.handler: wasm-smart"), "", ""),
            pod(CRUN, "run.oci.handler: wasm-smart", "", ""),
        ),
        ("annotation-missing", pod(CRUN, "", "", ""), pod(shim, "", "", "")),
        (
            "compat-sidecar",
            pod(CRUN, "module.wasm.image/variant: compat", two, ""),
            pod(CRUN, SMART, two, ""),
        ),
        (
            "smart-youki",
            pod("runtimeClassName: youki,", SMART, "", ""),
            pod("runtimeClassName: youki,", "module.wasm.image/variant: compat", "", ""),
        ),
        ("image-latest", latest("ghcr.io/me/app"), latest("localhost:5000/me/app:v1")),
        (
            "probe-exec",
            pod(CRUN, SMART, "", "livenessProbe: {exec: {command: [a]}}"),
            pod(CRUN, SMART, "", "livenessProbe: {httpGet: {port: 80}}"),
        ),
        (
            "host-network",
            pod(CRUN, SMART, "hostNetwork: true,", ""),
            pod(CRUN, SMART, "hostNetwork: false,", ""),
        ),
        ("shim-tty", pod(shim, "", "", "tty: true"), pod(CRUN, SMART, "", "tty: true")),
        ("node-selector", class("crun", ""), class("crun", nodes)),
        ("handler-name", class("My_Handler", nodes), class("my-handler", nodes)),
        ("class-missing", pod("", SMART, "", ""), pod(CRUN, SMART, "", "")),
        (
            "retired-krustlet",
            pod("", "", arch, ""),
            pod("", "", "tolerations: [{key: kubernetes.io/arch, value: arm64}],", ""),
        ),
        (
            "retired-kwasm",
            "kind: Node\nmetadata: {name: node-1, annotations: {kwasm.sh/kwasm-node: 'true'}}\n".into(),
            "kind: Node\nmetadata: {name: node-1}\n".into(),
        ),
    ];
    let mut tested: Vec<_> = cases.iter().map(|(id, ..)| *id).collect();
    for (id, bad, good) in &cases {
        assert_eq!((ids(bad), ids(good)), (vec![*id], vec![]), "{bad}\n{good}");
    }
    tested.extend(["image-refused", "memory-minimum"]); // the next test
    tested.sort_unstable();
    let mut rules: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    rules.sort_unstable();
    assert_eq!(tested, rules);
}

/// What only the image tells: its format, its kind, the memory that its module asks for.
#[test]
fn the_image_is_looked_at_where_it_is_given() {
    // One memory of 32 pages: 2 MiB.
    let wasm = b"\0asm\x01\0\0\0\x05\x03\x01\0\x20".to_vec();
    let image = |format| Pack::new(wasm.clone(), "/app.wasm").unwrap().build(format).unwrap();
    let (compat, artifact) =
        (Subject::of(image(Format::Compat)).unwrap(), Subject::of(image(Format::Artifact)).unwrap());
    assert_eq!(compat.memory, 2 << 20);
    let found = |text: &str, subject: &Subject| {
        let findings = lint(text, None, Some(subject)).unwrap();
        findings.iter().map(|finding| finding.rule.id).collect::<Vec<_>>()
    };
    let with = |limit: &str| pod(CRUN, SMART, "", &format!("resources: {{limits: {{memory: {limit}}}}}"));
    assert_eq!(found(&with("1Mi"), &compat), ["memory-minimum"]);
    assert_eq!(found(&with("2Mi"), &compat), [""; 0]);
    assert_eq!(found(&with("2Mi"), &artifact), ["image-refused"]);
    assert_eq!(found(&pod("runtimeClassName: wasmtime,", "", "", ""), &artifact), [""; 0]);
    let mut other = artifact.clone();
    other.name = Some("ghcr.io/me/other:v1".into());
    assert_eq!(found(&with("2Mi"), &other), [""; 0]);
    let mut same = artifact;
    same.name = Some("ghcr.io/me/app:v1".into());
    assert_eq!(found(&with("2Mi"), &same), ["image-refused"]);
}

#[test]
fn every_kind_with_pods_is_looked_at() {
    let spec =
        format!("{{hostNetwork: true, runtimeClassName: crun, containers: [{{name: c, image: '{IMAGE}'}}]}}");
    let template = format!("{{metadata: {{annotations: {{{SMART}}}}}, spec: {spec}}}");
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"] {
        assert_eq!(
            ids(&format!("kind: {kind}\nspec: {{template: {template}}}\n")),
            ["host-network"],
            "{kind}"
        );
    }
    let cron = format!("kind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {template}}}}}}}\n");
    assert_eq!(ids(&cron), ["host-network"]);
    let list =
        format!("kind: List\nitems: [{{kind: Job, spec: {{template: {template}}}}}, {{kind: Service}}]\n");
    assert_eq!(ids(&list), ["host-network"]);
    assert_eq!(ids("kind: Service\n---\n---\nkind: Whatever\nspec: 3\n"), [""; 0]);
}

/// A class of any name is what its handler says.
#[test]
fn classes_are_looked_up_in_the_same_text() {
    let class = "kind: RuntimeClass\nmetadata: {name: fast}\nhandler: wasmtime\nscheduling: {nodeSelector: {a: b}}\n---\n";
    let of = |class: &str| class.to_owned() + &pod("runtimeClassName: fast,", "", "", "tty: true");
    assert_eq!(ids(&of(class)), ["shim-tty"]);
    assert_eq!(ids(&of("")), [""; 0], "nobody knows what it is");
    let told = lint(&of(""), Some(&Via::Shim("wasmtime".into())), None).unwrap();
    assert_eq!(told[0].to_string(), "shim-tty: Pod/a container c: tty: true");
}

#[test]
fn krustlets_pods_get_a_class() {
    let before = "# from the walkthrough
apiVersion: v1
kind: Pod
metadata: {name: krustlet-demo-app}
spec:
  containers: [{name: krustlet-demo-app, image: me/krustlet-demo-app:v1}]
  tolerations:
  - {key: kubernetes.io/arch, operator: Equal, value: wasm32-wasi, effect: NoExecute}
  - {key: kubernetes.io/arch, operator: Equal, value: wasm32-wasi, effect: NoSchedule}
  - {key: node.kubernetes.io/network-unavailable, operator: Exists, effect: NoSchedule}
---
kind: Node
metadata: {name: node-1, annotations: {kwasm.sh/kwasm-node: 'true', own: kept}}
";
    assert_eq!(ids(before), ["retired-krustlet", "retired-kwasm"]);
    let migration = migrate(before, &Via::Crun).unwrap();
    insta::assert_snapshot!("krustlet", yaml(&migration.manifests) + &migration.notes.join("\n"));
    let again = migrate(&yaml(&migration.manifests), &Via::Crun).unwrap();
    assert_eq!(again.manifests.objects(), migration.manifests.objects(), "there is nothing left to do");
    assert_eq!(again.notes, [""; 0]);
}

#[test]
fn a_line_of_docker_becomes_a_deployment() {
    let line = "docker run -d -p 8080:8080 --name wasm-demo-app --runtime=io.containerd.wasmedge.v1 \
                docker.io/me/wasm-demo-app:v1";
    let migration = migrate(line, &Via::Crun).unwrap();
    insta::assert_snapshot!("docker", yaml(&migration.manifests) + &migration.notes.join("\n"));
    let error = migrate("docker run me/app", &Via::Crun).unwrap_err();
    assert!(error.to_string().contains("runs no shim"), "{error}");
}

#[test]
fn shims_are_installed_by_address_and_digest() {
    let sha = &IMAGE[IMAGE.len() - 64..];
    let text =
        yaml(&Shim::new("wasmtime").platform("aarch64", "https://a/b.tar.gz", sha).manifests().unwrap());
    assert_eq!(lint(&text, None, None).unwrap(), []);
}
