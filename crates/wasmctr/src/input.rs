use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::Context;
use wasm_bundle::Bundle;
use wasm_oci::{Artifact, Format, Location, Pack, Platform};

use crate::{Failure, remote::Remote};

/// The largest file that is taken for a module: 1 GiB, as large as a layer may be.
const LIMIT: u64 = Artifact::LAYER_LIMIT;
/// The largest text that is read: 16 MiB.
const TEXT_LIMIT: u64 = 16 << 20;

/// Reads the bytes that a file or standard input holds; text format (`.wat`) is translated.
pub(crate) fn wasm(location: &Location) -> Result<Vec<u8>, Failure> {
    let bytes = match location {
        Location::Stdin => read(io::stdin().lock()).context("cannot read standard input")?,
        Location::Path(path) => bytes(path)?,
        other => return Err(anyhow::anyhow!("`{other}` is no file").into()),
    };
    let is_text =
        matches!(location, Location::Path(path) if path.extension().is_some_and(|end| end == "wat"));
    Ok(if is_text {
        wat::parse_bytes(&bytes).context("cannot translate the text format")?.into_owned()
    } else {
        bytes
    })
}

/// Reads a file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(file(path).with_context(|| format!("cannot read `{}`", path.display()))?)
}

/// Reads the module that a file, a bundle or an image holds.
pub(crate) fn module(
    location: &Location,
    platform: Option<&Platform>,
    remote: &Remote,
) -> Result<Vec<u8>, Failure> {
    match location {
        Location::Path(path) if path.is_dir() => Ok(Bundle::open(path)?.module()?),
        image if image.is_image() => Ok(remote.image(image, platform)?.wasm()?.into()),
        other => wasm(other),
    }
}

/// A module that is to be packed, and what is said about it.
pub(crate) struct Packed {
    pub(crate) wasm: Vec<u8>,
    pub(crate) pack: Pack,
    /// What an image has that cannot be packed again.
    pub(crate) lost: Vec<String>,
}

/// Reads a module to be packed, with what the image says about it where it is in one.
pub(crate) fn pack(location: &Location, path: Option<&str>, remote: &Remote) -> Result<Packed, Failure> {
    if location.is_image() {
        let image = remote.image(location, None)?;
        let (pack, lost) = Pack::of_image(&image)?;
        return Ok(Packed { wasm: pack.bytes().to_vec(), pack, lost });
    }
    let wasm = wasm(location)?;
    let path = path.map_or_else(|| entrypoint(location), |path| Ok(path.to_owned()))?;
    Ok(Packed { pack: Pack::new(wasm.clone(), &path)?, wasm, lost: vec![] })
}

/// Reads an image, or packs the file that the location names.
pub(crate) fn image(
    location: &Location,
    platform: Option<&Platform>,
    remote: &Remote,
) -> Result<Artifact, Failure> {
    if location.is_image() {
        return remote.image(location, platform);
    }
    Ok(Pack::new(wasm(location)?, &entrypoint(location)?)?.build(Format::Compat)?)
}

/// Reads a text file, or standard input for `-`, as far as a configuration may be long: 16 MiB, and what parses it has a
/// limit of its own.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    let context = || format!("cannot read `{}`", path.display());
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(context)?)
    };
    source.take(TEXT_LIMIT + 1).read_to_end(&mut bytes).with_context(context)?;
    if bytes.len() as u64 > TEXT_LIMIT {
        return Err(Failure::from(
            anyhow::Error::from(io::Error::from(io::ErrorKind::FileTooLarge)).context(context()),
        ));
    }
    Ok(String::from_utf8(bytes).with_context(context)?)
}

/// The path that a file gets in an image: its own name, in the root directory, with the ending `.wasm`.
pub(crate) fn entrypoint(location: &Location) -> Result<String, Failure> {
    let Location::Path(path) = location else {
        let error = anyhow::anyhow!("standard input has no name that the file could have in the image");
        return Err(Failure::from(error).help("name it: `--entrypoint /app.wasm`"));
    };
    Ok(format!("/{}", name(path)?))
}

/// The name by which a program run from `path` knows itself.
pub(crate) fn name(path: &Path) -> Result<Cow<'_, str>, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("`{}` has no name in UTF-8", path.display()))?;
    Ok(match name.strip_suffix(".wat") {
        Some(stem) => Cow::Owned(format!("{stem}.wasm")),
        None => Cow::Borrowed(name),
    })
}

fn file(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    read(file)
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
