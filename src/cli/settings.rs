//! Second stage: every setting resolved and checked, from flags, environment, settings file and defaults, in that order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::alerts::{Channel, Pace};
use crate::cli::api_settings::ApiFile;
use crate::cli::args::{GlobalArgs, LogFormat, LogLevel};
use crate::cli::exit::CliError;
use crate::cli::output::Color;
use crate::cli::settings_file::{self, SettingsFile};
use crate::cli::webhooks_file::WebhooksFile;
use crate::manifest::HostChoices;
use crate::model::garbage::GarbagePolicy;
use crate::model::git_source::GitSource;
use crate::model::id::Installation;
use crate::model::log::Rotation;
use crate::model::path::{LocalPath, clean};
use crate::model::rulebook::RuleBook;
use crate::model::secret_place::SecretPlace;

const DEFAULT_STATE_DIR: &str = "/var/lib/composelet";
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// What a command works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The watched directory.
    pub desired_state: LocalPath,
    /// The state directory.
    pub state_dir: LocalPath,
    /// Identity on the engine.
    pub installation: Installation,
    /// The engine.
    pub host: String,
    /// Form of the log.
    pub log_format: LogFormat,
    /// Level of the log.
    pub log_level: LogLevel,
    /// When colours are used.
    pub color: Color,
    /// Variables of this process that manifests may use, because the settings file names them.
    pub environment: BTreeMap<String, String>,
    /// The directory is read at intervals instead of watched.
    pub poll: bool,
    /// What manifests may not do.
    pub rules: Arc<RuleBook>,
    /// How logs are rotated that no manifest speaks of.
    pub rotation: Option<Rotation>,
    /// What this host chooses for its projects.
    pub choices: HostChoices,
    /// Git repositories whose files are put into the watched directory.
    pub sources: Vec<GitSource>,
    /// Where the API listens; its tokens are not read yet.
    pub(super) api: ApiFile,
    /// What may be sent to this host; its secrets are not read yet.
    pub(super) webhooks: Option<WebhooksFile>,
    /// Who is told of what happens, and how soon.
    pub notifications: Option<(Pace, Vec<Channel>)>,
    /// Where the keys are that encrypted files are opened with.
    pub age_keys: Vec<SecretPlace>,
    /// Where backups lie, if not below the state directory.
    pub backups: Option<PathBuf>,
    /// What may go of what this controller brought to the host.
    pub garbage: GarbagePolicy,
    /// What a person should know about how a setting came about.
    pub notes: Vec<String>,
}

/// The process's surroundings, so that tests need not change their own.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Current directory.
    pub directory: PathBuf,
    /// Environment; texts that are not UTF-8 are left out.
    pub environment: BTreeMap<String, String>,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// The current directory is gone.
    pub fn of_process() -> Result<Self, CliError> {
        let directory = std::env::current_dir().map_err(|error| {
            CliError::runtime(format!("the current directory cannot be found: {error}"))
        })?;
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Self { directory, environment })
    }
}

/// The policy, told where the files of each git source lie.
fn with_sources(
    mut policy: RuleBook,
    sources: &[GitSource],
    desired_state: &LocalPath,
) -> Result<RuleBook, CliError> {
    let known = |name: &String| sources.iter().any(|source| source.name.as_str() == name);
    if let Some(name) = policy.sources.keys().find(|name| !known(name)) {
        return Err(CliError::usage(format!(
            "policy.sources.{name}: the settings have no source `{name}`"
        )));
    }
    let place =
        |source: &GitSource| desired_state.join(source.into.as_str()).as_path().to_path_buf();
    policy.directories =
        sources.iter().map(|source| (place(source), source.name.to_string())).collect();
    Ok(policy)
}

