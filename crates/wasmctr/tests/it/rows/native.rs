//! An image of a Linux program, made of one static file: a pause container, a sidecar.

use std::{fs, path::Path};

use serde_json::{Value, json};
use wasm_oci::{
    Archive, Artifact, Overwrite,
    oci_spec::image::{Descriptor, MediaType},
    sha256,
};

use super::linux;

/// Writes an archive with the image, tagged `v1`; the file is `/` and its name.
pub(super) fn write(archive: &Path, program: &Path, entrypoint: &[&str]) {
    let mut header = tar::Header::new_gnu();
    let bytes = fs::read(program).unwrap();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o755);
    let mut tar = tar::Builder::new(vec![]);
    tar.append_data(&mut header, program.file_name().unwrap(), bytes.as_slice()).unwrap();
    let layer = tar.into_inner().unwrap();

    let config = document(&json!({
        "os": "linux",
        "architecture": linux().split('/').next_back(),
        // The pause image has a PATH too; youki starts nothing without one.
        "config": { "Entrypoint": entrypoint, "Env": ["PATH=/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [sha256(&layer).to_string()] },
    }));
    let manifest = document(&json!({
        "schemaVersion": 2,
        "mediaType": MediaType::ImageManifest,
        "config": descriptor(MediaType::ImageConfig, &config),
        "layers": [descriptor(MediaType::ImageLayer, &layer)],
    }));
    let blobs = [config, layer, manifest.clone()];
    let image = Artifact::read(&descriptor(MediaType::ImageManifest, &manifest), |wanted| {
        Ok(blobs.iter().find(|blob| sha256(blob) == *wanted.digest()).unwrap().clone().into())
    });
    Archive::write(archive, Some("v1"), &image.unwrap(), Overwrite::Refuse).unwrap();
}

fn document(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn descriptor(media_type: MediaType, bytes: &[u8]) -> Descriptor {
    Descriptor::new(media_type, bytes.len() as u64, sha256(bytes))
}
