//! Configuration of nodes: what is written, what is kept, what is refused, what is found.

use proptest::{collection::vec, prelude::*};
use toml_edit::{DocumentMut, Item};
use wasm_bundle::{
    Error, Finding,
    node::{Config, Distribution, Program, RULES, Runtime, Version},
};

fn crun() -> Runtime {
    "crun".parse().unwrap()
}

/// The ids of what is found, each with its place.
fn found(text: &str) -> Vec<String> {
    let findings = Config::parse(text).unwrap().lint();
    findings.iter().map(|finding| format!("{} {}", finding.rule.id, finding.place)).collect()
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

/// What containerd reads, without comments and order.
fn meaning(text: &str) -> String {
    fn sorted(item: &Item) -> String {
        match item.as_table_like() {
            None => item.to_string().trim().to_owned(),
            Some(table) => {
                let mut lines: Vec<_> =
                    table.iter().map(|(key, item)| format!("{key}={}", sorted(item))).collect();
                lines.sort();
                format!("{{{}}}", lines.join(","))
            }
        }
    }
    sorted(text.parse::<DocumentMut>().unwrap().as_item())
}

#[test]
fn files_of_each_distribution() {
    let runtimes = ["crun", "youki", "wasmtime", "mine=/opt/bin/containerd-shim-mine-v1"];
    let runtimes = runtimes.map(|text| text.parse::<Runtime>().unwrap());
    for (distribution, version) in [
        (Distribution::Containerd, Version::V3),
        (Distribution::Containerd, Version::V4),
        (Distribution::K3s, Version::V2),
        (Distribution::K3s, Version::V3),
        (Distribution::K0s, Version::V2),
        (Distribution::Kind, Version::V2),
    ] {
        let name = format!("{distribution}-v{version}");
        insta::assert_snapshot!(name, distribution.setup(version, &runtimes).unwrap());
    }
    let rke2 = Distribution::Rke2.setup(Version::V3, &runtimes).unwrap();
    assert_eq!(rke2, Distribution::K3s.setup(Version::V3, &runtimes).unwrap());
    for (distribution, version) in
        [(Distribution::Containerd, Version::V2), (Distribution::Microk8s, Version::V3)]
    {
        let error = distribution.setup(version, &runtimes).unwrap_err();
        assert!(matches!(error, Error::DropIn), "{error}");
        assert!(error.help().unwrap().contains("--edit"));
    }
}

/// What containerd 1.7 ships is edited, and everything else stays as it was.
#[test]
fn comments_and_order_are_kept() {
    let before = "# first\nversion = 2 # the version\n\n# CRI\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  # a comment\n  \
                  sandbox_image = \"pause\"\n\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.crun]\n  \
                  runtime_type = \"io.containerd.runc.v1\" # old\n  pod_annotations = [\n    \"module.wasm.image/*\", # \
                  wasm\n  ]\n# last\n";
    let mut config = Config::parse(before).unwrap();
    config.set(&crun()).unwrap();
    insta::assert_snapshot!(config);
}

#[test]
fn inline_and_dotted_tables_are_filled() {
    for text in [
        "version = 3\nplugins = {}\n",
        "version = 3\nplugins.\"io.containerd.cri.v1.runtime\".containerd.default_runtime_name = \"a\"\n",
        "version = 3\n[plugins]\n\"io.containerd.cri.v1.runtime\" = { containerd = { runtimes = { a = { runtime_type = \
         \"io.containerd.runc.v2\" } } } }\n",
        "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd]\nruntimes.crun.runtime_type = \"x\"\n",
        "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes]\ncrun = {}\n",
    ] {
        let mut config = Config::parse(text).unwrap();
        config.set(&crun()).unwrap();
        let text = config.to_string();
        let read = Config::parse(&text).unwrap();
        assert_eq!(ids(&read.lint()), [""; 0], "{text}");
        assert!(text.contains("\"/usr/bin/crun\""), "{text}");
    }
}

/// containerd would ignore what we write, or what is there.
#[test]
fn runtimes_in_the_table_of_another_version_are_refused() {
    let old = "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.crun]\n";
    let new = "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.crun]\n";
    for (version, table) in [(2, new), (3, old), (4, old)] {
        let text = format!("version = {version}\n{table}");
        let mut config = Config::parse(&text).unwrap();
        let error = config.set(&crun()).unwrap_err();
        let plugin = if version == 2 { "io.containerd.cri.v1.runtime" } else { "io.containerd.grpc.v1.cri" };
        assert_eq!(
            error.to_string(),
            format!(
                "the containerd configuration is of version {version}, but has runtimes in `{plugin}`, which that \
                 version ignores"
            )
        );
        assert!(error.help().unwrap().contains("containerd config migrate"));
        assert_eq!(config.to_string(), text, "nothing is changed");
        assert!(found(&text).contains(&format!("config-domain {plugin}")));
    }
    // In version 3 the old plugin still has the stream server.
    let stream = "version = 3\n[plugins.'io.containerd.grpc.v1.cri']\ndisable_tcp_service = true\n";
    assert!(Config::parse(stream).unwrap().set(&crun()).is_ok());
}

/// containerd 1.7: `no corresponding runtime configured in containerd.runtimes for default_runtime_name = "runc"`.
#[test]
fn a_file_of_version_2_keeps_its_default_runtime() {
    let mut config = Config::parse("version = 2\n").unwrap();
    config.set(&crun()).unwrap();
    assert!(
        config.to_string().contains("runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n"),
        "{config}"
    );
    let mut fragment = Config::fragment(Version::V2);
    fragment.set(&crun()).unwrap();
    assert!(!fragment.to_string().contains("runtimes.runc]"), "{fragment}");
    let other =
        "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\ndefault_runtime_name = \"kata\"\n";
    let mut config = Config::parse(other).unwrap();
    config.set(&crun()).unwrap();
    assert!(config.to_string().contains("runtimes.kata]"), "{config}");
}

#[test]
fn the_cgroup_driver_is_runcs_unless_it_is_said() {
    let text = "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc]\nruntime_type = \
                \"io.containerd.runc.v2\"\noptions.SystemdCgroup = true\n";
    let with = |runtime: Runtime| {
        let mut config = Config::parse(text).unwrap();
        config.set(&runtime).unwrap();
        config
    };
    assert_eq!(with(crun()).to_string().matches("SystemdCgroup = true").count(), 2);
    let other = with("wasmtime".parse::<Runtime>().unwrap().systemd_cgroup(false));
    assert_eq!(ids(&other.lint()), ["systemd-cgroup"]);
}

#[test]
fn templates_keep_what_is_not_toml() {
    let text = "{{ template \"base\" . }}\n{{- if .X }}\n[a]\n{{ end }}\nb = \"{{ .Y }}\"\n";
    let edited = Distribution::K3s.edit(text, Version::V3, &[crun()]).unwrap();
    assert!(edited.starts_with(text), "{edited}");
    assert_eq!(Distribution::K3s.edit(&edited, Version::V3, &[crun()]).unwrap(), edited);
    // What k3s writes itself has keys that belong to no table: it must come first.
    let fresh = Distribution::K3s.setup(Version::V3, &[crun()]).unwrap();
    assert!(fresh.starts_with("{{ template \"base\" . }}\n\n[plugins."), "{fresh}");
    let twice = "{{ if .X }}\n[a]\n{{ else }}\n[a]\n{{ end }}\n";
    assert!(matches!(Distribution::K3s.edit(twice, Version::V3, &[crun()]), Err(Error::Syntax { .. })));
}

#[test]
fn imports_are_added_once() {
    let mut config = Config::parse("version = 3\nimports = [\"/a.toml\"] # mine\n").unwrap();
    for _ in 0..2 {
        config.import("/etc/containerd/conf.d/*.toml").unwrap();
    }
    let expected = "version = 3\nimports = [\"/a.toml\", \"/etc/containerd/conf.d/*.toml\"] # mine\n";
    assert_eq!(config.to_string(), expected);
    assert!(matches!(
        Config::parse("version = 3\nimports = 1\n").unwrap().import("a"),
        Err(Error::Kind { .. })
    ));
}

/// Each rule: a file that breaks it, and almost the same that does not.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_rule_is_broken_and_kept() {
    let v3 = |name: &str, lines: &str| {
        format!(
            "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.{name}]\n{lines}\n"
        )
    };
    let oci = |binary: &str, patterns: &str| {
        v3(
            "a",
            &format!(
                "runtime_type = \"io.containerd.runc.v2\"\npod_annotations = {patterns}\noptions = {{ BinaryName = \"{binary}\" }}"
            ),
        )
    };
    let both = r#"["module.wasm.image/variant", "run.oci.handler"]"#;
    let shim = |options: &str| {
        v3("a", &format!("runtime_type = \"io.containerd.wasmtime.v1\"\noptions = {{ {options} }}"))
    };
    let v2 = |name: &str| {
        format!(
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.{name}]\nruntime_type = \
             \"io.containerd.runc.v2\"\n"
        )
    };
    let cgroup = |own: bool| {
        let runc = "\n[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc]\nruntime_type = \
                    \"io.containerd.runc.v2\"\noptions = { SystemdCgroup = true }\n";
        shim(&format!("SystemdCgroup = {own}")) + runc
    };
    let typed = |kind: &str| v3("a", &format!("runtime_type = \"{kind}\""));
    let cases = [
        (
            "cri-disabled",
            "version = 2\ndisabled_plugins = [\"cri\"]\n".into(),
            "version = 2\ndisabled_plugins = [\"aufs\"]\n".into(),
        ),
        ("config-domain", v2("runc").replace("version = 2", "version = 4"), v2("runc")),
        ("default-missing", v2("crun"), v2("runc")),
        (
            "handler-name",
            v3("Crun_1", "runtime_type = \"io.containerd.runc.v2\""),
            v3("crun-1", "runtime_type = \"io.containerd.runc.v2\""),
        ),
        ("runtime-type", v3("a", ""), typed("io.containerd.a.v1")),
        ("shim-program", typed("crun"), typed("/usr/bin/containerd-shim-crun-v1")),
        ("shim-options", shim("BinaryName = \"/a\""), shim("SystemdCgroup = false")),
        (
            "annotation-dropped",
            oci("/usr/bin/crun", r#"["*.wasm.*", "run.oci.handler"]"#),
            oci("/usr/bin/crun", both),
        ),
        (
            "handler-dropped",
            oci("/usr/bin/crun", r#"["module.wasm.image/*"]"#),
            oci("/usr/bin/crun", r#"["module.wasm.image/*", "run.oci.handle[r]"]"#),
        ),
        (
            "annotation-pattern",
            oci("crun", r#"["module.wasm.image/variant", "run.oci.handler", "[wasm"]"#),
            oci("crun", both),
        ),
        ("annotation-wide", oci("crun", r#"["module.wasm.image/*", "run.oci.*"]"#), oci("crun", both)),
        ("crun-wasm", oci("/usr/bin/crun-wasm", "[]"), oci("/usr/bin/crun", both)),
        ("youki-sandbox", oci("/bin/youki", both), oci("youki", "[]\nbase_runtime_spec = \"/a.json\"")),
        ("youki-sandbox", oci("youki", "[]"), oci("youki", "[]\nbase_runtime_spec = \"/a.json\"")),
        ("systemd-cgroup", cgroup(false), cgroup(true)),
    ];
    let mut tested: Vec<_> = cases.iter().map(|(id, ..)| *id).collect();
    for (id, bad, good) in &cases {
        let (bad, good) = (Config::parse(bad).unwrap().lint(), Config::parse(good).unwrap().lint());
        assert_eq!((ids(&bad), ids(&good)), (vec![*id], vec![]), "{bad:?} {good:?}");
    }
    tested.sort_unstable();
    tested.dedup();
    let mut rules: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    rules.sort_unstable();
    assert_eq!(tested, rules);
}

/// The file that Docker's package of containerd installs, and the patterns of crun's documentation.
#[test]
fn files_that_are_in_use() {
    assert_eq!(found("version = 2\ndisabled_plugins = [\"cri\"]\n"), ["cri-disabled disabled_plugins"]);
    let documented = r#"version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
runtime_type = "io.containerd.runc.v2"
pod_annotations = ["*.wasm.*", "wasm.*", "module.wasm.image/*", "*.module.wasm.image", "module.wasm.image/variant.*"]
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
BinaryName = "/usr/local/bin/crun"
"#;
    let findings = Config::parse(documented).unwrap().lint();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].to_string(), "handler-dropped: runtimes.crun: run.oci.handler is not let through");
}

fn runtime() -> impl Strategy<Value = Runtime> {
    let program = prop_oneof![
        "/[a-z/\"\\\\é]{1,9}".prop_map(Program::Oci),
        "[a-z]{1,6}".prop_map(|name| Program::Shim(format!("io.containerd.{name}.v1"))),
    ];
    ("[a-z][a-z0-9-]{0,5}[a-z0-9]", program, proptest::option::of(any::<bool>())).prop_map(
        |(name, program, systemd)| {
            let runtime = Runtime::new(if name == "runc" { "a".into() } else { name }, program).unwrap();
            match systemd {
                Some(on) => runtime.systemd_cgroup(on),
                None => runtime,
            }
        },
    )
}

/// Files of people: tables in any form, comments, other plugins.
fn file() -> impl Strategy<Value = String> {
    let comment = "(# [a-zé ]{0,9}\n)?";
    let value = prop_oneof![
        Just("runtime_type = \"io.containerd.runc.v2\" # it\n"),
        Just("pod_annotations = [\"a\", # one\n \"b*\",\n]\n"),
        Just("options = { SystemdCgroup = true }\n"),
        Just("options.BinaryName = 'x'\n"),
        Just(""),
    ];
    let name = prop_oneof![Just("crun"), Just("runc"), Just("\"a.b\""), Just("x")];
    let table = (comment, name, vec(value, 0..2), "\n?");
    (prop_oneof![Just(Version::V2), Just(Version::V3), Just(Version::V4)], comment, vec(table, 0..4))
        .prop_map(|(version, comment, tables)| {
            let mut text = format!("{comment}version = {version}\n[debug]\nlevel = 'info'\n");
            let mut seen = vec![];
            for (comment, name, mut values, end) in tables {
                if seen.contains(&name) {
                    continue;
                }
                seen.push(name);
                values.dedup_by(|a, b| a.starts_with("options") && b.starts_with("options") || a == b);
                let header = format!("[plugins.\"{}\".containerd.runtimes.{name}]\n", version.plugin());
                text.push_str(&(comment + &header + &values.concat() + &end));
            }
            text
        })
}

proptest! {
    /// Setting a runtime again changes nothing, and what is said of it is sound.
    #[test]
    fn setting_is_idempotent(text in file(), runtimes in vec(runtime(), 1..4)) {
        let mut config = Config::parse(&text).unwrap();
        for runtime in &runtimes {
            config.set(runtime).unwrap();
        }
        let once = config.to_string();
        let last = runtimes.last().unwrap();
        let mut again = Config::parse(&once).unwrap();
        again.set(last).unwrap();
        prop_assert_eq!(&again.to_string(), &once);
        let place = format!("runtimes.{}", last.name());
        let about: Vec<_> = again.lint().into_iter()
            .filter(|finding| finding.place == place && finding.rule.id != "systemd-cgroup").collect();
        prop_assert!(about.iter().all(|finding| finding.rule.id == "annotation-wide" || finding.rule.id == "shim-options"), "{:?}", about);
        // Comments are all there.
        for line in text.lines().filter(|line| line.starts_with('#')) {
            prop_assert!(once.contains(line), "{} lost in {}", line, once);
        }
    }

    /// The order of two runtimes changes the order of their tables and nothing else.
    #[test]
    fn order_means_nothing(text in file(), a in runtime(), b in runtime()) {
        prop_assume!(a.name() != b.name());
        let set = |runtimes: [&Runtime; 2]| {
            let mut config = Config::parse(&text).unwrap();
            for runtime in runtimes {
                config.set(runtime).unwrap();
            }
            meaning(&config.to_string())
        };
        prop_assert_eq!(set([&a, &b]), set([&b, &a]));
    }

    /// No text ends the parser, and what is refused is refused for a reason that is told.
    #[test]
    fn any_text_is_read_or_refused(text in "(version = 3\n)?[\\[\\]{}=.\"'a-c0-9\n# ]{0,60}") {
        for read in [Config::parse(&text), Config::parse_template(&text, Version::V3)] {
            match read {
                Ok(mut config) => { let _ = config.lint(); let _ = config.set(&crun()); }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
