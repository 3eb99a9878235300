//! Blobs that are written piece by piece.

use std::{
    fs,
    io::{ErrorKind, Read},
    path::PathBuf,
    time::Duration,
};

use wasm_oci::{
    Begun, BlobWriter, Error, Layout,
    oci_spec::image::{Descriptor, Digest, MediaType},
    sha256,
};

struct Place {
    _dir: tempfile::TempDir,
    layout: Layout,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::open_or_create(&dir.path().join("layout")).unwrap();
    Place { _dir: dir, layout }
}

fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::new(MediaType::ImageLayer, bytes.len() as u64, sha256(bytes))
}

impl Place {
    #[track_caller]
    fn writer(&self, of: &Descriptor) -> BlobWriter {
        match self.layout.try_begin(of).unwrap() {
            Begun::Writer(writer) => *writer,
            other => panic!("{other:?}"),
        }
    }

    fn at(&self, of: &Descriptor) -> PathBuf {
        self.layout.dir().join("blobs").join(of.digest().to_string().replace(':', "/"))
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.layout.dir()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(&self, of: &Descriptor) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![];
        self.layout.blob(of).unwrap().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[test]
fn it_is_seen_when_it_is_whole_and_nothing_else_stays() {
    let place = place();
    let of = blob(b"hello world");
    let mut writer = place.writer(&of);
    writer.append(b"hello").unwrap();
    assert!(!place.at(&of).exists());
    assert_eq!(place.names(), [".wasmctr", "blobs", "index.json", "oci-layout"]);
    writer.append(b" world").unwrap();
    assert!(!place.at(&of).exists());
    writer.finish().unwrap();
    assert_eq!(place.read(&of).unwrap(), b"hello world");
    assert_eq!(place.names(), ["blobs", "index.json", "oci-layout"]);
    assert!(place.layout.begin(&of, Duration::ZERO).unwrap().is_none());
}

#[test]
fn one_writes_while_others_wait() {
    let place = place();
    let of = blob(b"hello");
    let writer = place.writer(&of);
    assert!(matches!(place.layout.try_begin(&of), Ok(Begun::Busy)));
    let error = place.layout.begin(&of, Duration::from_millis(10)).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    // Another blob is nobody's business.
    place.writer(&blob(b"other"));
    drop(writer);
    place.writer(&of);
}

#[test]
fn what_was_written_is_gone_on_with() {
    let place = place();
    let of = blob(b"hello world");
    place.writer(&of).append(b"hello ").unwrap();
    let mut writer = place.writer(&of);
    assert_eq!(writer.position(), 6);
    writer.append(b"world").unwrap();
    drop(writer); // before it is finished
    let writer = place.writer(&of);
    assert_eq!(writer.position(), 11);
    writer.finish().unwrap();
    assert_eq!(place.read(&of).unwrap(), b"hello world");
}

#[test]
fn nothing_is_kept_of_nothing() {
    let place = place();
    drop(place.writer(&blob(b"hello")));
    assert_eq!(place.names(), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn the_end_is_kept_to() {
    let place = place();
    let of = blob(b"hello");
    let mut writer = place.writer(&of);
    writer.append(b"hell").unwrap();
    let error = writer.append(b"o!").unwrap_err();
    assert!(matches!(error, Error::Size { expected: 5, actual: 6, .. }), "{error}");
    assert_eq!(writer.position(), 4);
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, Error::Size { expected: 5, actual: 4, .. }), "{error}");
    let mut writer = place.writer(&of);
    writer.append(b"o").unwrap();
    writer.finish().unwrap();
}

#[test]
fn another_blob_is_thrown_away() {
    let place = place();
    let of = blob(b"hello");
    let mut writer = place.writer(&of);
    writer.append(b"hallo").unwrap();
    assert!(matches!(writer.finish(), Err(Error::Digest { .. })));
    assert_eq!(place.names(), ["blobs", "index.json", "oci-layout"]);
    let mut writer = place.writer(&of);
    assert_eq!(writer.position(), 0);
    writer.append(b"hello").unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_part_that_is_no_part_is_thrown_away() {
    let place = place();
    let of = blob(b"hello");
    place.writer(&of).append(b"hell").unwrap();
    let partial = place.layout.dir().join(".wasmctr/partial");
    let partial = fs::read_dir(&partial).unwrap().next().unwrap().unwrap().path();
    fs::write(&partial, "longer than the blob").unwrap();
    assert_eq!(place.writer(&of).position(), 0);
    // A link leads elsewhere, and is not followed.
    let elsewhere = place.layout.dir().join("elsewhere");
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &partial).unwrap();
    assert!(matches!(place.layout.try_begin(&of), Err(Error::Io { .. })));
    assert!(!elsewhere.exists());
}

#[test]
fn a_damaged_blob_is_put_aside_and_written_anew() {
    let place = place();
    let of = blob(b"hello");
    place.layout.store(&of, b"hello").unwrap();
    for damage in [&b"hallo"[..], b"hell", b""] {
        fs::write(place.at(&of), damage).unwrap();
        let mut writer = place.writer(&of);
        assert!(!place.at(&of).exists());
        writer.append(b"hello").unwrap();
        writer.finish().unwrap();
        assert_eq!(place.read(&of).unwrap(), b"hello");
        let aside = format!(".wasmctr/quarantine/{}", of.digest().to_string().replace(':', "-"));
        assert_eq!(fs::read(place.layout.dir().join(aside)).unwrap(), damage);
    }
}

#[test]
fn a_blob_of_which_the_descriptor_is_wrong_stays() {
    let place = place();
    let of = blob(b"hello");
    place.layout.store(&of, b"hello").unwrap();
    let wrong = Descriptor::new(MediaType::ImageLayer, 6, of.digest().clone());
    assert!(matches!(place.layout.try_begin(&wrong), Err(Error::Size { expected: 6, actual: 5, .. })));
    assert!(matches!(place.layout.blob(&wrong), Err(Error::Size { expected: 6, actual: 5, .. })));
    assert_eq!(place.read(&of).unwrap(), b"hello");
}

#[test]
fn reading_tells_damage_before_the_last_piece() {
    let place = place();
    let bytes = vec![7; 100_000];
    let of = blob(&bytes);
    place.layout.store(&of, &bytes).unwrap();
    assert_eq!(place.read(&of).unwrap(), bytes);
    let mut damaged = bytes.clone();
    damaged[99_999] = 8;
    fs::write(place.at(&of), &damaged).unwrap();
    let mut reader = place.layout.blob(&of).unwrap();
    let mut got = vec![0; 60_000];
    reader.read_exact(&mut got).unwrap();
    let mut rest = vec![];
    let error = reader.read_to_end(&mut rest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(rest.len() < 40_000);
    assert_eq!(reader.read(&mut got).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn of_no_bytes_and_of_another_algorithm() {
    let place = place();
    let nothing = blob(b"");
    place.writer(&nothing).finish().unwrap();
    assert_eq!(place.read(&nothing).unwrap(), b"");
    let long = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    let of = Descriptor::new(MediaType::ImageLayer, 3, long.parse::<Digest>().unwrap());
    place.layout.store(&of, b"abc").unwrap();
    assert_eq!(place.read(&of).unwrap(), b"abc");
    assert!(matches!(place.layout.store(&of, b"abd"), Err(Error::Digest { .. })));
    let unknown = Descriptor::new(MediaType::ImageLayer, 3, "blake3:00ff".parse::<Digest>().unwrap());
    assert!(matches!(place.layout.try_begin(&unknown), Err(Error::DigestAlgorithm { .. })));
}
