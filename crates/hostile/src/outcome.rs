use std::fmt;

/// What must become of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests match all of it")]
pub enum Outcome {
    /// It is understood, and does no harm.
    Fine,
    /// It is understood as [`OTHER`](crate::OTHER), the program that a later entry or layer has in place of the first.
    Other,
    /// It is refused: the name of the error's variant, and a part of its message.
    Refused(&'static str, &'static str),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => f.write_str("read"),
            Self::Other => f.write_str("read: the later one counts"),
            Self::Refused(variant, message) => write!(f, "`{variant}`: {message}"),
        }
    }
}

/// The name of an error's variant.
///
/// ```
/// # use std::fmt::Error;
/// assert_eq!(hostile::variant(&Error), "Error");
/// ```
pub fn variant(error: &impl fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}
