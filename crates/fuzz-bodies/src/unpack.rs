use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use hostile::{GZIP, MODULE, PLAIN, Tar};
use serde_json::json;
use wasm_bundle::{Bundle, Handler, Workload};
use wasm_oci::{Overwrite, sha256};

use crate::image::{Blobs, CONFIG, MANIFEST};

/// A layer above an innocent one; its first byte says whether it is compressed. Whatever it is: nothing outside the bundle
/// changes, what is refused leaves nothing, and who reads the program of the image and who unpacks it find the same.
pub fn unpack(data: &[u8]) {
    let Some((first, layer)) = data.split_first() else { return };
    let mut blobs = Blobs::default();
    let base =
        Tar::new().file("app.wasm", MODULE).dir("dir").file("dir/file", b"").symlink("link", "dir").end();
    let diff_id = sha256(b"").to_string();
    let config = json!({
        "architecture": "wasm", "os": "wasi", "config": {"Entrypoint": ["/app.wasm"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id, diff_id]},
    });
    let config = blobs.describe(CONFIG, config.to_string().as_bytes());
    let layers =
        [blobs.describe(PLAIN, &base), blobs.describe(if first % 2 == 0 { PLAIN } else { GZIP }, layer)];
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string();
    blobs.keep(manifest.as_bytes());
    let image = blobs.read(MANIFEST, manifest.as_bytes()).expect("an image whatever its layers are");

    let yard = tempfile::tempdir().expect("a directory");
    let canary = yard.path().join("canary");
    fs::create_dir(&canary).expect("a directory");
    fs::write(canary.join("file"), "canary").expect("a file");
    let before = survey(yard.path());
    let spec = Workload::new(["/app.wasm"]).to_spec(Handler::Compat).expect("a configuration");
    let place = yard.path().join("bundle");
    let bundle = Bundle::write(&place, &spec, &image, Overwrite::Refuse);
    let mut after = survey(yard.path());
    if let Ok(bundle) = bundle {
        if let (Ok(read), Ok(unpacked)) = (image.wasm(), bundle.module()) {
            assert!(read == unpacked, "reading finds another program than unpacking");
        }
        after.retain(|path, _| !path.starts_with(&place));
    }
    assert_eq!(after, before);
}

/// Everything below a directory: kind, permissions, size, links and time of change of each.
fn survey(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let it = fs::symlink_metadata(&path).expect("an entry");
            if it.is_dir() {
                open.push(path.clone());
            }
            let facts = (it.ino(), it.mode(), it.len(), it.nlink(), it.mtime(), it.mtime_nsec());
            found.insert(path, format!("{facts:?}"));
        }
    }
    found
}

/// The uppermost layers of the corpus.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let layers = hostile::cases().into_iter().filter_map(|mut case| case.layers.pop());
    let small = layers.filter(|layer| layer.blob.len() < 100_000);
    small.map(|layer| [&[u8::from(layer.media_type == GZIP)][..], &layer.blob].concat()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_and_regressions() {
        super::seeds().iter().for_each(|seed| super::unpack(seed));
        crate::tests::regressions("unpack", super::unpack);
    }
}
