//! Tar layers as `FROM scratch` and `COPY` make them: files of root, nothing of this machine.

use std::io;

use bytes::Bytes;

use super::Pack;
use crate::{Error, Result};

/// The layer with the program, which is executable.
pub(super) fn program(pack: &Pack) -> Result<Vec<u8>> {
    tar([(pack.path.as_str(), &pack.wasm)].into_iter(), 0o755, pack.modified)
}

/// The layer with the other files, if there are any.
pub(super) fn files(pack: &Pack) -> Result<Option<Vec<u8>>> {
    let files = pack.files.iter().map(|(path, content)| (path.as_str(), content));
    if pack.files.is_empty() { Ok(None) } else { tar(files, 0o644, pack.modified).map(Some) }
}

fn tar<'a>(files: impl Iterator<Item = (&'a str, &'a Bytes)>, mode: u32, modified: u64) -> Result<Vec<u8>> {
    let write = || -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(vec![]);
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(modified);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path.trim_start_matches('/'), content.as_ref())?;
        }
        tar.into_inner()
    };
    write().map_err(|source| Error::malformed("the layer", source.to_string()))
}
