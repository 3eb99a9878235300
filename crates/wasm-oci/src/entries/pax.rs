//! PAX extended headers: `LENGTH KEY=VALUE\n`, again and again.

/// What a PAX header says about the entry after it that matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) sparse: bool,
}

impl Pax {
    /// Reads a header. Times, owners, extended attributes and what vendors add are passed over: none of it is restored.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, &'static str> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or(MALFORMED)?;
            match key {
                b"path" => once(&mut pax.path, value.to_vec())?,
                b"linkpath" => once(&mut pax.link, value.to_vec())?,
                b"size" => once(&mut pax.size, decimal(value).ok_or(MALFORMED)?)?,
                key if key.starts_with(b"GNU.sparse.") => pax.sparse = true,
                _ => {}
            }
            bytes = rest;
        }
        Ok(pax)
    }
}

/// Readers differ in which of two records counts.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(TWICE),
    }
}

/// Takes the first record off: key, value, rest.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    (equals > 0).then_some((&record[..equals], &record[equals + 1..], rest))
}

/// Digits and nothing else: no sign, no blanks, no more than a u64 holds.
fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(bytes).ok()?.parse().ok()
}

const MALFORMED: &str = "a PAX header is malformed";
const TWICE: &str = "a PAX header says the same thing twice";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let bytes = b"12 path=a\nb\n11 size=12\n25 SCHILY.xattr.user.a=\0\n";
        let pax = Pax::parse(bytes).unwrap();
        assert_eq!(pax, Pax { path: Some(b"a\nb".to_vec()), size: Some(12), ..Pax::default() });
        assert_eq!(Pax::parse(b"").unwrap(), Pax::default());
        assert!(Pax::parse(b"22 GNU.sparse.major=1\n").unwrap().sparse);
    }

    #[test]
    fn malformed_records() {
        for bytes in [
            &b"x"[..],
            b" path=a\n",
            b"9 path=a",
            b"11 path=a\n",
            b"8 path=a\n",
            b"+9 path=a\n",
            b"3 \n",
            b"4 =\n",
            b"7 path\n",
            b"0 path=a\n",
            b"99999999999999999999 path=a\n",
            b"11 size=-1\n",
        ] {
            assert_eq!(Pax::parse(bytes), Err(MALFORMED), "{}", bytes.escape_ascii());
        }
        assert_eq!(Pax::parse(b"9 path=a\n9 path=b\n"), Err(TWICE));
    }
}
