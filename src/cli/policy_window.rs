//! Maintenance windows, as people write them: `Sat 02:00-04:00 Europe/Madrid`.

use std::time::Duration;

use crate::calendar::Calendar;
use crate::model::image_update::UpdateWindow;
use crate::model::schedule::When;

/// What a window looks like.
pub(super) const FORM: &str = "expected e.g. `Sat 02:00-04:00 Europe/Madrid`";
/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// Names of days, as cron has them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads days, a span of time and a time zone. Days are `Sat`, `Mon-Fri`, `Sat,Sun` or `daily`; the zone is UTC unless
/// written; a span that ends before it begins goes over midnight.
///
/// # Errors
/// What it should look like, or that there is no such zone.
pub(super) fn parse(text: &str) -> Result<UpdateWindow, String> {
    let wrong = || FORM.to_owned();
    let mut words = text.split_whitespace();
    let (days, span) = (words.next().ok_or_else(wrong)?, words.next().ok_or_else(wrong)?);
    let zone = words.next().unwrap_or("UTC");
    if words.next().is_some() {
        return Err(wrong());
    }
    let days = days_of(days).ok_or_else(wrong)?;
    let (from, to) = span.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (minutes(from).ok_or_else(wrong)?, minutes(to).ok_or_else(wrong)?);
    let length = (to + DAY - from - 1) % DAY + 1;
    let opens = When::Cron {
        pattern: format!("{} {} * * {days}", from % 60, from / 60 % 24),
        seconds: false,
        zone: zone.to_owned(),
    };
    Calendar::check(&opens).map_err(|_| format!("there is no time zone `{zone}`; {FORM}"))?;
    Ok(UpdateWindow { opens, duration: Duration::from_secs(u64::from(length) * 60) })
}

fn days_of(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    if lower == "daily" {
        return Some("*".to_owned());
    }
    let known = lower.split([',', '-']).all(|day| DAYS.contains(&day));
    known.then_some(lower)
}

/// Minutes since midnight of `02:00`; `24:00` is the end of a day.
fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && total <= DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_go_over_midnight_and_know_their_zone() {
        let window = parse("Sat 02:00-04:00 Europe/Madrid").unwrap();
        let opens = |pattern: &str, zone: &str| When::Cron {
            pattern: pattern.to_owned(),
            seconds: false,
            zone: zone.to_owned(),
        };
        assert_eq!(window.opens, opens("0 2 * * sat", "Europe/Madrid"));
        assert_eq!(window.duration, Duration::from_hours(2));
        let window = parse("Mon-Fri 22:30-06:00").unwrap();
        assert_eq!(window.opens, opens("30 22 * * mon-fri", "UTC"));
        assert_eq!(window.duration, Duration::from_mins(450));
        assert_eq!(parse("daily 00:00-24:00").unwrap().duration, Duration::from_hours(24));
        for text in
            ["Sat", "Sat 2-4", "Caturday 02:00-04:00", "Sat 02:00-25:00", "Sat 02:00-03:00 UTC x"]
        {
            assert_eq!(parse(text).unwrap_err(), FORM, "{text}");
        }
        assert!(parse("Sat 02:00-04:00 Europe/Nowhere").unwrap_err().contains("no time zone"));
    }
}
