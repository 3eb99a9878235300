use wasm_oci::{Artifact, Content, Format, Index, Location, Loss, Pack, Platform};

use crate::{Failure, table::Table};

/// What a command makes: one image, or an index of several.
pub(super) enum Written {
    One(Box<Artifact>),
    Several(Box<Index>),
}

impl Written {
    /// Packs in every format: compat for each platform that is named, the others once, for their own.
    pub(super) fn of(pack: &Pack, formats: &[Format], platforms: &[Platform]) -> Result<Self, Failure> {
        let mut images = vec![];
        for &format in formats {
            match (format, platforms) {
                (_, [only]) if formats.len() == 1 => {
                    images.push(pack.clone().platform(only.clone()).build(format)?);
                }
                (Format::Compat, several) if !several.is_empty() => {
                    for platform in several {
                        images.push(pack.clone().platform(platform.clone()).build(format)?);
                    }
                }
                _ => images.push(pack.build(format)?),
            }
        }
        Self::from(images)
    }

    pub(super) fn from(mut images: Vec<Artifact>) -> Result<Self, Failure> {
        match images.pop() {
            Some(only) if images.is_empty() => Ok(Self::One(Box::new(only))),
            last => {
                images.extend(last);
                Ok(Self::Several(Box::new(Index::new(images)?)))
            }
        }
    }

    /// Converts to every format, without loss.
    pub(super) fn converted(image: &Artifact, formats: &[Format]) -> Result<Self, Failure> {
        let images = formats.iter().map(|format| Ok(image.convert(*format, Loss::Refuse)?.artifact));
        Self::from(images.collect::<Result<_, Failure>>()?)
    }

    /// What is written.
    pub(super) fn content(&self) -> &dyn Content {
        match self {
            Self::One(image) => image.as_ref(),
            Self::Several(index) => index.as_ref(),
        }
    }

    /// Tells what was written where.
    pub(super) fn text(&self, table: &mut Table<'_>, to: &Location) -> Result<(), Failure> {
        match self {
            Self::One(image) => one(table, image)?,
            Self::Several(index) => {
                for image in index.artifacts() {
                    one(table, image)?;
                }
                table.line("index", index.digest())?;
            }
        }
        Ok(table.line("written", to)?)
    }
}

fn one(table: &mut Table<'_>, image: &Artifact) -> Result<(), Failure> {
    for layer in image.layers() {
        let layer = layer.descriptor();
        table.line("layer", format_args!("{} {} bytes", layer.digest(), layer.size()))?;
    }
    Ok(table.line("image", format_args!("{} {}, {}", image.digest(), image.format(), image.platform()))?)
}
