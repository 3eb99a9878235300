use std::fs;

use wasm_oci::{Error, Format, Layout, Overwrite, Pack};

use crate::{empty, hello};

#[test]
fn write_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    Layout::write(&path, "v1", &hello(), Overwrite::Refuse).unwrap();

    let layout = Layout::open(&path).unwrap();
    assert_eq!(layout.tags().collect::<Vec<_>>(), ["v1"]);
    for tag in [Some("v1"), None] {
        let read = layout.artifact(tag).unwrap();
        assert_eq!(read.manifest_bytes(), hello().manifest_bytes());
        assert_eq!(read.wasm().unwrap(), guests::HELLO.wasm());
    }
    let error = layout.artifact(Some("v2")).unwrap_err();
    assert_eq!(error.to_string(), "the layout has no tag `v2`: it has v1");
}

#[test]
fn index() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    let image = empty();
    Layout::write(&path, "v1", &image, Overwrite::Refuse).unwrap();
    let index = fs::read_to_string(path.join("index.json")).unwrap();
    insta::assert_snapshot!(index.replace(image.digest().as_ref(), "sha256:IMAGE"));
    assert_eq!(fs::read_to_string(path.join("oci-layout")).unwrap(), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn an_empty_directory_becomes_a_layout() {
    let dir = tempfile::tempdir().unwrap();
    Layout::write(dir.path(), "v1", &hello(), Overwrite::Refuse).unwrap();
    assert!(Layout::open(dir.path()).unwrap().artifact(Some("v1")).is_ok());
}

#[test]
fn tags_are_added_and_moved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    let other = Pack::new(guests::TRAP.wasm(), "/trap.wasm").unwrap().build(Format::Compat).unwrap();
    Layout::write(&path, "v1", &hello(), Overwrite::Refuse).unwrap();
    Layout::write(&path, "v2", &other, Overwrite::Refuse).unwrap();

    let error = Layout::write(&path, "v1", &other, Overwrite::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "the layout has the tag `v1` already");
    assert_eq!(Layout::open(&path).unwrap().artifact(Some("v1")).unwrap().digest(), hello().digest());
    let error = Layout::open(&path).unwrap().artifact(None).unwrap_err();
    let text = "no tag is named and the layout does not hold exactly one image: it has v1, v2";
    assert_eq!(error.to_string(), text);

    Layout::write(&path, "v1", &other, Overwrite::Replace).unwrap();
    let layout = Layout::open(&path).unwrap();
    assert_eq!(layout.artifact(Some("v1")).unwrap().digest(), other.digest());
    assert_eq!(layout.tags().collect::<Vec<_>>(), ["v2", "v1"]);
}

#[test]
fn a_damaged_blob_is_mended_by_writing_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layout");
    Layout::write(&path, "v1", &hello(), Overwrite::Refuse).unwrap();
    let blob = path.join("blobs/sha256").join(hello().layers()[0].descriptor().digest().digest());
    let mut bytes = fs::read(&blob).unwrap();
    bytes[20] ^= 1;
    fs::write(&blob, bytes).unwrap();
    assert!(matches!(Layout::open(&path).unwrap().artifact(None), Err(Error::Digest { .. })));
    Layout::write(&path, "v1", &hello(), Overwrite::Replace).unwrap();
    assert!(Layout::open(&path).unwrap().artifact(None).is_ok());
}

#[test]
fn other_directories_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    let error = Layout::write(dir.path(), "v1", &hello(), Overwrite::Replace).unwrap_err();
    assert!(matches!(error, Error::NotLayout { why: "there is no file `oci-layout`", .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn nothing_is_left_where_writing_fails() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("not/there");
    assert!(matches!(
        Layout::write(&missing, "v1", &hello(), Overwrite::Refuse),
        Err(Error::Io { action: "create", .. })
    ));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(
        Layout::write(&file, "v1", &hello(), Overwrite::Refuse),
        Err(Error::Io { action: "write", .. })
    ));
    assert!(matches!(
        Layout::write(&dir.path().join("l"), "a/b", &hello(), Overwrite::Refuse),
        Err(Error::Tag { .. })
    ));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
