//! Who we are: passwords, tokens, files, helpers.

use std::{fs, time::Duration};

use serde_json::json;
use test_registry::{Auth, Bearer, Fault, On, Options as Server, Registry as Running};
use wasm_oci::{
    Error, Format,
    registry::{Login, Options, Pick, Registry},
};

use crate::{hello, name, quick};

fn with(server: &Running, login: Login) -> Options {
    let mut options = quick();
    options.logins.insert(server.host(), login);
    options
}

fn push_and_pull(server: &Running, options: Options) -> Result<(), Error> {
    let registry = Registry::new(options)?;
    let at = name(server, "me/app:v1");
    registry.push(&hello(Format::Artifact), &at)?;
    assert_eq!(registry.artifact(&at, None)?.digest(), hello(Format::Artifact).digest());
    registry.tags(&at)?;
    Ok(())
}

fn bearer() -> Bearer {
    Bearer::new("me", "secret").identity_token("identity")
}

#[test]
fn a_password() {
    for auth in [Auth::basic("me", "secret"), bearer().into()] {
        let server = Server::default().auth(auth).start().unwrap();
        push_and_pull(&server, with(&server, Login::password("me", "secret"))).unwrap();
        let error = push_and_pull(&server, with(&server, Login::password("me", "wrong"))).unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
        assert!(error.to_string().contains("`me`") && !format!("{error:?}").contains("wrong"), "{error:?}");
        let error = push_and_pull(&server, quick()).unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
        assert!(error.help().unwrap().contains("--authfile"));
    }
}

#[test]
fn an_identity_token() {
    let server = Server::default().auth(bearer()).start().unwrap();
    push_and_pull(&server, with(&server, Login::IdentityToken("identity".into()))).unwrap();
    assert!(server.count(&On::token_post()) >= 2 && server.count(&On::token_get()) == 0);
    let error = push_and_pull(&server, with(&server, Login::IdentityToken("other".into()))).unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("other"));
}

#[test]
fn anybody_may_read() {
    let server = Server::default().auth(bearer().anonymous_pull()).start().unwrap();
    push_and_pull(&server, with(&server, Login::password("me", "secret"))).unwrap();
    let anybody = Registry::new(quick()).unwrap();
    anybody.artifact(&name(&server, "me/app:v1"), None).unwrap();
    let error = anybody.push(&hello(Format::Compat), &name(&server, "me/app:v2")).unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
}

#[test]
fn a_token_is_used_as_long_as_it_is_good() {
    let server = Server::default().auth(bearer()).start().unwrap();
    let registry = Registry::new(with(&server, Login::password("me", "secret"))).unwrap();
    let at = name(&server, "a:v1");
    registry.push(&hello(Format::Artifact), &at).unwrap();
    server.clear_requests();
    for _ in 0..5 {
        registry.artifact(&at, None).unwrap();
    }
    assert_eq!(server.count(&On::token()), 1);
    server.expire_tokens();
    registry.artifact(&at, None).unwrap();
    registry.push(&hello(Format::Compat), &at).unwrap();
}

/// Each token is good for two requests: it expires while an image is on its way, up and down.
#[test]
fn a_token_that_expires_on_the_way() {
    let server = Server::default().auth(bearer().uses(2)).start().unwrap();
    push_and_pull(&server, with(&server, Login::password("me", "secret"))).unwrap();
}

#[test]
fn a_short_life_is_believed() {
    let server = Server::default().auth(bearer().lifetime(Duration::from_secs(1))).start().unwrap();
    push_and_pull(&server, with(&server, Login::password("me", "secret"))).unwrap();
}

#[test]
fn a_mount_needs_rights_in_both() {
    let server = Server::default().auth(bearer()).start().unwrap();
    let registry = Registry::new(with(&server, Login::password("me", "secret"))).unwrap();
    registry.push(&hello(Format::Artifact), &name(&server, "one:v1")).unwrap();
    server.clear_requests();
    registry.copy(&name(&server, "one:v1"), &Pick::All, &name(&server, "two:v1")).unwrap();
    assert_eq!(server.count(&On::blob_get()), 0);
}

