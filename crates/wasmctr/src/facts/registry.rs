use std::{
    env, fs,
    net::{TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use wasm_bundle::doctor::Registry;

use crate::runtimes;

/// How long a registry may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a registry accepts a connection, and where the credentials for it are. They are not read.
pub(super) fn registry(host: &str, root: &Path) -> Registry {
    let files: Vec<_> = files(root).into_iter().filter_map(|path| Some((read(&path)?, path))).collect();
    let mut credentials = None;
    let mut helper_missing = None;
    for (config, path) in files {
        if let Some(helper) = helper(&config, host) {
            let program = format!("docker-credential-{helper}");
            match runtimes::program(&program) {
                Some(_) => credentials = Some(format!("{program}, says {}", path.display())),
                None => helper_missing = Some(format!("{program}, which {} names", path.display())),
            }
            break;
        }
        if config.get("auths").and_then(|auths| auths.get(host)).is_some() {
            credentials = Some(path.display().to_string());
            break;
        }
    }
    Registry::new(host.to_owned(), unreachable(host), credentials, helper_missing)
}

/// The files of docker and podman, the first that has something for the host counts.
fn files(root: &Path) -> Vec<PathBuf> {
    let named = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = env::home_dir().map(|home| root.join(home.strip_prefix("/").unwrap_or(&home)));
    let files = [
        named("REGISTRY_AUTH_FILE"),
        named("DOCKER_CONFIG").map(|dir| dir.join("config.json")),
        home.as_ref().map(|home| home.join(".docker/config.json")),
        named("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
        home.map(|home| home.join(".config/containers/auth.json")),
    ];
    files.into_iter().flatten().collect()
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The helper for a host, or for all.
fn helper(config: &Value, host: &str) -> Option<String> {
    let own = config.get("credHelpers").and_then(|helpers| helpers.get(host));
    own.or_else(|| config.get("credsStore"))?.as_str().map(str::to_owned)
}

fn unreachable(host: &str) -> Option<String> {
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:443") };
    let addresses = match address.to_socket_addrs() {
        Ok(addresses) => addresses.collect::<Vec<_>>(),
        Err(error) => return Some(error.to_string()),
    };
    let mut last = "it has no address".to_owned();
    for address in addresses.iter().take(4) {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(_) => return None,
            Err(error) => last = error.to_string(),
        }
    }
    Some(last)
}
