//! `push`, `pull`, `copy`, `tags`, `attach`, `discover`, and the other commands on a registry.

use std::{fs, io::Write, process::Stdio};

use serde_json::{Value, json};
use test_registry::{Auth, Certificate, Options as ServerOptions, Registry as Server};

use crate::support::{Place, Ran};

/// A place with a module, whose user has no files of docker and podman.
fn place() -> Place {
    let place = Place::new();
    place.file("hello.wasm", guests::HELLO.wasm());
    place
}

fn run(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.command(args);
    for name in [
        "DOCKER_CONFIG",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "https_proxy",
        "http_proxy",
    ] {
        command.env_remove(name);
    }
    Ran::of(command.env("HOME", place.path()).output().unwrap())
}

fn last(text: &str) -> &str {
    text.lines().last().unwrap()
}

#[test]
fn there_and_back() {
    let (place, server) = (place(), Server::start().unwrap());
    let at = |rest: &str| format!("{}/{rest}", server.host());
    let name =
        last(&run(&place, &["push", "hello.wasm", &at("me/app:v1"), "--format", "artifact"]).ok()).to_owned();
    assert!(name.starts_with(&at("me/app@sha256:")), "{name}");
    for (args, expected) in [
        (vec!["pull", &name, "-o", "oci:images:v1"], &name),
        (vec!["pull", &at("me/app:v1"), "-o", "oci-archive:app.tar:v1"], &name),
        (vec!["pull", &format!("docker://{}", at("me/app:v1")), "-o", "app.wasm"], &name),
        (vec!["push", "oci:images:v1", &at("me/app:v2")], &name),
        (vec!["push", "oci-archive:app.tar", &at("me/app:v3")], &name),
    ] {
        assert_eq!(last(&run(&place, &args).ok()), expected, "{args:?}");
    }
    assert_eq!(fs::read(place.path().join("app.wasm")).unwrap(), guests::HELLO.wasm());
    let copied = run(&place, &["copy", &at("me/app:v1"), &at("other/app:v1")]).ok();
    assert_eq!(last(&copied), name.replace("me/app", "other/app"));
    assert_eq!(run(&place, &["tags", &at("me/app")]).ok(), "v1\nv2\nv3\n");
    assert_eq!(
        run(&place, &["tags", "--delete", &at("me/app:v3")]).ok(),
        format!("deleted {}\n", at("me/app:v3"))
    );
    assert_eq!(run(&place, &["tags", &at("me/app")]).ok(), "v1\nv2\n");
    run(&place, &["pull", &at("me/app:v9"), "-o", "oci:none:v9"])
        .fails(1, &format!("`{}` is not there", at("me/app:v9")));
    run(&place, &["pull", &at("me/app:v1"), "-o", "app.wasm"]).fails(1, "`app.wasm` exists already");
    run(&place, &["tags", "--delete", &at("me/app")])
        .fails(2, &format!("`{}` names neither tag nor digest", at("me/app")));
}

#[test]
fn every_command_reads_registries() {
    let (place, server) = (place(), Server::start().unwrap());
    let at = |rest: &str| format!("{}/{rest}", server.host());
    run(&place, &["push", "hello.wasm", &at("app:v1")]).ok();
    let app = at("app:v1");
    assert!(run(&place, &["run", &app, "--no-cache"]).ok().contains("Hello"));
    run(&place, &["run", &at("app:none")]).fails(127, &format!("`{}` is not there", at("app:none")));
    assert!(run(&place, &["inspect", &app]).ok().contains("compat, wasi/wasm"));
    run(&place, &["inspect", &format!("docker://{app}"), "--for", "crun"]).ok();
    run(&place, &["bundle", &app, "bundle"]).ok();
    assert!(place.path().join("bundle/config.json").exists());
    run(&place, &["convert", &app, "-o", &at("app:artifact"), "--format", "artifact"]).ok();
    assert!(run(&place, &["inspect", &at("app:artifact")]).ok().contains("artifact, wasip1/wasm"));
}

