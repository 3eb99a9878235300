//! Whom an artifact suits.

use wasm_oci::{Artifact, Consumer, Format, Loss, Pack, Remedy};

const TABLE: &str = include_str!("../../../../book/src/which-format.md");

fn pack(wasm: Vec<u8>, path: &str) -> Pack {
    Pack::new(wasm, path).unwrap()
}

/// A letter for each consumer that takes it, a dot for each that does not.
fn taken(artifact: &Artifact) -> String {
    let letter = |consumer: &Consumer| consumer.to_string().chars().next().unwrap();
    let judge = |consumer: &Consumer| consumer.judge(artifact).unwrap().accepts;
    Consumer::ALL.iter().map(|consumer| if judge(consumer) { letter(consumer) } else { '.' }).collect()
}

/// crun, youki, runwasi, spin, wkg, podman, docker, ctr, istio.
#[test]
fn who_takes_what() {
    let module = pack(guests::HELLO.wasm(), "/hello.wasm");
    let component = pack(guests::COMPONENT.wasm(), "/component.wasm");
    for (format, of_module, of_component) in [
        (Format::Compat, "cyr..pdc.", "..r...dc."),
        (Format::Runwasi, "..r....c.", "..r....c."),
        (Format::Artifact, "..r.w....", "..rsw...."),
        (Format::Legacy, ".........", "........."),
    ] {
        assert_eq!(taken(&module.build(format).unwrap()), of_module, "{format}");
        assert_eq!(taken(&component.build(format).unwrap()), of_component, "{format}");
    }
    let plugin = pack(guests::HELLO.wasm(), "/plugin.wasm").build(Format::Compat).unwrap();
    assert_eq!(taken(&plugin), "cyr..pdci");
    let linux = module.clone().platform("linux/amd64".parse().unwrap()).build(Format::Compat).unwrap();
    assert_eq!(taken(&linux), "cyr...dc.");
    let smart = module.annotation("module.wasm.image/variant", "compat-smart").build(Format::Compat).unwrap();
    assert_eq!(taken(&smart), "c.r..pdc.");
    let nameless = pack(guests::HELLO.wasm(), "/hello").build(Format::Compat).unwrap();
    assert_eq!(taken(&nameless), "c.r..pdc.");
}

/// What the command does, done by the library; the tests of `wasmctr` run the commands themselves.
fn follow(remedy: &Remedy, artifact: &Artifact) -> Artifact {
    let command = remedy.to_string();
    let flag = |name: &str| {
        let mut words = command.split(' ').skip_while(|word| *word != name).skip(1);
        words.next().map(str::to_owned)
    };
    let lossy = command.contains(" --lossy");
    if remedy.subcommand == "convert" {
        let loss = if lossy { Loss::Accept } else { Loss::Refuse };
        return artifact.convert(remedy.format, loss).unwrap().artifact;
    }
    let (mut pack, lost) = Pack::of_image(artifact).unwrap();
    assert!(lossy || lost.is_empty(), "{command}");
    if let Some(path) = flag("--entrypoint") {
        pack = pack.entrypoint(&path).unwrap();
    }
    if let Some(platform) = flag("--platform") {
        pack = pack.platform(platform.parse().unwrap());
    }
    if let Some((name, value)) = flag("--annotation").as_deref().and_then(|pair| pair.split_once('=')) {
        pack = pack.annotation(name, value);
    }
    if lossy && !remedy.format.has_files() {
        pack = pack.without_files().unwrap().0;
    }
    pack.build(remedy.format).unwrap()
}

/// Every kind of image, in every format, whatever is wrong with it: what the remedy makes is taken.
#[test]
fn remedies_help() {
    let mut helped = 0;
    for artifact in crate::zoo::zoo() {
        for consumer in Consumer::ALL {
            let verdict = consumer.judge(&artifact).unwrap();
            assert!(!verdict.why.is_empty());
            assert!(!verdict.accepts || verdict.remedy.is_none());
            let Some(remedy) = verdict.remedy else { continue };
            let after = consumer.judge(&follow(&remedy, &artifact)).unwrap();
            assert!(after.accepts, "{consumer}: {} of {}: {}", remedy, artifact.format(), after.why);
            helped += 1;
        }
    }
    assert!(helped > 150, "{helped}");
}

#[test]
fn what_to_do() {
    let remedy = |consumer: Consumer, artifact: &Artifact| {
        consumer.judge(artifact).unwrap().remedy.map(|remedy| remedy.to_string())
    };
    let linux = pack(guests::HELLO.wasm(), "/hello").platform("linux/amd64".parse().unwrap());
    let smart = linux.clone().annotation("module.wasm.image/variant", "compat-smart");
    let [linux, smart] = [linux, smart].map(|pack| pack.build(Format::Compat).unwrap());
    let flags = |flags: &str| Some(format!("wasmctr pack IMAGE -o oci:DIR:TAG --format compat {flags}"));
    let compat = "--annotation module.wasm.image/variant=compat";
    assert_eq!(remedy(Consumer::Podman, &linux), flags("--platform wasi/wasm"));
    assert_eq!(remedy(Consumer::Youki, &linux), flags("--entrypoint /app.wasm"));
    assert_eq!(remedy(Consumer::Istio, &linux), flags("--entrypoint /plugin.wasm"));
    assert_eq!(remedy(Consumer::Crun, &smart), flags(compat));
    assert_eq!(remedy(Consumer::Youki, &smart), flags(&format!("{compat} --entrypoint /app.wasm")));
    assert_eq!(remedy(Consumer::Podman, &smart), flags(&format!("{compat} --platform wasi/wasm")));
    let files =
        pack(guests::HELLO.wasm(), "/hello").file("/etc/x", "").unwrap().build(Format::Compat).unwrap();
    let lossy = "wasmctr convert IMAGE -o oci:DIR:TAG --format artifact --lossy";
    assert_eq!(remedy(Consumer::Wkg, &files).as_deref(), Some(lossy));
    let component = pack(guests::COMPONENT.wasm(), "/a.wasm").build(Format::Artifact).unwrap();
    assert_eq!(remedy(Consumer::Crun, &component), None);
    let verdict = Consumer::Youki.judge(&component).unwrap();
    assert_eq!(verdict.why, "only an image of tar layers can be unpacked to a bundle");
}

#[test]
fn names() {
    for consumer in Consumer::ALL {
        assert_eq!(consumer.to_string().parse::<Consumer>().unwrap(), consumer);
    }
    let error = "runc".parse::<Consumer>().unwrap_err();
    assert_eq!(error.to_string(), "`runc` is not a consumer this version knows");
}

/// The book has the same table.
#[test]
fn the_book_says_the_same() {
    assert!(
        TABLE.contains(&Consumer::table()),
        "put this into book/src/which-format.md:\n{}",
        Consumer::table()
    );
}
