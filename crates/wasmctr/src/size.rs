use std::str::FromStr;

/// A number of bytes, as people write it: `4096`, `64K`, `512MiB`, `1G`. The letters stand for powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HOW: &str = "write a number of bytes, such as 4096, 64K, 512M or 1G";
        let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let shift = match unit.strip_suffix("iB").unwrap_or(unit) {
            "" if unit.is_empty() => 0,
            "K" => 10,
            "M" => 20,
            "G" => 30,
            _ => return Err(HOW),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        bytes.map(Self).ok_or(HOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let size = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64K"), Ok(64 << 10));
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("1G"), Ok(1 << 30));
        for bad in ["", "K", "1k", "1iB", "-1", "1.5G", "1 G", "99999999999G", "1GB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
