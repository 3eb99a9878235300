use std::collections::BTreeMap;

use wasm_oci::{Artifact, Format, Loss, Pack, Strip, strip};

/// A program, and what is said about it, in lines: `A/B` formats, then name, arguments, `K=V` environment, `@K=V` annotations;
/// behind a NUL the bytes of a custom section. From one format to another and back everything stays.
pub fn convert(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let wasm = module(parts.next().unwrap_or_default());
    let mut lines = text.lines();
    let (from, to) = formats(lines.next().unwrap_or_default());
    let Ok(mut pack) = Pack::new(wasm.clone(), lines.next().unwrap_or_default()) else { return };
    for line in lines {
        pack = match (line.strip_prefix('@').and_then(|rest| rest.split_once('=')), line.contains('=')) {
            (Some((key, value)), _) => pack.annotation(key, value),
            (None, true) => pack.env(line),
            (None, false) => pack.arg(line),
        };
    }
    let Ok(first) = pack.build(from) else { return };
    let Ok(there) = first.convert(to, Loss::Refuse) else { return };
    let back = there.artifact.convert(from, Loss::Refuse).expect("what came from there goes back").artifact;
    for image in [&first, &there.artifact, &back] {
        assert_eq!(image.wasm().expect("its program"), wasm);
    }
    assert_eq!(told(&first), told(&back), "{from} to {to} and back");
    let stripped = strip(&wasm, Strip::Names).expect("a module");
    assert_eq!(strip(&stripped, Strip::Names).expect("a module"), stripped);
}

/// What an image says about its program.
fn told(image: &Artifact) -> (Vec<String>, Vec<String>, BTreeMap<String, String>) {
    let config = image.config().config().clone().unwrap_or_default();
    let words = config.entrypoint().iter().flatten().chain(config.cmd().iter().flatten()).cloned().collect();
    let annotations = image.manifest().annotations().clone().unwrap_or_default();
    (words, config.env().clone().unwrap_or_default(), annotations.into_iter().collect())
}

fn formats(line: &str) -> (Format, Format) {
    let written: Vec<_> = Format::ALL.into_iter().filter(Format::is_written).collect();
    let choose = |byte: Option<u8>| written[usize::from(byte.unwrap_or(0)) % written.len()];
    let mut bytes = line.bytes();
    (choose(bytes.next()), choose(bytes.next()))
}

/// A module with a custom section.
fn module(content: &[u8]) -> Vec<u8> {
    let content = &content[..content.len().min(100)]; // so that lengths have one byte
    let mut wasm = hostile::MODULE.to_vec();
    if !content.is_empty() {
        wasm.extend([0, content.len() as u8 + 2, 1, b'x']);
        wasm.extend(content);
    }
    wasm
}

/// Each format to each.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let pairs = (0..4).flat_map(|from| (0..4).map(move |to| (from, to)));
    pairs
        .map(|(from, to)| format!("{from}{to}\n/dir/app.wasm\n--arg\nA=b\n@k=v\n\0section").into_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_and_regressions() {
        super::seeds().iter().for_each(|seed| super::convert(seed));
        crate::tests::regressions("convert", super::convert);
    }
}
