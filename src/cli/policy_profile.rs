//! Profiles of the policy, as the settings file writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;

use serde_yaml::Value;

use crate::cli::choices::texts;
use crate::cli::policy_file::{mapping, strict};
use crate::model::glob::Glob;
use crate::model::path::clean;
use crate::model::rulebook::{AllowedPath, AllowedPlace, Level, RequiredLimit, Rules};
use crate::model::violation::Rule;

/// Keys of one profile.
const KEYS: [&str; 11] = [
    "allow",
    "base",
    "capabilities",
    "host_addresses",
    "host_paths",
    "network_drivers",
    "ports",
    "registries",
    "require_digest",
    "require_limits",
    "socket",
];
/// The word that allows every value of a list.
const ANY: &str = "any";

/// Reads the profiles.
///
/// # Errors
/// Something has the wrong kind, or a key or word is not known.
pub(super) fn parse(value: &Value) -> Result<BTreeMap<String, Rules>, String> {
    let profiles = mapping("policy.profiles", value)?.iter().map(|(name, value)| {
        let name = name.as_str().ok_or("policy.profiles: expected names of profiles")?;
        Ok((name.to_owned(), profile(name, value)?))
    });
    profiles.collect()
}

fn profile(name: &str, value: &Value) -> Result<Rules, String> {
    let place = format!("policy.profiles.{name}");
    let fields = strict(&place, value, &KEYS)?;
    let base = match fields.get("base") {
        None => Level::Privileged,
        Some(value) => {
            let word = value.as_str().unwrap_or_default();
            let found = Level::ALL.into_iter().find(|level| level.word() == word);
            let known = Level::ALL.map(Level::word).join(", ");
            found.ok_or_else(|| format!("{place}.base: `{word}` is not one of {known}"))?
        }
    };
    let mut rules = Rules { profile: name.to_owned(), ..Rules::of(base) };
    for (key, value) in fields {
        let key = key.as_str().unwrap_or_default();
        set(&mut rules, key, (&format!("{place}.{key}"), value))?;
    }
    Ok(rules)
}

fn set(rules: &mut Rules, key: &str, (field, value): (&str, &Value)) -> Result<(), String> {
    match key {
        "registries" => {
            rules.registries =
                listed(field, value)?.map(|list| list.into_iter().map(Glob::new).collect());
        }
        "require_digest" => rules.require_digest = switch(field, value)?,
        "socket" => rules.socket = switch(field, value)?,
        "host_paths" => rules.host_paths = host_paths(field, value)?,
        "ports" => rules.ports = ports(field, value)?,
        "host_addresses" => {
            rules.host_addresses = listed(field, value)?.map(|list| list.into_iter().collect());
        }
        "capabilities" => {
            let bare = |name: String| {
                let name = name.to_uppercase();
                name.strip_prefix("CAP_").map_or(name.clone(), str::to_owned)
            };
            rules.capabilities =
                listed(field, value)?.map(|list| list.into_iter().map(bare).collect());
        }
        "network_drivers" => {
            rules.network_drivers = listed(field, value)?.map(|list| list.into_iter().collect());
        }
        "require_limits" => {
            rules.require_limits =
                words(field, value, "limit", &RequiredLimit::ALL, RequiredLimit::word)?;
        }
        "allow" => rules.allow = words(field, value, "rule", &Rule::ALL, Rule::id)?,
        _ => {}
    }
    Ok(())
}

fn switch(field: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("{field}: expected true or false"))
}

/// A list of texts; `any`, alone or in a list, is every one.
fn listed(field: &str, value: &Value) -> Result<Option<Vec<String>>, String> {
    if value.as_str() == Some(ANY) {
        return Ok(None);
    }
    let list = texts(field, value)?;
    Ok((!list.iter().any(|one| one == ANY)).then_some(list))
}

fn words<T: Copy + Ord>(
    field: &str,
    value: &Value,
    what: &str,
    known: &[T],
    word: impl Fn(T) -> &'static str,
) -> Result<BTreeSet<T>, String> {
    let found = texts(field, value)?.into_iter().map(|text| {
        let one = known.iter().copied().find(|one| word(*one) == text);
        one.ok_or_else(|| format!("{field}: there is no {what} `{text}`"))
    });
    found.collect()
}

fn ports(field: &str, value: &Value) -> Result<Option<Vec<RangeInclusive<u16>>>, String> {
    if value.as_str() == Some(ANY) {
        return Ok(None);
    }
    let wrong = || format!("{field}: expected ports such as 80 or \"8000-8099\"");
    let list = value.as_sequence().ok_or_else(wrong)?;
    let each = list.iter().map(|one| {
        let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        let text = one.as_u64().map(|number| number.to_string());
        let text = text.or_else(|| one.as_str().map(str::to_owned)).ok_or_else(wrong)?;
        let (from, to) = text.split_once('-').unwrap_or((&text, &text));
        let range = number(from).zip(number(to)).filter(|(from, to)| from <= to);
        range.map(|(from, to)| from..=to).ok_or_else(wrong)
    });
    each.collect::<Result<_, _>>().map(Some)
}

fn host_paths(field: &str, value: &Value) -> Result<Option<Vec<AllowedPath>>, String> {
    if value.as_str() == Some(ANY) {
        return Ok(None);
    }
    let wrong =
        || format!("{field}: expected `.` or absolute paths, alone or as {{path, read_only}}");
    let list = value.as_sequence().ok_or_else(wrong)?;
    let each = list.iter().map(|one| {
        let (path, read_only) = match one {
            Value::String(path) => (path.as_str(), false),
            Value::Mapping(_) => {
                let fields = strict(field, one, &["path", "read_only"])?;
                let path = fields.get("path").and_then(Value::as_str).ok_or_else(wrong)?;
                let read_only = fields.get("read_only").map(|one| switch(field, one));
                (path, read_only.transpose()?.unwrap_or_default())
            }
            _ => return Err(wrong()),
        };
        let place = match path {
            "." | "./" => AllowedPlace::Project,
            path if path.starts_with('/') => {
                AllowedPlace::Path(clean(Path::new(path)).display().to_string())
            }
            _ => return Err(wrong()),
        };
        Ok(AllowedPath { place, read_only })
    });
    each.collect::<Result<_, _>>().map(Some)
}
