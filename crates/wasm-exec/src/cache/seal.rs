use std::{
    fs::File,
    io::{self, Write},
};

use twox_hash::xxhash3_128::Hasher;

use super::{key::Key, mapped::Mapped};

/// Writes code and its seal behind it: the key under which it is kept, and a checksum of the code and the key.
///
/// The seal is behind the code because engines map a file from its start.
pub(super) fn write(mut file: &File, key: &Key, code: &[u8]) -> io::Result<u64> {
    let mut checksum = Hasher::new();
    checksum.write(code);
    checksum.write(key.as_str().as_bytes());
    file.write_all(code)?;
    file.write_all(key.as_str().as_bytes())?;
    file.write_all(&checksum.finish_128().to_le_bytes())?;
    Ok((code.len() + key.as_str().len() + CHECKSUM) as u64)
}

/// Tells whether the file is whole: what was written under this key.
///
/// It guards against a damaged disk and a file under a wrong name, and not against an enemy, who would seal what he
/// writes. Against him is the owner of the directory. So the checksum is a fast one (XXH3, 128 bits), and not one that an
/// enemy could not forge: with SHA-256 it took longer than all the rest of loading.
pub(super) fn holds(file: &File, length: u64, key: &Key) -> io::Result<bool> {
    let Ok(length) = usize::try_from(length) else { return Ok(false) };
    if length < key.as_str().len() + CHECKSUM {
        return Ok(false);
    }
    #[expect(unsafe_code, reason = "the cache vouches for its own directory")]
    // SAFETY: a file of the cache never changes, and nobody but its user could change it: see `Cache`.
    let file = unsafe { Mapped::new(file, length) }?;
    let Some((sealed, checksum)) = file.bytes().split_last_chunk::<CHECKSUM>() else { return Ok(false) };
    let of_this_key = sealed.ends_with(key.as_str().as_bytes());
    Ok(of_this_key && Hasher::oneshot(sealed).to_le_bytes() == *checksum)
}

const CHECKSUM: usize = 16;
