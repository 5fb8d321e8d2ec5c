//! Times and sizes as Compose writes them.

use std::time::Duration;

/// Reads a time such as `1m30s`, `1.5h` or `500ms` (Go's grammar, with `d` and `w` as newer command lines know them).
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, tail) = rest.split_at_checked(length)?;
        let letters = tail
            .find(|symbol: char| symbol.is_ascii_digit() || symbol == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        nanos = nanos.checked_add(scaled(number, unit_nanos(unit)?)?)?;
        rest = tail;
    }
    let nanos = u64::try_from(nanos).ok().filter(|_| !text.is_empty())?;
    i64::try_from(nanos).is_ok().then(|| Duration::from_nanos(nanos))
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 604_800_000_000_000,
        _ => return None,
    })
}

/// A decimal number times `unit`, cut to whole ones.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 18 {
        return None;
    }
    let mut total =
        whole.parse::<u128>().or_else(|_| zero_if_empty(whole)).ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes().take(18) {
        place /= 10;
        total += u128::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?) * place;
    }
    Some(total)
}

fn zero_if_empty(text: &str) -> Result<u128, ()> {
    if text.is_empty() { Ok(0) } else { Err(()) }
}

/// A time as Go prints it: `1m30s`, `1h0m0s`, `500ms`, `0s`.
pub(crate) fn duration_text(time: Duration) -> String {
    let nanos = time.as_nanos();
    match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => return format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..1_000_000_000 => return format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {}
    }
    let minutes = time.as_secs() / 60;
    let seconds = decimal(nanos - u128::from(minutes) * 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `number / unit` with as many digits behind the point as needed; `unit` is a power of ten.
fn decimal(number: u128, unit: u128) -> String {
    let (whole, rest) = (number / unit, number % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.to_string().len() - 1;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// Reads a size such as `512m`, `1.5 GiB` or `1024`: base 1024, units b, k, m, g, t, p in any case.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let end =
        text.rfind(|symbol: char| symbol.is_ascii_digit() || symbol == '.' || symbol == ' ')?;
    let (number, unit) = text.split_at_checked(end + 1)?;
    let number = number.strip_suffix(' ').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, binary) = match unit.strip_suffix('i') {
        Some(prefix) => (prefix, true),
        None => (unit, false),
    };
    let power = match (prefix, binary) {
        ("", false) => 0,
        ("k", _) => 1,
        ("m", _) => 2,
        ("g", _) => 3,
        ("t", _) => 4,
        ("p", _) => 5,
        _ => return None,
    };
    // Computed as the command line computes it, so that the last byte agrees.
    let size = number.parse::<f64>().ok()? * f64::from(1024_u16).powi(power);
    #[expect(clippy::cast_possible_truncation, reason = "below 2^63, checked here")]
    (size < 9.2e18).then_some(size as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_go_reads_and_prints_them() {
        for (text, printed) in [
            ("1m30s", "1m30s"),
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1.5h", "1h30m0s"),
            ("500ms", "500ms"),
            ("1.5s", "1.5s"),
            ("0", "0s"),
            ("0s", "0s"),
            (".5s", "500ms"),
            ("1us", "1µs"),
            ("1500us", "1.5ms"),
            ("1d", "24h0m0s"),
            ("100ns", "100ns"),
            ("1h0.001s", "1h0m0.001s"),
        ] {
            assert_eq!(duration(text).map(duration_text).as_deref(), Some(printed), "{text}");
        }
        for text in ["", "1", "s", "-1s", "1x", "1 s", "99999999999999h", "."] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_base_1024() {
        for (text, size) in [
            ("5", 5),
            ("1k", 1024),
            ("1.5g", 1_610_612_736),
            ("1 GiB", 1 << 30),
            ("20M", 20 << 20),
            ("1kb", 1024),
            ("2b", 2),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "-1", "5x", "m", "1ib", "1..5k", "1e3", "9999999999p"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
