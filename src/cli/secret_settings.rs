//! `secrets` of the settings file: where the keys are that encrypted files are opened with.

use std::path::Path;

use serde_yaml::Value;

use crate::model::path::LocalPath;
use crate::model::secret_place::SecretPlace;

/// Reads `secrets`. Relative paths are those of `directory`.
///
/// # Errors
/// A key is not known, or a value is no place of a secret.
pub(super) fn parse(value: &Value, directory: &Path) -> Result<Vec<SecretPlace>, String> {
    let known = "expected a mapping with `age_keys`";
    let mapping = value.as_mapping().ok_or_else(|| format!("secrets: {known}"))?;
    let mut places = Vec::new();
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        if key != "age_keys" {
            return Err(format!("unknown setting `secrets.{}`; {known}", key.escape_debug()));
        }
        let list = value
            .as_sequence()
            .ok_or("secrets.age_keys: expected a list such as [{file: /etc/composelet/age.key}]")?;
        for (index, value) in list.iter().enumerate() {
            places.push(place(&format!("secrets.age_keys[{index}]"), value, directory)?);
        }
    }
    Ok(places)
}

/// Reads where one secret is kept.
///
/// # Errors
/// It is neither `{file: PATH}` nor `{env: NAME}`.
pub(super) fn place(field: &str, value: &Value, directory: &Path) -> Result<SecretPlace, String> {
    let wrong = || {
        format!("{field}: expected {{file: PATH}} or {{env: NAME}}: no secret stands in this file")
    };
    let mapping = value.as_mapping().filter(|mapping| mapping.len() == 1).ok_or_else(wrong)?;
    let of = |name: &str| mapping.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (of("file"), of("env")) {
        (Some(path), None) => Ok(SecretPlace::File(LocalPath::new(directory.join(path)))),
        (None, Some(name)) => Ok(SecretPlace::Env(name.to_owned())),
        _ => Err(wrong()),
    }
}
