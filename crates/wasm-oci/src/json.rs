use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{Error, Result};

/// Serialises `value` as compact JSON with the keys of every object sorted.
///
/// `oci-spec` keeps annotations and labels in `HashMap`s, whose order changes from run to run; what is hashed must not.
///
/// # Errors
///
/// [`Error::Json`] when `value` cannot be written as JSON (a map with keys that are no strings).
pub fn canonical_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let sorted = sorted(serde_json::to_value(value).map_err(unwritable)?);
    serde_json::to_vec(&sorted).map_err(unwritable)
}

/// [`canonical_json`] for people: indented by two spaces, with a newline at the end.
///
/// # Errors
///
/// As [`canonical_json`].
pub fn canonical_json_pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let sorted = sorted(serde_json::to_value(value).map_err(unwritable)?);
    let mut bytes = serde_json::to_vec_pretty(&sorted).map_err(unwritable)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Sorts by hand: serde_json's own map is sorted only while no crate of the build turns `preserve_order` on.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<_, _> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn unwritable(source: serde_json::Error) -> Error {
    Error::Json { what: "document to write", source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let inner: HashMap<_, _> = (0..20).map(|i| (format!("k{i:02}"), i)).collect();
        let text = String::from_utf8(canonical_json(&vec![inner]).unwrap()).unwrap();
        let mut keys: Vec<_> = text.split('"').skip(1).step_by(2).collect();
        let found = keys.clone();
        keys.sort_unstable();
        assert_eq!(found, keys);
    }

    #[test]
    fn pretty_ends_with_a_newline() {
        assert_eq!(canonical_json_pretty(&[1]).unwrap(), b"[\n  1\n]\n");
    }
}