#[test]
fn a_registry_that_reads_openly_and_writes_for_users_only() {
    // Nothing says before the upload that it wants to know who comes.
    let server = Server::default().auth(Auth::basic("me", "secret")).start().unwrap();
    server.fault(On::base(), Fault::Answer(test_registry::Answer::new(200)));
    server.fault(On::blob_head(), Fault::Answer(test_registry::Answer::new(404)));
    push_and_pull(&server, with(&server, Login::password("me", "secret"))).unwrap();
}

#[test]
fn the_files_of_docker_and_podman() {
    let server = Server::default().auth(bearer()).start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (missing, first, second) =
        (dir.path().join("none"), dir.path().join("config.json"), dir.path().join("auth.json"));
    let auth = "bWU6c2VjcmV0"; // me:secret
    fs::write(&first, json!({"auths": {"elsewhere.example": {"auth": auth}}}).to_string()).unwrap();
    let host = server.host();
    for entry in [json!({"auth": auth}), json!({"identitytoken": "identity"})] {
        for key in [host.clone(), format!("{host}/me"), format!("https://{host}/v2/")] {
            fs::write(&second, json!({"auths": {&key: entry}}).to_string()).unwrap();
            let mut options = quick();
            options.auth_files = vec![missing.clone(), first.clone(), second.clone()];
            push_and_pull(&server, options).unwrap();
        }
    }
}

/// A helper is found on the `PATH` of the process, so this is a process of its own.
#[test]
fn a_credential_helper() {
    const SELF: &str = "WASM_OCI_TEST_HELPER";
    if let Ok(host) = std::env::var(SELF) {
        let (file, host) = host.split_once(',').unwrap();
        let mut options = quick();
        options.auth_files = vec![file.into()];
        options.timeouts.helper = Duration::from_secs(5);
        let registry = Registry::new(options).unwrap();
        match registry.push(&hello(Format::Artifact), &format!("{host}/me/app:v1").parse().unwrap()) {
            Ok(_) => println!("it went"),
            Err(error) => println!("error: {error} {error:?}"),
        }
        return;
    }
    let server = Server::default().auth(bearer()).start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let helper = |name: &str, script: &str| {
        lab::script(&dir.path().join(format!("docker-credential-{name}")), script);
    };
    helper("good", r#"read host; printf '{"Username":"me","Secret":"secret","ServerURL":"%s"}' "$host""#);
    helper("token", r#"read host; echo '{"Username":"<token>","Secret":"identity"}'"#);
    helper("none", "read host; echo credentials not found in native keychain; exit 1");
    helper("bad", "read host; echo hunter2; echo hunter2 >&2; exit 1");
    helper("odd", "read host; echo hunter2");
    helper("slow", "exec sleep 100");
    let run = |config: serde_json::Value| {
        let file = dir.path().join("config.json");
        fs::write(&file, config.to_string()).unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "auth::a_credential_helper", "--nocapture"])
            .env(SELF, format!("{},{}", file.display(), server.host()))
            .env("PATH", format!("{}:/usr/bin:/bin", dir.path().display()))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let host = server.host();
    let helpers = |name: &str| json!({"credHelpers": {&host: name}});
    let stored = |name: &str| json!({"auths": {&host: {}}, "credsStore": name});
    for (config, expected) in [
        (helpers("good"), "it went"),
        (stored("good"), "it went"),
        (stored("token"), "it went"),
        (helpers("none"), "the registry does not let us"),
        (stored("none"), "the registry does not let us"),
        (helpers("bad"), "cannot get credentials from docker-credential-bad: it failed"),
        (helpers("odd"), "cannot get credentials from docker-credential-odd: what it says is no JSON"),
        (stored("absent"), "cannot get credentials from docker-credential-absent: it cannot be run"),
        (helpers("slow"), "cannot get credentials from the credential helper: it took more than 5s"),
    ] {
        let said = run(config.clone());
        assert!(said.contains(expected), "{config}: {said}");
        assert!(!said.contains("hunter2"), "{config}: {said}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let server = Server::default().auth(bearer()).start().unwrap();
    let mut options = with(&server, Login::password("me", "hunter2"));
    options.https_proxy = Some("http://me:hunter2@proxy.example".to_owned());
    let registry = Registry::new(options.clone()).unwrap();
    assert!(!format!("{registry:?} {options:?}").contains("hunter2"));
    let error = registry.push(&hello(Format::Artifact), &name(&server, "a:v1")).unwrap_err();
    assert!(!format!("{error:?} {error} {registry:?}").contains("hunter2"));
}
