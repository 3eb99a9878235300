use super::{
    Facts,
    checks::{
        CACHE, CGROUP, CLASS, CLUSTER, CONFIG, CREDENTIALS, CRUN, ENGINE, HYBRID, LIBRARY, PODMAN, REGISTRY,
        RELEASE, RUNTIME, SECCOMP, SHIM, SHIM_NAME, TARGETS, USERS, YOUKI,
    },
    facts::{Containerd, Crun, Podman, Registry},
};
use crate::{
    Error, Finding, Rule,
    node::{Config, Program, Version},
};

/// What one check came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Check {
    /// The check.
    pub rule: &'static Rule,
    /// What was found.
    pub found: String,
    /// How it stands.
    pub state: State,
}

/// How a [`Check`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// As it should be.
    Fine,
    /// Something has to be done.
    Problem,
    /// What is checked is not there, and need not be.
    Absent,
}

/// Judges a machine: one [`Check`] for each of [`CHECKS`](super::CHECKS), and what the lint of containerd's configuration
/// found ([`node::RULES`](crate::node::RULES)).
#[must_use]
pub fn examine(facts: &Facts) -> (Vec<Check>, Vec<Finding>) {
    let mut exam = Exam { checks: vec![], findings: vec![] };
    exam.builder(facts);
    exam.engines(facts);
    exam.crun(facts.crun.as_ref());
    exam.youki(facts);
    exam.containerd(facts.containerd.as_ref(), &facts.shims);
    exam.shim_names(&facts.shims);
    exam.podman(facts.podman.as_ref());
    exam.cluster(facts);
    exam.registry(facts.registry.as_ref());
    exam.kernel(facts);
    exam.cache(facts);
    (exam.checks, exam.findings)
}

struct Exam {
    checks: Vec<Check>,
    findings: Vec<Finding>,
}

impl Exam {
    fn fine(&mut self, rule: &'static Rule, found: impl Into<String>) {
        self.checks.push(Check { rule, found: found.into(), state: State::Fine });
    }

    fn problem(&mut self, rule: &'static Rule, found: impl Into<String>) {
        self.checks.push(Check { rule, found: found.into(), state: State::Problem });
    }

    fn absent(&mut self, rule: &'static Rule, found: impl Into<String>) {
        self.checks.push(Check { rule, found: found.into(), state: State::Absent });
    }

    /// Fine if `good`, else a problem, with the same words.
    fn judge(&mut self, rule: &'static Rule, good: bool, found: impl Into<String>) {
        if good { self.fine(rule, found) } else { self.problem(rule, found) }
    }

    fn builder(&mut self, facts: &Facts) {
        let Some(targets) = &facts.rust_targets else { return self.absent(&TARGETS, "no rustc") };
        let wasm: Vec<_> =
            targets.iter().filter(|target| target.starts_with("wasm32-wasi")).cloned().collect();
        let found = if wasm.is_empty() { "none".to_owned() } else { wasm.join(", ") };
        self.judge(&TARGETS, wasm.iter().any(|target| target == "wasm32-wasip1"), found);
    }

    fn engines(&mut self, facts: &Facts) {
        let told: Vec<_> = facts
            .engines
            .iter()
            .map(|engine| match &engine.starts {
                Ok(release) => format!("{} {release}", engine.name),
                Err(why) => format!("{}: {why}", engine.name),
            })
            .collect();
        let all = !told.is_empty() && facts.engines.iter().all(|engine| engine.starts.is_ok());
        self.judge(&ENGINE, all, if told.is_empty() { "none".into() } else { told.join("; ") });
    }

    fn crun(&mut self, crun: Option<&Crun>) {
        let Some(crun) = crun else {
            self.absent(&CRUN, "no crun");
            return self.absent(&LIBRARY, "no crun");
        };
        let version = crun.version.lines().next().unwrap_or_default().trim();
        let engines: Vec<_> =
            crun.version.split_whitespace().filter_map(|word| word.strip_prefix("+WASM:")).collect();
        if engines.is_empty() {
            self.problem(&CRUN, format!("{version} has no +WASM"));
            return self.absent(&LIBRARY, "no engine");
        }
        self.fine(&CRUN, format!("{version} has +WASM:{}", engines.join(" +WASM:")));
        let needed: Vec<_> = engines.iter().filter_map(|engine| library(engine)).collect();
        let missing: Vec<_> =
            needed.iter().copied().filter(|name| !crun.libraries.iter().any(|found| found == name)).collect();
        if missing.is_empty() {
            self.fine(&LIBRARY, needed.join(", "));
        } else {
            self.problem(&LIBRARY, format!("no {}", missing.join(", ")));
        }
    }

