//! `logging` of the settings file: how the logs of containers are rotated whose files say nothing about them.

use serde_yaml::Value;

use crate::model::log::Rotation;

/// What may be said.
const KNOWN: &str = "expected a mapping such as {max_size: 10m, max_file: 3}";

/// Reads `logging`.
///
/// # Errors
/// A key is not known or missing, or a value is no size or number that the engine takes.
pub(super) fn parse(value: &Value) -> Result<Rotation, String> {
    let mapping = value.as_mapping().ok_or_else(|| format!("logging: {KNOWN}"))?;
    let known = |key: &Value| matches!(key.as_str(), Some("max_size" | "max_file"));
    if let Some(key) = mapping.keys().find(|key| !known(key)) {
        let key = key.as_str().unwrap_or_default().escape_debug();
        return Err(format!("unknown setting `logging.{key}`; {KNOWN}"));
    }
    let size = mapping.get("max_size").and_then(Value::as_str).filter(|text| is_size(text));
    let size = size.ok_or_else(|| {
        "logging.max_size: expected a size such as 10m, with k, m or g at its end".to_owned()
    })?;
    let files = mapping.get("max_file").map_or(Some(1), Value::as_u64);
    let files = files.and_then(|files| u32::try_from(files).ok()).filter(|files| *files > 0);
    let files = files.ok_or_else(|| "logging.max_file: expected a number from 1".to_owned())?;
    Ok(Rotation { max_size: size.to_owned(), max_file: files })
}

fn is_size(text: &str) -> bool {
    let digits = text.strip_suffix(['k', 'm', 'g']).unwrap_or_default();
    digits.parse::<u32>().is_ok_and(|number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rotation, String> {
        parse(&serde_yaml::from_str(text).unwrap())
    }

    #[test]
    fn a_size_and_a_number() {
        let rotation = |size: &str, files| Rotation { max_size: size.to_owned(), max_file: files };
        assert_eq!(read("{max_size: 10m, max_file: 3}"), Ok(rotation("10m", 3)));
        assert_eq!(read("max_size: 1g"), Ok(rotation("1g", 1)));
        let wrong = ["max_size: 0m", "max_size: 10", "max_file: 3", "[]", "max-size: 10m"];
        for wrong in wrong.into_iter().chain(["{max_size: 1m, max_file: 0}", "max_size: tenm"]) {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
