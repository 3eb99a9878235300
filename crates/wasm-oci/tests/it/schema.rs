//! What we write is valid by the schemas of the image specification 1.1.0, and the cases of its own tests are judged by our
//! reader as they are there. Both are read from the lab's copy.

use std::{
    error::Error as StdError,
    fs,
    path::{Path, PathBuf},
};

use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::{Value, json};
use wasm_oci::{
    Artifact, Error, Format, Layout, Overwrite, Pack, Result,
    oci_spec::image::{Descriptor, MediaType},
    sha256,
};

use crate::made::{IMAGE_CONFIG, INDEX, MANIFEST};

/// The schemas, which name one another by addresses in the web that end with the name of the file.
struct Schemas(PathBuf);

impl Retrieve for Schemas {
    fn retrieve(&self, uri: &Uri<String>) -> std::result::Result<Value, Box<dyn StdError + Send + Sync>> {
        let file = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_slice(&fs::read(self.0.join(file))?)?)
    }
}

fn validator(schemas: &Path, name: &str) -> Validator {
    let schema = serde_json::from_slice(&fs::read(schemas.join(name)).unwrap()).unwrap();
    let options = jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true);
    options.with_retriever(Schemas(schemas.to_owned())).build(&schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, what: &str, document: &[u8]) {
    let document = serde_json::from_slice(document).unwrap();
    let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}\n{document:#}");
}

/// A module and a component, packed with nothing and with everything that can be said, in each format that is written.
fn packed() -> impl Iterator<Item = Artifact> {
    let component = wat::parse_str("(component)").unwrap();
    let programs = [guests::HELLO.wasm().to_vec(), component];
    programs.into_iter().flat_map(|wasm| {
        let formats = Format::ALL.into_iter().filter(Format::is_written);
        formats.flat_map(move |format| {
            let plain = Pack::new(wasm.clone(), "/app.wasm").unwrap();
            let full = Pack::new(wasm.clone(), "/app.wasm")
                .unwrap()
                .annotation("org.opencontainers.image.version", "1.0")
                .created("2024-02-29T12:00:00Z")
                .author("A");
            [plain, full].map(|pack| pack.build(format).unwrap())
        })
    })
}

#[test]
fn what_is_written_is_valid() {
    let Some(schemas) = lab::need!("image-spec") else { return };
    let [manifest, config, index, layout, descriptor] = [
        "image-manifest-schema",
        "config-schema",
        "image-index-schema",
        "image-layout-schema",
        "content-descriptor",
    ]
    .map(|name| validator(&schemas, &format!("{name}.json")));
    // The judge is awake.
    assert!(!manifest.is_valid(&json!({"schemaVersion": 2})));
    assert!(!descriptor.is_valid(&json!({"mediaType": "a", "size": 1, "digest": "sha256:x"})));

    let mut count = 0;
    for artifact in packed() {
        let format = artifact.format();
        assert_valid(&manifest, &format!("{format}: manifest"), artifact.manifest_bytes());
        let parts =
            artifact.manifest().layers().iter().chain([artifact.manifest().config(), artifact.descriptor()]);
        for part in parts {
            assert_valid(&descriptor, &format!("{format}: descriptor"), &serde_json::to_vec(part).unwrap());
        }
        // The config of an artifact is not an image's.
        if matches!(format, Format::Compat | Format::Runwasi) {
            assert_valid(&config, &format!("{format}: config"), artifact.config_bytes());
        }
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("layout");
        Layout::write(&place, "v1", &artifact, Overwrite::Refuse).unwrap();
        assert_valid(&index, &format!("{format}: index"), &fs::read(place.join("index.json")).unwrap());
        assert_valid(&layout, "oci-layout", &fs::read(place.join("oci-layout")).unwrap());
        count += 1;
    }
    assert_eq!(count, 16);
}

/// Those that we judge otherwise than the specification's tests, by the file and the number of the case in it, and why.
const OTHERWISE: [(&str, usize, &str); 8] = [
    ("backwards_compatibility_test.go", 1, "refused: a config of no type, in which there is no program"),
    ("config_test.go", 9, "read: a variable without `=` is the runtime's to refuse, and is kept as it is"),
    ("descriptor_test.go", 16, "read: `urls` are never followed, so that nobody looks at them"),
    ("descriptor_test.go", 28, "read: `data` is never used, so that nobody looks at it"),
    (
        "manifest_test.go",
        5,
        "read: an image without layers is one without a program, which is told when it is asked for",
    ),
    ("manifest_test.go", 6, "refused: digests that cannot be computed"),
    ("manifest_test.go", 10, "refused: an artifact of another kind, in which there is no program"),
    ("manifest_test.go", 11, "refused: an artifact of another kind, in which there is no program"),
];

