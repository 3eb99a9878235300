//! Images made byte by byte, because builders refuse what these tests are about.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        ffi::OsStringExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};

pub(crate) use hostile::{MODULE, Tar};
use serde_json::json;
use tempfile::TempDir;
use wasm_bundle::{Bundle, Handler, Result, Workload, oci_spec::runtime::Spec};
use wasm_oci::{
    Artifact, Overwrite,
    oci_spec::image::{Descriptor, MediaType},
    sha256,
};

/// An image of uncompressed layers that runs `/app.wasm`.
pub(crate) fn image(layers: &[Vec<u8>]) -> Artifact {
    image_of(MediaType::ImageLayer, layers)
}

pub(crate) fn image_of(layer: MediaType, layers: &[Vec<u8>]) -> Artifact {
    stored(layers.iter().map(|bytes| (layer.clone(), bytes.clone())).collect())
}

/// An image of layers as they are stored.
pub(crate) fn stored(layers: Vec<(MediaType, Vec<u8>)>) -> Artifact {
    let mut blobs = BTreeMap::new();
    let mut add = |media_type: MediaType, bytes: Vec<u8>| {
        let descriptor = Descriptor::new(media_type, bytes.len() as u64, sha256(&bytes));
        blobs.insert(descriptor.digest().to_string(), bytes);
        descriptor
    };
    let diff_ids: Vec<_> = layers.iter().map(|(_, layer)| sha256(layer).to_string()).collect();
    let config = json!({
        "architecture": "wasm", "os": "wasi", "config": { "Entrypoint": ["/app.wasm"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = add(MediaType::ImageConfig, config.to_string().into_bytes());
    let layers: Vec<_> = layers.into_iter().map(|(kind, bytes)| add(kind, bytes)).collect();
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let manifest = add(MediaType::ImageManifest, manifest.to_string().into_bytes());
    Artifact::read(&manifest, |descriptor| Ok(blobs[&descriptor.digest().to_string()].clone().into()))
        .unwrap()
}

/// A tar with `/app.wasm` in it, to be added to.
pub(crate) fn app() -> Tar {
    Tar::new().file("app.wasm", MODULE)
}

pub(crate) fn spec() -> Spec {
    Workload::new(["/app.wasm"]).to_spec(Handler::Compat).unwrap()
}

/// A directory with something in it that nobody may touch, and the path of a bundle beside it.
#[derive(Debug)]
pub(crate) struct Yard {
    dir: TempDir,
    before: BTreeMap<PathBuf, String>,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let canary = dir.path().join("canary");
        fs::create_dir_all(canary.join("inside")).unwrap();
        fs::write(canary.join("file"), "canary").unwrap();
        fs::write(canary.join("inside/program"), "canary").unwrap();
        fs::set_permissions(canary.join("inside/program"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("file", canary.join("link")).unwrap();
        let before = survey(dir.path());
        Self { dir, before }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.path().join("bundle")
    }

    pub(crate) fn write(&self, layers: &[Vec<u8>]) -> Result<Bundle> {
        Bundle::write(self.bundle(), &spec(), &image(layers), Overwrite::Refuse)
    }

    pub(crate) fn rootfs(&self, path: &str) -> PathBuf {
        self.bundle().join("rootfs").join(path)
    }

    /// Checks that nothing but the bundle was made or changed.
    pub(crate) fn assert_untouched(&self, case: &str) {
        let mut after = survey(self.path());
        let bundle = self.bundle();
        after.retain(|path, _| !path.starts_with(&bundle));
        assert_eq!(after, self.before, "{case}");
    }

    /// Checks the canary alone, for when somebody else is at work beside it.
    pub(crate) fn assert_canary_alive(&self, case: &str) {
        let canary = self.path().join("canary");
        let mut after = survey(self.path());
        after.retain(|path, _| path.starts_with(&canary));
        assert_eq!(after, self.before, "{case}");
    }

    /// Checks that there is no bundle, nor a part of one.
    pub(crate) fn assert_nothing_made(&self, case: &str) {
        assert_eq!(survey(self.path()), self.before, "{case}");
    }
}

/// Everything below a directory: kind and permissions, inode, owner, size, links, times of change, and content of each.
fn survey(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                open.push(path.clone());
            }
            let content = match metadata.file_type() {
                kind if kind.is_file() => fs::read(&path).unwrap(),
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_vec(),
                _ => vec![],
            };
            let (inode, mode, owner) = (metadata.ino(), metadata.mode(), (metadata.uid(), metadata.gid()));
            let (size, links) = (metadata.len(), metadata.nlink());
            let modified = (metadata.mtime(), metadata.mtime_nsec());
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            let told =
                format!("{inode} {mode:o} {owner:?} {size} {links} {modified:?} {changed:?} {content:?}");
            found.insert(path, told);
        }
    }
    found
}
