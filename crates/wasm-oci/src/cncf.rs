//! The config of a CNCF artifact, version 0.

use oci_spec::image::Digest;
use serde::{Deserialize, Serialize};

use crate::{Interface, Kind, Platform, Result, interface};

/// Field by field, and in this order, as the crate oci-wasm writes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) created: Option<String>,
    #[serde(default)]
    pub(crate) author: Option<String>,
    pub(crate) architecture: String,
    pub(crate) os: String,
    #[serde(default)]
    pub(crate) layer_digests: Vec<Digest>,
    #[serde(default)]
    pub(crate) component: Option<Component>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Component {
    #[serde(default)]
    pub(crate) exports: Vec<String>,
    #[serde(default)]
    pub(crate) imports: Vec<String>,
    #[serde(default)]
    pub(crate) target: Option<String>,
}

impl Component {
    /// The names as they stand in the component: `wasi:http/incoming-handler@0.2.0`, or a plain name of the world's; of a
    /// WIT package, those of its interfaces and worlds.
    pub(crate) fn of(wasm: &[u8], target: Option<String>) -> Result<Option<Self>> {
        let interface = Interface::of(wasm)?;
        if interface.kind == Kind::Module {
            return Ok(None);
        }
        let (exports, imports) = match interface::wit_package(wasm)? {
            Some(names) => (names, vec![]),
            None => (
                interface.exports.into_iter().map(|export| export.name).collect(),
                interface.imports.into_iter().map(|import| import.name).collect(),
            ),
        };
        Ok(Some(Self { exports, imports, target }))
    }
}

/// The platform that an artifact has to name: the specification knows one for modules and one for components.
pub(crate) fn platform(kind: Kind) -> Platform {
    let os = match kind {
        Kind::Module => "wasip1",
        Kind::Component => "wasip2",
    };
    Platform { os: os.to_owned(), architecture: "wasm".to_owned(), variant: None }
}
