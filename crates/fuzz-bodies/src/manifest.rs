use serde_json::{Value, json};
use wasm_oci::{Artifact, sha256};

use crate::image::{Blobs, CONFIG, INDEX, MANIFEST};

/// Up to the first NUL a manifest or index, behind it a config. What can be read is within the limits, has the digest of its
/// bytes, and reads the same again. Digests, which no fuzzer can guess, are put right first.
pub fn manifest(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (document, config) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut blobs = Blobs::default();
    check(&mut blobs, MANIFEST, document);
    check(&mut blobs, INDEX, document);
    if let Ok(mut document) = serde_json::from_slice::<Value>(document) {
        right(&mut blobs, &mut document, config);
        let document = document.to_string().into_bytes();
        check(&mut blobs, MANIFEST, &document);
        let entry = blobs.describe(MANIFEST, &document);
        let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
        check(&mut blobs, INDEX, index.as_bytes());
    }
}

/// Makes the descriptors of config and layers those of blobs that are there.
fn right(blobs: &mut Blobs, manifest: &mut Value, config: &[u8]) {
    let mut point = |descriptor: &mut Value, bytes: &[u8]| {
        if let Some(fields) = descriptor.as_object_mut() {
            let (digest, size) = blobs.keep(bytes);
            fields.insert("digest".into(), json!(digest));
            fields.insert("size".into(), json!(size));
        }
    };
    if let Some(descriptor) = manifest.get_mut("config") {
        point(descriptor, config);
    }
    let layer = hostile::Tar::new().file("app.wasm", hostile::MODULE).end();
    for (at, descriptor) in
        manifest.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
    {
        point(descriptor, if at % 2 == 0 { &layer } else { hostile::MODULE });
    }
}

fn check(blobs: &mut Blobs, media_type: &str, document: &[u8]) {
    blobs.keep(document);
    match blobs.read(media_type, document) {
        Ok(image) => {
            assert!(image.layers().len() <= Artifact::LAYERS);
            assert_eq!(*image.digest(), sha256(image.manifest_bytes()));
            let again = blobs.read(MANIFEST, image.manifest_bytes());
            assert_eq!(again.unwrap().config_bytes(), image.config_bytes());
            if let Ok(wasm) = image.wasm() {
                assert_eq!(wasm[..4], *b"\0asm");
            }
            let _ = image.interface();
        }
        Err(error) => {
            assert!(error.to_string().len() < 2000, "a message of {} bytes", error.to_string().len());
        }
    }
}

/// Inputs that reach far.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let config = r#"{"architecture":"wasm","os":"wasi","config":{"Entrypoint":["/app.wasm"]},"rootfs":{"type":"layers","diff_ids":["a"]}}"#;
    let plain = hostile::PLAIN;
    let part = |media_type: &str| json!({"mediaType": media_type, "digest": sha256(b""), "size": 0});
    let image =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": part(CONFIG), "layers": [part(plain)]});
    let cncf = json!({"schemaVersion": 2, "config": part("application/vnd.wasm.config.v0+json"), "layers": [part(plain), part("application/wasm")], "annotations": {"a": "b"}});
    let index = json!({"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": sha256(b""), "size": 0, "platform": {"os": "wasi", "architecture": "wasm"}}]});
    let nul =
        |document: Value, config: &str| [document.to_string().as_bytes(), b"\0", config.as_bytes()].concat();
    vec![
        nul(image, config),
        nul(cncf, r#"{"architecture":"wasm","os":"wasip1","layerDigests":[]}"#),
        nul(index, ""),
        b"[]".to_vec(),
        b"{\"a\":{\"a\":1,\"a\":2}}".to_vec(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_and_regressions() {
        super::seeds().iter().for_each(|seed| super::manifest(seed));
        crate::tests::regressions("manifest", super::manifest);
    }
}
