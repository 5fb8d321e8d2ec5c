//! The `filters` parameter of lists and of the event stream.

use std::collections::BTreeMap;

use serde_json::Value;

use super::request::ApiError;

/// Parsed filters: keys are joined by "and", values of one key by "or" unless the key says otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Reads `{"key": ["value"]}` or the older `{"key": {"value": true}}`.
    ///
    /// # Errors
    /// 500 if it is not JSON, 400 for a key that is not in `known`: both as engine 20.10.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Self, ApiError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| ApiError::new(500, error.to_string()))?;
        let mut filters = BTreeMap::new();
        for (key, value) in value.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                return Err(ApiError::new(400, format!("Invalid filter '{key}'")));
            }
            let values = match value {
                Value::Object(members) => members.keys().cloned().collect(),
                other => super::world::string_list(Some(other)),
            };
            filters.insert(key.clone(), values);
        }
        Ok(Self(filters))
    }

    /// Whether every key accepts.
    pub(crate) fn all(&self, mut accepts: impl FnMut(&str, &[String]) -> bool) -> bool {
        self.0
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .all(|(key, values)| accepts(key, values))
    }

    /// Values of one key.
    pub(crate) fn values(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

/// `key` or `key=value` against a map of labels or attributes.
pub(crate) fn matches_pair(map: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => map.get(key).is_some_and(|found| found == value),
        None => map.contains_key(wanted),
    }
}

/// A label filter of a list: every value must match.
pub(crate) fn has_labels(labels: &BTreeMap<String, String>, wanted: &[String]) -> bool {
    wanted.iter().all(|wanted| matches_pair(labels, wanted))
}

/// A name filter: the engine takes it as a pattern; here a plain part, with `^` and `$` as anchors.
pub(crate) fn matches_name(name: &str, pattern: &str) -> bool {
    let from_start = pattern.strip_prefix('^');
    let body = from_start.unwrap_or(pattern);
    let to_end = body.strip_suffix('$');
    let body = to_end.unwrap_or(body);
    let slashed = format!("/{name}");
    let fits = |name: &str| match (from_start, to_end) {
        (Some(_), Some(_)) => name == body,
        (Some(_), None) => name.starts_with(body),
        (None, Some(_)) => name.ends_with(body),
        (None, None) => name.contains(body),
    };
    fits(name) || fits(&slashed)
}
