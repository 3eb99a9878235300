use hostile::{Outcome, variant};
use wasm_oci::Result;

/// What reads the input of a case.
pub(crate) type Read = Box<dyn FnOnce() -> Result<Outcome>>;

/// A hostile input, and what must become of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The rule or limit that it tries.
    pub(crate) rule: &'static str,
    pub(crate) outcome: Outcome,
    /// What unpacking makes of it, where it is an image.
    pub(crate) unpack: Option<Outcome>,
    /// What its limit allows it to hold in memory, in MiB.
    pub(crate) cap: u64,
    /// Makes the input.
    pub(crate) prepare: Box<dyn Fn() -> Read>,
}

impl Case {
    pub(crate) fn new(
        name: &'static str,
        rule: &'static str,
        outcome: Outcome,
        prepare: impl Fn() -> Read + 'static,
    ) -> Self {
        Self { name, rule, outcome, unpack: None, cap: 0, prepare: Box::new(prepare) }
    }

    /// Says what is wrong about what became of it.
    pub(crate) fn wrong(&self) -> Option<String> {
        match ((self.prepare)()(), self.outcome) {
            (Ok(found), expected) if found == expected => None,
            (Err(error), Outcome::Refused(name, message)) => {
                let text = error.to_string();
                let right = variant(&error) == name && text.contains(message);
                if !right {
                    return Some(format!("expected {name}: {message}, got {error:?}: {text}"));
                }
                // A message is for people: no input makes it long.
                (text.len() > 1000).then(|| format!("a message of {} bytes", text.len()))
            }
            (found, expected) => Some(format!("expected {expected:?}, got {found:?}")),
        }
    }
}
