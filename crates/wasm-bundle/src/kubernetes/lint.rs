use serde_json::Value;

use super::{
    Via,
    rules::{
        CLASS, EXEC, HANDLER, HIDDEN, IMAGE, KRUSTLET, KWASM, LATEST, MEMORY, MISSING, NETWORK, NODES, PLACE,
        SIDECAR, SMART, TTY, VALUE,
    },
    subject::{Subject, bytes},
    view::{self, Object, Pod},
    yaml,
};
use crate::{Finding, Handler, Result, Rule, error::shortened, label::is_label};

const VARIANT: &str = Handler::ANNOTATION;
const OVERRIDE: &str = Handler::OVERRIDE;
/// What crun knows as `run.oci.handler`; youki knows `wasm` alone.
const HANDLERS: [&str; 8] = ["wasm", "wasm-smart", "wasmedge", "wasmtime", "wasmer", "wamr", "krun", "spin"];

/// Finds mistakes in manifests, by [`RULES`](super::RULES): those that keep WebAssembly from running, and those that would
/// run it with more than it needs.
///
/// Only pods that are about WebAssembly are looked at: by their `runtimeClassName`, which is looked up in the same text, or
/// their annotations. `via` says what runs them where the names do not; `subject` is the image, for the rules that
/// need it.
///
/// ```
/// use wasm_bundle::kubernetes::lint;
///
/// let yaml = "kind: Pod\nmetadata: {name: a, annotations: {module.wasm.image/variant: smart-compat}}\n\
///             spec: {runtimeClassName: crun, containers: [{name: a, image: 'a@sha256:…'}]}\n";
/// let findings = lint(yaml, None, None)?;
/// assert_eq!(findings[0].rule.id, "annotation-value");
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Oversized`](crate::Error::Oversized) and [`Error::Syntax`](crate::Error::Syntax) for what is no YAML, or too
/// much of it: 4 MiB, 1,024 documents, 64 levels, 1,000 aliases; [`Error::Kind`](crate::Error::Kind) for a field of another
/// kind than Kubernetes has.
pub fn lint(text: &str, via: Option<&Via>, subject: Option<&Subject>) -> Result<Vec<Finding>> {
    let documents = yaml::read(text)?;
    let objects = view::objects(&documents)?;
    let classes = classes(&objects)?;
    let mut lint = Lint { classes, via, subject, findings: vec![] };
    for object in &objects {
        lint.object(object)?;
        if let Some(pod) = object.pod()? {
            lint.pod(&pod)?;
        }
    }
    Ok(lint.findings)
}

struct Lint<'a> {
    /// The handlers of the classes in the same text.
    classes: Vec<(&'a str, &'a str)>,
    via: Option<&'a Via>,
    subject: Option<&'a Subject>,
    findings: Vec<Finding>,
}

fn classes<'a>(objects: &[Object<'a>]) -> Result<Vec<(&'a str, &'a str)>> {
    let mut classes = vec![];
    for object in objects.iter().filter(|object| object.kind == "RuntimeClass") {
        if let Some(handler) = view::string(object.fields, "handler")? {
            classes.push((object.name, handler));
        }
    }
    Ok(classes)
}

impl Lint<'_> {
    fn found(&mut self, rule: &'static Rule, place: impl Into<String>, found: impl Into<String>) {
        self.findings.push(Finding::new(rule, place, found));
    }

    /// What is wrong with an object itself.
    fn object(&mut self, object: &Object<'_>) -> Result<()> {
        let annotations = object.annotations()?;
        if object.is_template() {
            for (key, _) in annotations.iter().filter(|(key, _)| [VARIANT, OVERRIDE].contains(key)) {
                self.found(&PLACE, object.place(), *key);
            }
        }
        for (key, _) in annotations.iter().filter(|(key, _)| key.starts_with("kwasm.sh/")) {
            self.found(&KWASM, object.place(), *key);
        }
        if object.kind != "RuntimeClass" {
            return Ok(());
        }
        let handler = view::string(object.fields, "handler")?.unwrap_or_default();
        if !is_label(handler) {
            self.found(&HANDLER, object.place(), format!("{:?}", shortened(handler)));
        }
        let scheduling = view::table(object.fields, "scheduling")?;
        let nodes =
            scheduling.map(|scheduling| view::table(scheduling, "nodeSelector")).transpose()?.flatten();
        if nodes.is_none_or(serde_json::Map::is_empty) && is_wasm(handler, self.via).is_some() {
            self.found(&NODES, object.place(), "no scheduling.nodeSelector");
        }
        Ok(())
    }

    fn pod(&mut self, pod: &Pod<'_>) -> Result<()> {
        let place = pod.owner.place();
        self.retired(pod, &place)?;
        let class = view::string(pod.spec, "runtimeClassName")?;
        let of = |key| pod.annotations.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let (variant, handler) = (of(VARIANT), of(OVERRIDE));
        let via = class.and_then(|class| is_wasm(self.handler(class), self.via));
        if via.is_none() && variant.is_none() && handler.is_none() {
            return Ok(());
        }
        if class.is_none() {
            self.found(&CLASS, &place, "no runtimeClassName");
        }
        self.annotations(pod, via.as_ref(), variant, handler, &place);
        if view::flag(pod.spec, "hostNetwork")? {
            self.found(&NETWORK, &place, "hostNetwork: true");
        }
        for container in &pod.containers {
            self.container(container, via.as_ref(), &place)?;
        }
        Ok(())
    }

    fn handler<'a>(&'a self, class: &'a str) -> &'a str {
        self.classes.iter().find(|(name, _)| *name == class).map_or(class, |(_, handler)| handler)
    }

    /// What selects WebAssembly.
    fn annotations(
        &mut self,
        pod: &Pod<'_>,
        via: Option<&Via>,
        variant: Option<&str>,
        handler: Option<&str>,
        place: &str,
    ) {
        if let Some(value) = variant.filter(|value| !["compat", "compat-smart"].contains(value)) {
            let near = if value.contains("smart") { "compat-smart" } else { "compat" };
            self.found(&VALUE, place, format!("{VARIANT}: {:?}, not {near:?}", shortened(value)));
        }
        if let Some(value) = handler.filter(|value| !HANDLERS.contains(value)) {
            self.found(&VALUE, place, format!("{OVERRIDE}: {:?}", shortened(value)));
        }
        if variant.is_some() && handler.is_some() {
            self.found(&HIDDEN, place, VARIANT);
        }
        match via {
            Some(Via::Crun | Via::Youki) if variant.is_none() && handler.is_none() => {
                // Where the annotation stands above, that is said already.
                let above = pod.owner.is_template() && pod.owner.annotations().is_ok_and(|all| has_any(&all));
                if !above {
                    self.found(&MISSING, place, format!("neither {VARIANT} nor {OVERRIDE}"));
                }
            }
            Some(Via::Youki)
                if [variant, handler].into_iter().flatten().any(|value| value.ends_with("-smart")) =>
            {
                self.found(&SMART, place, variant.or(handler).unwrap_or_default());
            }
            Some(Via::Shim(_)) => return,
            _ => {}
        }
        let all = handler.map_or(variant == Some("compat"), |handler| !handler.ends_with("-smart"));
        if all && pod.containers.len() > 1 {
            self.found(&SIDECAR, place, format!("{} containers", pod.containers.len()));
        }
    }

    fn container(&mut self, container: &view::Fields, via: Option<&Via>, pod: &str) -> Result<()> {
        let name = view::string(container, "name")?.unwrap_or("?");
        let place = format!("{pod} container {}", shortened(name));
        let image = view::string(container, "image")?.unwrap_or_default();
        if is_latest(image) {
            self.found(&LATEST, &place, format!("{:?}", shortened(image)));
        }
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            if view::table(container, probe)?.is_some_and(|probe| probe.contains_key("exec")) {
                self.found(&EXEC, &place, format!("{probe}.exec"));
            }
        }
        if let Some(lifecycle) = view::table(container, "lifecycle")? {
            for hook in ["postStart", "preStop"] {
                if view::table(lifecycle, hook)?.is_some_and(|hook| hook.contains_key("exec")) {
                    self.found(&EXEC, &place, format!("lifecycle.{hook}.exec"));
                }
            }
        }
        if view::flag(container, "tty")? && matches!(via, Some(Via::Shim(_))) {
            self.found(&TTY, &place, "tty: true");
        }
        self.subject(container, image, via, &place)
    }

    /// What only the image itself tells.
    fn subject(
        &mut self,
        container: &view::Fields,
        image: &str,
        via: Option<&Via>,
        place: &str,
    ) -> Result<()> {
        let Some(subject) = self.subject.filter(|subject| subject.is(image)) else { return Ok(()) };
        if let Some(why) = via.and_then(|via| subject.refused_by(via)) {
            self.found(&IMAGE, place, why);
        }
        let resources = view::table(container, "resources")?;
        let limits = resources.map(|resources| view::table(resources, "limits")).transpose()?.flatten();
        let memory = limits.and_then(|limits| limits.get("memory"));
        if let Some(limit) = memory.and_then(bytes).filter(|limit| *limit < subject.memory) {
            self.found(&MEMORY, place, format!("{limit} bytes, the module asks for {}", subject.memory));
        }
        Ok(())
    }

    fn retired(&mut self, pod: &Pod<'_>, place: &str) -> Result<()> {
        for toleration in view::list(pod.spec, "tolerations")? {
            let of = |key| toleration.get(key).and_then(Value::as_str);
            if of("key") == Some("kubernetes.io/arch") && of("value").is_some_and(is_krustlet) {
                self.found(&KRUSTLET, place, "tolerates kubernetes.io/arch=wasm32-wasi");
                break;
            }
        }
        for (key, value) in view::pairs(pod.spec, "nodeSelector")? {
            if key == "kubernetes.io/arch" && is_krustlet(value) {
                self.found(&KRUSTLET, place, format!("nodeSelector {key}: {value}"));
            }
            if key.starts_with("kwasm.sh/") {
                self.found(&KWASM, place, format!("nodeSelector {key}"));
            }
        }
        Ok(())
    }
}

/// The architecture of Krustlet's nodes.
pub(super) fn is_krustlet(arch: &str) -> bool {
    ["wasm32-wasi", "wasm-wasi", "wasm32-wagi"].contains(&arch)
}

fn has_any(annotations: &[(&str, &str)]) -> bool {
    annotations.iter().any(|(key, _)| [VARIANT, OVERRIDE].contains(key))
}

/// What a handler runs pods with, as far as its name tells.
fn is_wasm(handler: &str, via: Option<&Via>) -> Option<Via> {
    if let Some(via) = via {
        return Some(via.clone());
    }
    let word = |name: &str| handler.split('-').any(|part| part == name);
    if word("crun") {
        return Some(Via::Crun);
    }
    if word("youki") {
        return Some(Via::Youki);
    }
    let shim = ["wasmtime", "wasmedge", "wasmer", "wamr", "spin", "slight", "wws", "lunatic"];
    shim.into_iter().find(|name| word(name)).map(|name| Via::Shim(name.into()))
}

/// Whether an image is named by `latest` or by nothing; what has a digest is not.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}
