//! Compose text → desired project, by the real loader.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use composelet::manifest::{Dialect, Entry, FileContent, HostChoices, LoadInput, LoadResult, load};
use composelet::model::desired::DesiredProject;
use composelet::model::path::LocalPath;

/// Where every test project lies; nothing is read from there.
pub(crate) const DIRECTORY: &str = "/srv/shop";

/// The project that `compose` describes; `beside` are further files of its directory.
pub(crate) fn project(compose: &str, beside: &BTreeMap<String, String>) -> DesiredProject {
    let directory = LocalPath::new(DIRECTORY);
    let mut tree: BTreeMap<LocalPath, String> = BTreeMap::new();
    tree.extend(beside.iter().map(|(name, text)| (directory.join(name), text.clone())));
    tree.insert(directory.join("compose.yaml"), compose.to_owned());
    let mut files: BTreeMap<LocalPath, FileContent> = BTreeMap::new();
    for _ in 0..20 {
        let input = LoadInput {
            entry: &Entry::Directory(directory.clone()),
            files: &files,
            environment: &BTreeMap::new(),
            choices: &HostChoices::default(),
            dialect: Dialect::Controller,
        };
        match load(&input) {
            LoadResult::Loaded(loaded) => {
                let errors = &loaded.diagnostics;
                return loaded.project.unwrap_or_else(|| panic!("{compose}\n{errors:#?}"));
            }
            LoadResult::Needs(needs) => {
                files.extend(needs.into_iter().map(|path| (path.clone(), content(&tree, &path))));
            }
        }
    }
    panic!("the loader asks for ever more files");
}

fn content(tree: &BTreeMap<LocalPath, String>, path: &LocalPath) -> FileContent {
    if path.as_path() == Path::new(DIRECTORY) {
        let names = tree.keys().map(|path| path.file_name().to_owned());
        return FileContent::Directory(names.collect());
    }
    tree.get(path)
        .map_or(FileContent::Missing, |text| FileContent::Bytes(Arc::from(text.as_bytes())))
}
