//! The loader of Compose files behind the port [`ManifestLoader`].

use std::collections::BTreeMap;

use crate::controller::desired::decryption::Decryption;
use crate::controller::desired::loading::{Load, LoadedEntry, ManifestLoader};
use crate::manifest::{Dialect, HostChoices, LoadInput, LoadResult, Loading};
use crate::model::files::{Entry, FileContent, Files};
use crate::model::path::LocalPath;

/// Loads Compose files as the controller reads them: the top-level `name` beats COMPOSE_PROJECT_NAME.
#[derive(Clone, Debug, Default)]
pub struct ComposeLoader {
    /// Variables that the settings let in (`--env NAME`).
    pub environment: BTreeMap<String, String>,
    /// What the settings of this host add.
    pub choices: HostChoices,
    /// What encrypted files are opened with.
    pub decryption: Decryption,
}

impl ManifestLoader for ComposeLoader {
    fn opened(&self, path: &LocalPath, content: FileContent) -> FileContent {
        self.decryption.opened(path, content)
    }

    fn keys(&self) -> String {
        self.decryption.state()
    }

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
