use std::{
    collections::BTreeMap,
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, Result, fs::read_capped};

/// What a registry knows a user by. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// A name and a password, or what some registries want in its place.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// An identity token: what `docker login` keeps where the registry gave it one (Azure, IBM). Access tokens are got
    /// for it.
    IdentityToken(String),
}

impl Login {
    /// A name and a password.
    #[must_use]
    pub fn password(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Password { user: user.into(), password: password.into() }
    }

    /// Looks for credentials in files that `docker login` and `podman login` write.
    ///
    /// The first file that has some counts, and in it the longest path: those for `ghcr.io/org/app` go before those for
    /// `ghcr.io/org` and `ghcr.io`. It may run a credential helper, and wait for it.
    pub(super) fn find(files: &[PathBuf], registry: &str, repository: &str) -> Result<Option<Self>> {
        for path in files {
            let Some(file) = AuthFile::read(path)? else { continue };
            if let Some(login) = file.find(path, registry, repository)? {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => {
                f.debug_struct("Password").field("user", user).finish_non_exhaustive()
            }
            Self::IdentityToken(_) => f.write_str("IdentityToken(..)"),
        }
    }
}

/// What a file with credentials has in it; docker_credential reads the part that is chosen here.
///
/// That crate compares whole names only, asks the helper of a file for each of them, and takes an empty entry for a
/// broken one.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AuthFile {
    auths: BTreeMap<String, Value>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

/// Largest file with credentials.
const FILE_LIMIT: u64 = 4 << 20;
/// The key under which docker keeps what is for Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The names that Docker Hub has.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// What every helper says that knows nothing of the registry.
const NOT_FOUND: &str = "credentials not found";

impl AuthFile {
    fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match read_capped(path, "the file with credentials", FILE_LIMIT) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        // What serde_json says could quote a secret.
        let broken =
            |_| credentials(&path.display().to_string(), "it is no JSON of the kind that docker writes");
        serde_json::from_slice(&bytes).map(Some).map_err(broken)
    }

    fn find(&self, path: &Path, registry: &str, repository: &str) -> Result<Option<Login>> {
        let registry = if HUB.contains(&registry) { HUB[1] } else { registry };
        for name in names(registry, repository) {
            if let Some((key, helper)) =
                entry(&self.cred_helpers, &name).filter(|(_, helper)| !helper.is_empty())
            {
                return ask(path, key, &json!({"credHelpers": {key: helper}}), Some(helper));
            }
            if let Some((key, entry)) = entry(&self.auths, &name).filter(|(_, entry)| says_something(entry)) {
                return ask(path, key, &json!({"auths": {key: clean(entry)}}), None);
            }
        }
        match self.creds_store.as_deref() {
            Some(store) if !store.is_empty() => {
                let key = if registry == HUB[1] { HUB_KEY } else { registry };
                ask(path, key, &json!({"credsStore": store}), Some(store))
            }
            _ => Ok(None),
        }
    }
}

/// The names under which credentials for the repository may be kept, the longest first.
fn names(registry: &str, repository: &str) -> impl Iterator<Item = String> {
    let whole = format!("{registry}/{repository}");
    let ends: Vec<_> = whole.match_indices('/').map(|(at, _)| at).chain([whole.len()]).collect();
    ends.into_iter().rev().map(move |end| whole[..end].to_owned())
}

/// The entry whose key is this name, as it is or as an address.
fn entry<'a, T>(entries: &'a BTreeMap<String, T>, name: &str) -> Option<(&'a str, &'a T)> {
    let found = entries.iter().find(|(key, _)| is_key_of(key, name));
    found.map(|(key, value)| (key.as_str(), value))
}

fn is_key_of(key: &str, name: &str) -> bool {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let bare = match bare {
        // Old clients kept addresses of the API: `https://HOST/v1/`.
        Some(address) => address.split('/').next().unwrap_or_default(),
        None => key.trim_end_matches('/'),
    };
    bare == name || HUB.contains(&bare) && name == HUB[1]
}

