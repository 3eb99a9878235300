use std::{
    fmt::Display,
    io::{self, Write},
};

/// Prints `label   value` lines with the values under each other.
pub(crate) struct Table<'a> {
    to: &'a mut dyn Write,
}

impl<'a> Table<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Self {
        Self { to }
    }

    /// Prints one line; an empty label continues the one before.
    pub(crate) fn line(&mut self, label: &str, value: impl Display) -> io::Result<()> {
        writeln!(self.to, "{label:<12}{}", visible(&value.to_string()))
    }
}

/// Shows control characters as `\u{…}`: names come out of files that anybody wrote, and a terminal obeys.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
