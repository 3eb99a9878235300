use std::{collections::BTreeMap, fmt, str::FromStr};

use wasm_oci::Reference;

use super::{build, yaml};
use crate::{Error, Handler, Result, label::is_label};

/// A program for Kubernetes: what the manifests say.
///
/// It starts with little, and says every field that matters: the image by its digest, no service account, no capabilities,
/// a user that is not root, a root file system that cannot be written, limits of memory and CPU.
///
/// ```
/// use wasm_bundle::kubernetes::{App, Via};
///
/// let image = "ghcr.io/me/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let yaml = App::new("app", image, Via::Crun)?.replicas(2).port(8080).manifests()?.to_yaml()?;
/// assert!(yaml.contains("module.wasm.image/variant: compat-smart"));
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct App {
    /// The name of every object, and the label `app.kubernetes.io/name`.
    pub name: String,
    /// The image.
    pub image: String,
    /// What runs it.
    pub via: Via,
    /// The name of the handler, and of the `RuntimeClass`; by default that of [`via`](Self::via).
    pub handler: Option<String>,
    /// The namespace; by default none is said.
    pub namespace: Option<String>,
    /// What keeps the pods; a `Deployment` by default.
    pub controller: Controller,
    /// How many pods a `Deployment` has; 1 by default.
    pub replicas: u32,
    /// The port that the program listens on, and the `Service` as well; none by default.
    pub port: Option<u16>,
    /// The path that probes ask for; without one they only connect.
    pub probe: Option<String>,
    /// The program in the place of the image's entrypoint; artifacts need it.
    pub command: Vec<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Bytes of memory, as Kubernetes writes them; `64Mi` by default.
    pub memory: String,
    /// CPU, as Kubernetes writes it; `500m` by default.
    pub cpu: String,
    /// Labels of the nodes that have the runtime; by default `runtime: wasm`, and none means any node.
    pub node_selector: BTreeMap<String, String>,
    /// The most pods of a `HorizontalPodAutoscaler`, which holds CPU at 80 percent; none by default.
    pub autoscale: Option<u32>,
    /// Seconds to end in: 5 by default, because most Wasm handlers do not see SIGTERM, and the whole time is waited out.
    pub grace: u32,
    /// Whether an image may be named by a tag; it may not by default.
    pub by_tag: bool,
}

/// What runs a program on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// crun: the annotation `compat-smart`, so that sidecars run as what they are.
    Crun,
    /// youki: the annotation `compat`, the only one it knows.
    Youki,
    /// A containerd shim, which needs no annotation.
    Shim(String),
}

/// What keeps the pods of an [`App`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Controller {
    /// A bare `Pod`.
    Pod,
    /// A `Deployment`.
    #[default]
    Deployment,
    /// A `Job`, which runs once.
    Job,
}

/// Objects for `kubectl apply`.
#[derive(Debug, Clone, Default)]
pub struct Manifests(pub(super) Vec<serde_json::Value>, pub(super) Vec<String>);

impl App {
    /// Creates a program with the defaults of each field.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] for a name that is no DNS label.
    pub fn new(name: impl Into<String>, image: impl Into<String>, via: Via) -> Result<Self> {
        let name = name.into();
        label("name", &name)?;
        Ok(Self {
            name,
            image: image.into(),
            via,
            handler: None,
            namespace: None,
            controller: Controller::default(),
            replicas: 1,
            port: None,
            probe: None,
            command: vec![],
            args: vec![],
            env: BTreeMap::new(),
            memory: "64Mi".into(),
            cpu: "500m".into(),
            node_selector: [("runtime".to_owned(), "wasm".to_owned())].into(),
            autoscale: None,
            grace: 5,
            by_tag: false,
        })
    }

    /// Sets what keeps the pods.
    #[must_use]
    pub fn controller(mut self, controller: Controller) -> Self {
        self.controller = controller;
        self
    }

    /// Sets how many pods there are.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// Sets the port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Writes the objects: a `RuntimeClass`, what keeps the pods, a `Service` if there is a port, and an autoscaler if there
    /// shall be one.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] for an image that is no reference or has no digest, for names that Kubernetes refuses, and for what
    /// does not go together: a port 0, an autoscaler without a `Deployment`, a probe without a port.
    pub fn manifests(&self) -> Result<Manifests> {
        self.check()?;
        build::objects(self)
    }

    /// Returns the name of the handler.
    #[must_use]
    pub fn handler(&self) -> &str {
        self.handler.as_deref().unwrap_or(self.via.name())
    }

