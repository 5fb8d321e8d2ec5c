//! The manifest loader as the controller wants it: settings of this host in, projects out.

use std::collections::BTreeMap;

use crate::controller::desired::loading::{Load, LoadedEntry, ManifestLoader};
use crate::manifest::{Dialect, Entry, HostChoices, LoadInput, LoadResult, load};
use crate::model::files::Files;
use crate::source::RootEntry;

/// Loads Compose files with the variables that the settings let in.
#[derive(Clone, Debug, Default)]
pub struct ComposeLoader {
    /// Variables that manifests may use.
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
        match load(&input) {
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
