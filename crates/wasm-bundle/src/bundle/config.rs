//! Reading a config.json of somebody else's.

use std::{
    collections::HashSet,
    fmt,
    io::{self, Read},
    path::Path,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, File},
};
use oci_spec::runtime::Spec;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Bundle, CONFIG};
use crate::{Error, Result};

/// Reads the configuration of the bundle in this directory.
pub(super) fn read(path: &Path) -> Result<Spec> {
    let bytes = bytes(path)?;
    let config = |source: serde_json::Error| Error::Config { path: path.join(CONFIG), source: source.into() };
    serde_json::from_slice::<Sound>(&bytes).map_err(config)?;
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

/// JSON whose outermost value is an object and whose objects have each name once: of two, one reader takes the first and
/// another the last.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Values)?;
        Ok(Self)
    }
}

/// Any value, looked through and dropped.
struct Any;

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)?;
        Ok(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some((name, Any)) = map.next_entry::<String, Any>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format_args!("an object has the name {name:?} twice")));
            }
            names.insert(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<Any>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
