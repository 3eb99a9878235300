//! Layers that are compressed with zstd; the real skopeo reads them.

use std::{fs, process::Command};

use wasm_oci::{Artifact, Compression, Format, Location, Loss, Overwrite, Pack, sha256};

fn to(artifact: &Artifact, format: Format) -> Artifact {
    artifact.convert(format, Loss::Refuse).unwrap().artifact
}

#[test]
fn zstd_goes_along() {
    let pack = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap().compression(Compression::Zstd);
    let image = pack.build(Format::Compat).unwrap();
    let media_type = image.layers()[0].descriptor().media_type().to_string();
    assert_eq!(media_type, "application/vnd.oci.image.layer.v1.tar+zstd");
    assert_eq!(image.wasm().unwrap(), guests::HELLO.wasm());
    let gzip = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap().build(Format::Compat).unwrap();
    assert_eq!(image.config().rootfs(), gzip.config().rootfs());
    assert_eq!(image.layers()[0].uncompressed().unwrap(), gzip.layers()[0].uncompressed().unwrap());
    for format in Format::ALL.into_iter().filter(Format::is_written) {
        assert_eq!(to(&to(&image, format), Format::Compat).digest(), image.digest(), "{format}");
    }
}

/// To skopeo's `dir:`, where each layer is a file that is named by its digest.
#[test]
fn skopeo_decompresses_it() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let place = tempfile::tempdir().unwrap();
    let pack =
        Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap().file("/etc/app.toml", "level = 3").unwrap();
    let image = pack.compression(Compression::Zstd).build(Format::Compat).unwrap();
    let ours = format!("oci:{}:v1", place.path().join("ours").display());
    let theirs = place.path().join("theirs");
    ours.parse::<Location>().unwrap().write(&image, Overwrite::Refuse).unwrap();
    let mut command = Command::new(skopeo);
    command.args(["--insecure-policy", "copy", "--dest-decompress", &ours]);
    let output = command.arg(format!("dir:{}", theirs.display())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for diff_id in image.config().rootfs().diff_ids() {
        let tar = fs::read(theirs.join(diff_id.strip_prefix("sha256:").unwrap())).unwrap();
        assert_eq!(sha256(&tar).as_ref(), diff_id);
    }
}