/// Whether the entry is more than a note that the credentials are in the helper.
fn says_something(entry: &Value) -> bool {
    ["auth", "identitytoken", "username"]
        .iter()
        .any(|field| entry.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
}

/// The entry without empty fields.
fn clean(entry: &Value) -> Value {
    let fields = entry.as_object().into_iter().flatten();
    let said = fields.filter(|(_, value)| value.as_str() != Some(""));
    said.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// Has docker_credential read, or ask the helper for, the one entry that is meant.
fn ask(path: &Path, key: &str, file: &Value, helper: Option<&str>) -> Result<Option<Login>> {
    if helper.is_some_and(|name| name.contains(['/', '\\'])) {
        return Err(credentials(&path.display().to_string(), "its credential helper has a path for a name"));
    }
    let found = docker_credential::get_credential_from_reader(file.to_string().as_bytes(), key);
    let from = || match helper {
        Some(helper) => format!("docker-credential-{helper}"),
        None => path.display().to_string(),
    };
    match found {
        Ok(DockerCredential::UsernamePassword(user, password)) if user.is_empty() && password.is_empty() => {
            Ok(None)
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Login::Password { user, password }))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Login::IdentityToken(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if stdout.contains(NOT_FOUND) || stderr.contains(NOT_FOUND) =>
        {
            Ok(None)
        }
        // What a helper prints may be a secret.
        Err(CredentialRetrievalError::HelperFailure { .. }) => Err(credentials(&from(), "it failed")),
        Err(CredentialRetrievalError::HelperCommunicationError) => {
            Err(credentials(&from(), "it cannot be run: it is not on the PATH, or ended at once"))
        }
        Err(CredentialRetrievalError::MalformedHelperResponse) => {
            Err(credentials(&from(), "what it says is no JSON of the kind that helpers write"))
        }
        Err(CredentialRetrievalError::CredentialMismatchError) => {
            Err(credentials(&from(), &format!("the entry `{key}` contradicts itself")))
        }
        Err(_) => Err(credentials(&from(), &format!("the entry `{key}` is malformed"))),
    }
}

fn credentials(from: &str, why: &str) -> Error {
    Error::Credentials { from: from.into(), why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(file: &Value, name: &str) -> Result<Option<Login>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let (registry, repository) = name.split_once('/').unwrap();
        Login::find(&[dir.path().join("missing"), path], registry, repository)
    }

    fn user(login: Option<Login>) -> Option<String> {
        match login? {
            Login::Password { user, .. } => Some(user),
            Login::IdentityToken(token) => Some(format!("<{token}>")),
        }
    }

    /// `NAME:secret` in base64.
    fn auth(name: &str) -> Value {
        let text = match name {
            "a" => "YTpzZWNyZXQ=",
            "b" => "YjpzZWNyZXQ=",
            _ => "YzpzZWNyZXQ=",
        };
        json!({"auth": text})
    }

    #[test]
    fn the_longest_path_counts() {
        let file =
            json!({"auths": {"ghcr.io": auth("a"), "ghcr.io/org": auth("b"), "ghcr.io/org/app": auth("c")}});
        for (name, expected) in [
            ("ghcr.io/org/app", Some("c")),
            ("ghcr.io/org/app/sub", Some("c")),
            ("ghcr.io/org/application", Some("b")),
            ("ghcr.io/organisation/app", Some("a")),
            ("quay.io/org/app", None),
        ] {
            assert_eq!(user(find(&file, name).unwrap()).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn docker_hub_has_many_names() {
        for key in [HUB_KEY, "docker.io", "https://registry-1.docker.io/v2/", "index.docker.io"] {
            let file = json!({"auths": {key: auth("a")}});
            for registry in ["docker.io", "index.docker.io"] {
                assert_eq!(
                    user(find(&file, &format!("{registry}/library/x")).unwrap()).as_deref(),
                    Some("a"),
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn every_kind_of_entry() {
        for (entry, expected) in [
            (json!({"auth": "YTpzZWNyZXQ"}), Some("a")),
            (json!({"username": "u", "password": "p"}), Some("u")),
            (json!({"auth": "", "identitytoken": "t"}), Some("<t>")),
            (json!({"auth": "YTpzZWNyZXQ=", "identitytoken": "t"}), Some("<t>")),
            (json!({}), None),
            (json!({"auth": ""}), None),
            (json!({"auth": "", "email": "e"}), None),
        ] {
            let file = json!({"auths": {"r.io": entry}});
            assert_eq!(user(find(&file, "r.io/x").unwrap()).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is() {
        let broken = json!({"auths": {"r.io": {"auth": "c2VjcmV0"}}}); // `secret`, without a colon
        let error = find(&broken, "r.io/x").unwrap_err();
        assert!(error.to_string().ends_with("the entry `r.io` is malformed"), "{error}");
        let odd = json!({"credHelpers": {"r.io": "../evil"}});
        let error = find(&odd, "r.io/x").unwrap_err().to_string();
        assert!(error.ends_with("its credential helper has a path for a name"), "{error}");
        let missing = json!({"credsStore": "no-such-helper-here"});
        let error = find(&missing, "r.io/x").unwrap_err().to_string();
        assert!(
            error.starts_with("cannot get credentials from docker-credential-no-such-helper-here"),
            "{error}"
        );

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, r#"{"auths": "hunter2"}"#).unwrap();
        let error = Login::find(&[path], "r.io", "x").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(!format!("{:?}", Login::password("me", "hunter2")).contains("hunter2"));
        assert!(!format!("{:?}", Login::IdentityToken("hunter2".into())).contains("hunter2"));
    }
}
