//! Projects as their files say, for the commands that need no controller: `validate`, `config` and `plan`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::controller::desired::decryption::Decryption;
use crate::manifest::{Dialect, Entry, HostChoices, LoadInput, LoadResult, Loaded, Loading};
use crate::model::files::Files;
use crate::model::path::{LocalPath, clean};
use crate::source::{RootReading, read_path, read_root};

/// Rounds of asking before an entry is given up: includes and env files nest, but not without end.
const ROUNDS: usize = 64;

/// How projects are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Variables that manifests may use.
    pub(super) environment: BTreeMap<String, String>,
    /// What the settings of this host add.
    pub(super) choices: HostChoices,
    /// Whose rules of precedence hold.
    pub(super) dialect: Dialect,
    /// What encrypted files are opened with.
    pub(super) decryption: Decryption,
}

impl Reading {
    /// Loads one entry, reading what it asks for.
    ///
    /// # Errors
    /// It asks for further files without end.
    pub(super) fn load(&self, entry: &Entry) -> Result<Loaded, CliError> {
        let (mut files, mut loading) = (Files::new(), Loading::default());
        for _ in 0..ROUNDS {
            let input = LoadInput {
                entry,
                files: &files,
                environment: &self.environment,
                choices: &self.choices,
                dialect: self.dialect,
            };
            match loading.step(&input) {
                LoadResult::Loaded(loaded) => return Ok(*loaded),
                LoadResult::Needs(paths) => {
                    files.extend(paths.into_iter().map(|path| {
                        let content = self.decryption.opened(&path, read_path(&path));
                        (path, content)
                    }));
                }
            }
        }
        Err(CliError::runtime(format!(
            "{}: loading asked for further files again and again",
            entry.path().display()
        ))
        .hint(format!("let files include or extend each other at most {ROUNDS} deep")))
    }
}

/// What the settings say about encrypted files.
pub(super) fn decryption(context: &Context) -> Decryption {
    Decryption::new(context.settings.age_keys.clone())
}

/// The entries of the watched directory.
///
/// # Errors
/// It is not there or cannot be read.
pub(super) fn entries_of_root(root: &LocalPath) -> Result<Vec<Entry>, CliError> {
    match read_root(root) {
        RootReading::Read { entries, .. } => Ok(entries.into_iter().collect()),
        RootReading::Unreadable(why) => {
            Err(CliError::runtime(format!("{}: cannot be read: {why}", root.display())))
        }
        RootReading::Missing => Err(CliError::runtime(format!("{}: not there", root.display()))
            .hint("make the directory, or name another with --desired-state")),
    }
}

/// What a person means by a path: a file, the directory of a project, or a directory of projects.
///
/// # Errors
/// There is nothing at the path.
pub(super) fn entries_at(context: &Context, path: &Path) -> Result<Vec<Entry>, CliError> {
    let path = LocalPath::new(clean(&context.around.directory.join(path)));
    let kind = std::fs::metadata(path.as_path())
        .map_err(|error| CliError::not_found(format!("{}: {error}", path.display())))?;
    if !kind.is_dir() {
        return Ok(vec![Entry::File(path)]);
    }
    if path == context.settings.desired_state || !has_project_files(&path) {
        return entries_of_root(&path);
    }
    Ok(vec![Entry::Directory(path)])
}

/// Whether a directory looks like that of a project, and not like one of projects.
fn has_project_files(directory: &LocalPath) -> bool {
    let Ok(entries) = std::fs::read_dir(directory.as_path()) else {
        return true;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name == ".env"
            || name.contains("compose") && (name.ends_with(".yml") || name.ends_with(".yaml"))
    })
}
