//! The loader of Compose files behind the port [`ManifestLoader`].

use std::collections::BTreeMap;

use crate::controller::desired::loading::{Load, LoadedEntry, ManifestLoader};
use crate::manifest::{self, Dialect, Entry, HostChoices, LoadInput, LoadResult};
use crate::model::files::Files;
use crate::source::RootEntry;

/// Loads Compose files as the controller reads them: the top-level `name` beats COMPOSE_PROJECT_NAME.
#[derive(Clone, Debug, Default)]
pub struct ComposeLoader {
    /// Variables that the settings let in (`--env NAME`).
    pub environment: BTreeMap<String, String>,
    /// What the settings of this host add.
    pub choices: HostChoices,
}

impl ManifestLoader for ComposeLoader {
    fn load(&self, entry: &RootEntry, files: &Files) -> Load {
        let entry = match entry {
            RootEntry::Directory(path) => Entry::Directory(path.clone()),
            RootEntry::File(path) => Entry::File(path.clone()),
        };
        let input = LoadInput {
            entry: &entry,
            files,
            environment: &self.environment,
            choices: &self.choices,
            dialect: Dialect::Controller,
        };
        match manifest::load(&input) {
            LoadResult::Needs(paths) => Load::Needs(paths),
            LoadResult::Loaded(loaded) => Load::Loaded(Box::new(LoadedEntry {
                name: loaded.name,
                project: loaded.project,
                diagnostics: loaded.diagnostics,
                asked: loaded.asked,
            })),
        }
    }
}
