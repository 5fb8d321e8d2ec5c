//! Variables: secrets that stand in the manifest, and names in `.env` that mean nothing here.

use std::collections::BTreeSet;

use crate::manifest::environment::{Environment, child};
use crate::manifest::lint::literal::{
    default_of, is_secret_name, may_be_secret, without_variables,
};
use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::node::{Entry as Pair, Node};
use crate::manifest::report::Finding;
use crate::manifest::source::Place;
use crate::manifest::suggest;
use crate::model::files::Entry;
use crate::model::path::LocalPath;
use crate::model::secret::password_of_address;

/// Variables of `.env` that mean something to the loader.
const HEARD: [&str; 5] = [
    "COMPOSE_ENV_FILES",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_PROFILES",
    "COMPOSE_PROJECT_NAME",
];

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        for path in [&["environment"][..], &["build", "args"][..]] {
            let pairs = service.node.at(path).and_then(Node::as_map);
            let field = format!("{}.{}", service.field, path.join("."));
            for (name, pair) in pairs.into_iter().flatten() {
                literal(name, pair, &child(&field, name), findings);
            }
        }
    }
}

/// A secret that is written into the file, by the name of its variable or by its form.
fn literal(name: &str, pair: &Pair, field: &str, findings: &mut Findings<'_>) {
    let Some(value) = pair.node.as_text().filter(|value| may_be_secret(value)) else {
        return;
    };
    let raw = findings.raw(pair.key).trim_start_matches(['"', '\'']);
    if !raw.starts_with(name) {
        // It comes from an env file.
        return;
    }
    let raw = match raw.get(name.len()..).and_then(|tail| tail.strip_prefix('=')) {
        Some(value) => value,
        None => findings.raw(pair.node.place),
    };
    let message = if is_secret_name(name) && default_of(raw) == Some(value) {
        format!("the default of {name} is a secret that everybody can read here")
    } else if is_secret_name(name) && !raw.contains('$') {
        format!("the value of {name} is a secret that everybody can read here")
    } else if is_address_with_password(raw) {
        format!("the address in {name} holds a password that everybody can read here")
    } else {
        return;
    };
    let quoted = usize::from(findings.raw(pair.key).starts_with(['"', '\'']));
    let start = pair.key.start + u32::try_from(quoted).unwrap_or(0);
    let place = Place { start, end: start + u32::try_from(name.len()).unwrap_or(0), ..pair.key };
    findings.add(
        Finding::warning("secret-in-manifest", field, message).at(place).hiding(name).help(
            "put it into the project's .env and write ${NAME:?}, into an env_file, or into a secret; and change it, for it is \
             known",
        ),
    );
}

fn is_address_with_password(raw: &str) -> bool {
    let written = without_variables(raw);
    // Only a password without variables counts: `://user:${PASSWORD}@host` has none when they are taken out.
    let found = password_of_address(&written);
    found.is_some_and(|password| raw.contains(&format!("{password}@")) && !password.contains('$'))
}

/// The names in the project's `.env`, and which variables its files use.
#[derive(Debug)]
pub(super) struct Dotenv {
    file: LocalPath,
    used: BTreeSet<String>,
    shared: bool,
}

impl Dotenv {
    /// Takes over what was used so far.
    pub(super) fn new(entry: &Entry, environment: &Environment) -> Self {
        Self {
            file: entry.directory().join(".env"),
            used: environment.used().map(|(name, _)| name.to_owned()).collect(),
            shared: matches!(entry, Entry::File(_)),
        }
    }

    /// Tells of variables that steer the command line only.
    pub(super) fn check(&self, findings: &mut Findings<'_>) {
        let mut found = Vec::new();
        for (place, line) in findings.sources().lines_of(&self.file) {
            let written = line.trim_start();
            let written = written.strip_prefix("export ").unwrap_or(written);
            let Some((name, _)) = written.split_once('=') else {
                continue;
            };
            let name = name.trim_end();
            let heard = HEARD.contains(&name) && !self.is_ignored(name);
            let is_name = name.chars().all(|symbol| symbol == '_' || symbol.is_ascii_uppercase());
            if !name.starts_with("COMPOSE_") || !is_name || heard || self.means_something(name) {
                continue;
            }
            found.push(self.finding(name, place));
        }
        for finding in found {
            findings.add(finding);
        }
    }

    /// Several projects share this `.env`: it names neither a project nor its files.
    fn is_ignored(&self, name: &str) -> bool {
        self.shared && matches!(name, "COMPOSE_FILE" | "COMPOSE_PROJECT_NAME")
    }

    fn means_something(&self, name: &str) -> bool {
        !HEARD.contains(&name) && self.used.contains(name)
    }

    fn finding(&self, name: &str, place: Place) -> Finding {
        let finding =
            Finding::note("compose-variable", name, format!("{name} has no effect here")).at(place);
        if self.is_ignored(name) {
            return finding.help(
                "several projects share this .env; give the project a directory of its own, or a name: at its top",
            );
        }
        match suggest::nearest(&name.to_lowercase(), LOWERED.into_iter()) {
            Some(near) => finding.help(format!("did you mean {}?", near.to_uppercase())),
            None => finding
                .help("it steers the docker compose command only; remove it, or leave it for that"),
        }
    }
}

/// [`HEARD`] as `suggest` compares.
const LOWERED: [&str; 5] = [
    "compose_env_files",
    "compose_file",
    "compose_path_separator",
    "compose_profiles",
    "compose_project_name",
];
