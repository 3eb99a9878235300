use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// What an image says it runs on: `OS/ARCHITECTURE[/VARIANT]`.
///
/// The default is `wasi/wasm`, the form that Docker, buildah and podman use for WebAssembly.
///
/// ```
/// use wasm_oci::Platform;
///
/// assert_eq!(Platform::default().to_string(), "wasi/wasm");
/// assert_eq!("linux/arm64/v8".parse::<Platform>()?.variant.as_deref(), Some("v8"));
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Platform {
    /// The operating system, `wasi` for instance.
    pub os: String,
    /// The processor architecture, `wasm` for instance.
    pub architecture: String,
    /// The variant of the architecture, when there is one.
    pub variant: Option<String>,
}

impl Default for Platform {
    fn default() -> Self {
        Self { os: "wasi".to_owned(), architecture: "wasm".to_owned(), variant: None }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::Platform { text: text.to_owned() };
        let parts: Vec<_> = text.split('/').collect();
        if !parts.iter().all(|part| is_name(part)) {
            return Err(invalid());
        }
        match parts.as_slice() {
            [os, architecture] => Ok(Self::of(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::of(os, architecture, Some(variant))),
            _ => Err(invalid()),
        }
    }
}

impl Platform {
    /// The platforms under which WebAssembly is found, the first best: an index that has several is read in this order.
    ///
    /// `wasi/wasm` is Docker's and podman's, `wasip1/wasm` Go's, runwasi's and the CNCF's for modules, `wasip2/wasm` the
    /// CNCF's for components; the others are old or wrong and still there.
    pub const WASM: [&str; 7] = [
        "wasi/wasm",
        "wasip1/wasm",
        "wasip2/wasm",
        "wasm32/wasi",
        "wasi/wasm32",
        "wasi/wasm64",
        "linux/wasm",
    ];

    /// Returns the place of this platform in [`Platform::WASM`].
    #[must_use]
    pub fn wasm_rank(&self) -> Option<usize> {
        let text = self.to_string();
        Self::WASM.iter().position(|name| *name == text)
    }

    /// Whether who asks for `self` means `other`: the names that tell no generation of WASI stand for each other and for
    /// those that do, `wasip1` does not stand for `wasip2`.
    pub(crate) fn is_alias(&self, other: &Self) -> bool {
        let told = |platform: &Self| matches!(platform.os.as_str(), "wasip1" | "wasip2");
        let wasm = self.wasm_rank().is_some() && other.wasm_rank().is_some();
        self == other || wasm && !(told(self) && told(other))
    }

    fn of(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.map(str::to_owned) }
    }
}

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_platform() {
        for text in ["", "wasm", "wasi/", "/wasm", "a/b/c/d", "wasi /wasm"] {
            let error = text.parse::<Platform>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a platform"));
        }
    }
}