#[test]
fn one_document_for_programs() {
    let (place, server) = (place(), Server::start().unwrap());
    let at = |rest: &str| format!("{}/{rest}", server.host());
    let json = |args: &[&str]| -> Value {
        serde_json::from_str(&run(&place, &[args, &["--format", "json"]].concat()).ok()).unwrap()
    };
    let pushed = json(&["push", "hello.wasm", &at("app:v1")]);
    assert_eq!(pushed["reference"], at("app:v1"));
    assert_eq!(pushed["name"], format!("{}@{}", at("app"), pushed["digest"].as_str().unwrap()));
    assert_eq!(json(&["pull", &at("app:v1"), "-o", "oci:o:v1"])["written"], "oci:o:v1");
    assert_eq!(json(&["tags", &at("app")]), json!({"name": at("app"), "tags": ["v1"]}));
    place.file("sbom.json", "{}");
    let attached = json(&["attach", &at("app:v1"), "sbom.json", "--type", "a/b", "--annotation", "who=we"]);
    let found = json(&["discover", &at("app:v1"), "--type", "a/b"]);
    assert_eq!(found["referrers"][0]["digest"], attached["digest"]);
    assert_eq!(found["referrers"][0]["annotations"]["who"], "we");
    assert_eq!(json(&["discover", &at("app:v1"), "--type", "other/type"])["referrers"], json!([]));
    assert_eq!(json(&["copy", &at("app:v1"), &at("b:v1")])["digest"], pushed["digest"]);
    assert_eq!(json(&["tags", "--delete", &at("b:v1")]), json!({"deleted": at("b:v1")}));
}

