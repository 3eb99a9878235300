//! What `doctor` makes of facts: each check as it should be, as a problem, and absent.

use wasm_bundle::doctor::{
    CHECKS, Check, Cluster, Containerd, Crun, Engine, Facts, Podman, Registry, State, Youki, examine,
};

const V2: &str = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
const HYBRID: &str = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw 0 0\ncgroup2 \
                      /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
const NODE: &str = "version = 3
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.wasmtime]
runtime_type = 'io.containerd.wasmtime.v1'
";

/// A machine on which all is well.
fn sound() -> Facts {
    let mut facts = Facts::default();
    facts.rust_targets = Some(vec!["wasm32-wasip1".into(), "x86_64-unknown-linux-gnu".into()]);
    facts.engines = vec![Engine::new("wasmtime".into(), Ok("48".into()))];
    facts.crun = Some(Crun::new(
        "crun version 1.21\n+SYSTEMD +WASM:wasmedge +YAJL".into(),
        vec!["libwasmedge.so.0".into()],
    ));
    facts.youki = Some(Youki::new("youki 0.7.0".into(), true));
    facts.containerd = Some(containerd("containerd github.com/containerd/containerd/v2 v2.1.9 0", NODE));
    facts.shims = vec!["containerd-shim-runc-v2".into(), "containerd-shim-wasmtime-v1".into()];
    facts.podman = Some(Podman::new("podman version 5.4.2".into(), vec![], true));
    facts.cluster = Some(Cluster::new("kind".into(), Ok(vec!["runc".into(), "wasmtime".into()])));
    facts.registry =
        Some(Registry::new("ghcr.io".into(), None, Some("/root/.docker/config.json".into()), None));
    facts.mounts = V2.into();
    facts.user_namespaces = Some(1000);
    facts.seccomp = true;
    facts.cache = Some(Ok("/var/cache/wasmctr/code".into()));
    facts
}

fn containerd(version: &str, config: &str) -> Containerd {
    Containerd::new(version.into(), Some(("/etc/containerd/config.toml".into(), Ok(config.into()))))
}

fn check(facts: &Facts, id: &str) -> Check {
    let (checks, _) = examine(facts);
    checks.into_iter().find(|check| check.rule.id == id).unwrap_or_else(|| panic!("no check {id}"))
}

#[test]
fn every_check_is_told_once_and_in_order() {
    for facts in [sound(), Facts::default()] {
        let (checks, findings) = examine(&facts);
        let ids: Vec<_> = checks.iter().map(|check| check.rule.id).collect();
        assert_eq!(ids, CHECKS.iter().map(|rule| rule.id).collect::<Vec<_>>());
        assert!(findings.is_empty(), "{findings:?}");
    }
    let (checks, _) = examine(&sound());
    assert!(checks.iter().all(|check| check.state == State::Fine), "{checks:#?}");
}

