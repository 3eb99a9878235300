//! Whom an artifact suits.

use wasm_oci::{Artifact, Consumer, Format, Loss, Pack};

const TABLE: &str = include_str!("../../../../book/src/reference.md");

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

/// Where the remedy is a conversion, its result is taken.
#[test]
fn remedies_help() {
    let mut converted = 0;
    for wasm in [guests::HELLO.wasm(), guests::COMPONENT.wasm()] {
        for format in Format::ALL.into_iter().filter(Format::is_written) {
            let artifact = pack(wasm.clone(), "/plugin.wasm").build(format).unwrap();
            for consumer in Consumer::ALL {
                let verdict = consumer.judge(&artifact).unwrap();
                assert!(!verdict.why.is_empty());
                assert!(!verdict.accepts || verdict.remedy.is_none());
                let Some(remedy) = verdict.remedy else { continue };
                let to = remedy.strip_prefix("wasmctr convert IMAGE -o oci:DIR:TAG --format ").unwrap();
                let made = artifact.convert(to.parse().unwrap(), Loss::Refuse).unwrap().artifact;
                assert!(consumer.judge(&made).unwrap().accepts, "{consumer} {format} {remedy}");
                converted += 1;
            }
        }
    }
    assert!(converted > 20, "{converted}");
}

#[test]
fn what_to_do() {
    let remedy = |consumer: Consumer, artifact: &Artifact| consumer.judge(artifact).unwrap().remedy;
    let linux = pack(guests::HELLO.wasm(), "/hello").platform("linux/amd64".parse().unwrap());
    let linux = linux.build(Format::Compat).unwrap();
    let flags = |flags: &str| Some(format!("wasmctr pack FILE -o oci:DIR:TAG --format compat {flags}"));
    assert_eq!(remedy(Consumer::Podman, &linux), flags("--platform wasi/wasm"));
    assert_eq!(remedy(Consumer::Youki, &linux), flags("--entrypoint /app.wasm"));
    assert_eq!(remedy(Consumer::Istio, &linux), flags("--entrypoint /plugin.wasm"));
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
        "put this into book/src/reference.md:\n{}",
        Consumer::table()
    );
}
