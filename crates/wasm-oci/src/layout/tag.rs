//! Tags: which entry of an index has which.

use std::collections::HashMap;

use oci_spec::image::{Descriptor, ImageIndex};

use crate::{Artifact, Error, Platform, Result};

/// Carries an image's tag in `index.json`.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The entry under `tag`, or the only one.
pub(crate) fn find<'a>(index: &'a ImageIndex, tag: Option<&str>) -> Result<&'a Descriptor> {
    let mut found = index.manifests().iter().filter(|descriptor| tag.is_none() || tag_of(descriptor) == tag);
    match (found.next(), found.next()) {
        (Some(descriptor), None) => Ok(descriptor),
        _ => Err(Error::NoSuchTag {
            tag: tag.map(str::to_owned),
            tags: index.manifests().iter().filter_map(tag_of).map(str::to_owned).collect(),
        }),
    }
}

pub(super) fn tag_of(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations().as_ref()?.get(REF_NAME).map(String::as_str)
}

/// The artifact's entry in an index.
pub(crate) fn entry(artifact: &Artifact, tag: Option<&str>) -> Descriptor {
    let mut descriptor = artifact.descriptor().clone();
    let Platform { os, architecture, variant } = artifact.platform();
    let mut platform = oci_spec::image::Platform::default();
    platform.set_os(os.as_str().into());
    platform.set_architecture(architecture.as_str().into());
    platform.set_variant(variant);
    descriptor.set_platform(Some(platform));
    descriptor.set_annotations(tag.map(name_annotation));
    descriptor
}

pub(crate) fn name_annotation(tag: &str) -> HashMap<String, String> {
    [(REF_NAME.to_owned(), tag.to_owned())].into()
}

/// The form of tags in the
/// [distribution specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests).
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let valid = tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'));
    if valid { Ok(()) } else { Err(Error::Tag { tag: tag.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for good in ["v1", "_", "1.0-rc_1"] {
            assert!(check_tag(good).is_ok());
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", "ü", &"a".repeat(129)] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
    }
}