/// Each problem, made true by one fact.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_check_finds_its_problem() {
    type Change = Box<dyn Fn(&mut Facts)>;
    let cases: Vec<(&str, Change, &str)> = vec![
        (
            "rust-targets",
            Box::new(|facts| facts.rust_targets = Some(vec!["wasm32-wasip2".into()])),
            "wasm32-wasip2",
        ),
        (
            "engine",
            Box::new(|facts| facts.engines.push(Engine::new("wasmedge".into(), Err("no library".into())))),
            "wasmtime 48; wasmedge: no library",
        ),
        (
            "crun-wasm",
            Box::new(|facts| facts.crun = Some(Crun::new("crun version 1.8.1\n+SYSTEMD".into(), vec![]))),
            "crun version 1.8.1 has no +WASM",
        ),
        (
            "crun-library",
            Box::new(|facts| facts.crun.as_mut().unwrap().libraries.clear()),
            "no libwasmedge.so.0",
        ),
        ("youki-wasm", Box::new(|facts| facts.youki.as_mut().unwrap().wasm = false), "youki 0.7.0"),
        (
            "containerd-config",
            Box::new(|facts| facts.containerd = Some(containerd("v2.1", "version = 3\n["))),
            "/etc/containerd/config.toml: the containerd configuration cannot be read: TOML parse error at line 2, column 2",
        ),
        (
            "containerd-version",
            Box::new(|facts| facts.containerd = Some(containerd("containerd v1.7.24", NODE))),
            "version 3; this containerd reads up to 2",
        ),
        (
            "containerd-runtime",
            Box::new(|facts| facts.containerd = Some(containerd("v2.1", "version = 3\n"))),
            "none",
        ),
        (
            "shim-missing",
            Box::new(|facts| {
                facts.shims.pop();
            }),
            "no containerd-shim-wasmtime-v1",
        ),
        (
            "shim-name",
            Box::new(|facts| facts.shims.push("containerd-shim-spin".into())),
            "containerd-shim-spin",
        ),
        (
            "podman-platform",
            Box::new(|facts| facts.podman = Some(Podman::new(String::new(), vec![], false))),
            "no crun-wasm, and containers.conf names no other",
        ),
        (
            "cluster",
            Box::new(|facts| facts.cluster = Some(Cluster::new("kind".into(), Err("refused".into())))),
            "kind: refused",
        ),
        (
            "cluster-class",
            Box::new(|facts| facts.cluster = Some(Cluster::new("kind".into(), Ok(vec!["runc".into()])))),
            "none",
        ),
        (
            "registry",
            Box::new(|facts| facts.registry.as_mut().unwrap().unreachable = Some("refused".into())),
            "ghcr.io: refused",
        ),
        (
            "registry-credentials",
            Box::new(|facts| {
                facts.registry.as_mut().unwrap().helper_missing = Some("docker-credential-x".into());
            }),
            "docker-credential-x",
        ),
        ("cgroup-hybrid", Box::new(|facts| facts.mounts = HYBRID.into()), "both versions are mounted"),
        (
            "cgroup-version",
            Box::new(|facts| facts.mounts = "cgroup /sys/fs/cgroup/memory cgroup rw 0 0\n".into()),
            "1",
        ),
        ("user-namespaces", Box::new(|facts| facts.user_namespaces = Some(0)), "0 are allowed"),
        ("seccomp", Box::new(|facts| facts.seccomp = false), "no"),
        (
            "cache",
            Box::new(|facts| facts.cache = Some(Err("it can be written by others".into()))),
            "it can be written by others",
        ),
    ];
    assert_eq!(
        cases.iter().map(|(id, ..)| *id).collect::<Vec<_>>(),
        CHECKS.iter().map(|rule| rule.id).collect::<Vec<_>>()
    );
    for (id, change, found) in cases {
        let mut facts = sound();
        change(&mut facts);
        let (checks, _) = examine(&facts);
        let problems: Vec<_> = checks
            .iter()
            .filter(|check| check.state == State::Problem)
            .map(|check| (check.rule.id, check.found.as_str()))
            .collect();
        assert_eq!(problems, [(id, found)]);
    }
}

/// What need not be there is no problem; what must be is one.
#[test]
fn an_empty_machine_has_few_problems() {
    let (checks, _) = examine(&Facts::default());
    let problems: Vec<_> =
        checks.iter().filter(|check| check.state == State::Problem).map(|check| check.rule.id).collect();
    assert_eq!(problems, ["engine", "cgroup-version", "user-namespaces", "seccomp"]);
}

#[test]
fn the_lint_of_the_node_is_part_of_it() {
    let mut facts = sound();
    let config = "version = 2\ndisabled_plugins = ['cri']\n";
    facts.containerd = Some(containerd("containerd v1.7.24", config));
    let (_, findings) = examine(&facts);
    assert_eq!(findings[0].rule.id, "cri-disabled");
    facts.containerd = Some(Containerd::new("v2.1".into(), None));
    assert_eq!(check(&facts, "containerd-runtime").state, State::Problem);
    let unreadable = Some(("/etc/containerd/config.toml".into(), Err("permission denied".into())));
    facts.containerd = Some(Containerd::new("v2.1".into(), unreadable));
    assert_eq!(check(&facts, "containerd-config").found, "/etc/containerd/config.toml: permission denied");
}

#[test]
fn podmans_own_words_count() {
    let conf = |runtime: &str| format!("[engine.platform_to_oci_runtime]\n\"wasi/wasm\" = \"{runtime}\"\n");
    let mut facts = sound();
    let configs =
        vec![("/a.conf".into(), conf("x")), ("/b.conf".into(), conf("crun")), ("/c.conf".into(), "[".into())];
    facts.podman = Some(Podman::new(String::new(), configs, false));
    assert_eq!(check(&facts, "podman-platform").found, "wasi/wasm is crun, says /b.conf");
}

/// An engine whose library nobody knows needs none that could be missing.
#[test]
fn several_engines_need_several_libraries() {
    let mut facts = sound();
    let version = "crun version 1.29.1\n+WASM:wasmedge +WASM:wasmtime +WASM:mono";
    facts.crun = Some(Crun::new(version.into(), vec!["libwasmedge.so.0".into()]));
    assert_eq!(check(&facts, "crun-library").found, "no libwasmtime.so");
    assert_eq!(
        check(&facts, "crun-wasm").found,
        "crun version 1.29.1 has +WASM:wasmedge +WASM:wasmtime +WASM:mono"
    );
}
