use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// A way to pack WebAssembly into OCI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// An ordinary container image with the module as a file in one tar layer, what `FROM scratch` and `COPY` would
    /// make, marked by the manifest annotation `module.wasm.image/variant=compat`.
    ///
    /// crun, youki, podman, Docker and containerd take it. Specified in
    /// [solo-io/wasm, spec-compat.md](https://github.com/solo-io/wasm/blob/master/spec/spec-compat.md).
    Compat,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compat => "compat",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "compat" => Ok(Self::Compat),
            _ => Err(Error::UnknownFormat { name: text.to_owned() }),
        }
    }
}
