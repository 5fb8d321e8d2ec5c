//! The optional settings file, `composelet.yaml`: the flags of the command line under the same names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_yaml::{Mapping, Value};

use crate::alerts::{Channel, Pace};
use crate::cli::api_settings::ApiFile;
use crate::cli::args::GlobalArgs;
use crate::cli::exit::{CliError, chain};
use crate::cli::webhooks_file::{self, WebhooksFile};
use crate::cli::{
    api_settings, backup_settings, choices, garbage_settings, git_settings, logging_settings,
    notification_settings, policy_file, secret_settings,
};
use crate::manifest::ProjectChoices;
use crate::model::garbage::GarbagePolicy;
use crate::model::git_source::GitSource;
use crate::model::id::ProjectName;
use crate::model::log::Rotation;
use crate::model::rulebook::RuleBook;
use crate::model::secret_place::SecretPlace;

/// Keys that may stand in the file.
const KEYS: [&str; 19] = [
    "api",
    "backups",
    "color",
    "desired_state",
    "env",
    "garbage",
    "host",
    "installation",
    "log_format",
    "log_level",
    "logging",
    "notifications",
    "policy",
    "poll",
    "projects",
    "secrets",
    "sources",
    "state_dir",
    "webhooks",
];

/// What the file says.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingsFile {
    /// The flags that every command takes. Relative paths are those of the file's directory.
    pub(super) global: GlobalArgs,
    /// Where the API listens.
    pub(super) api: ApiFile,
    /// Where backups lie.
    pub(super) backups: Option<PathBuf>,
    /// Variables of this process that manifests may use.
    pub(super) env: Vec<String>,
    /// How logs are rotated that no manifest speaks of.
    pub(super) rotation: Option<Rotation>,
    /// What may go of what this controller brought to the host.
    pub(super) garbage: GarbagePolicy,
    /// The directory is read at intervals instead of watched.
    pub(super) poll: Option<bool>,
    /// Who is told of what happens, and how soon.
    pub(super) notifications: Option<(Pace, Vec<Channel>)>,
    /// What manifests may not do.
    pub(super) policy: RuleBook,
    /// What this host chooses for single projects.
    pub(super) projects: BTreeMap<ProjectName, ProjectChoices>,
    /// Git repositories whose files are put into the watched directory.
    pub(super) sources: Vec<GitSource>,
    /// What may be sent to this host.
    pub(super) webhooks: Option<WebhooksFile>,
    /// Where the keys are that encrypted files are opened with.
    pub(super) age_keys: Vec<SecretPlace>,
}

/// Reads the file.
///
/// # Errors
/// It cannot be read, is no YAML mapping, or has an unknown key or a value of the wrong kind.
pub(super) fn read(path: &Path) -> Result<SettingsFile, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::usage(format!("{}: cannot be read: {error}", path.display())))?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<SettingsFile, CliError> {
    // What the file says is echoed; it must not move the cursor of a terminal.
    let shown =
        |letter: char| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter };
    let wrong = |what: String| {
        let what: String = what.chars().map(shown).collect();
        CliError::usage(format!("{}: {what}", path.display()))
    };
    let value: Value = serde_yaml::from_str(text).map_err(|error| wrong(chain(&error)))?;
    let mapping = match value {
        Value::Null => Mapping::new(),
        Value::Mapping(mapping) => mapping,
        _ => return Err(wrong("expected a mapping of settings".to_owned())),
    };
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = SettingsFile::default();
    for (key, value) in &mapping {
        let key = key.as_str().unwrap_or_default();
        file.set(key, value, directory).map_err(wrong)?;
    }
    Ok(file)
}

