//! What is so on this machine, for `wasmctr doctor`: programs are run, files are read, nothing is changed but that the cache
//! is tried.

mod cluster;
mod library;
mod registry;

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use wasm_bundle::doctor::{Containerd, Crun, Engine, Facts, Podman, Youki};

use crate::{handover, runtimes};

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest text that is read.
const LIMIT: u64 = 4 << 20;

/// A machine: the programs on `PATH`, the files below a directory.
#[derive(Debug)]
pub(crate) struct Machine {
    root: PathBuf,
}

impl Machine {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn facts(&self, registry: Option<&str>) -> Facts {
        let mut facts = Facts::default();
        facts.rust_targets = rust_targets();
        facts.engines = engines();
        facts.crun = self.crun();
        facts.youki = youki();
        facts.containerd = self.containerd();
        facts.shims = shims();
        facts.podman = self.podman();
        facts.cluster = cluster::cluster();
        facts.registry = registry.map(|host| registry::registry(host, &self.root));
        facts.mounts = self.text("proc/self/mounts").unwrap_or_default();
        facts.user_namespaces =
            self.text("proc/sys/user/max_user_namespaces").ok().and_then(|text| text.trim().parse().ok());
        let status = self.text("proc/self/status").unwrap_or_default();
        facts.seccomp = status.lines().any(|line| line.starts_with("Seccomp:"));
        facts.cache = Some(cache());
        facts
    }

    fn text(&self, path: &str) -> Result<String, String> {
        read(&self.root.join(path))
    }

    fn crun(&self) -> Option<Crun> {
        let program = runtimes::program("crun")?;
        let version = said(&program, &["--version"]).unwrap_or_default();
        Some(Crun::new(version, library::found(&program, &self.root)))
    }

    fn containerd(&self) -> Option<Containerd> {
        let program = runtimes::program("containerd")?;
        let version = said(&program, &["--version"]).unwrap_or_default();
        let path = Path::new("/etc/containerd/config.toml");
        let below = self.root.join("etc/containerd/config.toml");
        let config = below.exists().then(|| (path.to_owned(), read(&below)));
        Some(Containerd::new(version, config))
    }

    fn podman(&self) -> Option<Podman> {
        let program = runtimes::program("podman")?;
        let version = said(&program, &["--version"]).unwrap_or_default();
        let mut files = vec![];
        for dir in ["usr/share/containers", "etc/containers"] {
            files.push(format!("{dir}/containers.conf"));
            let drop_ins = fs::read_dir(self.root.join(dir).join("containers.conf.d"));
            let mut names: Vec<_> = drop_ins
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok())
                .filter(|name| name.ends_with(".conf"))
                .collect();
            names.sort();
            files.extend(names.into_iter().map(|name| format!("{dir}/containers.conf.d/{name}")));
        }
        let configs =
            files.into_iter().filter_map(|file| Some((Path::new("/").join(&file), self.text(&file).ok()?)));
        Some(Podman::new(version, configs.collect(), runtimes::program("crun-wasm").is_some()))
    }
}

fn rust_targets() -> Option<Vec<String>> {
    let sysroot = said(&runtimes::program("rustc")?, &["--print", "sysroot"])?;
    let dirs = fs::read_dir(Path::new(sysroot.trim()).join("lib/rustlib"));
    let targets = dirs.into_iter().flatten().flatten().filter(|entry| entry.path().join("lib").is_dir());
    let mut targets: Vec<_> = targets.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    targets.sort();
    Some(targets)
}

/// The engine that is built in, and the one in the other program.
fn engines() -> Vec<Engine> {
    let mut engines = vec![];
    #[cfg(feature = "wasmtime")]
    {
        let starts = wasm_exec::engine("wasmtime").map(|engine| engine.info().version.clone());
        engines.push(Engine::new("wasmtime".into(), starts.map_err(|error| error.to_string())));
    }
    if let Some(program) = handover::program().ok().map(PathBuf::from).filter(|program| program.is_file()) {
        let starts = said(&program, &["--version"]).ok_or_else(|| "it does not start".to_owned());
        engines.push(Engine::new("wasmedge".into(), starts.map(|text| text.trim().to_owned())));
    }
    engines
}

fn youki() -> Option<Youki> {
    let program = runtimes::program("youki")?;
    let version = said(&program, &["--version"]).unwrap_or_default();
    Some(Youki::new(version, runtimes::youki_has_wasm(&program)))
}

/// Files on `PATH` that somebody meant as shims.
fn shims() -> Vec<String> {
    let mut names: Vec<String> = env::var_os("PATH")
        .iter()
        .flat_map(env::split_paths)
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("containerd-") && name.contains("shim"))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn cache() -> Result<PathBuf, String> {
    let place = crate::cache::place().map_err(|failure| failure.error().to_string())?;
    crate::cache::open().map(|_| place).map_err(|failure| format!("{:#}", failure.error()))
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = vec![];
    let read = fs::File::open(path).and_then(|file| file.take(LIMIT).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// What a program prints, if it succeeds within ten seconds.
fn said(program: &Path, args: &[&str]) -> Option<String> {
    tried(program, args).ok()
}

/// What a program prints, or why there is nothing.
fn tried(program: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let (told, output) = mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::spawn(move || {
        let text = |stream: Option<Box<dyn Read + Send>>| {
            let mut bytes = vec![];
            let _ = stream.map(|stream| stream.take(LIMIT).read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let out = text(out.map(|stream| Box::new(stream) as Box<dyn Read + Send>));
        let _ = told.send((out, text(err.map(|stream| Box::new(stream) as Box<dyn Read + Send>))));
    });
    let Ok((out, err)) = output.recv_timeout(PATIENCE) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err("it does not answer".to_owned());
    };
    // It has closed its streams; what does not end then is ended.
    let closed = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && closed.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    match child.wait() {
        Ok(status) if status.success() || !out.is_empty() => Ok(out),
        _ => Err(err.lines().last().unwrap_or("it failed").trim().to_owned()),
    }
}
