//! The loader of Compose files behind the port [`ManifestLoader`].

use std::collections::BTreeMap;

use crate::controller::desired::loading::{Load, LoadedEntry, ManifestLoader};
use crate::manifest::{self, Dialect, Entry, HostChoices, LoadInput, LoadResult};
use crate::model::files::{FileContent, Files};
use crate::model::path::LocalPath;
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
            files: &converted(files),
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

/// The loader's own form of what was read.
fn converted(files: &Files) -> BTreeMap<LocalPath, manifest::FileContent> {
    let convert = |content: &FileContent| match content {
        FileContent::Bytes(bytes) => manifest::FileContent::Bytes(bytes.clone()),
        FileContent::Missing => manifest::FileContent::Missing,
        FileContent::Directory(names) => manifest::FileContent::Directory(names.clone()),
        FileContent::NotRegular(what) => manifest::FileContent::NotRegular(what.clone()),
        FileContent::TooLarge(bytes) => manifest::FileContent::TooLarge(*bytes),
        FileContent::Unreadable(why) => manifest::FileContent::Unreadable(why.clone()),
    };
    let files = files.iter();
    files.map(|(path, content)| (path.clone(), convert(content))).collect()
}
