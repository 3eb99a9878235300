use std::fmt;

/// A rule of a lint, or a check of `doctor`: its id never changes, and the book lists it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The id: what `--allow` takes.
    pub id: &'static str,
    /// What is wrong when it is broken.
    pub meaning: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// A place where a [`Rule`] is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where: a table, an object and a field, a program.
    pub place: String,
    /// What was found there.
    pub found: String,
}

impl Finding {
    pub(crate) fn new(rule: &'static Rule, place: impl Into<String>, found: impl Into<String>) -> Self {
        Self { rule, place: place.into(), found: found.into() }
    }
}

/// One line: the id, the place and what was found.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule.id, self.place, self.found)
    }
}

impl Rule {
    pub(crate) const fn new(id: &'static str, meaning: &'static str, fix: &'static str) -> Self {
        Self { id, meaning, fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line() {
        static RULE: Rule = Rule::new("some-id", "it is wrong", "mend it");
        assert_eq!(Finding::new(&RULE, "there", "this").to_string(), "some-id: there: this");
    }
}
