use super::{
    Manifests,
    app::label,
    object::{ClassRef, Fetch, Labels, Metadata, Object, Platform, Rolling, Rollout, ShimSpec, With},
};
use crate::{Error, Result};

/// A `Shim` of runtime-class-manager (`runtime.spinkube.dev/v1alpha1`): it installs a shim on nodes, and makes the
/// `RuntimeClass`.
///
/// ```
/// use wasm_bundle::kubernetes::Shim;
///
/// let location = "https://example.com/containerd-shim-wasmtime-x86_64.tar.gz";
/// let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let yaml = Shim::new("wasmtime").platform("x86_64", location, sha256).manifests()?.to_yaml()?;
/// assert!(yaml.contains("kind: Shim\n"));
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Shim {
    /// The name of the object, the `RuntimeClass` and the handler.
    pub name: String,
    /// Where its program is, for each architecture: `amd64`, `arm64`, `x86_64` or `aarch64`; an `https` address of a
    /// `.tar.gz`, and its SHA-256.
    pub platforms: Vec<(String, String, String)>,
    /// Labels of the nodes that get it; by default `runtime: wasm`.
    pub node_selector: Labels,
    /// Options of the runtime in containerd's configuration, such as `SystemdCgroup`.
    pub options: Labels,
}

impl Shim {
    /// Creates a shim.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            platforms: vec![],
            node_selector: [("runtime".to_owned(), "wasm".to_owned())].into(),
            options: Labels::new(),
        }
    }

    /// Adds where the program for an architecture is.
    #[must_use]
    pub fn platform(
        mut self,
        arch: impl Into<String>,
        location: impl Into<String>,
        sha256: impl Into<String>,
    ) -> Self {
        self.platforms.push((arch.into(), location.into(), sha256.into()));
        self
    }

    /// Writes the object.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] for a name that is no DNS label, an architecture that runtime-class-manager does not know, an
    /// address that is not `https`, a digest that is none, or no platform at all.
    pub fn manifests(&self) -> Result<Manifests> {
        label("name", &self.name)?;
        if self.platforms.is_empty() {
            return Err(Error::value("platforms", "", "must say where the shim is"));
        }
        let spec = ShimSpec {
            node_selector: self.node_selector.clone(),
            fetch_strategy: Fetch { platforms: self.platforms.iter().map(platform).collect::<Result<_>>()? },
            containerd_runtime_options: self.options.clone(),
            runtime_class: ClassRef { name: self.name.clone(), handler: self.name.clone() },
            rollout_strategy: Rollout { kind: "rolling", rolling: Rolling { max_update: 1 } },
        };
        let metadata = Metadata { name: self.name.clone(), ..Metadata::default() };
        let mut manifests = Manifests::default();
        manifests.add(&Object {
            api_version: "runtime.spinkube.dev/v1alpha1",
            kind: "Shim",
            metadata,
            body: With { spec },
        })?;
        Ok(manifests)
    }
}

fn platform((arch, location, sha256): &(String, String, String)) -> Result<Platform> {
    if !["amd64", "arm64", "x86_64", "aarch64"].contains(&arch.as_str()) {
        return Err(Error::value("arch", arch, "is none of amd64, arm64, x86_64, aarch64"));
    }
    if !location.starts_with("https://") || location.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::value("location", location, "is no https address"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
        return Err(Error::value("sha256", sha256, "is not 64 digits of 0-9 and a-f"));
    }
    Ok(Platform { os: "linux", arch: arch.clone(), location: location.clone(), sha256: sha256.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_shim_is_named_by_its_digest() {
        let shim = Shim::new("wasmtime").platform("x86_64", "https://a/b.tar.gz", SHA);
        insta::assert_snapshot!(shim.manifests().unwrap().to_yaml().unwrap());
    }

    #[test]
    fn what_runtime_class_manager_would_not_take() {
        let message = |shim: Shim| shim.manifests().unwrap_err().to_string();
        let with =
            |arch: &str, location: &str, sha: &str| message(Shim::new("a").platform(arch, location, sha));
        assert_eq!(
            message(Shim::new("A")),
            r#"name "A" is not a name of lower case letters, digits and `-`"#
        );
        assert_eq!(message(Shim::new("a")), r#"platforms "" must say where the shim is"#);
        assert_eq!(
            with("s390x", "https://a", SHA),
            r#"arch "s390x" is none of amd64, arm64, x86_64, aarch64"#
        );
        assert_eq!(with("amd64", "http://a", SHA), r#"location "http://a" is no https address"#);
        assert_eq!(with("amd64", "https://a", "x"), r#"sha256 "x" is not 64 digits of 0-9 and a-f"#);
    }
}