    fn youki(&mut self, facts: &Facts) {
        match &facts.youki {
            None => self.absent(&YOUKI, "no youki"),
            Some(youki) => self.judge(&YOUKI, youki.wasm, youki.version.lines().next().unwrap_or_default()),
        }
    }

    fn containerd(&mut self, containerd: Option<&Containerd>, shims: &[String]) {
        let rules = [&CONFIG, &RELEASE, &RUNTIME, &SHIM];
        let Some(containerd) = containerd else {
            return rules.into_iter().for_each(|rule| self.absent(rule, "no containerd"));
        };
        let release = containerd.version.split_whitespace().find_map(Version::of_containerd);
        let Some((path, text)) = &containerd.config else {
            self.fine(&CONFIG, "no file: containerd's own default");
            self.absent(&RELEASE, "no file");
            self.problem(&RUNTIME, "containerd's own default has none");
            return self.absent(&SHIM, "no file");
        };
        let config =
            match text.as_deref().map_err(Clone::clone).and_then(|text| Config::parse(text).map_err(told)) {
                Ok(config) => config,
                Err(why) => {
                    self.problem(&CONFIG, format!("{}: {why}", path.display()));
                    return rules[1..].iter().for_each(|rule| self.absent(rule, "cannot be read"));
                }
            };
        self.fine(&CONFIG, format!("{}, version {}", path.display(), config.version()));
        let reads =
            release.map_or("of an unknown release".to_owned(), |release| format!("reads up to {release}"));
        let good = release.is_none_or(|release| config.version() <= release);
        self.judge(&RELEASE, good, format!("version {}; this containerd {reads}", config.version()));
        self.runtimes(&config, shims);
        self.findings.extend(config.lint());
    }

    fn runtimes(&mut self, config: &Config, shims: &[String]) {
        let wasm: Vec<_> = config.wasm_runtimes();
        let names: Vec<_> = wasm.iter().map(|(name, _)| name.clone()).collect();
        self.judge(
            &RUNTIME,
            !names.is_empty(),
            if names.is_empty() { "none".into() } else { names.join(", ") },
        );
        let named = wasm.iter().filter_map(|(_, program)| match program {
            Program::Shim(shim) => file_of(shim),
            Program::Oci(_) => None,
        });
        let (there, missing): (Vec<_>, Vec<_>) = named.partition(|file| shims.contains(file));
        match (there.is_empty(), missing.is_empty()) {
            (true, true) => self.absent(&SHIM, "none is named"),
            (_, true) => self.fine(&SHIM, there.join(", ")),
            (_, false) => self.problem(&SHIM, format!("no {}", missing.join(", "))),
        }
    }

    fn shim_names(&mut self, shims: &[String]) {
        let (good, bad): (Vec<_>, Vec<_>) = shims.iter().cloned().partition(|name| is_shim(name));
        match (good.is_empty(), bad.is_empty()) {
            (true, true) => self.absent(&SHIM_NAME, "no shim on PATH"),
            (_, true) => self.fine(&SHIM_NAME, good.join(", ")),
            (_, false) => self.problem(&SHIM_NAME, bad.join(", ")),
        }
    }

    fn podman(&mut self, podman: Option<&Podman>) {
        let Some(podman) = podman else { return self.absent(&PODMAN, "no podman") };
        let set = podman.configs.iter().rev().find_map(|(path, text)| {
            let document: toml_edit::DocumentMut = text.parse().ok()?;
            let runtime =
                document.get("engine")?.get("platform_to_oci_runtime")?.get("wasi/wasm")?.as_str()?;
            Some(format!("wasi/wasm is {runtime}, says {}", path.display()))
        });
        match set {
            Some(found) => self.fine(&PODMAN, found),
            None if podman.crun_wasm => self.fine(&PODMAN, "wasi/wasm is crun-wasm, podman's default"),
            None => self.problem(&PODMAN, "no crun-wasm, and containers.conf names no other"),
        }
    }

