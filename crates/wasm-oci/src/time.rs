//! Times as images write them (RFC 3339): no calendar is needed but these two functions.

/// Writes seconds since 1970 as `1970-01-01T00:00:00Z`, in the proleptic Gregorian calendar.
pub(crate) fn rfc3339(seconds: u64) -> String {
    // Past the year 9999 the form has no room: the tar header's largest time is well before.
    let seconds = seconds.min(253_402_300_799);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Eras of 400 years beginning on 1 March: the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * index + 2) / 5 + 1;
    let month = if index < 10 { index + 3 } else { index - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Whether the text has the form `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)`.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(19) else { return false };
    let fits = |text: &str, form: &str| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(b, f)| if f == b'0' { b.is_ascii_digit() } else { b == f })
    };
    let number = |from: usize| head.get(from..from + 2).and_then(|text| text.parse().ok()).unwrap_or(0_u8);
    let zone = match tail.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() { "" } else { zone }
        }
        None => tail,
    };
    fits(head, "0000-00-00T00:00:00")
        && (1..=12).contains(&number(5))
        && (1..=31).contains(&number(8))
        && number(11) < 24
        && number(14) < 60
        && number(17) < 60
        && (zone == "Z" || fits(zone, "+00:00") || fits(zone, "-00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (86_399, "1970-01-01T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert!(is_rfc3339(text));
        }
    }

    #[test]
    fn forms() {
        for good in ["2026-11-23T04:05:06.123456789Z", "2026-11-23T04:05:06+01:00"] {
            assert!(is_rfc3339(good), "{good}");
        }
        for bad in ["", "2026-11-23", "2026-11-23T04:05:06", "2026-13-23T04:05:06Z", "2026-11-23T04:05:06.Z"]
        {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }
}
