//! What errors say of names and lists that may be as long as somebody likes.

use crate::Platform;

/// The text, or its beginning: a message is for people, and a hostile name may be as long as it likes.
pub(crate) fn shortened(text: &str) -> Box<str> {
    beginning(text, 300)
}

fn beginning(text: &str, chars: usize) -> Box<str> {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// The first names of a list, which may be as long as somebody likes.
fn listed(names: &[String]) -> String {
    const NAMES: usize = 10;
    let shown: Vec<_> = names.iter().take(NAMES).map(|name| beginning(name, 60)).collect();
    match names.len().checked_sub(NAMES) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

pub(super) fn no_such_tag(tag: Option<&str>, tags: &[String]) -> String {
    let there = match tags {
        [] => "it has none".to_owned(),
        tags => format!("it has {}", listed(tags)),
    };
    match tag {
        Some(tag) => format!("the layout has no tag `{tag}`: {there}"),
        None => format!("no tag is named and the layout does not hold exactly one image: {there}"),
    }
}

pub(super) fn no_such_platform(wanted: Option<&Platform>, there: &[String]) -> String {
    let there = match there {
        [] => "it names none".to_owned(),
        there => format!("it has {}", listed(there)),
    };
    match wanted {
        Some(platform) => format!("the index has no image for {platform}: {there}"),
        None => format!("the index has no image of WebAssembly: {there}"),
    }
}

pub(super) fn no_module(count: usize) -> String {
    match count {
        0 => "the artifact has no module".to_owned(),
        count => format!("the artifact has {count} modules, and nothing says which one to run"),
    }
}