impl Settings {
    /// Resolves and checks.
    ///
    /// # Errors
    /// The settings file is wrong or lies in the watched directory, a variable is not set, or a value cannot be used.
    pub fn resolve(args: &GlobalArgs, around: &Surroundings) -> Result<Self, CliError> {
        let absolute = |path: &Path| clean(&around.directory.join(path));
        let file = match args.config.as_deref().map(absolute) {
            Some(path) => settings_file::read(&path)?,
            None => SettingsFile::default(),
        };
        let from_file = &file.global;
        let desired_state = args.desired_state.clone().or(from_file.desired_state.clone());
        let desired_state = absolute(&desired_state.unwrap_or_else(|| "desired-state".into()));
        outside(args.config.as_deref().map(absolute), &desired_state)?;
        let mut notes = Vec::new();
        let state_dir = match args.state_dir.clone().or(from_file.state_dir.clone()) {
            Some(path) => absolute(&path),
            None => default_state_dir(around, &mut notes),
        };
        let host = filled(args.host.clone()).or(from_file.host.clone());
        let installation = args.installation.clone().or(from_file.installation.clone());
        let desired_state = LocalPath::new(desired_state);
        let strict = file.sources.iter().map(|source| desired_state.join(source.into.as_str()));
        let strict = strict.collect();
        let rules = with_sources(file.policy, &file.sources, &desired_state)?;
        file.webhooks.iter().try_for_each(|webhooks| webhooks.check_sources(&file.sources))?;
        Ok(Self {
            desired_state: desired_state.clone(),
            state_dir: LocalPath::new(state_dir),
            installation: installation_of(installation)?,
            host: host_of(host, around, &mut notes)?,
            log_format: args.log_format.or(from_file.log_format).unwrap_or_default(),
            log_level: args.log_level.or(from_file.log_level).unwrap_or_default(),
            color: args.color.or(from_file.color).unwrap_or_default(),
            environment: pick(&file.env, around)?,
            poll: file.poll.unwrap_or_default(),
            sources: file.sources,
            backups: file.backups.map(|path| clean(&path)),
            age_keys: keys_outside(file.age_keys, &desired_state)?,
            choices: HostChoices { projects: file.projects, strict, ..HostChoices::default() },
            garbage: file.garbage,
            api: file.api,
            webhooks: file.webhooks,
            notifications: file.notifications,
            rules: Arc::new(rules),
            rotation: file.rotation,
            notes,
        })
    }

    /// The variables named by `--env` beside those of the settings file.
    ///
    /// # Errors
    /// One of them is not set.
    pub fn with_env(
        &self,
        names: &[String],
        around: &Surroundings,
    ) -> Result<BTreeMap<String, String>, CliError> {
        let mut environment = self.environment.clone();
        environment.extend(pick(names, around)?);
        Ok(environment)
    }
}

/// The named variables of the environment: nothing of it reaches a manifest unless it was named.
fn pick(names: &[String], around: &Surroundings) -> Result<BTreeMap<String, String>, CliError> {
    names
        .iter()
        .map(|name| match around.environment.get(name) {
            Some(value) => Ok((name.clone(), value.clone())),
            None => Err(CliError::usage(format!("--env {name}: the variable is not set"))
                .hint("set it, or leave the flag away")),
        })
        .collect()
}

/// An empty text is as good as none: `DOCKER_HOST=` means the default.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn outside(config: Option<PathBuf>, desired_state: &Path) -> Result<(), CliError> {
    match config {
        Some(path) if path.starts_with(desired_state) => Err(CliError::usage(format!(
            "{}: the settings file lies in the watched directory",
            path.display()
        ))
        .hint("whoever may change manifests must not be able to change settings; move it out")),
        _ => Ok(()),
    }
}

/// Whoever may read the watched directory, such as a repository, must not find the keys to what is encrypted in it.
fn keys_outside(
    keys: Vec<SecretPlace>,
    desired_state: &LocalPath,
) -> Result<Vec<SecretPlace>, CliError> {
    let inside = keys.iter().find(|key| match key {
        SecretPlace::File(path) => path.as_path().starts_with(desired_state.as_path()),
        SecretPlace::Env(_) => false,
    });
    match inside {
        Some(key) => {
            let message =
                format!("secrets.age_keys: {} lies in the watched directory", key.place());
            Err(CliError::usage(message).hint("move the key out, and encrypt for another one"))
        }
        None => Ok(keys),
    }
}

fn installation_of(name: Option<String>) -> Result<Installation, CliError> {
    let name = name.unwrap_or_else(|| "default".to_owned());
    let fits = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    if name.is_empty() || name.len() > 63 || !name.chars().all(fits) {
        return Err(CliError::usage(format!("`{name}` cannot name an installation"))
            .hint("use 1 to 63 letters, digits, `_`, `.` and `-`"));
    }
    Ok(Installation::new(name))
}

