//! Ranges: of bytes that are asked for, and of chunks that are sent.

/// Start and end, both included.
pub(crate) type Span = (u64, u64);

/// What a `Range` header asks of a body of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Everything: there is no header, or none that this registry understands.
    All,
    /// A part.
    Part(Span),
    /// A part that is not there.
    Nothing,
}

impl Asked {
    /// What the header means.
    pub(crate) fn of(header: Option<&str>, length: u64) -> Self {
        let Some((start, end)) = header.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
            return Self::All;
        };
        match (number(start), number(end)) {
            (Some(start), Some(end)) if start > end => Self::All,
            (Some(start), _) if start >= length && (end.is_empty() || number(end).is_some()) => Self::Nothing,
            (Some(start), Some(end)) => Self::Part((start, end.min(length - 1))),
            (Some(start), None) if end.is_empty() => Self::Part((start, length - 1)),
            (None, Some(0)) if start.is_empty() => Self::Nothing,
            (None, Some(_)) if start.is_empty() && length == 0 => Self::Nothing,
            (None, Some(last)) if start.is_empty() => Self::Part((length.saturating_sub(last), length - 1)),
            _ => Self::All,
        }
    }
}

/// A `Content-Range` as the specification wants it of a chunk: `START-END`.
pub(crate) fn chunk(header: &str) -> Option<Span> {
    let (start, end) = header.split_once('-')?;
    Some((number(start)?, number(end)?)).filter(|(start, end)| start <= end)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let asked = |text: &str| Asked::of(Some(text), 10);
        assert_eq!(Asked::of(None, 10), Asked::All);
        for (text, span) in [
            ("2-5", (2, 5)),
            ("2-", (2, 9)),
            ("2-99", (2, 9)),
            ("-3", (7, 9)),
            ("-99", (0, 9)),
            ("0-0", (0, 0)),
        ] {
            assert_eq!(asked(&format!("bytes={text}")), Asked::Part(span), "{text}");
        }
        for text in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(asked(text), Asked::Nothing, "{text}");
        }
        for text in ["bytes=5-2", "bytes=-", "bytes=a-b", "items=1-2", "bytes=1-2,4-5", "bytes=+1-2"] {
            assert_eq!(asked(text), Asked::All, "{text}");
        }
        for text in ["bytes=0-", "bytes=-1"] {
            assert_eq!(Asked::of(Some(text), 0), Asked::Nothing, "{text}");
        }
    }

    #[test]
    fn chunks_have_both_ends() {
        assert_eq!(chunk("0-9"), Some((0, 9)));
        for bad in ["", "0", "0-", "-9", "9-0", "bytes 0-9/10", "0-9/10", "+0-9"] {
            assert_eq!(chunk(bad), None, "{bad}");
        }
    }
}
