//! Reading a config.json of somebody else's.

use std::{
    collections::HashMap,
    io::{self, Read},
    path::Path,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, File},
};
use oci_spec::runtime::Spec;
use serde::de::IgnoredAny;
use wasm_oci::check_json;

use super::{Bundle, CONFIG};
use crate::{Error, Result};

/// Reads the configuration of the bundle in this directory.
pub(super) fn read(path: &Path) -> Result<Spec> {
    let bytes = bytes(path)?;
    let config = |source| Error::Config { path: path.join(CONFIG), source };
    check_json(CONFIG, &bytes, usize::MAX).map_err(|error| match error {
        wasm_oci::Error::Json { source, .. } => config(source),
        error => config(error.into()),
    })?;
    let config = |source: serde_json::Error| config(source.into());
    // serde takes a list for a structure.
    serde_json::from_slice::<HashMap<String, IgnoredAny>>(&bytes).map_err(config)?;
    let spec: Spec = serde_json::from_slice(&bytes).map_err(config)?;
    if spec.version().is_empty() {
        return Err(Error::value("ociVersion", "", "is missing"));
    }
    Ok(spec)
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(Error::io("open", path))?;
    let file = match open_regular(&dir, Path::new(CONFIG)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::not_bundle(path, "it has no config.json"));
        }
        result => result.map_err(Error::io("read", path.join(CONFIG)))?,
    };
    let limit = Bundle::CONFIG_LIMIT;
    let mut config = Vec::new();
    file.take(limit + 1).read_to_end(&mut config).map_err(Error::io("read", path.join(CONFIG)))?;
    if config.len() as u64 > limit {
        return Err(Error::TooLarge { path: path.join(CONFIG), limit });
    }
    Ok(config)
}

/// Opens a regular file below `dir`: to open a pipe would be to wait for somebody to write.
fn open_regular(dir: &Dir, path: &Path) -> io::Result<File> {
    let kind = dir.metadata(path)?.file_type();
    match kind {
        kind if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        kind if !kind.is_file() => Err(io::Error::other("not a regular file")),
        _ => dir.open(path),
    }
}
