//! Plain scalars as Compose's YAML reader resolves them, and numbers as it prints them back: `010` is 8, `1.0` is 1,
//! `1e3` is 1000, a date becomes an instant (observed with the command line 2.26).

use crate::manifest::node::Value;

/// Resolves a plain (unquoted) scalar.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(text).unwrap_or_else(|| keep(text)),
        _ => keep(text),
    }
}

fn keep(text: &str) -> Value {
    Value::Text(text.into())
}

fn number(text: &str) -> Option<Value> {
    if let Some(instant) = instant(text) {
        return Some(Value::Text(instant.into()));
    }
    let plain = text.replace('_', "");
    if let Some(number) = integer(&plain) {
        // What is larger than 63 bits is kept as its digits; nothing reads it as a number.
        return Some(match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Text(number.to_string().into()),
        });
    }
    if looks_like_float(&plain) {
        // What is too large for a number stays a text.
        return plain.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float);
    }
    None
}

/// An integer with the prefixes `0x`, `0o`, `0b`, and a bare leading zero for octal.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, body) = match prefix.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        Some(other) if other.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if body.is_empty() || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i128::from_str_radix(body, radix).ok()?;
    let number = if negative { -number } else { number };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn looks_like_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(|text| digits(text.strip_prefix(['-', '+']).unwrap_or(text)))
}

/// A date or an instant, in the form in which Compose passes it on; `None` if it is neither.
fn instant(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes.get(4) != Some(&b'-') || !text.is_ascii() {
        return None;
    }
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)),
        None => (text, None),
    };
    let spaced = text.contains(' ');
    let mut parts = date.split('-').map(small);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !valid_date(year, month, day) {
        return None;
    }
    let (clock, zone) = match clock {
        Some(clock) => instant_clock(clock.trim_start(), spaced)?,
        None => ("00:00:00".to_owned(), "+0000 UTC".to_owned()),
    };
    Some(format!("{year:04}-{month:02}-{day:02} {clock} {zone}"))
}

fn small(text: &str) -> Option<u32> {
    (!text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn valid_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// The clock part, normalised, and the zone; an instant written with a space has no zone.
fn instant_clock(text: &str, spaced: bool) -> Option<(String, String)> {
    let (hms, zone) = match text.find(['Z', '+', '-']) {
        Some(_) if spaced => return None,
        Some(at) => (text.get(..at)?, zone(text.get(at..)?)?),
        None if spaced => (text, "+0000 UTC".to_owned()),
        None => return None,
    };
    let (hms, fraction) = hms.split_once('.').unwrap_or((hms, ""));
    let mut parts = hms.split(':').map(small);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    Some((format!("{hour:02}:{minute:02}:{second:02}{dot}{fraction}"), zone))
}

fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some("+0000 UTC".to_owned());
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (small(hours)?, small(minutes)?);
    let zone = format!("{}{hours:02}{minutes:02}", text.get(..1)?);
    (hours < 24 && minutes < 60).then(|| format!("{zone} {zone}"))
}

/// A number as Go prints it with `%v`: shortest digits, an exponent below 1e-4 and from 1e6 on.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        return with_exponent(&format!("{number:e}"));
    }
    format!("{number}")
}

/// Rust writes `1.5e-7`, Go `1.5e-07`.
fn with_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::node::Node;
    use crate::manifest::source::Place;

    #[test]
    fn plain_scalars_print_as_compose_prints_them() {
        for (written, printed) in [
            ("010", "8"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("0x10", "16"),
            ("-0x10", "-16"),
            ("0o17", "15"),
            ("0b11", "3"),
            ("08", "8"),
            ("1_000", "1000"),
            ("22:22", "22:22"),
            ("yes", "yes"),
            ("true", "true"),
            (".5", "0.5"),
            ("3.10", "3.1"),
            ("1e21", "1e+21"),
            ("1e6", "1e+06"),
            ("12345678.0", "1.2345678e+07"),
            ("12345678", "12345678"),
            ("12345678901234567890", "12345678901234567890"),
            ("1.5e-7", "1.5e-07"),
            ("+5", "5"),
            ("2020-01-01", "2020-01-01 00:00:00 +0000 UTC"),
            ("2020-01-01 10:20:30", "2020-01-01 10:20:30 +0000 UTC"),
            ("2020-01-01T10:20:30+02:00", "2020-01-01 10:20:30 +0200 +0200"),
            ("2020-13-01", "2020-13-01"),
            ("1.2.3", "1.2.3"),
            ("-", "-"),
            ("0", "0"),
            ("0x", "0x"),
        ] {
            let node = Node::new(resolve(written), Place::default());
            assert_eq!(node.scalar_text().as_deref(), Some(printed), "{written}");
        }
        assert_eq!(resolve("~"), Value::Null);
    }
}
