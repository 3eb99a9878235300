//! What real clients make of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_registry::{Auth, Bearer, Certificate, On, Options, Registry, sha256};

use crate::{CONFIG, MANIFEST};

/// Writes an OCI layout with one image under the tag `v1`; the digest of its manifest.
fn layout(dir: &Path) -> String {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let keep = |bytes: &[u8], media_type: &str| {
        let digest = sha256(bytes);
        fs::write(blobs.join(digest.strip_prefix("sha256:").unwrap()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    };
    // Larger than one read or one window: it comes in many pieces.
    let layer: Vec<u8> = (0..3_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let layer = keep(&layer, "application/vnd.oci.image.layer.v1.tar");
    let rootfs = json!({"type": "layers", "diff_ids": [layer["digest"]]});
    let config = json!({"architecture": "wasm", "os": "wasi", "config": {}, "rootfs": rootfs});
    let config = keep(config.to_string().as_bytes(), CONFIG);
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let mut manifest = keep(image.to_string().as_bytes(), MANIFEST);
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
    fs::write(dir.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string()).unwrap();
    manifest["digest"].as_str().unwrap().to_owned()
}

/// The digest that a layout has under its only tag.
fn pulled(dir: &Path) -> String {
    let index: Value = serde_json::from_slice(&fs::read(dir.join("index.json")).unwrap()).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

/// Runs skopeo in a folder where it finds no configuration of this machine.
fn skopeo(program: &Path, dir: &Path, args: &[&str]) -> String {
    let policy = dir.join("policy.json");
    fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
    let output = Command::new(program)
        .args(["--command-timeout", "60s", "--policy"])
        .arg(policy)
        .args(args)
        .env("HOME", dir)
        .env("XDG_RUNTIME_DIR", dir)
        .env_remove("REGISTRY_AUTH_FILE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Pushes and pulls with skopeo, copies to another repository, lists and deletes.
fn round_trip(options: Options, credentials: Option<&str>) -> Option<Registry> {
    let program = lab::need!("skopeo")?;
    let dir = tempfile::tempdir().unwrap();
    let (from, back) = (dir.path().join("from"), dir.path().join("back"));
    let digest = layout(&from);
    let registry = options.start().unwrap();
    let certificates = dir.path().join("certificates");
    fs::create_dir(&certificates).unwrap();
    if let Some(certificate) = registry.certificate() {
        fs::write(certificates.join("ca.crt"), certificate).unwrap();
    }
    let run = |verb: &str, sides: &[&str], args: &[&str]| {
        let mut all = vec![verb.to_owned()];
        if verb == "copy" {
            // A layer that is not compressed stays so.
            all.push("--preserve-digests".to_owned());
        }
        for side in sides {
            let name =
                |flag: &str| if side.is_empty() { format!("--{flag}") } else { format!("--{side}-{flag}") };
            all.push(format!("{}={}", name("tls-verify"), registry.certificate().is_some()));
            all.push(format!("{}={}", name("cert-dir"), certificates.display()));
            all.extend(credentials.map(|credentials| format!("{}={credentials}", name("creds"))));
        }
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        skopeo(&program, dir.path(), &all)
    };
    let [there, other] =
        ["one/image:v1", "two:v2"].map(|name| format!("docker://{}/{name}", registry.host()));
    run("copy", &["dest"], &[&format!("oci:{}:v1", from.display()), &there]);
    assert_eq!(registry.tags("one/image")["v1"], digest);
    run("copy", &["src"], &[&there, &format!("oci:{}:v1", back.display())]);
    assert_eq!(pulled(&back), digest);
    run("copy", &["src", "dest"], &[&there, &other]);
    assert_eq!(registry.tags("two")["v2"], digest);
    let tags: Value =
        serde_json::from_str(&run("list-tags", &[""], &[other.rsplit_once(':').unwrap().0])).unwrap();
    assert_eq!(tags["Tags"], json!(["v2"]));
    run("delete", &[""], &[&other]);
    assert!(registry.tags("two").is_empty());
    assert_eq!(registry.open_uploads(), 0);
    Some(registry)
}

#[test]
fn skopeo_pushes_and_pulls() {
    let Some(registry) = round_trip(Registry::options(), None) else { return };
    assert!(registry.requests().iter().all(|request| request.authorization().is_none()));
}

#[test]
fn skopeo_follows_absolute_locations() {
    round_trip(Registry::options().absolute_locations(), None);
}

#[test]
fn skopeo_pushes_and_pulls_with_a_password() {
    let Some(registry) =
        round_trip(Registry::options().auth(Auth::basic("user", "secret")), Some("user:secret"))
    else {
        return;
    };
    assert!(registry.count(&On::manifest_put().authorized()) >= 1);
}

#[test]
fn skopeo_pushes_and_pulls_with_tokens() {
    let bearer = Bearer::new("user", "secret");
    let Some(registry) = round_trip(Registry::options().auth(bearer), Some("user:secret")) else { return };
    assert!(registry.count(&On::token_get().authorized()) >= 1);
    let requests = registry.requests();
    let basic =
        requests.iter().filter(|request| request.authorization().is_some_and(|a| a.starts_with("Basic")));
    assert!(basic.into_iter().all(|request| request.path == "/token"));
}

#[test]
fn skopeo_pushes_and_pulls_over_tls() {
    let options = Registry::options().tls(Certificate::Valid).auth(Bearer::new("user", "secret"));
    let Some(registry) = round_trip(options, Some("user:secret")) else { return };
    assert!(registry.requests().iter().all(|request| request.secure));
}

#[test]
fn skopeo_mounts_what_is_there() {
    let Some(registry) = round_trip(Registry::options(), None) else { return };
    assert!(registry.count(&On::mount()) >= 1);
}
