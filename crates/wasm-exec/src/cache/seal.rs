use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use twox_hash::xxhash3_128::Hasher;

use super::key::Key;

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
    let key = key.as_str().as_bytes();
    let Some(sealed) = length.checked_sub(CHECKSUM as u64) else { return Ok(false) };
    let Some(code) = sealed.checked_sub(key.len() as u64) else { return Ok(false) };
    let mut seal = vec![0; key.len() + CHECKSUM];
    file.read_exact_at(&mut seal, code)?;
    let (sealed_key, checksum) = seal.split_at(key.len());
    Ok(sealed_key == key && checksum_of(file, sealed)? == checksum)
}

/// Computes the checksum of the first `length` bytes.
fn checksum_of(file: &File, length: u64) -> io::Result<[u8; CHECKSUM]> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < length {
        let size = usize::try_from(length - offset).map_or(CHUNK, |rest| rest.min(CHUNK));
        let chunk = &mut buffer[..size];
        file.read_exact_at(chunk, offset)?;
        hasher.write(chunk);
        offset += size as u64;
    }
    Ok(hasher.finish_128().to_le_bytes())
}

const CHECKSUM: usize = 16;

/// Small enough to stay in the processor's cache between reading and hashing.
const CHUNK: usize = 32 << 10;
