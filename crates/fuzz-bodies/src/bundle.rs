//! Configurations of containers.

use wasm_bundle::{
    Handler, Like, Mount, Network, Resources, UserNamespace, Workload, config_json,
    oci_spec::runtime::Spec,
    select::{Crun, Engine, Found, Program, RULES, Runtime, Selection, Shim, Verdict, Why, Youki, select},
};

/// What is read of a configuration is written so that the same is read; and what is made of any values is either refused
/// or written so.
pub fn config(text: &str) {
    if let Ok(spec) = serde_json::from_str::<Spec>(text)
        && let Ok(workload) = Workload::from_spec(&spec)
    {
        same(&workload);
    }
    let workload = generated(text);
    if workload.to_spec(None).is_ok() {
        same(&workload);
    }
}

/// A workload whose values are the lines of a text.
fn generated(text: &str) -> Workload {
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().unwrap_or(text.len().try_into().unwrap_or(0));
    let mut workload = Workload::new([next(), next()])
        .env(next())
        .cwd(next())
        .hostname(next())
        .mount(Mount::new(next(), next()).read_only(next().is_empty()))
        .user(number(next()), number(next()))
        .resources(
            Resources::default()
                .memory(number(next()).into())
                .cpu_millis(number(next()))
                .pids(number(next())),
        )
        .annotation(next(), next())
        .network(match next() {
            "" => Network::Isolated,
            "host" => Network::Host,
            path => Network::Path(path.into()),
        });
    if let Some((host, size)) = next().split_once(':') {
        workload = workload.user_namespace(UserNamespace::new(number(host), number(size)));
    }
    workload
}

fn same(workload: &Workload) {
    let handler = |handler: Option<Handler>| {
        let spec = workload.to_spec(handler).expect("a workload that was read can be written");
        let bytes = config_json(&spec).expect("a configuration is JSON");
        let read: Spec = serde_json::from_slice(&bytes).expect("what is written is read");
        assert_eq!(read, spec);
        assert_eq!(Handler::of(&read), handler);
        assert_eq!(&Workload::from_spec(&read).expect("it is sound"), workload);
        assert_eq!(config_json(&read).expect("a configuration is JSON"), bytes);
    };
    handler(None);
    handler(Some(Handler::Compat));
    for like in [Like::Crun, Like::Youki] {
        let spec = workload.to_spec_like(like, Handler::Compat).expect("the templates take every workload");
        Workload::from_spec(&spec).expect("it is sound");
    }
}

/// Every runtime has an answer to every configuration, by one of the rules, on an engine that it was built with; without a
/// look at the files nothing is refused for what they are.
pub fn selection(text: &str) {
    let spec = match serde_json::from_str(text) {
        Ok(spec) => spec,
        Err(_) => lines(text),
    };
    for runtime in runtimes() {
        for found in FOUND {
            let verdict = select(&runtime, &spec, &|_| found);
            assert_eq!(verdict, select(&runtime, &spec, &|_| found));
            check(&runtime, found, verdict);
        }
    }
}

fn check(runtime: &Runtime, found: Found, verdict: Verdict) {
    assert!(RULES.iter().any(|rule| rule.id == verdict.rule.id));
    if let Selection::Wasm(engine) = verdict.selection {
        let built = match runtime {
            Runtime::Crun(crun) => crun.engines.contains(&engine),
            Runtime::Youki(youki) => youki.engines.contains(&engine),
            Runtime::Runwasi(shim) => shim.engine == engine,
            Runtime::Spin { .. } => engine == Engine::Spin,
            _ => false,
        };
        assert!(built, "{runtime:?} has no {engine}");
    }
    if found == Found::Unknown
        && let Selection::Refused(why) = verdict.selection
    {
        let of_configuration = [Why::NothingToRun, Why::TwoHandlers, Why::Suffix, Why::NoPath];
        assert!(of_configuration.contains(&why), "{runtime:?}: {why:?}");
    }
}

/// A configuration whose program, directory and annotations are the lines of a text.
fn lines(text: &str) -> Spec {
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let document = serde_json::json!({
        "ociVersion": "1.0.2",
        "process": { "user": {}, "args": [next()], "cwd": next(), "env": [next()] },
        "annotations": {
            "run.oci.handler": next(), "module.wasm.image/variant": next(), "io.kubernetes.cri.container-type": next(),
        },
    });
    serde_json::from_value(document).expect("a configuration")
}

fn runtimes() -> Vec<Runtime> {
    use Engine::{Spin, Wamr, WasmEdge, Wasmer, Wasmtime};
    let mut other = Crun::new([Spin, Wamr, Wasmtime]).name("krun");
    (other.krun, other.dotnet) = (true, true);
    vec![
        Runtime::crun(),
        Runtime::Crun(Crun::new([Wasmer]).name("crun-wasm")),
        Runtime::Crun(Crun::new([])),
        Runtime::Crun(other),
        Runtime::youki(),
        Runtime::Youki(Youki::new([WasmEdge, Wasmer])),
        Runtime::Youki(Youki::new([])),
        Runtime::runwasi(),
        Runtime::Runwasi(Shim::new(Wamr).wasm_layers(true)),
        Runtime::Spin { wasm_layers: false },
        Runtime::Spin { wasm_layers: true },
        Runtime::Runc,
    ]
}

const FOUND: [Found; 8] = [
    Found::Unknown,
    Found::Missing,
    Found::File { mode: 0o644, program: Program::Module },
    Found::File { mode: 0o755, program: Program::Component },
    Found::File { mode: 0o755, program: Program::Text },
    Found::File { mode: 0o755, program: Program::Elf },
    Found::File { mode: 0o755, program: Program::Script },
    Found::File { mode: 0o755, program: Program::Other },
];

#[cfg(test)]
mod tests {
    const TEXTS: [&str; 9] = [
        "",
        "{}",
        r#"{"process": {"user": {}, "args": ["/a.wasm"], "cwd": "/"}, "annotations": {"run.oci.handler": "wasm"}}"#,
        "/app.wasm\narg\nA=b\n/srv\nhost\n/a\n/b\n\n0\n0\n4096\n100\n7\nname\nvalue\nhost\n100000:65536",
        "/app.wasm\n/\nPATH=/bin\nwasm-smart\ncompat\nsandbox",
        "/\n/\n\nspin\n\n",
        "a\0b\n..\n=\n\n\n",
        "/app.wasm\n/proc\n=\n/\n/\n/\n/\n/\n/\n/\n/",
        "\u{fffd}\nöä\n#\n/#\n//",
    ];

    #[test]
    fn what_a_fuzzer_would_try_first() {
        for text in TEXTS {
            super::config(text);
            super::selection(text);
        }
    }
}
