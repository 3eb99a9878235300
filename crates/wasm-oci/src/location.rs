use std::{fmt, path::PathBuf, str::FromStr};

use crate::{Archive, Artifact, Content, Error, Layout, Overwrite, Platform, Reference, Result};

/// Where WebAssembly is, or goes: what every command takes as its argument.
///
/// | text | meaning |
/// |---|---|
/// | `-` | standard input |
/// | `oci:DIR`, `oci:DIR:TAG` | an OCI image layout, and the image under `TAG` in it |
/// | `oci-archive:FILE`, `oci-archive:FILE:TAG` | the same as a tar archive |
/// | `docker-archive:FILE`, `docker-archive:FILE:NAME:TAG` | what `docker load` reads; written only |
/// | `docker://NAME`, `HOST/NAME:TAG`, `HOST/NAME@DIGEST` | an image in a registry |
/// | anything else | a file or directory |
///
/// As with skopeo, `DIR` and `FILE` end at the first colon, so that a tag may be a whole reference. A file whose name
/// looks like one of the forms is written `./oci:name`, and that is also how [`Display`](fmt::Display) writes it.
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
    /// An OCI image layout as a tar archive.
    Archive {
        /// The archive.
        file: PathBuf,
        /// The tag; without it the only image there is.
        tag: Option<String>,
    },
    /// An archive for `docker load`.
    DockerArchive {
        /// The archive.
        file: PathBuf,
        /// The name that Docker gives the image.
        name: Option<Reference>,
    },
    /// An image in a registry.
    Registry(Reference),
}

/// Transports that skopeo has and this version has not: they are not taken for file names.
const FOREIGN: [&str; 6] = ["containers-storage", "dir", "docker", "docker-daemon", "ostree", "sif"];

impl Location {
    /// Tells whether it is of the kind that holds images, and not a plain file.
    #[must_use]
    pub fn is_image(&self) -> bool {
        !matches!(self, Self::Stdin | Self::Path(_))
    }

    /// Reads the image that is here; where that is an index of several, the one for `platform`.
    ///
    /// ```
    /// use wasm_oci::{Format, Location, Overwrite, Pack};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let archive = format!("oci-archive:{}", dir.path().join("app.tar").display());
    /// let image = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?.build(Format::Artifact)?;
    /// let location: Location = archive.parse()?; // oci-archive:app.tar
    /// location.write(&image, Overwrite::Refuse)?;
    /// assert_eq!(location.artifact(None)?.digest(), image.digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Place`] for what holds no images or cannot be read; those of [`Layout::artifact_for`].
    pub fn artifact(&self, platform: Option<&Platform>) -> Result<Artifact> {
        match self {
            Self::Layout { dir, tag } => Layout::open(dir)?.artifact_for(tag.as_deref(), platform),
            Self::Archive { file, tag } => Archive::open(file)?.artifact_for(tag.as_deref(), platform),
            Self::DockerArchive { .. } => Err(self.refuse("read", WRITTEN_ONLY)),
            Self::Registry(_) => Err(self.refuse("read", IN_REGISTRY)),
            Self::Stdin | Self::Path(_) => Err(self.refuse("read", "it is a file and no image")),
        }
    }

    /// Writes an image or an index here.
    ///
    /// # Errors
    ///
    /// [`Error::Place`] for what holds no images or cannot be written, for a layout without a tag, and for an index where
    /// there is room for one image only; those of
    /// [`Layout::write`] and [`Archive::write`].
    pub fn write(&self, content: &dyn Content, overwrite: Overwrite) -> Result<()> {
        match self {
            Self::Layout { dir, tag: Some(tag) } => Layout::write(dir, tag, content, overwrite),
            Self::Layout { tag: None, .. } => Err(self.refuse("write", "it names no tag")),
            Self::Archive { file, tag } => Archive::write(file, tag.as_deref(), content, overwrite),
            Self::DockerArchive { file, name } => match content.artifact() {
                Some(artifact) => Archive::write_docker(file, name.as_ref(), artifact, overwrite),
                None => Err(self.refuse("write", "`docker load` takes one image")),
            },
            Self::Registry(_) => Err(self.refuse("write", IN_REGISTRY)),
            Self::Stdin | Self::Path(_) => Err(self.refuse("write", "it is no place for an image")),
        }
    }

    fn refuse(&self, action: &'static str, why: &'static str) -> Error {
        Error::Place { action, location: self.to_string(), why }
    }
}

pub(crate) const WRITTEN_ONLY: &str = "archives of Docker are written, not read";
pub(crate) const IN_REGISTRY: &str = "it is in a registry";

