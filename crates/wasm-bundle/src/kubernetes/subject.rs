use serde_json::Value;
use wasm_oci::{Artifact, Consumer, Reference};
use wasmparser::{Parser, Payload, TypeRef};

use super::Via;
use crate::Result;

/// The image that manifests are about: what of it [`lint`](super::lint) has to know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Subject {
    /// The name in the manifests; without a tag or digest it is every one of that repository, and without a name every
    /// image.
    pub name: Option<String>,
    /// Bytes of memory that its modules ask for at their start.
    pub memory: u64,
    artifact: Artifact,
}

impl Subject {
    /// Reads what matters of an image.
    ///
    /// # Errors
    ///
    /// [`Error::Layer`](crate::Error::Layer) when its modules cannot be read.
    pub fn of(artifact: Artifact) -> Result<Self> {
        let memory = match artifact.wasm() {
            Ok(wasm) => minimum(&wasm),
            // An application of several modules: each has its own start.
            Err(wasm_oci::Error::Modules { .. }) => 0,
            Err(source) => return Err(crate::Error::Layer { layer: 0, source: source.into() }),
        };
        Ok(Self { name: None, memory, artifact })
    }

    pub(super) fn is(&self, image: &str) -> bool {
        let Some(name) = &self.name else { return true };
        let repository = |text: &str| {
            let reference: Reference = text.parse().ok()?;
            Some((reference.registry().to_owned(), reference.repository().to_owned()))
        };
        image == name || repository(image).is_some_and(|own| Some(own) == repository(name))
    }

    /// Returns why a runtime would not take it, if it would not.
    #[must_use]
    pub fn refused_by(&self, via: &Via) -> Option<String> {
        let consumer = match via {
            Via::Crun => Consumer::Crun,
            Via::Youki => Consumer::Youki,
            Via::Shim(name) if name == "spin" => Consumer::Spin,
            Via::Shim(_) => Consumer::Runwasi,
        };
        match consumer.judge(&self.artifact) {
            Ok(verdict) if verdict.accepts => None,
            Ok(verdict) => Some(verdict.why.to_owned()),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// What the memories of a module, and of the modules in a component, have at their start. What is no WebAssembly has none.
fn minimum(wasm: &[u8]) -> u64 {
    let mut bytes = 0_u64;
    let mut add = |pages: u64, log2: Option<u32>| {
        bytes =
            bytes.saturating_add(pages.saturating_mul(1_u64.checked_shl(log2.unwrap_or(16)).unwrap_or(0)));
    };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::MemorySection(memories)) => {
                memories.into_iter().flatten().for_each(|memory| add(memory.initial, memory.page_size_log2));
            }
            Ok(Payload::ImportSection(imports)) => {
                for import in imports.into_imports().flatten() {
                    if let TypeRef::Memory(memory) = import.ty {
                        add(memory.initial, memory.page_size_log2);
                    }
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    bytes
}

/// A quantity of bytes, as `resources` has it: a text with a suffix, or a number.
pub(super) fn bytes(quantity: &Value) -> Option<u64> {
    if let Some(number) = quantity.as_u64() {
        return Some(number);
    }
    let text = quantity.as_str()?;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (shift, factor) = match &text[digits.len()..] {
        "" => (0, 1),
        "k" => (0, 1_000),
        "M" => (0, 1_000_000),
        "G" => (0, 1_000_000_000),
        "Ki" => (10, 1),
        "Mi" => (20, 1),
        "Gi" => (30, 1),
        "Ti" => (40, 1),
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_memory() {
        for (text, expected) in
            [("64Mi", Some(64 << 20)), ("1G", Some(1_000_000_000)), ("5", Some(5)), ("x", None)]
        {
            assert_eq!(bytes(&Value::from(text)), expected, "{text}");
        }
        assert_eq!(bytes(&Value::from(7)), Some(7));
        assert_eq!(bytes(&Value::from("99999999999999999999Gi")), None);
        assert_eq!(bytes(&Value::from("99999999999Ti")), None);
    }
}
