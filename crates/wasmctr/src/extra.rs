use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, anyhow};
use wasm_oci::Pack;

use crate::{Failure, input};

/// A file or directory that is packed beside the program, as `--file SRC:DEST` names it.
#[derive(Debug, Clone)]
pub(crate) struct Extra {
    source: PathBuf,
    /// Where it goes in the image.
    destination: String,
}

impl FromStr for Extra {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The last colon: a path of the image has none in most cases, one of this machine may.
        match text.rsplit_once(':') {
            Some((source, destination)) if !source.is_empty() && destination.starts_with('/') => {
                Ok(Self { source: source.into(), destination: destination.to_owned() })
            }
            _ => Err("write SRC:DEST, such as app.toml:/etc/app.toml"),
        }
    }
}

impl Extra {
    /// Adds the file, or each file of the directory. Links and whatever else is neither are refused: an image holds what
    /// is here now.
    pub(crate) fn add_to(&self, pack: Pack) -> Result<Pack, Failure> {
        let found =
            fs::metadata(&self.source).with_context(|| format!("cannot read `{}`", self.source.display()))?;
        if found.is_dir() {
            return directory(pack, &self.source, self.destination.trim_end_matches('/'));
        }
        Ok(pack.file(&self.destination, input::bytes(&self.source)?)?)
    }
}

fn directory(pack: Pack, source: &Path, destination: &str) -> Result<Pack, Failure> {
    let reading = || format!("cannot read `{}`", source.display());
    let mut pack = pack;
    for entry in fs::read_dir(source).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().with_context(|| format!("`{}` has no name in UTF-8", path.display()))?;
        let destination = format!("{destination}/{name}");
        let kind = entry.file_type().with_context(reading)?;
        pack = if kind.is_dir() {
            directory(pack, &path, &destination)?
        } else if kind.is_file() {
            pack.file(&destination, input::bytes(&path)?)?
        } else {
            let error = anyhow!("`{}` is neither a file nor a directory", path.display());
            return Err(
                Failure::from(error).help("links are not packed: name what they lead to with `--file`")
            );
        };
    }
    Ok(pack)
}
