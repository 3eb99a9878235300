use serde_json::{Map, Value};

use super::{
    App, Manifests, Via, docker,
    lint::is_krustlet,
    object::Labels,
    view::{self, Fields},
    yaml,
};
use crate::{Error, Handler, Result};

/// What became of what was given to [`migrate`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Migration {
    /// The manifests of today.
    pub manifests: Manifests,
    /// What was changed, and what is left to do by hand.
    pub notes: Vec<String>,
}

/// Brings what the systems of 2023 took into today's form.
///
/// - Pods for Krustlet (tolerations and node selectors for `kubernetes.io/arch: wasm32-wasi`) get a `runtimeClassName`, and
///   the annotation that `via` needs on the pod.
/// - Node annotations and labels of the KWasm operator are taken out.
/// - A `docker run --runtime=io.containerd.NAME.v1 … IMAGE` line becomes a `Deployment` and a `Service`, run by the shim
///   that the line names.
///
/// In front of them is the `RuntimeClass`. What is not about WebAssembly stays as it is.
///
/// ```
/// use wasm_bundle::kubernetes::{Via, migrate};
///
/// let line = "docker run -d -p 8080:8080 --runtime=io.containerd.wasmedge.v1 --platform=wasi/wasm me/app:v1";
/// let yaml = migrate(line, &Via::Crun)?.manifests.to_yaml()?;
/// assert!(yaml.contains("runtimeClassName: wasmedge"));
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`lint`](super::lint); [`Error::Value`] for a line of docker's that has no image or runs no shim.
pub fn migrate(text: &str, via: &Via) -> Result<Migration> {
    if text.trim_start().starts_with("docker ") {
        return docker_line(text.trim());
    }
    let mut documents = yaml::read(text)?;
    view::objects(&documents)?; // every kind is right from here on
    let mut notes = vec![];
    let mut moved = false;
    for document in &mut documents {
        each(document, &mut |object| moved |= object_of(object, via, &mut notes));
    }
    let mut manifests = Manifests::default();
    if moved {
        let app = App::new("app", "app", via.clone())?;
        manifests.add(&super::build::class(app.handler(), app.handler(), &app.node_selector))?;
        notes.push(format!(
            "label the nodes that have {}: `kubectl label node NODE runtime=wasm`; set them up with `wasmctr node`",
            via.name()
        ));
        if via.variant().is_some() {
            notes.push(
                "the image must be of tar layers: `wasmctr convert IMAGE -o oci:DIR:TAG --format compat`"
                    .into(),
            );
        }
    }
    documents.iter().try_for_each(|document| manifests.add(document))?;
    Ok(Migration { manifests, notes })
}

/// The object, or each of a list.
fn each(document: &mut Value, with: &mut dyn FnMut(&mut Fields)) {
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match document.get_mut("items").filter(|_| is_list).and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(with),
        None => document.as_object_mut().into_iter().for_each(with),
    }
}

/// Changes an object; tells whether it was Krustlet's.
fn object_of(object: &mut Fields, via: &Via, notes: &mut Vec<String>) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
    let kind = text(object.get("kind"));
    let place = format!("{kind}/{}", text(object.get("metadata").and_then(|metadata| metadata.get("name"))));
    for field in ["annotations", "labels"] {
        let found = object.get_mut("metadata").and_then(|metadata| metadata.get_mut(field));
        for key in found.and_then(Value::as_object_mut).map(take_kwasm).unwrap_or_default() {
            notes.push(format!(
                "{place}: took {key} out; a Shim of runtime-class-manager does its work: `wasmctr k8s shim`"
            ));
        }
    }
    let Some(path) = view::path(&kind) else { return false };
    let Some(pod) = path.iter().try_fold(&mut *object, |fields, key| fields.get_mut(*key)?.as_object_mut())
    else {
        return false;
    };
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return false };
    if let Some(nodes) = spec.get_mut("nodeSelector").and_then(Value::as_object_mut) {
        for key in take_kwasm(nodes) {
            notes.push(format!("{place}: took nodeSelector {key} out; the RuntimeClass selects the nodes"));
        }
    }
    if !take_krustlet(spec) {
        return false;
    }
    spec.insert("runtimeClassName".into(), via.name().into());
    if let Some(handler) = via.variant() {
        let mut metadata = take(pod, "metadata");
        let mut annotations = take(&mut metadata, "annotations");
        annotations.insert(Handler::ANNOTATION.into(), handler.value().into());
        metadata.insert("annotations".into(), annotations.into());
        pod.insert("metadata".into(), metadata.into());
    }
    notes.push(format!("{place}: Krustlet's tolerations became runtimeClassName {}", via.name()));
    true
}

/// A mapping below, or an empty one.
fn take(parent: &mut Fields, key: &str) -> Fields {
    match parent.remove(key) {
        Some(Value::Object(fields)) => fields,
        _ => Fields::new(),
    }
}

/// Takes the keys of KWasm out.
fn take_kwasm(fields: &mut Fields) -> Vec<String> {
    let keys: Vec<_> = fields.keys().filter(|key| key.starts_with("kwasm.sh/")).cloned().collect();
    for key in &keys {
        fields.remove(key);
    }
    keys
}

/// Takes out what only Krustlet's nodes needed; tells whether there was any.
fn take_krustlet(spec: &mut Fields) -> bool {
    let is_ours = |toleration: &Value| {
        let of = |key| toleration.get(key).and_then(Value::as_str);
        of("key") == Some("kubernetes.io/arch") && of("value").is_some_and(is_krustlet)
    };
    let network = |toleration: &Value| {
        toleration.get("key").and_then(Value::as_str) == Some("node.kubernetes.io/network-unavailable")
    };
    let mut found = false;
    if let Some(tolerations) = spec.get_mut("tolerations").and_then(Value::as_array_mut) {
        found = tolerations.iter().any(is_ours);
        if found {
            tolerations.retain(|toleration| !is_ours(toleration) && !network(toleration));
        }
    }
    if let Some(nodes) = spec.get_mut("nodeSelector").and_then(Value::as_object_mut)
        && nodes.get("kubernetes.io/arch").and_then(Value::as_str).is_some_and(is_krustlet)
    {
        nodes.remove("kubernetes.io/arch");
        found = true;
    }
    if found {
        let empty = |spec: &Map<String, Value>, key: &str| {
            spec.get(key).is_some_and(|value| {
                value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
            })
        };
        for key in ["tolerations", "nodeSelector"] {
            if empty(spec, key) {
                spec.remove(key);
            }
        }
    }
    found
}

fn docker_line(line: &str) -> Result<Migration> {
    let run = docker::parse(line)?;
    let mut app = App::new(run.name, run.image.clone(), Via::Shim(run.shim))?;
    app.by_tag = true;
    app.port = run.port;
    app.args = run.args;
    app.env = run.env.into_iter().collect::<Labels>();
    let mut notes = run.left;
    if !run.image.contains('@') {
        notes.push(
            "name the image by its digest, which `wasmctr inspect` prints, before you rely on it".into(),
        );
    }
    notes.push(format!("the node needs the shim: `wasmctr node --runtime {}`", app.handler()));
    Ok(Migration { manifests: app.manifests()?, notes })
}

impl From<docker::Unusable> for Error {
    fn from(docker::Unusable { value, why }: docker::Unusable) -> Self {
        Self::value("docker run", &value, why)
    }
}
