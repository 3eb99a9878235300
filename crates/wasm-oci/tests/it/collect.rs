//! Finding damage, and removing what nobody needs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::json;
use wasm_oci::{
    Begun, Error, Format, Layout, Overwrite, Pack,
    oci_spec::image::{Descriptor, Digest, MediaType},
    sha256,
};

use crate::{hello, made};

const NOW: Duration = Duration::ZERO;

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn earlier() -> SystemTime {
    SystemTime::now() - Duration::from_secs(60)
}

struct Place {
    _place: tempfile::TempDir,
    dir: PathBuf,
}

/// A layout with two images.
fn place() -> Place {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("layout");
    let other = Pack::new(guests::TRAP.wasm(), "/trap.wasm").unwrap().build(Format::Artifact).unwrap();
    Layout::write(&dir, "v1", &hello(), Overwrite::Refuse).unwrap();
    Layout::write(&dir, "v2", &other, Overwrite::Refuse).unwrap();
    Place { _place: place, dir }
}

impl Place {
    fn blob(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs").join(digest.to_string().replace(':', "/"))
    }

    fn gc(&self, before: SystemTime) -> (usize, usize, usize) {
        // Other tests start processes, and until one is another program it has this one's locks.
        let collected = Layout::gc(&self.dir, before, Duration::from_secs(20)).unwrap();
        (collected.removed, collected.left, collected.young)
    }

    fn put(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let of = Descriptor::new(media_type.into(), bytes.len() as u64, sha256(bytes));
        Layout::open(&self.dir).unwrap().store(&of, bytes).unwrap();
        of
    }
}

#[test]
fn what_an_index_reaches_stays() {
    let place = place();
    assert_eq!(place.gc(later()), (0, 6, 0));
    Layout::open(&place.dir).unwrap().untag("v2").unwrap();
    assert_eq!(place.gc(earlier()), (0, 6, 3));
    assert_eq!(place.gc(later()), (3, 3, 0));
    assert!(Layout::open(&place.dir).unwrap().artifact(Some("v1")).is_ok());
    assert!(matches!(Layout::open(&place.dir).unwrap().untag("v2"), Err(Error::NoSuchTag { .. })));
}

#[test]
fn an_index_in_an_index_is_followed() {
    let place = place();
    let layout = Layout::open(&place.dir).unwrap();
    let entries: Vec<_> = layout.index().manifests().iter().map(|entry| json!(entry)).collect();
    let inner = json!({"schemaVersion": 2, "mediaType": made::INDEX, "manifests": entries}).to_string();
    let inner = place.put(made::INDEX, inner.as_bytes());
    // One of its images is elsewhere, as registries allow it.
    let absent = json!({"mediaType": made::MANIFEST, "size": 1, "digest": sha256(b"absent").to_string()});
    let outer =
        json!({"schemaVersion": 2, "mediaType": made::INDEX, "manifests": [inner, absent]}).to_string();
    let outer = place.put(made::INDEX, outer.as_bytes());
    let mut layout = layout;
    layout.insert(Some("all"), outer, Overwrite::Refuse).unwrap();
    layout.untag("v1").unwrap();
    layout.untag("v2").unwrap();
    drop(layout);
    assert_eq!(place.gc(later()), (0, 8, 0));
    assert_eq!(Layout::open(&place.dir).unwrap().verify().unwrap().missing, []);
}

#[test]
fn nothing_goes_while_somebody_is_there() {
    let place = place();
    let mut layout = Layout::open(&place.dir).unwrap();
    layout.untag("v2").unwrap();
    let busy = || matches!(Layout::gc(&place.dir, later(), NOW), Err(Error::Busy { .. }));
    assert!(busy());
    let of = Descriptor::new(MediaType::ImageLayer, 5, sha256(b"hello"));
    let Begun::Writer(mut writer) = layout.try_begin(&of).unwrap() else { panic!() };
    writer.append(b"he").unwrap();
    drop(layout);
    assert!(busy());
    drop(writer);
    assert_eq!(place.gc(earlier()), (0, 6, 3));
    assert!(place.dir.join(".wasmctr/partial").exists());
    assert_eq!(place.gc(later()), (4, 3, 0));
}