impl SettingsFile {
    fn set(&mut self, key: &str, value: &Value, directory: &Path) -> Result<(), String> {
        match key {
            "api" => self.api = api_settings::parse(value, directory)?,
            "backups" => self.backups = Some(backup_settings::parse(value, directory)?),
            "color" => self.global.color = Some(choice(key, value)?),
            "desired_state" => self.global.desired_state = Some(path_of(key, value, directory)?),
            "env" => self.env = choices::texts(key, value)?,
            "garbage" => self.garbage = garbage_settings::parse(value)?,
            "host" => self.global.host = Some(text_of(key, value)?),
            "installation" => self.global.installation = Some(text_of(key, value)?),
            "log_format" => self.global.log_format = Some(choice(key, value)?),
            "log_level" => self.global.log_level = Some(choice(key, value)?),
            "logging" => self.rotation = Some(logging_settings::parse(value)?),
            "notifications" => {
                self.notifications = Some(notification_settings::parse(value, directory)?);
            }
            "poll" => {
                let poll = value.as_bool();
                self.poll = Some(poll.ok_or_else(|| format!("{key}: expected true or false"))?);
            }
            "policy" => self.policy = policy_file::parse(value)?,
            "projects" => self.projects = choices::parse(value)?,
            "secrets" => self.age_keys = secret_settings::parse(value, directory)?,
            "sources" => self.sources = git_settings::parse(value, directory)?,
            "state_dir" => self.global.state_dir = Some(path_of(key, value, directory)?),
            "webhooks" => self.webhooks = Some(webhooks_file::parse(value, directory)?),
            unknown => return Err(unknown_key(unknown, unknown, &KEYS)),
        }
        Ok(())
    }
}

/// A text that is not empty.
pub(super) fn text_of(key: &str, value: &Value) -> Result<String, String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("{key}: expected a text"))
}

fn path_of(key: &str, value: &Value, directory: &Path) -> Result<PathBuf, String> {
    text_of(key, value).map(|text| directory.join(text))
}

fn choice<T: ValueEnum>(key: &str, value: &Value) -> Result<T, String> {
    let text = text_of(key, value)?;
    T::from_str(&text, false).map_err(|_| {
        let allowed: Vec<String> = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        format!("{key}: `{text}` is not one of {}", allowed.join(", "))
    })
}

/// An unknown key, by its place and its name, with the nearest of those that are known there.
pub(super) fn unknown_key(place: &str, key: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (distance(key, known), *known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, known)) => format!("unknown setting `{place}`; did you mean `{known}`?"),
        None => format!("unknown setting `{place}`; known are {}", known.join(", ")),
    }
}

/// Levenshtein's distance: single-character edits between two words.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((to, above), diagonal) in right.iter().zip(row.iter().skip(1)).zip(&row) {
            let before = next.last().copied().unwrap_or_default();
            let change = diagonal + usize::from(from != *to);
            next.push(change.min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::LogFormat;

    fn parsed(text: &str) -> Result<SettingsFile, CliError> {
        parse(text, Path::new("/etc/composelet/composelet.yaml"))
    }

    #[test]
    fn keys_are_the_flags() {
        let file = parsed("state_dir: state\nlog_format: json\nenv: [HOME]\npoll: true\n").unwrap();
        assert_eq!(file.global.state_dir, Some(PathBuf::from("/etc/composelet/state")));
        assert_eq!(file.global.log_format, Some(LogFormat::Json));
        assert_eq!(file.env, ["HOME"]);
        assert_eq!(file.poll, Some(true));
        assert!(parsed("").unwrap().global.host.is_none());
    }

    #[test]
    fn what_is_echoed_moves_no_cursor() {
        let error = parsed("log_level: \"\\e[31m\"\n").unwrap_err();
        assert!(!error.message.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = parsed("desired-state: x\n").unwrap_err();
        assert_eq!(
            error.message,
            "/etc/composelet/composelet.yaml: unknown setting `desired-state`; did you mean `desired_state`?"
        );
        let error = parsed("nonsense: []\n").unwrap_err();
        assert!(error.message.contains("known are api, backups, color"), "{error}");
        assert!(parsed("log_level: loud\n").unwrap_err().message.contains("error, warn, info"));
        assert!(parsed("- a\n").is_err());
    }
}
