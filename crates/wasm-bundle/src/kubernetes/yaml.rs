//! YAML, read within limits and written.

use serde::Serialize;
use serde_json::Value;

use crate::{Error, Result};

/// The largest text that is read: 4 MiB, more than an API server takes.
pub(super) const LIMIT: usize = 4 << 20;
const DOCUMENTS: usize = 1024;
const WHAT: &str = "manifest";

/// Reads every document. Aliases are followed as far as people use them and no further, keys may not be there twice, and
/// nothing lies deeper than 64.
pub(super) fn read(text: &str) -> Result<Vec<Value>> {
    if text.len() > LIMIT {
        return Err(Error::Oversized { what: WHAT, unit: "bytes", limit: LIMIT as u64 });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(LIMIT),
            max_aliases: 1000,
            max_anchors: 1000,
            max_recorded_anchor_events: 100_000,
            max_recorded_anchor_bytes: LIMIT,
            max_depth: 64,
            max_documents: DOCUMENTS,
            max_nodes: 250_000,
            max_total_scalar_bytes: LIMIT,
            max_merge_keys: 1000,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 1000,
        },
        with_snippet: false,
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|source| Error::Syntax { what: WHAT, source: source.into() })?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Writes one document, without a marker in front.
pub(super) fn write(object: &impl Serialize) -> Result<String> {
    let options = serde_saphyr::ser_options! {
        prefer_block_scalars: false,
        no_lang_directive: true,
    };
    serde_saphyr::to_string_with_options(object, options)
        .map_err(|source| Error::Syntax { what: WHAT, source: source.into() })
}
