//! How much memory a client takes, whatever comes: measured as the peak of a process of its own.

use std::{fs, process::Command};

use serde_json::json;
use test_registry::{Bearer, Fault, On, Options as ServerOptions, Registry as Server, Status};
use wasm_oci::{
    Error, Format, Layout, Overwrite,
    registry::{Attachment, Login, Pick, Registry},
};

use crate::{case::prepare, hello, name, quick};

const SELF: &str = "WASM_OCI_TEST_MEMORY";
/// What a client may take besides.
const MORE: u64 = 8 << 20;
/// Larger than everything that may be held.
const LARGE: usize = 32 << 20;

/// The child: does what it is told once with a small image, then measures.
#[test]
fn child() {
    let Ok(told) = std::env::var(SELF) else { return };
    let [what, host, other, dir] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let mut options = quick();
    options.retries = 0;
    options.timeouts.answer = std::time::Duration::from_secs(20);
    options.timeouts.window = std::time::Duration::from_secs(20);
    options.logins.insert(host.to_owned(), Login::password("me", "secret"));
    let registry = Registry::new(options).unwrap();
    let at = |rest: &str| format!("{host}/{rest}").parse().unwrap();
    let mut layout = Layout::open_or_create(dir.as_ref()).unwrap();
    let mut pull = |name: &str| {
        registry.pull(&at(name), &Pick::All, &mut layout, Some("x"), Overwrite::Replace).map(drop)
    };
    // What is made once is no business of the measure.
    let _ = pull("warm:v1");
    let _ = registry.push(&hello(Format::Legacy), &at("warm:v2"));
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let did: Result<(), Error> = match what {
        "pull" => pull("a:v1"),
        "run" => registry.artifact(&at("a:v1"), None).map(drop),
        "push" => registry.push(&hello(Format::Compat), &at("a:v9")).map(drop),
        "tags" => registry.tags(&at("a")).map(drop),
        "referrers" => registry.referrers(&at("a:v1"), None).map(drop),
        "up" => {
            pull("large:v1").unwrap();
            let layout = Layout::open(dir.as_ref()).unwrap();
            registry.push_layout(&layout, Some("x"), &format!("{other}/up:v1").parse().unwrap()).map(drop)
        }
        "across" => registry
            .copy(&at("large:v1"), &Pick::All, &format!("{other}/across:v1").parse().unwrap())
            .map(drop),
        other => panic!("{other}"),
    };
    println!(
        "took {} {}",
        status("VmHWM:").saturating_sub(before),
        did.map_or_else(|error| error.to_string(), |()| "it works".into())
    );
}

/// A figure of this process, in bytes.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn measure(server: &Server, other: &Server, what: &str) -> (u64, String) {
    let dir = tempfile::tempdir().unwrap();
    let told = format!("{what} {} {} {}", server.host(), other.host(), dir.path().join("layout").display());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::child", "--nocapture"])
        .env(SELF, told)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("took "));
    let line = line.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)));
    let (bytes, said) = line.split_once(' ').unwrap();
    (bytes.parse().unwrap(), said.to_owned())
}

#[test]
fn no_more_than_the_limit_and_8_mib() {
    let endless = |on: On| vec![(on, Fault::Endless)];
    let refused = |on: fn() -> On| vec![(on(), Status::new(403).into()), (on(), Fault::Endless)];
    let gigabyte = 1 << 30;
    type Case = (&'static str, Vec<(On, Fault)>, &'static str, u64, &'static str);
    let cases: Vec<Case> = vec![
        (
            "a manifest that never ends",
            endless(On::manifest_get().repository("a")),
            "pull",
            4 << 20,
            "more than the limit of 4194304",
        ),
        (
            "a manifest of 1 GiB, it says",
            vec![(On::manifest_get().repository("a"), Fault::ContentLength(gigabyte))],
            "pull",
            4 << 20,
            "more than the limit",
        ),
        (
            "a blob that never ends, into a layout",
            endless(On::blob_get().repository("a")),
            "pull",
            0,
            "its descriptor says",
        ),
        (
            "a blob that never ends, into memory",
            endless(On::blob_get().repository("a")),
            "run",
            1 << 20,
            "its descriptor says",
        ),
        (
            "a token that never ends",
            endless(On::token().path("repository%3Aa%3A")),
            "pull",
            64 << 10,
            "more than the limit of 65536",
        ),
        ("tags that never end", endless(On::tags()), "tags", 1 << 20, "more than the limit of 1048576"),
        (
            "referrers that never end",
            endless(On::referrers()),
            "referrers",
            4 << 20,
            "more than the limit of 4194304",
        ),
        (
            "an error that never ends",
            refused(|| On::manifest_get().repository("a")),
            "pull",
            64 << 10,
            "the registry refused to",
        ),
        (
            "an error of an upload that never ends",
            refused(|| On::upload_start().repository("a")),
            "push",
            64 << 10,
            "does not end",
        ),
        (
            "an error at the end of an upload that never ends",
            refused(|| On::upload_finish().repository("a")),
            "push",
            64 << 10,
            "does not end",
        ),
        ("32 MiB down and up", vec![], "up", 0, "it works"),
        ("32 MiB across", vec![], "across", 0, "it works"),
    ];
    let mut wrong = vec![];
    for (case, faults, what, limit, said) in cases {
        let server = ServerOptions::default().auth(Bearer::new("me", "secret")).start().unwrap();
        let other = ServerOptions::default().start().unwrap();
        prepare(&server);
        crate::case::put(&server, "warm", "v1", &hello(Format::Runwasi));
        large(&server);
        for (on, fault) in faults {
            server.fault(on, fault);
        }
        let (took, came) = measure(&server, &other, what);
        if took > limit + MORE || !came.contains(said) {
            wrong.push(format!("{case}: {took} bytes, {came}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// A layer of 1 GiB that is not there costs nothing: room is made as bytes come.
#[test]
fn what_is_claimed_costs_nothing() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    crate::case::put(&server, "warm", "v1", &hello(Format::Runwasi));
    let mut manifest: serde_json::Value =
        serde_json::from_slice(hello(Format::Artifact).manifest_bytes()).unwrap();
    manifest["layers"][0]["size"] = json!(1 << 30);
    let text = manifest.to_string();
    server.put_manifest("a", "v1", hello(Format::Artifact).descriptor().media_type().as_ref(), text);
    server.fault(On::blob_get().repository("a"), Fault::NoLength);
    for what in ["pull", "run"] {
        let (took, came) = measure(&server, &server, what);
        assert!(took < MORE, "{what}: {took} bytes, {came}");
        assert!(!came.contains("it works"), "{came}");
    }
}

/// An artifact with one layer of 32 MiB.
fn large(server: &Server) {
    let bytes: Vec<u8> = (0..LARGE).map(|n| (n >> 3) as u8).collect();
    let attachment = Attachment::new("example/large").file("a/b", "large", bytes);
    let mut options = quick();
    options.timeouts.answer = std::time::Duration::from_secs(20);
    options.logins.insert(server.host(), Login::password("me", "secret"));
    let registry = Registry::new(options).unwrap();
    let attached = registry.attach(&name(server, "a:v1"), &attachment).unwrap();
    registry
        .copy(&name(server, &format!("a@{}", attached.digest())), &Pick::All, &name(server, "large:v1"))
        .unwrap();
}
