use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use sha2::{Digest, Sha256};

use super::key::Key;

/// Writes code and its seal behind it: the key under which it is kept, and a digest of the code and the key.
///
/// The seal is behind the code because engines map a file from its start.
pub(super) fn write(mut file: &File, key: &Key, code: &[u8]) -> io::Result<u64> {
    let digest = Sha256::new().chain_update(code).chain_update(key.as_str()).finalize();
    file.write_all(code)?;
    file.write_all(key.as_str().as_bytes())?;
    file.write_all(&digest)?;
    Ok((code.len() + key.as_str().len() + digest.len()) as u64)
}

/// Tells whether the file is whole: what was written under this key.
///
/// It guards against a damaged disk and a file under a wrong name, and not against an enemy, who would seal what he
/// writes. Against him is the owner of the directory.
pub(super) fn holds(file: &File, length: u64, key: &Key) -> io::Result<bool> {
    let key = key.as_str().as_bytes();
    let Some(sealed) = length.checked_sub(DIGEST as u64) else { return Ok(false) };
    let Some(code) = sealed.checked_sub(key.len() as u64) else { return Ok(false) };
    let mut seal = vec![0; key.len() + DIGEST];
    file.read_exact_at(&mut seal, code)?;
    let (sealed_key, digest) = seal.split_at(key.len());
    Ok(sealed_key == key && digest_of(file, sealed)? == digest)
}

/// Computes the digest of the first `length` bytes.
fn digest_of(file: &File, length: u64) -> io::Result<[u8; DIGEST]> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < length {
        let size = usize::try_from(length - offset).map_or(CHUNK, |rest| rest.min(CHUNK));
        let chunk = &mut buffer[..size];
        file.read_exact_at(chunk, offset)?;
        hasher.update(&*chunk);
        offset += size as u64;
    }
    Ok(hasher.finalize().into())
}

const DIGEST: usize = 32;

/// Small enough to stay in the processor's cache between reading and hashing.
const CHUNK: usize = 32 << 10;
