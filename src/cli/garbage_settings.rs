//! `garbage` of the settings file: what may go of what this controller brought to the host.

use std::time::Duration;

use serde_yaml::Value;

use crate::cli::duration;
use crate::cli::settings_file::unknown_key;
use crate::model::garbage::{GarbagePolicy, GarbageSettings, ImageGarbage, PressureMarks};

const KEYS: [&str; 5] = ["build_cache", "enabled", "images", "interval", "pressure"];
const IMAGE_KEYS: [&str; 3] = ["high", "low", "min_age"];
const PRESSURE_KEYS: [&str; 2] = ["disk", "inodes"];
/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_secs(10);

/// Reads `garbage`.
///
/// # Errors
/// A key is not known, or a value cannot be.
pub(super) fn parse(value: &Value) -> Result<GarbagePolicy, String> {
    let known = "expected a mapping such as {images: {high: 85, low: 80}}, or {enabled: false}";
    let mapping = value.as_mapping().ok_or_else(|| format!("garbage: {known}"))?;
    let (mut settings, mut enabled) = (GarbageSettings::default(), true);
    for (key, value) in mapping {
        match key.as_str().unwrap_or_default() {
            "build_cache" => settings.build_cache = build_cache(value)?,
            "enabled" => {
                let wanted = value.as_bool();
                enabled = wanted.ok_or("garbage.enabled: expected true or false")?;
            }
            "images" => settings.images = images(value)?,
            "interval" => {
                settings.interval = time("garbage.interval", value)?;
                if settings.interval < SHORTEST {
                    return Err(format!("garbage.interval: at least {} s", SHORTEST.as_secs()));
                }
            }
            "pressure" => settings.pressure = pressure(value)?,
            other => return Err(unknown_key(&format!("garbage.{other}"), other, &KEYS)),
        }
    }
    Ok(if enabled { GarbagePolicy::On(settings) } else { GarbagePolicy::Off })
}

/// `none`, or how much of it stays.
fn build_cache(value: &Value) -> Result<Option<u64>, String> {
    let known = "garbage.build_cache: expected a size that stays, such as 10GB, or none";
    match value.as_str() {
        Some("none") => Ok(None),
        Some(text) => size(text).map(Some).ok_or_else(|| known.to_owned()),
        None => Err(known.to_owned()),
    }
}

/// A whole number of `MB` or `GB`, base 1024 as Compose has it.
fn size(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let scale = match unit {
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    digits.trim_end().parse::<u64>().ok()?.checked_mul(scale)
}

fn images(value: &Value) -> Result<ImageGarbage, String> {
    let known = "expected a mapping such as {high: 85, low: 80, min_age: 2m}";
    let mapping = value.as_mapping().ok_or_else(|| format!("garbage.images: {known}"))?;
    let mut images = ImageGarbage::default();
    let (mut high, mut low) = (None, None);
    for (key, value) in mapping {
        match key.as_str().unwrap_or_default() {
            "high" => high = Some(percent("garbage.images.high", value)?),
            "low" => low = Some(percent("garbage.images.low", value)?),
            "min_age" => images.min_age = time("garbage.images.min_age", value)?,
            other => {
                return Err(unknown_key(&format!("garbage.images.{other}"), other, &IMAGE_KEYS));
            }
        }
    }
    images.high = high.unwrap_or_else(|| images.high.max(low.unwrap_or_default()));
    images.low = low.unwrap_or_else(|| images.low.min(images.high));
    if images.low > images.high {
        return Err(format!(
            "garbage.images.low: {} is above garbage.images.high, which is {}: images go from the high mark down to the low one",
            images.low, images.high
        ));
    }
    Ok(images)
}

fn pressure(value: &Value) -> Result<PressureMarks, String> {
    let known = "expected a mapping such as {disk: 10, inodes: 5}, in percent that should be free";
    let mapping = value.as_mapping().ok_or_else(|| format!("garbage.pressure: {known}"))?;
    let mut marks = PressureMarks::default();
    for (key, value) in mapping {
        match key.as_str().unwrap_or_default() {
            "disk" => marks.disk = percent("garbage.pressure.disk", value)?,
            "inodes" => marks.inodes = percent("garbage.pressure.inodes", value)?,
            other => {
                let place = format!("garbage.pressure.{other}");
                return Err(unknown_key(&place, other, &PRESSURE_KEYS));
            }
        }
    }
    Ok(marks)
}

fn percent(field: &str, value: &Value) -> Result<u8, String> {
    let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
    number
        .filter(|number| *number <= 100)
        .ok_or_else(|| format!("{field}: expected a whole number of percent, from 0 to 100"))
}

fn time(field: &str, value: &Value) -> Result<Duration, String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    duration::parse(&text).map_err(|why| format!("{field}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GarbagePolicy, String> {
        parse(&serde_yaml::from_str(text).unwrap())
    }

    #[test]
    fn what_is_not_said_is_as_the_kubelet_has_it() {
        assert_eq!(read("{}"), Ok(GarbagePolicy::default()));
        assert_eq!(read("enabled: false"), Ok(GarbagePolicy::Off));
        let images = ImageGarbage { high: 70, low: 70, min_age: Duration::from_secs(86_400) };
        let pressure = PressureMarks { disk: 0, inodes: 5 };
        let (interval, build_cache) = (Duration::from_secs(60), Some(5 << 30));
        let some = GarbageSettings { interval, images, build_cache, pressure };
        let text = "{build_cache: 5GB, interval: 1m, images: {high: 70, min_age: 1d}, pressure: {disk: 0}}";
        assert_eq!(read(text), Ok(GarbagePolicy::On(some)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let table = [
            ("[]", "garbage: expected a mapping"),
            ("{imags: {}}", "did you mean `images`"),
            ("{images: {hi: 1}}", "garbage.images.hi"),
            ("{images: {high: 101}}", "garbage.images.high: expected a whole number"),
            ("{images: {high: 50, low: 60}}", "garbage.images.low: 60 is above"),
            ("{images: {min_age: soon}}", "garbage.images.min_age: `soon` is not a duration"),
            ("{pressure: {dsk: 5}}", "did you mean `disk`"),
            ("{build_cache: much}", "garbage.build_cache: expected a size"),
            ("{build_cache: 10}", "garbage.build_cache: expected a size"),
            ("{build_cache: 99999999999999999999GB}", "garbage.build_cache: expected a size"),
            ("{interval: 1s}", "garbage.interval: at least 10 s"),
            ("{enabled: perhaps}", "garbage.enabled: expected true or false"),
        ];
        for (text, part) in table {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