fn host_of(
    host: Option<String>,
    around: &Surroundings,
    notes: &mut Vec<String>,
) -> Result<String, CliError> {
    let context = around.environment.get("DOCKER_CONTEXT");
    if let (None, Some(context)) = (&host, context.filter(|context| !context.is_empty())) {
        notes.push(format!(
            "DOCKER_CONTEXT={context} is not read; name the engine with -H or DOCKER_HOST"
        ));
    }
    let host = host.unwrap_or_else(|| DEFAULT_HOST.to_owned());
    match host.split_once("://") {
        Some(("unix" | "tcp" | "http" | "https", rest)) if !rest.is_empty() => Ok(host),
        _ => Err(CliError::usage(format!("`{host}` does not name an engine"))
            .hint("use unix:///path/to/socket, tcp://host:port or http://host:port")),
    }
}

/// `/var/lib/composelet` for those who may write there, else the user's own state directory. Nothing is created, so
/// that `run` and the reading commands come to the same answer.
fn default_state_dir(around: &Surroundings, notes: &mut Vec<String>) -> PathBuf {
    let system = PathBuf::from(DEFAULT_STATE_DIR);
    if may_write(&system) {
        return system;
    }
    let variable = |name: &str| filled(around.environment.get(name).cloned()).map(PathBuf::from);
    let state_home = variable("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    match state_home {
        Some(state_home) => {
            let own = state_home.join("composelet");
            notes.push(format!(
                "{DEFAULT_STATE_DIR} is not writable for this user; the state directory is {} (--state-dir names another)",
                own.display()
            ));
            own
        }
        None => system,
    }
}

/// Whether a directory can be written, or its nearest existing ancestor, in which it would be made.
fn may_write(path: &Path) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    path.ancestors()
        .find(|ancestor| ancestor.exists())
        .is_some_and(|ancestor| rustix::fs::access(ancestor, access).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings {
            directory: PathBuf::from("/srv"),
            environment: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn args() -> GlobalArgs {
        GlobalArgs { state_dir: Some(PathBuf::from("state/../other")), ..GlobalArgs::default() }
    }

    #[test]
    fn defaults_and_relative_paths() {
        let settings = Settings::resolve(&args(), &around(&[])).unwrap();
        assert_eq!(settings.desired_state, LocalPath::new("/srv/desired-state"));
        assert_eq!(settings.state_dir, LocalPath::new("/srv/other"));
        assert_eq!(settings.host, DEFAULT_HOST);
        assert_eq!(settings.installation.as_str(), "default");
        assert!(settings.notes.is_empty());
    }

    #[test]
    fn a_docker_context_is_not_read_and_that_is_said() {
        let settings = Settings::resolve(&args(), &around(&[("DOCKER_CONTEXT", "far")])).unwrap();
        assert!(settings.notes[0].contains("DOCKER_CONTEXT=far is not read"));
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        let host = |host: &str| GlobalArgs { host: Some(host.to_owned()), ..args() };
        for bad in ["ssh://host", "host:2375", "unix://", "npipe:////./pipe/docker"] {
            assert!(Settings::resolve(&host(bad), &around(&[])).is_err(), "{bad}");
        }
        assert!(Settings::resolve(&host(""), &around(&[])).is_ok());
        assert!(Settings::resolve(&host("tcp://10.0.0.1:2375"), &around(&[])).is_ok());
        let named = GlobalArgs { installation: Some("a b".to_owned()), ..args() };
        assert!(Settings::resolve(&named, &around(&[])).is_err());
    }

    #[test]
    fn only_named_variables_reach_manifests() {
        let around = around(&[("TAG", "1"), ("OTHER", "2")]);
        let settings = Settings::resolve(&args(), &around).unwrap();
        let picked = settings.with_env(&["TAG".to_owned()], &around).unwrap();
        assert_eq!(picked.keys().collect::<Vec<_>>(), ["TAG"]);
        assert!(settings.with_env(&["NONE".to_owned()], &around).is_err());
    }

    #[test]
    fn the_settings_file_lies_outside() {
        let inside = outside(
            Some(PathBuf::from("/srv/desired-state/composelet.yaml")),
            Path::new("/srv/desired-state"),
        );
        assert!(inside.is_err());
    }
}
