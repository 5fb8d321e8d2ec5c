//! `policy` of the settings file (docs/policy.md): profiles, which project has which, and when changes are carried out.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use crate::cli::choices::texts;
use crate::cli::policy_profile;
use crate::cli::settings_file::unknown_key;
use crate::cli::{duration, policy_window};
use crate::model::glob::Glob;
use crate::model::rulebook::{Level, MaintenanceWindow, MaxDisruption, RuleBook, Rules};

/// Keys of the section.
const KEYS: [&str; 7] = [
    "default",
    "maintenance_windows",
    "max_disruption",
    "profiles",
    "projects",
    "protected",
    "sources",
];

/// Profiles by name, the built-in ones included.
type Profiles = BTreeMap<String, Arc<Rules>>;

/// Reads the section.
///
/// # Errors
/// Something has the wrong kind, a key or a profile is not known, or a window cannot be read.
pub(super) fn parse(value: &Value) -> Result<RuleBook, String> {
    let section = mapping("policy", value)?;
    for key in section.keys() {
        let key = key.as_str().unwrap_or_default();
        if !KEYS.contains(&key) {
            return Err(unknown_key(&format!("policy.{key}"), key, &KEYS));
        }
    }
    let mut profiles: Profiles =
        Level::ALL.map(|level| (level.word().to_owned(), Arc::new(Rules::of(level)))).into();
    if let Some(value) = section.get("profiles") {
        for (name, rules) in policy_profile::parse(value)? {
            if profiles.insert(name.clone(), Arc::new(rules)).is_some() {
                return Err(format!("policy.profiles.{name}: a built-in profile has this name"));
            }
        }
    }
    let mut book = RuleBook::default();
    if let Some(value) = section.get("default") {
        book.default = named(&profiles, "policy.default", value)?;
    }
    if let Some(value) = section.get("projects") {
        book.projects = projects(&profiles, value)?;
    }
    if let Some(value) = section.get("sources") {
        for (name, profile) in mapping("policy.sources", value)? {
            let name = name.as_str().ok_or("policy.sources: expected names of sources")?;
            let rules = named(&profiles, &format!("policy.sources.{name}"), profile)?;
            book.sources.insert(name.to_owned(), rules);
        }
    }
    if let Some(value) = section.get("protected") {
        book.protected = globs("policy.protected", value)?;
    }
    book.max_disruption = section.get("max_disruption").map(max_disruption).transpose()?;
    if let Some(value) = section.get("maintenance_windows") {
        book.windows = windows(value)?;
    }
    Ok(book)
}

/// Exact names before patterns, longer patterns before shorter ones.
fn projects(profiles: &Profiles, value: &Value) -> Result<Vec<(Glob, Arc<Rules>)>, String> {
    let mut projects = Vec::new();
    for (name, profile) in mapping("policy.projects", value)? {
        let name = name.as_str().ok_or("policy.projects: expected names of projects")?;
        let rules = named(profiles, &format!("policy.projects.{name}"), profile)?;
        projects.push((Glob::new(name), rules));
    }
    projects.sort_by_key(|(pattern, _)| (!pattern.is_exact(), Reverse(pattern.as_str().len())));
    Ok(projects)
}

fn named(profiles: &Profiles, field: &str, value: &Value) -> Result<Arc<Rules>, String> {
    let name = value.as_str().unwrap_or_default();
    profiles.get(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
        format!("{field}: there is no profile `{name}`; known are {}", known.join(", "))
    })
}

fn max_disruption(value: &Value) -> Result<MaxDisruption, String> {
    const FIELD: &str = "policy.max_disruption";
    let fields = strict(FIELD, value, &["projects", "containers", "per"])?;
    let number = |key: &str| match fields.get(key) {
        None => Ok(usize::MAX),
        Some(value) => {
            let number = value.as_u64().filter(|number| *number > 0);
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| format!("{FIELD}.{key}: expected a number from 1"))
        }
    };
    let per = fields.get("per").and_then(Value::as_str);
    let per = per.ok_or_else(|| format!("{FIELD}.per: expected a duration such as 10m"))?;
    let per = duration::parse(per).map_err(|why| format!("{FIELD}.per: {why}"))?;
    Ok(MaxDisruption { projects: number("projects")?, containers: number("containers")?, per })
}

