//! Registries: the flags that say how they are reached, and what the environment says of credentials and proxies.

use std::{
    env, fs,
    io::{self, Read},
    path::PathBuf,
};

use anyhow::{Context, anyhow};
use clap::{ArgAction, Args};
use wasm_oci::{
    Artifact, Content, Location, Overwrite, Platform, Reference,
    registry::{Login, Options, Registry},
};

use crate::{Failure, progress::Progress};

/// The flags of every command that may read from a registry or write to one.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct Remote {
    /// Speak plain HTTP to registries; by itself only to those on this machine
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    plain_http: Option<bool>,
    /// Accept certificates of anybody
    #[arg(long)]
    insecure: bool,
    /// Trust this authority too: a file in PEM (repeatable)
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,
    /// A file with credentials, looked into before those of docker and podman
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
    /// Log in as this user; the password is in WASMCTR_PASSWORD, or read with --password-stdin
    #[arg(long, value_name = "NAME", env = "WASMCTR_USERNAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Send credentials to this host too, when the registry says that it gets its tokens there (repeatable)
    #[arg(long, value_name = "HOST", action = ArgAction::Append)]
    allow_realm: Vec<String>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

/// The largest password that is read.
const PASSWORD: u64 = 64 << 10;

impl Remote {
    /// A client, and what it shows; `named` is the registry that `--username` is for.
    pub(crate) fn client(&self, named: &Reference) -> Result<(Registry, Progress), Failure> {
        let progress = Progress::new(self.quiet);
        let options = progress.watch(self.options(named)?);
        Ok((Registry::new(options)?, progress))
    }

    /// Reads an image, wherever it is.
    pub(crate) fn image(
        &self,
        location: &Location,
        platform: Option<&Platform>,
    ) -> Result<Artifact, Failure> {
        match location {
            Location::Registry(reference) => {
                let (registry, _progress) = self.client(reference)?;
                Ok(registry.artifact(reference, platform)?)
            }
            other => Ok(other.artifact(platform)?),
        }
    }

    /// Writes an image or an index, wherever it goes.
    pub(crate) fn write(
        &self,
        location: &Location,
        content: &dyn Content,
        overwrite: Overwrite,
    ) -> Result<(), Failure> {
        match location {
            Location::Registry(reference) => {
                let (registry, _progress) = self.client(reference)?;
                registry.push(content, reference)?;
                Ok(())
            }
            other => Ok(other.write(content, overwrite)?),
        }
    }

    fn options(&self, named: &Reference) -> Result<Options, Failure> {
        let mut options = Options::default();
        options.plain_http = self.plain_http;
        options.insecure = self.insecure;
        for file in &self.ca_file {
            let pem = fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            options.certificates.push(pem);
        }
        options.allow_realm.clone_from(&self.allow_realm);
        options.auth_files = self.auth_files()?;
        if let Some(user) = &self.username {
            let login = Login::password(user, self.password(user)?);
            options.logins.insert(named.registry().to_owned(), login);
        }
        options.http_proxy = variable(&["http_proxy", "HTTP_PROXY"]);
        options.https_proxy = variable(&["https_proxy", "HTTPS_PROXY"]);
        options.no_proxy = variable(&["no_proxy", "NO_PROXY"]);
        Ok(options)
    }

    fn password(&self, user: &str) -> Result<String, Failure> {
        if !self.password_stdin {
            return variable(&["WASMCTR_PASSWORD"]).ok_or_else(|| {
                let error = anyhow!("there is no password for the user `{user}`");
                Failure::new(2, error)
                    .help("put it into WASMCTR_PASSWORD, or pipe it in and say `--password-stdin`")
            });
        }
        let mut text = String::new();
        let read = io::stdin().lock().take(PASSWORD).read_to_string(&mut text);
        read.context("cannot read the password from standard input")?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The file that is named, then docker's, then podman's.
    fn auth_files(&self) -> Result<Vec<PathBuf>, Failure> {
        if let Some(file) = &self.authfile
            && !file.exists()
        {
            let error = anyhow!("there is no file `{}`", file.display());
            return Err(
                Failure::from(error).help("`docker login` and `podman login --authfile FILE` write one")
            );
        }
        let home = || variable(&["HOME"]).map(PathBuf::from);
        let docker =
            variable(&["DOCKER_CONFIG"]).map(PathBuf::from).or_else(|| Some(home()?.join(".docker")));
        let session = variable(&["XDG_RUNTIME_DIR"]).map(PathBuf::from);
        let config =
            variable(&["XDG_CONFIG_HOME"]).map(PathBuf::from).or_else(|| Some(home()?.join(".config")));
        let podman = [session, config].into_iter().flatten().map(|dir| dir.join("containers/auth.json"));
        let docker = docker.map(|dir| dir.join("config.json"));
        Ok(self.authfile.clone().into_iter().chain(docker).chain(podman).collect())
    }
}

/// The first variable of the environment that says something.
fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|text| !text.is_empty()))
}
