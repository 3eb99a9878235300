//! Layouts and archives that somebody damaged, made up, or put other things in the place of.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use hostile::{Outcome, Outcome::Refused};
use serde_json::{Value, json};
use wasm_oci::{Archive, Format, Layout, Overwrite, Pack};

use super::{
    case::{Case, Read},
    tars::told,
};

pub(super) fn cases() -> Vec<Case> {
    [markers(), indexes(), blobs(), archives(), writing()].into_iter().flatten().collect()
}

fn image() -> wasm_oci::Artifact {
    Pack::new(hostile::MODULE, "/app.wasm").unwrap().build(Format::Compat).unwrap()
}

/// A layout with our image under the tag `v1`, changed.
fn case(name: &'static str, rule: &'static str, change: impl Fn(&Path) + 'static, outcome: Outcome) -> Case {
    Case::new(name, rule, outcome, move || -> Read {
        let dir = tempfile::tempdir().unwrap();
        let layout = dir.path().join("layout");
        Layout::write(&layout, "v1", &image(), Overwrite::Refuse).unwrap();
        change(&layout);
        Box::new(move || {
            let _dir = dir; // until it is read
            told(&Layout::open(&layout)?.artifact(Some("v1"))?.wasm()?)
        })
    })
}

/// Puts something else in the place of a file.
fn replace(path: PathBuf, with: impl FnOnce(&Path)) {
    fs::remove_file(&path).unwrap();
    with(&path);
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn markers() -> Vec<Case> {
    let marker = |name, with: fn(&Path), outcome| {
        case(
            name,
            "`oci-layout` of version 1.0.0",
            move |layout| replace(layout.join("oci-layout"), with),
            outcome,
        )
    };
    let text = |name, text: &'static str, outcome| {
        case(
            name,
            "`oci-layout` of version 1.0.0",
            move |layout| fs::write(layout.join("oci-layout"), text).unwrap(),
            outcome,
        )
    };
    vec![
        marker("marker-missing", |_| {}, Refused("NotLayout", "there is no file `oci-layout`")),
        marker("marker-directory", |path| fs::create_dir(path).unwrap(), Refused("Io", "cannot read")),
        marker("marker-pipe", pipe, Refused("Io", "cannot read")),
        marker("marker-endless", |path| symlink("/dev/zero", path).unwrap(), Refused("Io", "cannot read")),
        marker(
            "marker-of-5-mib",
            |path| fs::write(path, vec![b' '; 5 << 20]).unwrap(),
            Refused("TooLarge", "oci-layout has 4194305 bytes"),
        ),
        text(
            "marker-of-another-version",
            r#"{"imageLayoutVersion":"2.0.0"}"#,
            Refused("NotLayout", "its version is not 1.0.0"),
        ),
        text("marker-number", r#"{"imageLayoutVersion":1.0}"#, Refused("Json", "malformed oci-layout")),
        text("marker-empty", "", Refused("Json", "malformed oci-layout")),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn indexes() -> Vec<Case> {
    let index = |name, rule, change: fn(&mut Value), outcome| {
        case(
            name,
            rule,
            move |layout| {
                let path = layout.join("index.json");
                let mut index = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                change(&mut index);
                fs::write(path, index.to_string()).unwrap();
            },
            outcome,
        )
    };
    let file = |name, with: fn(&Path), outcome| {
        case(
            name,
            "`index.json` is a file of 4 MiB",
            move |layout| replace(layout.join("index.json"), with),
            outcome,
        )
    };
    let json = Refused("Json", "malformed index.json");
    vec![
        file("index-file-missing", |_| {}, Refused("Io", "cannot read")),
        file("index-file-pipe", pipe, Refused("Io", "cannot read")),
        file("index-file-endless", |path| symlink("/dev/zero", path).unwrap(), Refused("Io", "cannot read")),
        file(
            "index-file-of-5-mib",
            |path| fs::write(path, vec![b' '; 5 << 20]).unwrap(),
            Refused("TooLarge", "index.json has 5242880 bytes"),
        ),
        file("index-file-100000-deep", |path| fs::write(path, "[".repeat(100_000)).unwrap(), json),
        file("index-file-empty", |path| fs::write(path, "").unwrap(), json),
        index(
            "tag-twice",
            "a tag names one image",
            |it| {
                let entry = it["manifests"][0].clone();
                it["manifests"] = json!([entry, entry]);
            },
            Refused("NoSuchTag", "it has v1, v1"),
        ),
        index(
            "tag-of-3000",
            "a message has bounds",
            |it| {
                let mut entry = it["manifests"][0].clone();
                entry["annotations"] = json!({"org.opencontainers.image.ref.name": "x".repeat(1000)});
                it["manifests"] = json!(vec![entry; 3_000]);
            },
            Refused("NoSuchTag", "and 2990 more"),
        ),
        index(
            "tag-without-an-image",
            "a tag names one image",
            |it| it["manifests"] = json!([]),
            Refused("NoSuchTag", "it has none"),
        ),
        index(
            "tag-of-5000-images",
            "32,768 values",
            |it| it["manifests"] = json!(vec![it["manifests"][0].clone(); 5_000]),
            Refused("Malformed", "it has more than 32768 values"),
        ),
        index(
            "tagged-digest-with-a-path",
            "digests are parsed",
            |it| it["manifests"][0]["digest"] = json!("sha256:../../index.json"),
            json,
        ),
        index(
            "tagged-digest-of-a-directory",
            "digests are parsed",
            |it| it["manifests"][0]["digest"] = json!("sha256:."),
            json,
        ),
    ]
}

/// What is where the layer should be.
#[expect(clippy::too_many_lines, reason = "a table")]
fn blobs() -> Vec<Case> {
    let layer = || image().layers()[0].descriptor().clone();
    let blob = move |name, rule, with: fn(&Path), outcome| {
        case(
            name,
            rule,
            move |layout| replace(layout.join("blobs/sha256").join(layer().digest().digest()), with),
            outcome,
        )
    };
    let change = move |name, change: fn(&mut Vec<u8>), outcome| {
        case(
            name,
            "bytes have their digest",
            move |layout| {
                let path = layout.join("blobs/sha256").join(layer().digest().digest());
                let mut bytes = fs::read(&path).unwrap();
                change(&mut bytes);
                fs::write(path, bytes).unwrap();
            },
            outcome,
        )
    };
    vec![
        blob("blob-missing", "blobs are there", |_| {}, Refused("Io", "cannot read")),
        blob(
            "blob-directory",
            "blobs are regular files",
            |path| fs::create_dir(path).unwrap(),
            Refused("Io", "cannot read"),
        ),
        blob("blob-pipe", "blobs are regular files", pipe, Refused("Io", "cannot read")),
        blob(
            "blob-endless",
            "blobs are regular files",
            |path| symlink("/dev/zero", path).unwrap(),
            Refused("Io", "cannot read"),
        ),
        blob(
            "blob-link-to-a-file-outside",
            "bytes have their digest",
            |path| symlink("/etc/passwd", path).unwrap(),
            Refused("Size", "its descriptor says"),
        ),
        blob(
            "blob-link-to-itself",
            "blobs are regular files",
            |path| symlink(path, path).unwrap(),
            Refused("Io", "cannot read"),
        ),
        blob(
            "blob-sparse-of-1-tib",
            "sizes are true",
            |path| {
                fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
            },
            Refused("Size", "has 1099511627776 bytes"),
        ),
        change("blob-with-a-bit-flipped", |bytes| bytes[20] ^= 1, Refused("Digest", "has the digest")),
        change("blob-with-a-byte-more", |bytes| bytes.push(0), Refused("Size", "its descriptor says")),
        change(
            "blob-cut-off",
            |bytes| bytes.truncate(bytes.len() - 1),
            Refused("Size", "its descriptor says"),
        ),
        change("blob-empty", Vec::clear, Refused("Size", "has 0 bytes")),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn archives() -> Vec<Case> {
    let case = |name, rule, change: fn(Vec<u8>) -> Vec<u8>, outcome| {
        Case::new(name, rule, outcome, move || -> Read {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("archive");
            Archive::write(&file, Some("v1"), &image(), Overwrite::Refuse).unwrap();
            fs::write(&file, change(fs::read(&file).unwrap())).unwrap();
            Box::new(move || {
                let _dir = dir; // until it is read
                told(&Archive::open(&file)?.artifact_for(Some("v1"), None)?.wasm()?)
            })
        })
    };
    vec![
        case("archive", "an OCI layout in a tar", |archive| archive, Outcome::Fine),
        case(
            "archive-empty",
            "an OCI layout in a tar",
            |_| vec![],
            Refused("NotLayout", "there is no file `oci-layout`"),
        ),
        case(
            "archive-text",
            "an OCI layout in a tar",
            |_| vec![b'x'; 4096],
            Refused("Malformed", "the archive"),
        ),
        case(
            "archive-of-something-else",
            "an OCI layout in a tar",
            |_| hostile::Tar::new().file("a", b"").end(),
            Refused("NotLayout", "there is no file `oci-layout`"),
        ),
        case(
            "archive-with-a-file-twice",
            "a file stands once",
            |archive| [hostile::Tar::new().file("index.json", b"{}").bytes(), archive].concat(),
            Refused("Malformed", "it has `index.json` twice"),
        ),
        case(
            "archive-of-10001-entries",
            "10,000 entries",
            |archive| [hostile::Tar::new().dir("d").bytes().repeat(10_001), archive].concat(),
            Refused("Malformed", "it has more than 10000 entries"),
        ),
        case(
            "archive-cut-off",
            "a tar is whole",
            |archive| archive[..archive.len() / 2].to_vec(),
            Refused("NotLayout", "there is no file"),
        ),
        case(
            "archive-with-links-in-place-of-files",
            "blobs are regular files",
            |archive| {
                let index = hostile::Tar::new()
                    .symlink("oci-layout", "/etc/passwd")
                    .symlink("index.json", "/etc/passwd");
                drop(archive);
                index.end()
            },
            Refused("NotLayout", "there is no file `oci-layout`"),
        ),
        case(
            "archive-with-an-index-of-5-mib",
            "4 MiB",
            |_| {
                let marker = hostile::Tar::new().file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
                marker.file("index.json", &vec![b' '; 5 << 20]).end()
            },
            Refused("TooLarge", "index.json has 5242880 bytes"),
        ),
        case(
            "archive-compressed",
            "archives are not compressed",
            |_| [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].repeat(100),
            Refused("Malformed", "the archive"),
        ),
    ]
}

/// Places that are not written to.
fn writing() -> Vec<Case> {
    let case = |name, rule, prepare: fn(&Path) -> &'static str, outcome| {
        Case::new(name, rule, outcome, move || -> Read {
            let dir = tempfile::tempdir().unwrap();
            let tag = prepare(dir.path());
            Box::new(move || {
                let before = fs::read_dir(dir.path()).unwrap().count();
                let written = Layout::write(&dir.path().join("layout"), tag, &image(), Overwrite::Refuse);
                assert!(
                    written.is_ok() || fs::read_dir(dir.path()).unwrap().count() == before,
                    "something is left"
                );
                written.map(|()| Outcome::Fine)
            })
        })
    };
    vec![
        case(
            "write-over-a-file",
            "a layout is a directory",
            |dir| {
                fs::write(dir.join("layout"), "a letter").unwrap();
                "v1"
            },
            Refused("Io", "cannot write"),
        ),
        case(
            "write-into-a-directory-of-something-else",
            "other directories are left alone",
            |dir| {
                fs::create_dir(dir.join("layout")).unwrap();
                fs::write(dir.join("layout/letter"), "dear").unwrap();
                "v1"
            },
            Refused("NotLayout", "there is no file `oci-layout`"),
        ),
        case(
            "write-a-tag-twice",
            "a tag is moved only when asked",
            |dir| {
                Layout::write(&dir.join("layout"), "v1", &image(), Overwrite::Refuse).unwrap();
                "v1"
            },
            Refused("TagExists", "the layout has the tag `v1` already"),
        ),
        case("write-a-tag-with-a-path", "the grammar of tags", |_| "../v1", Refused("Tag", "is not a tag")),
        case("write-an-empty-tag", "the grammar of tags", |_| "", Refused("Tag", "is not a tag")),
    ]
}