fn windows(value: &Value) -> Result<Vec<MaintenanceWindow>, String> {
    const FIELD: &str = "policy.maintenance_windows";
    let list = value.as_sequence().ok_or_else(|| format!("{FIELD}: expected a list"))?;
    let one = |value: &Value| {
        let fields = strict(FIELD, value, &["projects", "window"])?;
        let text = fields.get("window").and_then(Value::as_str);
        let text = text.ok_or_else(|| format!("{FIELD}.window: {}", policy_window::FORM))?;
        let window = policy_window::parse(text).map_err(|why| format!("{FIELD}.window: {why}"))?;
        let projects = match fields.get("projects") {
            Some(value) => globs(&format!("{FIELD}.projects"), value)?,
            None => vec![Glob::new("*")],
        };
        Ok(MaintenanceWindow { projects, window, text: text.to_owned() })
    };
    list.iter().map(one).collect()
}

fn globs(field: &str, value: &Value) -> Result<Vec<Glob>, String> {
    Ok(texts(field, value)?.into_iter().map(Glob::new).collect())
}

/// A mapping.
pub(super) fn mapping<'a>(field: &str, value: &'a Value) -> Result<&'a Mapping, String> {
    value.as_mapping().ok_or_else(|| format!("{field}: expected a mapping"))
}

/// A mapping with these keys alone.
pub(super) fn strict<'a>(
    field: &str,
    value: &'a Value,
    known: &[&str],
) -> Result<&'a Mapping, String> {
    let fields = mapping(field, value)?;
    for key in fields.keys() {
        let key = key.as_str().unwrap_or_default();
        if !known.contains(&key) {
            return Err(unknown_key(&format!("{field}.{key}"), key, known));
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rulebook::RequiredLimit;
    use crate::model::violation::Rule;

    fn parsed(text: &str) -> Result<RuleBook, String> {
        parse(&serde_yaml::from_str(text).unwrap())
    }

    #[test]
    fn profiles_build_on_others_and_projects_name_them() {
        let book = parsed(
            "default: baseline\n\
             profiles:\n  web: {base: baseline, registries: [r.example.org/shop/*], host_paths: [., {path: /srv/media, read_only: true}],\n    ports: [80, '8000-8099'], host_addresses: [any], capabilities: [cap_net_raw], require_limits: [memory, pids], allow: [devices]}\n\
             projects: {'infra-*': privileged, 'infra-dns*': web, infra-dns: restricted}\n\
             protected: [vault]\n\
             max_disruption: {projects: 2, containers: 10, per: 10m}\n\
             maintenance_windows: [{projects: ['shop*'], window: 'Sat 02:00-04:00 Europe/Madrid'}]\n",
        )
        .unwrap();
        let rules = |name: &str| book.rules(&name.into());
        assert_eq!(rules("infra-dns").level, Level::Restricted);
        assert_eq!(rules("infra-mail").level, Level::Privileged);
        assert_eq!(rules("shop").profile, "baseline");
        let web = rules("infra-dns2");
        assert_eq!((web.profile.as_str(), web.level), ("web", Level::Baseline));
        assert_eq!(web.host_addresses, None);
        assert_eq!(web.ports, Some(vec![80..=80, 8000..=8099]));
        assert!(web.require_limits.contains(&RequiredLimit::Pids));
        assert!(web.allow.contains(&Rule::Devices));
        assert!(web.capabilities.as_ref().unwrap().contains("NET_RAW"));
        assert!(book.is_protected(&"vault".into()));
        assert_eq!(book.max_disruption.unwrap().containers, 10);
        assert_eq!(book.windows_of(&"shop2".into()).count(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, error) in [
            ("defualt: baseline", "unknown setting `policy.defualt`; did you mean `default`?"),
            (
                "default: strict",
                "policy.default: there is no profile `strict`; known are baseline, privileged, restricted",
            ),
            (
                "profiles: {baseline: {}}",
                "policy.profiles.baseline: a built-in profile has this name",
            ),
            (
                "profiles: {web: {port: [80]}}",
                "unknown setting `policy.profiles.web.port`; did you mean `ports`?",
            ),
            (
                "profiles: {web: {ports: [0]}}",
                "policy.profiles.web.ports: expected ports such as 80 or \"8000-8099\"",
            ),
            (
                "profiles: {web: {base: web}}",
                "policy.profiles.web.base: `web` is not one of privileged, baseline, restricted",
            ),
            (
                "profiles: {web: {allow: [everything]}}",
                "policy.profiles.web.allow: there is no rule `everything`",
            ),
            (
                "profiles: {web: {host_paths: [srv]}}",
                "policy.profiles.web.host_paths: expected `.` or absolute paths, alone or as {path, read_only}",
            ),
            (
                "max_disruption: {containers: 2}",
                "policy.max_disruption.per: expected a duration such as 10m",
            ),
            (
                "maintenance_windows: [{window: 'Sat 2-4'}]",
                "policy.maintenance_windows.window: expected e.g. `Sat 02:00-04:00 Europe/Madrid`",
            ),
        ] {
            assert_eq!(parsed(text).unwrap_err(), error, "{text}");
        }
    }
}
