use std::{collections::BTreeMap, io::Read};

use flate2::read::ZlibDecoder;
use serde::Deserialize;
use wasmparser::{KnownCustom, Parser, Payload, ProducersSectionReader};

use crate::{Error, Kind, Result};

/// What a module or component says about itself in its custom sections.
///
/// ```
/// use wasm_oci::Metadata;
///
/// let wasm = wat::parse_str(r#"(module (@custom "description" "An app") (@producers (language "Rust" "")))"#)?;
/// let metadata = Metadata::of(&wasm)?;
/// assert_eq!(metadata.annotations["org.opencontainers.image.description"], "An app");
/// assert_eq!(metadata.producers[0].to_string(), "language Rust");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metadata {
    /// What it was made with: the section `producers`.
    pub producers: Vec<Producer>,
    /// The sections that wasm-tools and cargo-component write (`authors`, `description`, `homepage`, `licenses`,
    /// `revision`, `source`, `version`), under the names that they have as annotations of an image.
    pub annotations: BTreeMap<String, String>,
    /// The crates that a Rust program was built from, as `NAME VERSION`: the section `.dep-v0` of cargo-auditable.
    pub crates: Vec<String>,
}

/// A language, tool or kit that had a part in making the program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its version, which may be empty.
    pub version: String,
}

impl std::fmt::Display for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.field, self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

/// Sections whose content is text, and the annotation that means the same.
const TEXTS: [(&str, &str); 7] = [
    ("authors", "org.opencontainers.image.authors"),
    ("description", "org.opencontainers.image.description"),
    ("homepage", "org.opencontainers.image.url"),
    ("licenses", "org.opencontainers.image.licenses"),
    ("revision", "org.opencontainers.image.revision"),
    ("source", "org.opencontainers.image.source"),
    ("version", "org.opencontainers.image.version"),
];

impl Metadata {
    /// The longest text that is taken from a section: 4 KiB.
    pub const TEXT_LIMIT: usize = 4096;
    /// How many producers are taken: 100.
    pub const PRODUCERS: usize = 100;

    /// The largest list of crates that is taken, decompressed: 4 MiB.
    pub const CRATES_LIMIT: u64 = 4 << 20;

    /// Reads the custom sections of the outermost module or component.
    ///
    /// What is not UTF-8, too long or otherwise not of its form is passed over: custom sections do not make a module
    /// invalid.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`] and [`Error::InvalidWasm`].
    pub fn of(wasm: &[u8]) -> Result<Self> {
        Kind::of(wasm)?;
        let mut metadata = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|source| Error::InvalidWasm {
                offset: source.offset() as u64,
                source: source.message().into(),
            })?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section) if depth == 0 => {
                    metadata.text(section.name(), section.data());
                    if section.name() == ".dep-v0" {
                        metadata.crates = crates(section.data()).unwrap_or_default();
                    }
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        metadata.producers(producers);
                    }
                }
                _ => {}
            }
        }
        Ok(metadata)
    }

    fn text(&mut self, section: &str, content: &[u8]) {
        let Some((_, annotation)) = TEXTS.iter().find(|(name, _)| *name == section) else { return };
        let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= Self::TEXT_LIMIT);
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.annotations.insert((*annotation).to_owned(), text.to_owned());
        }
    }

    fn producers(&mut self, section: ProducersSectionReader<'_>) {
        for field in section.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                if self.producers.len() < Self::PRODUCERS {
                    self.producers.push(Producer {
                        field: field.name.to_owned(),
                        name: value.name.to_owned(),
                        version: value.version.to_owned(),
                    });
                }
            }
        }
    }
}

/// Reads zlib-compressed JSON, `{"packages": [{"name": …, "version": …}]}`.
fn crates(section: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct List {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let mut json = vec![];
    ZlibDecoder::new(section).take(Metadata::CRATES_LIMIT + 1).read_to_end(&mut json).ok()?;
    if json.len() as u64 > Metadata::CRATES_LIMIT {
        return None;
    }
    let list: List = serde_json::from_slice(&json).ok()?;
    Some(list.packages.into_iter().map(|package| format!("{} {}", package.name, package.version)).collect())
}