    fn check(&self) -> Result<()> {
        let reference: Reference = self
            .image
            .parse()
            .map_err(|_| Error::value("image", &self.image, "is no reference to an image"))?;
        if reference.digest().is_none() && !self.by_tag {
            return Err(Error::value(
                "image",
                &self.image,
                "has no digest, so that nobody knows what it will be",
            ));
        }
        label("name", &self.name)?;
        label("handler", self.handler())?;
        self.namespace.iter().try_for_each(|namespace| label("namespace", namespace))?;
        for (field, quantity) in [("memory", &self.memory), ("cpu", &self.cpu)] {
            if !is_quantity(quantity) {
                return Err(Error::value(field, quantity, "is no quantity as Kubernetes writes them"));
            }
        }
        let path = self.probe.as_deref().unwrap_or("/");
        let refused = [
            (self.port == Some(0), "port", "0", "is no port"),
            (self.probe.is_some() && self.port.is_none(), "probe", path, "needs a port"),
            (!path.starts_with('/') || path.contains(char::is_control), "probe", path, "is no path"),
            (
                self.autoscale.is_some() && self.controller != Controller::Deployment,
                "autoscale",
                "",
                "needs a Deployment",
            ),
            (
                self.autoscale.is_some_and(|most| most < self.replicas.max(1)),
                "autoscale",
                "",
                "is below replicas",
            ),
        ];
        match refused.iter().find(|(bad, ..)| *bad) {
            Some((_, field, value, why)) => Err(Error::value(field, value, why)),
            None => self.env.keys().try_for_each(|name| variable(name)),
        }
    }
}

impl Manifests {
    /// Returns the objects, as JSON has them.
    #[must_use]
    pub fn objects(&self) -> &[serde_json::Value] {
        &self.0
    }

    /// Writes them as YAML, one document each; the same objects give the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`] if the serializer fails, which it has no reason to.
    pub fn to_yaml(&self) -> Result<String> {
        Ok(self.1.join("---\n"))
    }

    pub(super) fn add(&mut self, object: &impl serde::Serialize) -> Result<()> {
        let value = serde_json::to_value(object)
            .map_err(|source| Error::Syntax { what: "manifest", source: source.into() })?;
        self.1.push(yaml::write(object)?);
        self.0.push(value);
        Ok(())
    }
}

impl Via {
    /// Returns the name of the handler that it usually has.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Crun => "crun",
            Self::Youki => "youki",
            Self::Shim(name) => name,
        }
    }

    /// Returns the value of `module.wasm.image/variant` that it needs on the pod.
    #[must_use]
    pub fn variant(&self) -> Option<Handler> {
        match self {
            Self::Crun => Some(Handler::CompatSmart),
            Self::Youki => Some(Handler::Compat),
            Self::Shim(_) => None,
        }
    }
}

/// `crun`, `youki`, or `shim-NAME`; `shim` is wasmtime's.
impl FromStr for Via {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "crun" => Self::Crun,
            "youki" => Self::Youki,
            "shim" => Self::Shim("wasmtime".into()),
            _ => match text.strip_prefix("shim-").filter(|name| is_label(name)) {
                Some(name) => Self::Shim(name.into()),
                None => return Err(Error::value("via", text, "is none of crun, youki, shim, shim-NAME")),
            },
        })
    }
}

/// The form that is parsed.
impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shim(name) => write!(f, "shim-{name}"),
            other => f.write_str(other.name()),
        }
    }
}

/// Names of objects, namespaces and handlers are DNS labels (RFC 1123) here, the strictest of Kubernetes' rules for names.
pub(super) fn label(field: &'static str, name: &str) -> Result<()> {
    if is_label(name) {
        return Ok(());
    }
    Err(Error::value(field, name, "is not a name of lower case letters, digits and `-`"))
}

fn variable(name: &str) -> Result<()> {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !name.is_empty() && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::value("env", name, "is no name of a variable"))
}

fn is_quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffixes = ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    suffixes.contains(&&text[digits.len()..])
        && digits.len() <= 18
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() <= 1
        && digits.chars().any(|c| ('1'..='9').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_kubernetes_own() {
        for good in ["1", "64Mi", "500m", "0.5", "1.5Gi", "2G"] {
            assert!(is_quantity(good), "{good}");
        }
        for bad in ["", "Mi", "64MB", "64 Mi", "-1", "1..5", ".5", "5.", "0", "1e3x", "9999999999999999999"] {
            assert!(!is_quantity(bad), "{bad}");
        }
    }

    #[test]
    fn ways_are_written_as_they_are_read() {
        for text in ["crun", "youki", "shim-wasmtime", "shim-spin"] {
            assert_eq!(text.parse::<Via>().unwrap().to_string(), text);
        }
        assert_eq!("shim".parse::<Via>().unwrap(), Via::Shim("wasmtime".into()));
        for text in ["", "runc", "shim-", "shim-A", "shim wasmtime"] {
            assert!(text.parse::<Via>().is_err(), "{text}");
        }
    }
}
