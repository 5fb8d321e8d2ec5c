//! Durations as people type and read them.

use std::time::Duration;

/// Reads `90`, `90s`, `10m`, `1h30m`, `2d`: numbers with the units `s`, `m`, `h` and `d`, largest first; a bare number is
/// seconds.
///
/// # Errors
/// A sentence for the person who typed it, if the text is no such duration.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write it as 90s, 10m, 1h30m or 2d");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut total, mut digits, mut last) = (0_u64, String::new(), u64::MAX);
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = unit_seconds(character).ok_or_else(wrong)?;
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        if unit >= last {
            return Err(wrong());
        }
        last = unit;
        digits.clear();
        total =
            count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
    }
    if text.is_empty() || !digits.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(total))
}

/// Seconds of a unit's letter.
fn unit_seconds(letter: char) -> Option<u64> {
    match letter {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    }
}

/// Writes a duration with its two largest units: `45s`, `3m12s`, `2h5m`, `4d3h`.
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let two = |large: u64, unit: char, small: u64, small_unit: char| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{small_unit}")
        }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => two(minutes, 'm', seconds % 60, 's'),
        (0, _, _) => two(hours, 'h', minutes, 'm'),
        _ => two(days, 'd', hours, 'h'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_read() {
        let cases =
            [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800)];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "m", "10x", "1m1h", "1h30", "5m5m", "-1s", "99999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_units_are_written() {
        let cases =
            [(0, "0s"), (45, "45s"), (60, "1m"), (192, "3m12s"), (7500, "2h5m"), (356_400, "4d3h")];
        for (seconds, text) in cases {
            assert_eq!(format(Duration::from_secs(seconds)), text);
        }
    }
}