#[test]
fn users_and_files() {
    let server = ServerOptions::default().auth(Auth::basic("me", "secret")).start().unwrap();
    let at = format!("{}/app:v1", server.host());
    let place = place();
    let error = run(&place, &["push", "hello.wasm", &at]);
    assert!(error.stderr.contains("help: log in first: `docker login HOST`"), "{error:?}");

    let mut child = place.command(&["push", "hello.wasm", &at, "--username", "me", "--password-stdin"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    assert!(child.wait().unwrap().success());

    let mut with = place.command(&["tags", &at]);
    let with = with.env("WASMCTR_USERNAME", "me").env("WASMCTR_PASSWORD", "secret");
    assert_eq!(Ran::of(with.output().unwrap()).ok(), "v1\n");
    let mut wrong = place.command(&["tags", &at]);
    let wrong =
        Ran::of(wrong.env("WASMCTR_USERNAME", "me").env("WASMCTR_PASSWORD", "hunter2").output().unwrap());
    assert!(wrong.code == Some(1) && !format!("{wrong:?}").contains("hunter2"), "{wrong:?}");

    let file = json!({"auths": {server.host(): {"auth": "bWU6c2VjcmV0"}}}).to_string();
    place.file("auth.json", &file);
    run(&place, &["tags", &at, "--authfile", "auth.json"]).ok();
    run(&place, &["tags", &at, "--authfile", "none.json"]).fails(1, "there is no file `none.json`");
    fs::create_dir(place.path().join(".docker")).unwrap();
    fs::write(place.path().join(".docker/config.json"), file).unwrap();
    run(&place, &["tags", &at]).ok();
}

#[test]
fn tls() {
    let server = ServerOptions::default().tls(Certificate::Valid).start().unwrap();
    let at = format!("{}/app:v1", server.host());
    let place = place();
    place.file("ca.pem", server.certificate().unwrap());
    run(&place, &["push", "hello.wasm", &at, "--ca-file", "ca.pem"]).ok();
    run(&place, &["tags", &at, "--insecure"]).ok();
    let untrusted = run(&place, &["tags", &at, "--plain-http=false"]);
    assert!(untrusted.stderr.contains("its certificate is not trusted"), "{untrusted:?}");
    assert!(
        untrusted.stderr.contains("help: name the authority that signed it: `--ca-file FILE`"),
        "{untrusted:?}"
    );
    let plain = Server::start().unwrap();
    let no = run(&place, &["tags", &format!("{}/app", plain.host()), "--plain-http=false"]);
    assert!(no.stderr.contains("it does not speak TLS") && no.stderr.contains("--plain-http"), "{no:?}");
}

/// A module in a registry is packed again, into a registry, in several formats under one tag.
#[test]
fn packed_from_a_registry_into_one() {
    let (place, server) = (place(), Server::start().unwrap());
    let at = |rest: &str| format!("{}/{rest}", server.host());
    let both = "compat,artifact";
    run(&place, &["pack", "hello.wasm", "-o", &at("a:v1")]).ok();
    let text =
        run(&place, &["pack", &at("a:v1"), "-o", &format!("docker://{}", at("a:v2")), "--format", both]).ok();
    assert_eq!(last(&text), format!("written     docker://{}", at("a:v2")), "{text}");
    run(&place, &["push", "hello.wasm", &at("a:v3"), "--format", both]).ok();
    run(&place, &["convert", &at("a:v1"), "-o", &at("a:v4"), "--format", both]).ok();
    run(&place, &["pack", "hello.wasm", "-o", "oci:o:v1", "--format", both]).ok();
    run(&place, &["push", "oci:o:v1", &at("a:v5")]).ok();
    run(&place, &["pack", "hello.wasm", "-o", "oci-archive:a.tar:v1", "--format", both]).ok();
    run(&place, &["push", "oci-archive:a.tar:v1", &at("a:v6")]).ok();
    run(&place, &["copy", &at("a:v6"), &at("b:v7")]).ok();
    for name in ["a:v2", "a:v3", "a:v4", "a:v5", "a:v6", "b:v7"] {
        for (platform, format) in
            [("wasi/wasm", "compat, wasi/wasm"), ("wasip1/wasm", "artifact, wasip1/wasm")]
        {
            let text = run(&place, &["inspect", &at(name), "--platform", platform]).ok();
            assert!(text.contains(format), "{name}: {text}");
        }
    }
    run(&place, &["pack", &at("a:none"), "-o", "oci:o:v2"])
        .fails(1, &format!("`{}` is not there", at("a:none")));
}

#[test]
fn what_is_attached_comes_along() {
    let (place, server) = (place(), Server::start().unwrap());
    let at = |rest: &str| format!("{}/{rest}", server.host());
    run(&place, &["push", "hello.wasm", &at("app:v1")]).ok();
    place.file("sbom.json", "{}");
    let attached = run(&place, &["attach", &at("app:v1"), "sbom.json", "--type", "a/b"]).ok();
    let digest = last(&attached).rsplit('@').next().unwrap();
    run(&place, &["copy", &at("app:v1"), &at("alone:v1")]).ok();
    assert!(!run(&place, &["discover", &at("alone:v1")]).ok().contains(digest));
    let text = run(&place, &["copy", "--referrers", &at("app:v1"), &at("all:v1")]).ok();
    assert!(text.contains(&format!("referrer    {digest}")), "{text}");
    assert!(run(&place, &["discover", &at("all:v1")]).ok().contains(digest));
    let json = run(&place, &["copy", "-r", &at("app:v1"), &at("again:v1"), "--format", "json"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["referrers"], json!([digest]));
}

/// A proxy that is nobody's is what the environment says, and so nothing is reached.
#[test]
fn proxies_come_from_the_environment() {
    let place = place();
    let mut command = place.command(&["tags", "registry.example.invalid/a", "--plain-http"]);
    for name in ["no_proxy", "NO_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY"] {
        command.env_remove(name);
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    command.env("HTTP_PROXY", format!("http://{}", listener.local_addr().unwrap()));
    let asked = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let read = std::io::Read::read(&mut client, &mut head).unwrap();
        let body = r#"{"name":"a","tags":["by-proxy"]}"#;
        write!(
            client,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let ran = Ran::of(command.env("HOME", place.path()).output().unwrap());
    assert_eq!(ran.ok(), "by-proxy\n");
    let asked = asked.join().unwrap();
    assert!(asked.starts_with("GET http://registry.example.invalid/v2/a/tags/list"), "{asked}");
}
