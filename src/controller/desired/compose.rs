//! The loader of Compose files behind the port [`ManifestLoader`].

use std::collections::BTreeMap;

use crate::controller::desired::loading::{Load, LoadedEntry, ManifestLoader};
use crate::manifest::{Dialect, HostChoices, LoadInput, LoadResult, Loading};
use crate::model::files::{Entry, Files};

/// Loads Compose files as the controller reads them: the top-level `name` beats COMPOSE_PROJECT_NAME.
#[derive(Clone, Debug, Default)]
pub struct ComposeLoader {
    /// Variables that the settings let in (`--env NAME`).
    pub environment: BTreeMap<String, String>,
    /// What the settings of this host add.
    pub choices: HostChoices,
}

impl ManifestLoader for ComposeLoader {
    fn load(&self, entry: &Entry, files: &Files, loading: &mut Loading) -> Load {
        let input = LoadInput {
            entry,
            files,
            environment: &self.environment,
            choices: &self.choices,
            dialect: Dialect::Controller,
        };
        match loading.step(&input) {
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
