//! Unpacking the layers of an image.
//!
//! Layers come from strangers. Nothing here trusts a name: the tar is read strictly ([`archive`]), names and link targets
//! are parsed ([`name`]), and what is made is made one directory at a time, with links followed only inside the root
//! ([`tree`]). Owners, times, extended attributes and the set-uid, set-gid and sticky bits are not restored.

mod archive;
mod budget;
mod name;
mod pax;
mod tree;

use std::{io::Read, path::Path};

use cap_std::fs::{Dir, Permissions, PermissionsExt};
use oci_spec::runtime::Spec;
use wasm_oci::{Artifact, Layer};

use self::{
    archive::{Archive, Kind, Member},
    budget::Budget,
    name::{Mark, Name},
    tree::{Fault, Tree},
};
use crate::{Error, Mount, Refusal, Result, error::shortened, spec::ROOTFS};

/// Where bundles of ours, and most others, have file systems of the kernel.
const MOUNT_POINTS: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Unpacks the layers of an image, the lowest first, into an empty directory, and makes what the runtime wants there:
/// mount points, so that it need not write to the bundle (in a user namespace it may not), and the working directory (crun
/// and runc make it when it is missing, youki does not).
///
/// A whiteout deletes what layers *below* its own have, wherever in its layer it stands. So a layer that is not the
/// lowest is read twice: for its whiteouts, then for the rest.
pub(crate) fn unpack(image: &Artifact, root: Dir, spec: &Spec, mounts: &[Mount]) -> Result<()> {
    let tree = Tree::new(root).map_err(Error::io("create", ROOTFS))?;
    let mut budget = Budget::new();
    for (index, layer) in image.layers().iter().enumerate() {
        if index > 0 {
            whiteouts(&tree, index, open(index, layer)?)?;
        }
        entries(&tree, index, open(index, layer)?, &mut budget)?;
    }
    let cwd = spec.process().as_ref().map(|process| process.cwd().as_path());
    mount_points(spec).chain(cwd).try_for_each(|path| ensure(&tree, path, Thing::Directory))?;
    mounts.iter().filter(|mount| !is_hidden(spec, &mount.destination)).try_for_each(|mount| {
        // A file is mounted on a file. What is not on this machine may be anything.
        let thing = if mount.source.is_file() { Thing::File } else { Thing::Directory };
        ensure(&tree, &mount.destination, thing)
    })
}

/// Whether a mount point lies in what another mount puts there.
fn is_hidden(spec: &Spec, destination: &Path) -> bool {
    let mut above = spec.mounts().iter().flatten().map(|mount| mount.destination());
    above.any(|above| destination != above && destination.starts_with(above))
}

/// What is made where something is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Directory,
    File,
}

/// Where the runtime mounts file systems of the kernel: `/proc`, `/dev`, `/sys`. What lies in them is not of the bundle.
fn mount_points(spec: &Spec) -> impl Iterator<Item = &Path> {
    let destinations = spec.mounts().iter().flatten().map(|mount| mount.destination().as_path());
    destinations
        .filter(|path| MOUNT_POINTS.iter().any(|point| path.components().eq(Path::new(point).components())))
}

/// Makes a directory or an empty file unless it is there. What the image has in its way is the runtime's to complain about.
fn ensure(tree: &Tree, path: &Path, thing: Thing) -> Result<()> {
    let text = path.to_string_lossy();
    let below = text.trim_start_matches('/');
    if below.is_empty() {
        return Ok(());
    }
    let name = Name::parse(below.as_bytes())
        .map_err(|_| Error::value("the path", &text, "is too long or too deep"))?;
    let made = match thing {
        Thing::Directory => tree.ensure(&name),
        Thing::File => tree.ensure_file(&name),
    };
    match made {
        Ok(()) | Err(Fault::Refused(_)) => Ok(()),
        Err(Fault::TooMuch(error)) => Err(error),
        Err(Fault::Io(source)) => Err(Error::io("create", path)(source)),
    }
}

fn open(index: usize, layer: &Layer) -> Result<impl Read + use<'_>> {
    layer.open().map_err(|source| Error::Layer { layer: index, source: source.into() })
}

/// Applies the whiteouts of a layer and nothing else of it.
fn whiteouts(tree: &Tree, layer: usize, tar: impl Read) -> Result<()> {
    let mut budget = Budget::new();
    let mut archive = Archive::new(layer, tar, &mut budget);
    while let Some(member) = archive.next()? {
        let done = match mark(&member) {
            Ok(Mark::Deleted(name)) => tree.remove(&name),
            Ok(Mark::Opaque(name)) => tree.empty(&name),
            Ok(Mark::Plain(_)) => Ok(()),
            Err(refusal) => Err(Fault::Refused(refusal)),
        };
        done.map_err(|fault| error(layer, &member, fault))?;
    }
    Ok(())
}

/// Unpacks everything of a layer but its whiteouts.
fn entries(tree: &Tree, layer: usize, tar: impl Read, budget: &mut Budget) -> Result<()> {
    let mut archive = Archive::new(layer, tar, budget);
    while let Some(member) = archive.next()? {
        let name = match mark(&member) {
            Ok(Mark::Plain(name)) => name,
            Ok(Mark::Deleted(_) | Mark::Opaque(_)) => continue,
            Err(refusal) => return Err(error(layer, &member, Fault::Refused(refusal))),
        };
        let done = match &member.kind {
            Kind::Directory => tree.directory(&name, member.mode),
            Kind::Symlink { target } => {
                name::link_target(target).map_err(Fault::from).and_then(|target| tree.symlink(&name, target))
            }
            Kind::HardLink { target } => hard_link(tree, &name, target),
            // The runtime's own devices hide them.
            Kind::Special if name.is_below("dev") => Ok(()),
            Kind::Special => Err(Refusal::Special.into()),
            Kind::File => match tree.file(&name) {
                Ok(mut file) => {
                    let written = archive.copy(&mut file)?;
                    let mode = Permissions::from_mode(member.mode);
                    written.and_then(|()| file.set_permissions(mode)).map_err(Fault::from)
                }
                Err(fault) => Err(fault),
            },
        };
        done.map_err(|fault| error(layer, &member, fault))?;
    }
    Ok(())
}

fn mark(member: &Member) -> Result<Mark, Refusal> {
    let mark = Mark::of(Name::parse(&member.name)?)?;
    match (&mark, &member.kind) {
        (Mark::Plain(_), _) => Ok(mark),
        (_, Kind::File) if member.size == 0 => Ok(mark),
        _ => Err(Refusal::Whiteout),
    }
}

/// A link to a name that is refused is refused as a link, whatever is wrong with the name.
fn hard_link(tree: &Tree, name: &Name, target: &[u8]) -> Result<(), Fault> {
    let parsed = Name::parse(target)
        .map_err(|_| Refusal::HardLink { target: shortened(&String::from_utf8_lossy(target)) })?;
    tree.hard_link(name, &parsed)
}

fn error(layer: usize, member: &Member, fault: Fault) -> Error {
    let entry = String::from_utf8_lossy(&member.name);
    match fault {
        Fault::Refused(refusal) => Error::Entry { layer, entry: shortened(&entry), refusal },
        Fault::TooMuch(error) => error,
        Fault::Io(source) => Error::io("unpack", &*shortened(&entry))(source),
    }
}
