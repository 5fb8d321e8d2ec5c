//! `projects` of the settings file: what this host chooses for a project.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use crate::manifest::ProjectChoices;
use crate::model::id::ProjectName;

/// Keys of one project.
const KEYS: &str = "profiles, files, env_files";

/// Reads the choices of every project.
///
/// # Errors
/// Something is no mapping, a key is not known, or a value is no list of texts.
pub(super) fn parse(value: &Value) -> Result<BTreeMap<ProjectName, ProjectChoices>, String> {
    let wrong = || "projects: expected a mapping of projects by name".to_owned();
    let projects = value.as_mapping().ok_or_else(wrong)?;
    projects
        .iter()
        .map(|(name, choices)| {
            let name = name.as_str().ok_or_else(wrong)?;
            let choices = choices.as_mapping().ok_or_else(|| {
                format!("projects.{name}: expected a mapping with some of {KEYS}")
            })?;
            Ok((ProjectName::new(name), project(name, choices)?))
        })
        .collect()
}

fn project(name: &str, mapping: &Mapping) -> Result<ProjectChoices, String> {
    let mut choices = ProjectChoices::default();
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        let field = format!("projects.{name}.{key}");
        match key {
            "profiles" => choices.profiles = texts(&field, value)?.into_iter().collect(),
            "files" => choices.files = texts(&field, value)?,
            "env_files" => choices.env_files = texts(&field, value)?,
            _ => return Err(format!("unknown setting `{field}`; known are {KEYS}")),
        }
    }
    Ok(choices)
}

/// A list of texts that are not empty.
pub(super) fn texts(field: &str, value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("{field}: expected a list of texts");
    let list = value.as_sequence().ok_or_else(wrong)?;
    let each = list.iter().map(|item| {
        let text = item.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(wrong)
    });
    each.collect()
}
