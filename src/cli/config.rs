//! `config`: a project as it is understood, in the canonical form of `docker compose config`. It behaves as that
//! command: the whole environment counts, and COMPOSE_PROJECT_NAME beats the top-level name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::diagnostics;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::manifests::{self, Reading};
use crate::manifest::{Dialect, Entry, HostChoices, Loaded};
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::Severity;
use crate::model::id::ServiceName;

/// Arguments of `config`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(group = clap::ArgGroup::new("part").multiple(false))]
pub struct ConfigArgs {
    /// Project of the watched directory, or a path [default: its only project]
    project: Option<String>,
    /// Form
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    format: Form,
    /// Print the hash of a service, or of all with `*`, as `docker compose` labels containers with it
    #[arg(long, value_name = "SERVICE", group = "part", num_args = 0..=1, default_missing_value = "*")]
    hash: Option<String>,
    /// Print the names of the services
    #[arg(long, group = "part")]
    services: bool,
    /// Print the images
    #[arg(long, group = "part")]
    images: bool,
    /// Print the names of the volumes
    #[arg(long, group = "part")]
    volumes: bool,
    /// Print nothing, only check
    #[arg(short, long, group = "part")]
    quiet: bool,
    /// Print values of encrypted files instead of `(decrypted)`
    #[arg(long)]
    show_secrets: bool,
    /// Enable a profile; repeatable
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// Prints the project, or the part that was asked for.
///
/// # Errors
/// The project is not known, or its manifest has errors, which are printed.
pub(super) fn run(args: &ConfigArgs, context: &Context) -> Result<Outcome, CliError> {
    let reading = Reading {
        environment: context.around.environment.clone(),
        choices: HostChoices {
            profiles: args.profile.iter().cloned().collect(),
            ..context.settings.choices.clone()
        },
        dialect: Dialect::Cli,
        decryption: manifests::decryption(context),
    };
    let loaded = select(args.project.as_deref(), &reading, context)?;
    let shown = loaded.diagnostics.iter().filter(|found| found.severity > Severity::Note);
    for found in shown {
        context.out.note(diagnostics::render(found).trim_end());
    }
    let (Some(project), Some(canonical)) = (&loaded.project, &loaded.canonical) else {
        return Err(CliError::runtime("the manifest has errors"));
    };
    let text = match &args.hash {
        Some(service) => hashes(&canonical.service_hashes(), service)?,
        None if args.quiet => String::new(),
        None if args.services => lines(project.services.keys().map(ServiceName::as_str)),
        None if args.images => lines(images(project)),
        None if args.volumes => lines(project.volumes.keys().map(String::as_str)),
        None => {
            let values = if args.show_secrets { BTreeSet::new() } else { loaded.decrypted.clone() };
            let shown = canonical.clone().masked(&values);
            match args.format {
                Form::Json => shown.json() + "\n",
                Form::Yaml => shown.yaml(),
            }
        }
    };
    context.out.result(&text)?;
    Ok(Outcome::Done)
}

/// The project that is meant: by path, by its entry's name, or by its own name.
fn select(wanted: Option<&str>, reading: &Reading, context: &Context) -> Result<Loaded, CliError> {
    let root = &context.settings.desired_state;
    match wanted {
        Some(path) if context.around.directory.join(path).exists() => {
            only(&manifests::entries_at(context, Path::new(path))?, reading)
        }
        Some(name) => by_name(&manifests::entries_of_root(root)?, name, reading),
        None => only(&manifests::entries_of_root(root)?, reading),
    }
}

fn only(entries: &[Entry], reading: &Reading) -> Result<Loaded, CliError> {
    match entries {
        [entry] => reading.load(entry),
        several => Err(CliError::usage("name one project").hint(known(several))),
    }
}

fn by_name(entries: &[Entry], name: &str, reading: &Reading) -> Result<Loaded, CliError> {
    for entry in entries {
        let loaded = reading.load(entry)?;
        let named = loaded.name.as_ref().is_some_and(|known| known.as_str() == name);
        if named || entry.path().file_name() == name {
            return Ok(loaded);
        }
    }
    Err(CliError::not_found(format!("there is no project `{name}`")).hint(known(entries)))
}

fn known(entries: &[Entry]) -> String {
    let names: Vec<&str> = entries.iter().map(|entry| entry.path().file_name()).collect();
    match names.as_slice() {
        [] => "none is there".to_owned(),
        names => format!("there are {}", names.join(", ")),
    }
}

fn hashes(all: &BTreeMap<String, String>, service: &str) -> Result<String, CliError> {
    if service == "*" {
        return Ok(all.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect());
    }
    match all.get(service) {
        Some(hash) => Ok(format!("{service} {hash}\n")),
        None => Err(CliError::not_found(format!("there is no service `{service}`"))),
    }
}

fn images(project: &DesiredProject) -> BTreeSet<&str> {
    project.services.values().map(|service| service.image.as_str()).collect()
}

fn lines<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("{name}\n")).collect()
}