    fn cluster(&mut self, facts: &Facts) {
        let Some(cluster) = &facts.cluster else {
            self.absent(&CLUSTER, "no kubectl with a context");
            return self.absent(&CLASS, "no kubectl with a context");
        };
        match &cluster.handlers {
            Err(why) => {
                self.problem(&CLUSTER, format!("{}: {why}", cluster.context));
                self.absent(&CLASS, "no answer");
            }
            Ok(handlers) => {
                self.fine(&CLUSTER, cluster.context.clone());
                let wasm: Vec<_> = handlers.iter().filter(|handler| is_wasm(handler)).cloned().collect();
                let found = if wasm.is_empty() { "none".to_owned() } else { wasm.join(", ") };
                self.judge(&CLASS, !wasm.is_empty(), found);
            }
        }
    }

    fn registry(&mut self, registry: Option<&Registry>) {
        let Some(registry) = registry else {
            self.absent(&REGISTRY, "none was named: --registry HOST");
            return self.absent(&CREDENTIALS, "none was named");
        };
        match &registry.unreachable {
            None => self.fine(&REGISTRY, registry.host.clone()),
            Some(why) => self.problem(&REGISTRY, format!("{}: {why}", registry.host)),
        }
        match (&registry.helper_missing, &registry.credentials) {
            (Some(helper), _) => self.problem(&CREDENTIALS, helper.clone()),
            (None, Some(place)) => self.fine(&CREDENTIALS, place.clone()),
            (None, None) => self.absent(&CREDENTIALS, "none: the registry is asked anonymously"),
        }
    }

    fn kernel(&mut self, facts: &Facts) {
        let of_kind = |kind: &str| {
            let mut mounts =
                facts.mounts.lines().map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>());
            mounts.any(|mount| mount.len() == 2 && mount[0].starts_with("/sys/fs/cgroup") && mount[1] == kind)
        };
        let (one, two) = (of_kind("cgroup"), of_kind("cgroup2"));
        self.judge(&HYBRID, !(one && two), if one && two { "both versions are mounted" } else { "no" });
        let found = match (one, two) {
            (true, true) => "1, and 2 beside it",
            (false, true) => "2",
            (true, false) => "1",
            (false, false) => "not mounted",
        };
        self.judge(&CGROUP, two, found);
        match facts.user_namespaces {
            Some(most) => self.judge(&USERS, most > 0, format!("{most} are allowed")),
            None => self.problem(&USERS, "not in this kernel"),
        }
        self.judge(&SECCOMP, facts.seccomp, if facts.seccomp { "yes" } else { "no" });
    }

    fn cache(&mut self, facts: &Facts) {
        match &facts.cache {
            None => self.absent(&CACHE, "not in use"),
            Some(Ok(path)) => self.fine(&CACHE, path.display().to_string()),
            Some(Err(why)) => self.problem(&CACHE, why.clone()),
        }
    }
}

/// The library that crun opens for an engine (crun `src/libcrun/handlers`).
fn library(engine: &str) -> Option<&'static str> {
    super::LIBRARIES.iter().find(|(name, _)| *name == engine).map(|(_, library)| *library)
}

/// The file that containerd looks for; a shim that is named by its path is not looked for.
fn file_of(shim: &str) -> Option<String> {
    let mut parts = shim.strip_prefix("io.containerd.")?.split('.');
    Some(format!("containerd-shim-{}-{}", parts.next()?, parts.next()?))
}

/// `containerd-shim-NAME-vN`.
fn is_shim(file: &str) -> bool {
    let Some(rest) = file.strip_prefix("containerd-shim-") else { return false };
    rest.rsplit_once("-v").is_some_and(|(name, version)| {
        !name.is_empty() && !version.is_empty() && version.bytes().all(|c| c.is_ascii_digit())
    })
}

/// Whether a handler is called as those for WebAssembly are.
fn is_wasm(handler: &str) -> bool {
    let names = ["crun", "youki", "wasm", "wasmtime", "wasmedge", "wasmer", "wamr", "spin"];
    handler.split('-').any(|part| names.contains(&part))
}

/// An error and its causes in one line.
fn told(error: Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(error.to_string().lines().next().unwrap_or_default());
        cause = error.source();
    }
    text
}
