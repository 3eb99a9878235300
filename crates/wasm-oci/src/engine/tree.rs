//! The files of an engine.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tar::{EntryType, Header};

use super::Engine;
use crate::{Error, Result, fs::regular, pack::check_path};

/// Files, links and directories by their path in the image, without `/` in front.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    entries: BTreeMap<String, Content>,
    size: u64,
}

/// What is at a path.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Directory,
    File { bytes: Bytes, executable: bool },
    Link(String),
}

/// How many symbolic links are followed for one path, as in Linux.
const LINKS: usize = 40;

impl Tree {
    /// Reads a directory with all that is in it. Links are not followed.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let mut tree = Self::default();
        let mut open = vec![(String::new(), dir.to_owned())];
        while let Some((path, dir)) = open.pop() {
            for entry in fs::read_dir(&dir).map_err(Error::io("read", &dir))? {
                let entry = entry.map_err(Error::io("read", &dir))?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else {
                    return Err(Error::engine(entry.path(), "its name is not UTF-8"));
                };
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                check_path(&format!("/{path}"))?;
                let kind = entry.file_type().map_err(Error::io("read", entry.path()))?;
                if kind.is_dir() {
                    tree.add(&path, Content::Directory)?;
                    open.push((path, entry.path()));
                } else if kind.is_symlink() {
                    tree.add(&path, Content::Link(target(&entry.path())?))?;
                } else {
                    tree.add_file(&path, &entry.path())?;
                }
            }
        }
        Ok(tree)
    }

    /// Reads a file.
    pub(super) fn add_file(&mut self, path: &str, file: &Path) -> Result<()> {
        let metadata = fs::metadata(file).map_err(Error::io("read", file))?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        let size = self.size.saturating_add(metadata.len());
        if size > Engine::LIMIT {
            return Err(Error::TooLarge { what: "the engine", size, limit: Engine::LIMIT });
        }
        regular(metadata).map_err(|_| Error::engine(file, "it is no regular file"))?;
        let bytes = fs::read(file).map_err(Error::io("read", file))?;
        self.size = size;
        self.add(path, Content::File { bytes: bytes.into(), executable })
    }

    pub(super) fn get(&self, path: &str) -> Option<&Content> {
        self.entries.get(path)
    }

    /// The file at a path of the image, through symbolic links as a container would follow them.
    pub(super) fn resolve(&self, path: &str) -> Option<&Bytes> {
        let mut done: Vec<String> = vec![];
        let mut left: Vec<String> =
            super::parts(Path::new(path))?.into_iter().rev().map(str::to_owned).collect();
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            if let Some(Content::Link(target)) = self.entries.get(&done.join("/")) {
                links += 1;
                done.pop();
                if target.starts_with('/') {
                    done.clear();
                }
                left.extend(target.split('/').rev().map(str::to_owned));
            }
            if links > LINKS {
                return None;
            }
        }
        self.entries.get(&done.join("/"))?.file()
    }

    /// A file of this name in any directory, directly or through a link.
    pub(super) fn named(&self, name: &str) -> Option<&Bytes> {
        let paths = self.entries.keys().filter(|path| path.rsplit('/').next() == Some(name));
        paths.filter_map(|path| self.resolve(path)).next()
    }

    /// A tar of all, in the order of their paths: owned by root, nothing of this machine.
    pub(super) fn tar(&self, modified: u64) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in &self.entries {
            let mut header = Header::new_gnu();
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(modified);
            header.set_size(0);
            match content {
                Content::Directory => {
                    header.set_entry_type(EntryType::Directory);
                    header.set_mode(0o755);
                    tar.append_data(&mut header, format!("{path}/"), io::empty())?;
                }
                Content::Link(target) => {
                    header.set_entry_type(EntryType::Symlink);
                    header.set_mode(0o777);
                    tar.append_link(&mut header, path, target)?;
                }
                Content::File { bytes, executable } => {
                    header.set_entry_type(EntryType::Regular);
                    header.set_mode(if *executable { 0o755 } else { 0o644 });
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, path, bytes.as_ref())?;
                }
            }
        }
        tar.into_inner()
    }

    fn add(&mut self, path: &str, content: Content) -> Result<()> {
        if self.entries.len() >= Engine::ENTRIES {
            let size = self.entries.len() as u64 + 1;
            return Err(Error::TooLarge { what: "the list of the engine's files", size, limit: size - 1 });
        }
        self.entries.insert(path.to_owned(), content);
        Ok(())
    }
}

fn target(link: &PathBuf) -> Result<String> {
    let target = fs::read_link(link).map_err(Error::io("read", link))?;
    target.into_os_string().into_string().map_err(|_| Error::engine(link, "its target is not UTF-8"))
}
