use std::fmt;

use oci_spec::runtime::Spec;

/// Which annotation asks a runtime to run the program as WebAssembly.
///
/// The runtimes do not agree on the words: `compat` is the only value that crun and youki both know.
///
/// | | crun | youki |
/// |---|---|---|
/// | [`Compat`](Handler::Compat) | Wasm, whatever the program is called | Wasm |
/// | [`CompatSmart`](Handler::CompatSmart) | Wasm if the program ends in `.wasm` or `.wat`, else native | not known: native, and fails |
///
/// Neither runtime runs components this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Handler {
    /// `module.wasm.image/variant=compat`.
    #[default]
    Compat,
    /// `module.wasm.image/variant=compat-smart`, of crun only: what pods with a native sidecar need.
    CompatSmart,
}

impl Handler {
    /// The annotation that carries the [`value`](Self::value).
    pub const ANNOTATION: &'static str = "module.wasm.image/variant";

    /// Returns the value of the annotation.
    #[must_use]
    pub fn value(self) -> &'static str {
        match self {
            Self::Compat => "compat",
            Self::CompatSmart => "compat-smart",
        }
    }

    /// Returns the handler that a specification asks for, if it is one of these.
    ///
    /// `None` when crun's `run.oci.handler` is there: it hides the other annotation, whatever its value.
    #[must_use]
    pub fn of(spec: &Spec) -> Option<Self> {
        let annotations = spec.annotations().as_ref()?;
        if annotations.contains_key(Self::OVERRIDE) {
            return None;
        }
        let value = annotations.get(Self::ANNOTATION)?;
        [Self::Compat, Self::CompatSmart].into_iter().find(|handler| handler.value() == value)
    }

    /// crun's own annotation, which hides [`ANNOTATION`](Self::ANNOTATION).
    pub(crate) const OVERRIDE: &'static str = "run.oci.handler";

    /// Whether an annotation is about handlers and not the user's.
    pub(crate) fn owns(annotation: &str) -> bool {
        [Self::ANNOTATION, Self::OVERRIDE].contains(&annotation)
    }

    /// Whether the runtime would take a program of this name for WebAssembly.
    pub(crate) fn takes(self, program: &str) -> bool {
        match self {
            Self::Compat => true,
            Self::CompatSmart => [".wasm", ".wat"].iter().any(|suffix| program.ends_with(suffix)),
        }
    }
}

/// The annotation's value.
impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(annotations: serde_json::Value) -> Option<Handler> {
        let spec = serde_json::json!({ "ociVersion": "1.0.2", "annotations": annotations });
        Handler::of(&serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn crun_looks_at_its_own_annotation_first() {
        assert_eq!(of(serde_json::json!({ "module.wasm.image/variant": "compat" })), Some(Handler::Compat));
        let both = serde_json::json!({ "module.wasm.image/variant": "compat", "run.oci.handler": "bogus" });
        assert_eq!(of(both), None);
        assert_eq!(of(serde_json::json!({ "module.wasm.image/variant": "smart-compat" })), None);
        assert_eq!(of(serde_json::Value::Null), None);
    }

    #[test]
    fn smart_is_about_the_name() {
        assert!(Handler::Compat.takes("/app"));
        assert!(Handler::CompatSmart.takes("/app.wat"));
        assert!(!Handler::CompatSmart.takes("/app.wasm.sh"));
    }
}
