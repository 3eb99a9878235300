//! How a named case is run: a registry with something wrong, a client that wants something, and what must come of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    time::{Duration, Instant},
};

use test_registry::{Fault, On, Options as ServerOptions, Registry as Server, RetryAfter, Status};
use wasm_oci::{
    Artifact, Error, Format, Layout, Overwrite, Reference,
    registry::{Options, Pick, Registry},
    sha256,
};

use crate::{hello, name, quick};

/// What the client wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wants {
    /// `a:v1` in a layout.
    Pull,
    /// `a:v1` in memory, and the module of it.
    Run,
    /// The hello guest, as another artifact than `a:v1`, at `a:v2`.
    Push,
    /// What kind of thing `a:v1` is.
    Resolve,
    /// The tags of `a`.
    Tags,
    /// What refers to `a:v1`.
    Referrers,
    /// `a:v1` gone.
    Delete,
    /// `a:v1` at `b:v1`.
    Across,
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It works.
    Works,
    /// It fails with an error that says this.
    Says(&'static str),
}

pub(crate) use Outcome::{Says, Works};
pub(crate) use Wants::{Across, Delete, Pull, Push, Referrers, Resolve, Run, Tags};

/// One case: its name and what holds there, what goes wrong, what is wanted, and what must come of it.
pub(crate) type Case = (&'static str, Vec<(On, Fault)>, Wants, Outcome);

/// No case may take longer, on a machine that does other things besides.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs every case and fails with the names of all that came out otherwise.
#[track_caller]
pub(crate) fn run_all(
    server: &(dyn Fn() -> ServerOptions + Sync),
    client: &(dyn Fn(&Server) -> Options + Sync),
    cases: Vec<Case>,
) {
    let (cases, wrong) = (Mutex::new(cases), Mutex::new(vec![]));
    // Most of them wait.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((case, faults, wants, outcome)) = take(&cases) {
                    let server = server().start().unwrap();
                    prepare(&server);
                    for (on, fault) in faults {
                        server.fault(on, fault);
                    }
                    let said = judge(case, &server, client(&server), wants, outcome);
                    wrong.lock().unwrap().extend(said);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn take(cases: &Mutex<Vec<Case>>) -> Option<Case> {
    cases.lock().unwrap().pop()
}

/// Puts the artifact there, without a request.
pub(crate) fn prepare(server: &Server) {
    put(server, "a", "v1", &hello(Format::Artifact));
    put(server, "a", "other", &hello(Format::Legacy));
}

pub(crate) fn put(server: &Server, repository: &str, tag: &str, image: &Artifact) {
    server.put_blob(repository, image.config_bytes().clone());
    for layer in image.layers() {
        server.put_blob(repository, layer.blob().clone());
    }
    let media_type = image.descriptor().media_type().as_ref();
    server.put_manifest(repository, tag, media_type, image.manifest_bytes().clone());
}

/// Runs one case; what is wrong with how it came out.
pub(crate) fn judge(
    case: &str,
    server: &Server,
    options: Options,
    wants: Wants,
    outcome: Outcome,
) -> Option<String> {
    let start = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::open_or_create(&dir.path().join("layout")).unwrap();
    let came = catch_unwind(AssertUnwindSafe(|| attempt(server, options, wants, layout)));
    let took = start.elapsed();
    let said = match &came {
        Err(_) => return Some(format!("{case}: it panicked")),
        Ok(Ok(())) => "it works".to_owned(),
        Ok(Err(error)) => format!("{error}"),
    };
    // Whatever happens: what can be seen in the layout is whole, and there is a tag only when it worked.
    let left = Layout::open(&dir.path().join("layout")).unwrap();
    let verified = left.verify().unwrap();
    if !verified.corrupt.is_empty() || !verified.missing.is_empty() {
        return Some(format!("{case}: the layout is left with {verified:?}"));
    }
    if matches!(came, Ok(Err(_))) && left.tags().count() > 0 {
        return Some(format!("{case}: it fails and leaves a tag"));
    }
    if took > PATIENCE {
        return Some(format!("{case}: it took {took:?}"));
    }
    match outcome {
        Works if said == "it works" => None,
        Says(text) if said != "it works" && said.contains(text) => None,
        _ => Some(format!("{case}: {said}, and not {outcome:?}")),
    }
}

fn attempt(server: &Server, options: Options, wants: Wants, mut layout: Layout) -> Result<(), Error> {
    let registry = Registry::new(options)?;
    let at = |rest: &str| -> Reference { name(server, rest) };
    let image = hello(Format::Artifact);
    match wants {
        Pull => {
            registry.pull(&at("a:v1"), &Pick::All, &mut layout, Some("v1"), Overwrite::Refuse)?;
        }
        Run => {
            let wasm = registry.artifact(&at("a:v1"), None)?.wasm()?;
            assert_eq!(sha256(&wasm), sha256(&image.wasm()?), "it is another module");
        }
        Push => {
            let image = hello(Format::Compat);
            registry.push(&image, &at("a:v2"))?;
            assert_eq!(server.manifest("a", "v2").unwrap().1, *image.manifest_bytes());
            let blobs = image.layers().iter().map(|layer| layer.descriptor().digest());
            for digest in blobs.chain([image.manifest().config().digest()]) {
                assert_eq!(sha256(&server.blob("a", digest.as_ref()).unwrap()), *digest);
            }
        }
        Resolve => drop(registry.resolve(&at("a:v1"))?),
        Tags => drop(registry.tags(&at("a"))?),
        Referrers => drop(registry.referrers(&at("a:v1"), None)?),
        Delete => registry.delete(&at("a:v1"))?,
        Across => drop(registry.copy(&at("a:v1"), &Pick::All, &at("b:v1"))?),
    }
    Ok(())
}

/// The usual server and client.
pub(crate) fn usual(cases: Vec<Case>) {
    run_all(&ServerOptions::default, &|_| quick(), cases);
}

/// One fault.
pub(crate) fn on(on: On, fault: Fault) -> Vec<(On, Fault)> {
    vec![(on, fault)]
}

/// A status, and when to come again.
pub(crate) fn busy(status: u16, when: Option<RetryAfter>) -> Fault {
    let status = Status::new(status);
    match when {
        Some(when) => status.retry_after(when).into(),
        None => status.into(),
    }
}