impl Location {
    /// Parses the name of an image in a registry: a location in a registry, or a name that could be that of a file as well, as
    /// `alpine` or `me/app:v1`.
    ///
    /// ```
    /// use wasm_oci::Location;
    ///
    /// for text in ["ghcr.io/me/app:v1", "docker://ghcr.io/me/app:v1"] {
    ///     assert_eq!(Location::reference(text)?.to_string(), "ghcr.io/me/app:v1");
    /// }
    /// assert!(Location::reference("oci:layout:v1").is_err());
    /// # Ok::<(), wasm_oci::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Location`] for a location that is in no registry, [`Error::Reference`] for a malformed name.
    pub fn reference(text: &str) -> Result<Reference> {
        match text.parse()? {
            Self::Registry(reference) => Ok(reference),
            Self::Path(_) => text.parse(),
            _ => Err(Error::Location { text: text.to_owned(), why: "it is not in a registry" }),
        }
    }
}

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
            Some(("oci", rest)) => {
                let (dir, tag) = parts(text, rest)?;
                Ok(Self::Layout { dir: dir.into(), tag: tag.map(str::to_owned) })
            }
            Some(("oci-archive", rest)) => {
                let (file, tag) = parts(text, rest)?;
                Ok(Self::Archive { file: file.into(), tag: tag.map(str::to_owned) })
            }
            Some(("docker-archive", rest)) => {
                let (file, name) = parts(text, rest)?;
                let name = name.map(str::parse::<Reference>).transpose()?;
                Ok(Self::DockerArchive { file: file.into(), name })
            }
            Some(("docker", rest)) if rest.starts_with("//") => Ok(Self::Registry(rest[2..].parse()?)),
            Some((scheme, _)) if FOREIGN.contains(&scheme) => refuse("it reads files, layouts and archives"),
            Some((_, rest)) if rest.starts_with("//") => refuse("it is a URL"),
            _ if Reference::is_complete(text) => Ok(Self::Registry(text.parse()?)),
            _ => Ok(Self::Path(text.into())),
        }
    }
}

/// Parts `PATH[:TAG]`.
fn parts<'a>(text: &str, rest: &'a str) -> Result<(&'a str, Option<&'a str>)> {
    let refuse = |why| Err(Error::Location { text: text.to_owned(), why });
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    if path.is_empty() {
        return refuse("the path is missing");
    }
    if tag == Some("") {
        return refuse("the tag is missing");
    }
    Ok((path, tag))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut with = |scheme: &str, path: &PathBuf, tag: Option<&dyn fmt::Display>| {
            write!(f, "{scheme}:{}", path.display())?;
            tag.into_iter().try_for_each(|tag| write!(f, ":{tag}"))
        };
        match self {
            Self::Stdin => f.write_str("-"),
            Self::Path(path) => {
                let text = path.display().to_string();
                let plain = matches!(text.parse(), Ok(Self::Path(_)));
                write!(f, "{}{text}", if plain { "" } else { "./" })
            }
            Self::Layout { dir, tag } => with("oci", dir, tag.as_ref().map(|tag| tag as _)),
            Self::Archive { file, tag } => with("oci-archive", file, tag.as_ref().map(|tag| tag as _)),
            Self::DockerArchive { file, name } => {
                with("docker-archive", file, name.as_ref().map(|name| name as _))
            }
            Self::Registry(reference) => write!(f, "docker://{reference}"),
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
            ("oci-archive:a.tar", Location::Archive { file: "a.tar".into(), tag: None }),
            ("oci-archive:a:v1", Location::Archive { file: "a".into(), tag: Some("v1".into()) }),
            ("docker-archive:a", Location::DockerArchive { file: "a".into(), name: None }),
            ("./ghcr.io/a:v1", Location::Path("./ghcr.io/a:v1".into())),
            ("ghcr.io/a", Location::Path("ghcr.io/a".into())),
            ("out.d/app.wasm", Location::Path("out.d/app.wasm".into())),
            ("oci:/a/b:localhost:5000/x:v1", layout("/a/b", Some("localhost:5000/x:v1"))),
        ] {
            assert_eq!(text.parse::<Location>().unwrap(), location);
            assert_eq!(location.to_string(), text);
        }
    }

    #[test]
    fn registries() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, shown) in [
            ("docker://alpine", "docker://docker.io/library/alpine".to_owned()),
            ("docker://ghcr.io/a", "docker://ghcr.io/a".to_owned()),
            ("ghcr.io/a/b:v1", "docker://ghcr.io/a/b:v1".to_owned()),
            (&format!("localhost:5000/x:tag@{digest}"), format!("docker://localhost:5000/x:tag@{digest}")),
            (&format!("[::1]:5000/x@{digest}"), format!("docker://[::1]:5000/x@{digest}")),
        ] {
            let location = text.parse::<Location>().unwrap();
            assert!(matches!(location, Location::Registry(_)), "{text}");
            assert_eq!(location.to_string(), shown);
            assert_eq!(shown.parse::<Location>().unwrap(), location);
        }
        let archive = "docker-archive:a:app:v1".parse::<Location>().unwrap();
        assert_eq!(archive.to_string(), "docker-archive:a:docker.io/library/app:v1");
    }

    #[test]
    fn refusals() {
        for (text, why) in [
            ("", "it is empty"),
            ("oci:", "the path is missing"),
            ("oci::v1", "the path is missing"),
            ("oci:a:", "the tag is missing"),
            ("oci-archive::v1", "the path is missing"),
            ("docker:alpine", "it reads files, layouts and archives"),
            ("docker-daemon:a:v1", "it reads files, layouts and archives"),
            ("https://a/b.wasm", "it is a URL"),
        ] {
            let error = text.parse::<Location>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a location this version knows: {why}"));
        }
    }
}
