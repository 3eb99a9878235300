//! One file of an image's tar layers.

use crate::{Ambiguity, Entries, Entry, EntryKind, Error, Layer, Result, error::shortened};

/// What the layers have under a path.
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    /// When it was modified, in seconds since 1970.
    pub(crate) modified: u64,
    /// Which layer has it.
    pub(crate) layer: usize,
}

/// Looks for a path, from the topmost layer down; an error tells why it is not there.
pub(super) fn lookup(layers: &[Layer], wanted: &str) -> Result<Result<File, &'static str>> {
    for (index, layer) in layers.iter().enumerate().rev() {
        match find(layer, wanted)? {
            Found::File(file) => return Ok(Ok(File { layer: index, ..file })),
            Found::Other => return Ok(Err("no regular file")),
            Found::Below => return Ok(Err("below a link or file")),
            Found::Deleted => return Ok(Err("deleted by a layer above it")),
            Found::Nothing => {}
        }
    }
    Ok(Err("not in the layers"))
}

/// How many files are named.
pub(crate) const NAMED: usize = 20;

/// Names what the layers hold besides `program` and the directories above it, as `the file /…`, at most 20 of them.
pub(crate) fn others(layers: &[Layer], program: &str) -> Result<Vec<String>> {
    let mut names = vec![];
    for layer in layers {
        let mut entries = layer.entries()?;
        while let Some(entry) = entries.next_entry()? {
            let path = path(&entry)?;
            let is_dir = entry.kind == EntryKind::Directory;
            let above = is_dir && is_in(program, &path);
            if path != program && !above && names.len() < NAMED {
                names.push(format!("the {} /{path}", if is_dir { "directory" } else { "file" }));
            }
        }
    }
    Ok(names)
}

enum Found {
    File(File),
    Other,
    Below,
    Deleted,
    Nothing,
}

/// Looks for a path in one layer. The last entry of that name counts, as it does when the layer is unpacked.
fn find(layer: &Layer, wanted: &str) -> Result<Found> {
    let mut found = Found::Nothing;
    let mut entries = layer.entries()?;
    while let Some(entry) = entries.next_entry()? {
        let path = path(&entry)?;
        if path == wanted {
            found = read(&mut entries, &entry)?;
        } else if entry.kind != EntryKind::Directory && is_in(wanted, &path) {
            // Whoever unpacks this goes through a link, or finds nothing there.
            found = Found::Below;
        } else if matches!(found, Found::Nothing) && deletes(&path, wanted) {
            found = Found::Deleted;
        }
    }
    Ok(found)
}

fn read(entries: &mut Entries<'_>, entry: &Entry) -> Result<Found> {
    if entry.kind != EntryKind::File {
        return Ok(Found::Other);
    }
    let mut bytes = Vec::new();
    // Memory takes everything.
    let _ = entries.copy(&mut bytes)?;
    Ok(Found::File(File { bytes, modified: entry.modified, layer: 0 }))
}

/// The entry's path, relative to the root and without `.`. What is not UTF-8 is no path of a config's.
fn path(entry: &Entry) -> Result<String> {
    let path = normal(&String::from_utf8_lossy(&entry.name));
    match path.split('/').any(|part| part == "..") {
        false => Ok(path),
        true => Err(Error::Entry { entry: shortened(&path), why: Ambiguity::Parent }),
    }
}

/// Whether the entry `path` is a whiteout of `wanted` or of a directory above it.
fn deletes(path: &str, wanted: &str) -> bool {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.strip_prefix(".wh.") {
        Some(".wh..opq") => is_in(wanted, parent),
        Some(name) if parent.is_empty() => is_in(wanted, name),
        Some(name) => is_in(wanted, &format!("{parent}/{name}")),
        None => false,
    }
}

/// Whether `path` is `directory` or somewhere below it.
fn is_in(path: &str, directory: &str) -> bool {
    match path.strip_prefix(directory) {
        Some(rest) => directory.is_empty() || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

/// Drops empty and `.` parts; `..` stays and so matches nothing.
pub(crate) fn normal(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiteouts() {
        assert!(deletes("app/.wh.main.wasm", "app/main.wasm"));
        assert!(deletes(".wh.app", "app/main.wasm"));
        assert!(deletes("app/.wh..wh..opq", "app/main.wasm"));
        assert!(!deletes("app/.wh.main", "app/main.wasm"));
        assert!(!deletes("app/main.wasm", "app/main.wasm"));
        assert!(!deletes("ap/.wh..wh..opq", "app/main.wasm"));
    }

    #[test]
    fn normal_paths() {
        assert_eq!(normal("./a//b/./c"), "a/b/c");
        assert_eq!(normal("/"), "");
        assert_eq!(normal("../a"), "../a");
    }
}
