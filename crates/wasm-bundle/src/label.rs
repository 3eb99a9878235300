/// Whether a name is a DNS label (RFC 1123), as Kubernetes wants names of handlers.
pub(crate) fn is_label(name: &str) -> bool {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(word) && !name.starts_with('-') && !name.ends_with('-')
}
