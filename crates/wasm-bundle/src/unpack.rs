//! Unpacking the layers of an image.
//!
//! Layers come from strangers. Nothing here trusts a name: the tar is read strictly ([`wasm_oci::Entries`]), names and
//! link targets are parsed ([`name`]), and what is made is made one directory at a time, with links followed only inside
//! the root ([`tree`]). Owners, times, extended attributes and the set-uid, set-gid and sticky bits are not restored.

mod budget;
mod name;
mod tree;

use std::path::Path;

use cap_std::fs::{Dir, Permissions, PermissionsExt};
use oci_spec::runtime::{Mount as SpecMount, Spec};
use wasm_oci::{Artifact, Entries, Entry, EntryKind, Layer};

use self::{
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
        files(&tree, index, open(index, layer)?, &mut budget)?;
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
    let mut above = spec.mounts().iter().flatten().map(SpecMount::destination);
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

fn open(index: usize, layer: &Layer) -> Result<Entries<'_>> {
    layer.entries().map_err(|error| unsound(index, error))
}

/// The next entry, if there is room for what its header claims.
fn next(layer: usize, entries: &mut Entries<'_>, budget: &mut Budget) -> Result<Option<Entry>> {
    let Some(entry) = entries.next_entry().map_err(|error| unsound(layer, error))? else { return Ok(None) };
    budget.entry()?;
    budget.bytes(entry.size)?;
    Ok(Some(entry))
}

/// Says which layer it is whose tar is not sound.
fn unsound(layer: usize, error: wasm_oci::Error) -> Error {
    match error {
        wasm_oci::Error::Tar { why } => Error::Tar { layer, why },
        wasm_oci::Error::Entry { entry, why } => {
            Error::Entry { layer, entry, refusal: Refusal::Ambiguous(why) }
        }
        wasm_oci::Error::Entries { limit } => Error::TooMuch { what: "entries in its layers", limit },
        source => Error::Layer { layer, source: source.into() },
    }
}

/// Applies the whiteouts of a layer and nothing else of it.
fn whiteouts(tree: &Tree, layer: usize, mut entries: Entries<'_>) -> Result<()> {
    let mut budget = Budget::new();
    while let Some(entry) = next(layer, &mut entries, &mut budget)? {
        let done = match mark(&entry) {
            Ok(Mark::Deleted(name)) => tree.remove(&name),
            Ok(Mark::Opaque(name)) => tree.empty(&name),
            Ok(Mark::Plain(_)) => Ok(()),
            Err(refusal) => Err(Fault::Refused(refusal)),
        };
        done.map_err(|fault| error(layer, &entry, fault))?;
    }
    Ok(())
}

/// Unpacks everything of a layer but its whiteouts.
fn files(tree: &Tree, layer: usize, mut entries: Entries<'_>, budget: &mut Budget) -> Result<()> {
    while let Some(entry) = next(layer, &mut entries, budget)? {
        let name = match mark(&entry) {
            Ok(Mark::Plain(name)) => name,
            Ok(Mark::Deleted(_) | Mark::Opaque(_)) => continue,
            Err(refusal) => return Err(error(layer, &entry, Fault::Refused(refusal))),
        };
        let done = match &entry.kind {
            EntryKind::Directory => tree.directory(&name, permissions(&entry)),
            EntryKind::Symlink { target } => {
                name::link_target(target).map_err(Fault::from).and_then(|target| tree.symlink(&name, target))
            }
            EntryKind::HardLink { target } => hard_link(tree, &name, target),
            // The runtime's own devices hide them.
            EntryKind::Special if name.is_below("dev") => Ok(()),
            EntryKind::Special => Err(Refusal::Special.into()),
            EntryKind::File => match tree.file(&name) {
                Ok(mut file) => {
                    let written = entries.copy(&mut file).map_err(|error| unsound(layer, error))?;
                    let mode = Permissions::from_mode(permissions(&entry));
                    written.and_then(|()| file.set_permissions(mode)).map_err(Fault::from)
                }
                Err(fault) => Err(fault),
            },
            EntryKind::Unknown(kind) => Err(Refusal::Unknown(*kind).into()),
            // A kind that a later version of the reader may tell apart.
            _ => Err(Refusal::Unknown('?').into()),
        };
        done.map_err(|fault| error(layer, &entry, fault))?;
    }
    Ok(())
}

/// Set-uid, set-gid and sticky are dropped.
fn permissions(entry: &Entry) -> u32 {
    entry.mode & 0o777
}

fn mark(entry: &Entry) -> Result<Mark, Refusal> {
    let mark = Mark::of(Name::parse(&entry.name)?)?;
    match (&mark, &entry.kind) {
        (Mark::Plain(_), _) => Ok(mark),
        (_, EntryKind::File) if entry.size == 0 => Ok(mark),
        _ => Err(Refusal::Whiteout),
    }
}

/// A link to a name that is refused is refused as a link, whatever is wrong with the name.
fn hard_link(tree: &Tree, name: &Name, target: &[u8]) -> Result<(), Fault> {
    let parsed = Name::parse(target)
        .map_err(|_| Refusal::HardLink { target: shortened(&String::from_utf8_lossy(target)) })?;
    tree.hard_link(name, &parsed)
}

fn error(layer: usize, entry: &Entry, fault: Fault) -> Error {
    let entry = String::from_utf8_lossy(&entry.name);
    match fault {
        Fault::Refused(refusal) => Error::Entry { layer, entry: shortened(&entry), refusal },
        Fault::TooMuch(error) => error,
        Fault::Io(source) => Error::io("unpack", &*shortened(&entry))(source),
    }
}
