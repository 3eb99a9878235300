//! The corpus: hostile documents, tars, references and stores, each with a name, the rule that it tries, and what must
//! become of it. The tars are the crate `hostile`'s, which `wasm-bundle` unpacks.

mod book;
mod case;
mod descriptors;
mod documents;
mod indexes;
mod manifests;
mod memory;
mod references;
mod store;
mod tars;
#[cfg(feature = "zstd")]
mod zstd;

use case::Case;

/// The table, by noun.
fn all() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Manifests", manifests::cases()),
        ("What manifests describe", descriptors::cases()),
        ("Configurations", documents::cases()),
        ("Indexes", indexes::cases()),
        ("Layers", tars::cases()),
        #[cfg(feature = "zstd")]
        ("Layers compressed with zstd", zstd::cases()),
        ("Layouts and archives", store::cases()),
        ("Names of images, platforms, places", references::cases()),
    ]
}

/// How many of the cases need the feature of that name.
const ZSTD: usize = 14;

#[test]
fn every_case_has_its_outcome() {
    let mut wrong = vec![];
    for (noun, cases) in all() {
        for case in cases {
            wrong.extend(case.wrong().map(|why| format!("{noun}: {}: {why}", case.name)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_as_large_as_promised() {
    let counts: Vec<_> = all().iter().map(|(noun, cases)| (*noun, cases.len())).collect();
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let zstd = if cfg!(feature = "zstd") { ZSTD } else { 0 };
    assert_eq!(all, 543 + zstd, "{counts:?}");
    assert!(all >= 200);
}

#[test]
fn names_are_unique() {
    let corpus = all();
    let mut names: Vec<_> = corpus.iter().flat_map(|(_, cases)| cases).map(|case| case.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