#[test]
fn collecting_waits_for_readers() {
    let place = place();
    let layout = Layout::open(&place.dir).unwrap();
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        layout.artifact(Some("v1")).unwrap()
    });
    Layout::gc(&place.dir, later(), Duration::from_secs(20)).unwrap();
    assert!(reader.is_finished());
    reader.join().unwrap();
}

#[test]
fn what_is_left_behind_goes() {
    let place = place();
    for name in [".tmp-abc", "blobs/sha256/.tmp-def"] {
        fs::write(place.dir.join(name), "part").unwrap();
    }
    fs::write(place.dir.join("blobs/sha256/readme.txt"), "not ours").unwrap();
    assert_eq!(place.gc(earlier()), (0, 6, 0));
    assert_eq!(place.gc(later()), (2, 6, 0));
    assert!(place.dir.join("blobs/sha256/readme.txt").exists());
}

#[test]
fn nothing_goes_when_a_manifest_cannot_be_read() {
    let place = place();
    let manifest = place.blob(hello().digest());
    let whole = fs::read(&manifest).unwrap();
    Layout::open(&place.dir).unwrap().untag("v2").unwrap();
    for damage in [Some(&whole[1..]), None] {
        match damage {
            Some(damage) => fs::write(&manifest, damage).unwrap(),
            None => fs::remove_file(&manifest).unwrap(),
        }
        let error = Layout::gc(&place.dir, later(), NOW).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(place.blob(hello().layers()[0].descriptor().digest()).exists());
    }
    Layout::write(&place.dir, "v1", &hello(), Overwrite::Replace).unwrap();
    assert_eq!(place.gc(later()), (3, 3, 0));
}

#[test]
fn damage_is_found_named_and_put_aside() {
    let place = place();
    let layer = hello().layers()[0].descriptor().clone();
    flip(&place.blob(layer.digest()));
    let config = hello().manifest().config().digest().clone();
    fs::remove_file(place.blob(&config)).unwrap();

    let verified = Layout::open(&place.dir).unwrap().verify().unwrap();
    assert_eq!(verified.blobs, 5);
    let corrupt: Vec<_> = verified.corrupt.iter().map(|it| (&it.digest, it.quarantined)).collect();
    assert_eq!(corrupt, [(layer.digest(), true)]);
    let mut missing: Vec<_> = verified.missing.iter().map(|it| (it.tag.as_deref(), &it.digest)).collect();
    missing.sort_by_key(|(_, digest)| **digest != config);
    assert_eq!(missing, [(Some("v1"), &config), (Some("v1"), layer.digest())]);
    assert!(place.dir.join(".wasmctr/quarantine").exists());

    // Writing it again mends it, and what was put aside goes.
    Layout::write(&place.dir, "v1", &hello(), Overwrite::Replace).unwrap();
    let verified = Layout::open(&place.dir).unwrap().verify().unwrap();
    assert_eq!((verified.blobs, verified.corrupt.len(), verified.missing.len()), (6, 0, 0));
    assert_eq!(place.gc(later()), (1, 6, 0));
}

#[test]
fn a_damaged_child_of_an_index_is_not_taken_for_one_left_elsewhere() {
    let place = place();
    let mut layout = Layout::open(&place.dir).unwrap();
    let entries: Vec<_> = layout.index().manifests().iter().map(|entry| json!(entry)).collect();
    let all = json!({"schemaVersion": 2, "mediaType": made::INDEX, "manifests": entries}).to_string();
    let all = place.put(made::INDEX, all.as_bytes());
    layout.insert(Some("all"), all, Overwrite::Refuse).unwrap();
    layout.untag("v1").unwrap();
    layout.untag("v2").unwrap();
    flip(&place.blob(hello().digest()));
    let verified = layout.verify().unwrap();
    assert_eq!(verified.missing.len(), 1, "{verified:?}");
    drop(layout);
    assert!(matches!(Layout::gc(&place.dir, later(), NOW), Err(Error::Unreachable { .. })));
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[10] ^= 1;
    fs::write(path, bytes).unwrap();
}
