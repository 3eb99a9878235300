//! What a JSON document may hold, bounded before anything is built from it.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{Error, Result, error::shortened};

/// Refuses a JSON document that has a key twice in one object, or more values than `most`.
///
/// Of two values for one key one reader takes the first and another the last, so that what is checked need not be what is
/// used; and a document of a few megabytes may become a hundred as values. The values are counted at every depth, the
/// containers as one each. serde_json itself reads 128 levels at most.
///
/// ```
/// use wasm_oci::check_json;
///
/// check_json("the config", br#"{"os": "wasip1"}"#, 100)?;
/// let error = check_json("the config", br#"{"os": "wasip1", "os": "linux"}"#, 100).unwrap_err();
/// assert_eq!(error.to_string(), "the config: it has the key `os` twice in one object");
/// # Ok::<(), wasm_oci::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Malformed`] for what is refused, and [`Error::Json`] when it is no JSON; `what` is the document's name in both.
pub fn check_json(what: &'static str, bytes: &[u8], most: usize) -> Result<()> {
    let mut shape = Shape { most, left: most, fault: None };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Value(&mut shape).deserialize(&mut json).and_then(|()| json.end());
    match (read, shape.fault) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(why)) => Err(Error::malformed(what, why)),
        (Err(source), None) => Err(Error::Json { what, source: Box::new(source) }),
    }
}

struct Shape {
    most: usize,
    left: usize,
    fault: Option<String>,
}

/// One value, which is counted and not kept.
struct Value<'a>(&'a mut Shape);

impl Value<'_> {
    fn fault<E: serde::de::Error>(&mut self, why: String) -> E {
        self.0.fault = Some(why);
        E::custom("refused")
    }

    fn count<E: serde::de::Error>(mut self) -> Result<(), E> {
        match self.0.left.checked_sub(1) {
            Some(left) => {
                self.0.left = left;
                Ok(())
            }
            None => Err(self.fault(format!("it has more than {} values", self.0.most))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.count()
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.count()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.count()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.count()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.count()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.count()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Value(self.0))?.is_some() {}
        self.count()
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            if let Some(twice) = keys.replace(key) {
                return Err(self.fault(format!("it has the key `{}` twice in one object", shortened(&twice))));
            }
            entries.next_value_seed(Value(self.0))?;
        }
        self.count()
    }
}

/// A key, borrowed where it stands in the document as it is.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Artifact;

    fn check(what: &'static str, bytes: &[u8]) -> Result<()> {
        check_json(what, bytes, Artifact::VALUES)
    }

    #[test]
    fn values_are_counted() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2)); // the list is one more
        assert!(check("it", list(Artifact::VALUES).as_bytes()).is_ok());
        let error = check("it", list(Artifact::VALUES + 1).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it: it has more than 32768 values");
        let maps = format!("[{}{{}}]", r#"{"a":{"b":null}},"#.repeat(20_000));
        assert!(matches!(check("it", maps.as_bytes()), Err(Error::Malformed { .. })));
    }

    #[test]
    fn keys_are_unique() {
        assert!(check("it", br#"{"a":{"b":1},"b":1,"A":[true,-1,0.5,null]}"#).is_ok());
        for twice in [r#"{"a":1,"b":2,"a":1}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#] {
            let error = check("it", twice.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "it: it has the key `a` twice in one object");
        }
    }

    #[test]
    fn what_is_no_json_is_told_as_that() {
        for text in ["", "{", "[1] x", "{\"a\":NaN}", "1e400", "{\"a\\ud800\":1}", "\u{feff}{}"] {
            assert!(matches!(check("it", text.as_bytes()), Err(Error::Json { .. })), "{text}");
        }
    }
}
