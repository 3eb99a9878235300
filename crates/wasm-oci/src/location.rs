use std::{fmt, path::PathBuf, str::FromStr};

use crate::{Error, Result};

/// Where WebAssembly is, or goes: what every command takes as its argument.
///
/// | text | meaning |
/// |---|---|
/// | `-` | standard input |
/// | `oci:DIR`, `oci:DIR:TAG` | an OCI image layout, and the image under `TAG` in it |
/// | anything else | a file or directory |
///
/// As with skopeo, `DIR` ends at its first colon, so that a tag may be a whole reference. A file whose name looks like
/// one of the forms is written `./oci:name`, and that is also how [`Display`](fmt::Display) writes it.
///
/// ```
/// use wasm_oci::Location;
///
/// let location: Location = "oci:out:v1".parse()?;
/// assert_eq!(location, Location::Layout { dir: "out".into(), tag: Some("v1".into()) });
/// assert_eq!(location.to_string(), "oci:out:v1");
/// # Ok::<(), wasm_oci::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// Standard input.
    Stdin,
    /// A file or a directory.
    Path(PathBuf),
    /// An OCI image layout.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The tag; without it the only image there is.
        tag: Option<String>,
    },
}

/// Transports that skopeo has and this version has not: they are not taken for file names.
const FOREIGN: [&str; 8] = [
    "containers-storage",
    "dir",
    "docker",
    "docker-archive",
    "docker-daemon",
    "oci-archive",
    "ostree",
    "sif",
];

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why| Err(Error::Location { text: text.to_owned(), why });
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.contains('\0') {
            return refuse("it has a NUL character");
        }
        if text == "-" {
            return Ok(Self::Stdin);
        }
        match text.split_once(':') {
            Some(("oci", rest)) => Self::layout(text, rest),
            Some((scheme, _)) if FOREIGN.contains(&scheme) => refuse("it reads files and OCI layouts"),
            Some((_, rest)) if rest.starts_with("//") => refuse("it is a URL"),
            _ => Ok(Self::Path(text.into())),
        }
    }
}

impl Location {
    fn layout(text: &str, rest: &str) -> Result<Self> {
        let (dir, tag) = match rest.split_once(':') {
            Some((dir, tag)) => (dir, Some(tag)),
            None => (rest, None),
        };
        if dir.is_empty() {
            return Err(Error::Location { text: text.to_owned(), why: "the directory is missing" });
        }
        if tag == Some("") {
            return Err(Error::Location { text: text.to_owned(), why: "the tag is missing" });
        }
        Ok(Self::Layout { dir: dir.into(), tag: tag.map(str::to_owned) })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::Path(path) => {
                let text = path.display().to_string();
                let plain = matches!(text.parse(), Ok(Self::Path(_)));
                write!(f, "{}{text}", if plain { "" } else { "./" })
            }
            Self::Layout { dir, tag: None } => write!(f, "oci:{}", dir.display()),
            Self::Layout { dir, tag: Some(tag) } => write!(f, "oci:{}:{tag}", dir.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let layout =
            |dir: &str, tag: Option<&str>| Location::Layout { dir: dir.into(), tag: tag.map(Into::into) };
        for (text, location) in [
            ("-", Location::Stdin),
            ("a.wasm", Location::Path("a.wasm".into())),
            ("./-", Location::Path("./-".into())),
            ("./oci:a", Location::Path("./oci:a".into())),
            ("C:a", Location::Path("C:a".into())),
            ("oci:a", layout("a", None)),
            ("oci:a:v1", layout("a", Some("v1"))),
            ("oci:/a/b:localhost:5000/x:v1", layout("/a/b", Some("localhost:5000/x:v1"))),
        ] {
            assert_eq!(text.parse::<Location>().unwrap(), location);
            assert_eq!(location.to_string(), text);
        }
    }

    #[test]
    fn refusals() {
        for (text, why) in [
            ("", "it is empty"),
            ("oci:", "the directory is missing"),
            ("oci::v1", "the directory is missing"),
            ("oci:a:", "the tag is missing"),
            ("docker://alpine", "it reads files and OCI layouts"),
            ("https://a/b.wasm", "it is a URL"),
        ] {
            let error = text.parse::<Location>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a location this version knows: {why}"));
        }
    }
}