#[test]
fn the_specification_s_own_cases() {
    let Some(schemas) = lab::need!("image-spec") else { return };
    let mut found = vec![];
    let mut count = 0;
    let mut files: Vec<_> = fs::read_dir(&schemas).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.to_string_lossy().ends_with("_test.go")) {
        let name = file.file_name().unwrap().to_string_lossy();
        for (at, case) in cases(&fs::read_to_string(file).unwrap()).into_iter().enumerate() {
            count += 1;
            let judged = case.judge();
            if judged.is_err() != case.fails {
                found.push((name.to_string(), at, judged.err().map(|error| error.to_string())));
            }
        }
    }
    assert_eq!(count, 69, "cases in the lab's copy");
    let ours: Vec<_> = found.iter().map(|(name, at, _)| (name.as_str(), *at)).collect();
    let listed: Vec<_> = OTHERWISE.iter().map(|(name, at, _)| (*name, *at)).collect();
    assert_eq!(ours, listed, "{found:#?}");
}

/// A document in one of the specification's tests.
struct Case {
    kind: String,
    document: String,
    fails: bool,
}

/// Reads Go: `KIND: \`DOCUMENT\`, … fail: true`.
fn cases(go: &str) -> Vec<Case> {
    let mut parts = go.split('`');
    let mut before = parts.next().unwrap_or_default();
    let mut cases: Vec<Case> = vec![];
    let ended = |cases: &mut Vec<Case>, text: &str| {
        if let Some(case) = cases.last_mut() {
            let word = text.split_once("fail:").map(|(_, rest)| rest.trim_start());
            case.fails = word.is_some_and(|word| word.starts_with("true"));
        }
    };
    while let Some(document) = parts.next() {
        ended(&mut cases, before);
        let kind =
            before.trim_end().trim_end_matches(':').rsplit(char::is_whitespace).next().unwrap_or_default();
        if matches!(kind, "descriptor" | "manifest" | "config" | "imageIndex" | "imageLayout") {
            cases.push(Case { kind: kind.to_owned(), document: document.to_owned(), fails: false });
        }
        before = parts.next().unwrap_or_default();
    }
    ended(&mut cases, before);
    cases
}

impl Case {
    /// What our reader says; that the rest of the image is missing is not what is asked.
    fn judge(&self) -> Result<()> {
        match self.kind.as_str() {
            "manifest" => past(self.read(MANIFEST)),
            "imageIndex" => past(self.read(INDEX)),
            "descriptor" => {
                let index = format!(r#"{{"schemaVersion": 2, "manifests": [{}]}}"#, self.document);
                past(read(INDEX, &index))
            }
            "config" => self.config(),
            _ => {
                let dir = tempfile::tempdir().unwrap();
                fs::write(dir.path().join("oci-layout"), &self.document).unwrap();
                fs::write(dir.path().join("index.json"), r#"{"schemaVersion": 2, "manifests": []}"#).unwrap();
                Layout::open(dir.path()).map(|_| ())
            }
        }
    }

    /// Reads the document under the type that it gives itself.
    fn read(&self, otherwise: &str) -> Result<()> {
        let document: Value = serde_json::from_str(&self.document).unwrap_or_default();
        read(document["mediaType"].as_str().unwrap_or(otherwise), &self.document)
    }

    /// Reads the document as the config of an image with as many layers.
    fn config(&self) -> Result<()> {
        let config: Value = serde_json::from_str(&self.document).unwrap_or_default();
        let layers = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
        let part = |media_type: &str, bytes: &str| json!({"mediaType": media_type, "digest": sha256(bytes.as_bytes()), "size": bytes.len()});
        let layers = vec![part("application/vnd.oci.image.layer.v1.tar", ""); layers];
        let config = part(IMAGE_CONFIG, &self.document);
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string();
        let blobs = [manifest.clone(), self.document.clone(), String::new()];
        Artifact::read(&described(MANIFEST, &manifest), |wanted| {
            let blob = blobs.iter().find(|blob| sha256(blob.as_bytes()) == *wanted.digest());
            Ok(blob.unwrap().clone().into_bytes().into())
        })
        .map(|_| ())
    }
}

fn described(media_type: &str, document: &str) -> Descriptor {
    Descriptor::new(MediaType::from(media_type), document.len() as u64, sha256(document.as_bytes()))
}

/// Reads a document and nothing else of the image.
fn read(media_type: &str, document: &str) -> Result<()> {
    let descriptor = described(media_type, document);
    let digest = descriptor.digest().clone();
    Artifact::resolve(&descriptor, None, |wanted| match *wanted.digest() == digest {
        true => Ok(document.to_owned().into_bytes().into()),
        false => Err(Error::AlreadyExists { path: PAST.into() }),
    })
    .map(|_| ())
}

/// In an error: the document was read, and what it describes was asked for.
const PAST: &str = "the next document";

fn past(read: Result<()>) -> Result<()> {
    match read {
        Err(Error::AlreadyExists { path }) if path.as_os_str() == PAST => Ok(()),
        // An index of other platforms is one.
        Err(Error::NoSuchPlatform { .. }) => Ok(()),
        read => read,
    }
}
