//! Manifest cases as data: each folder of `tests/fixtures/manifest` is a project with what must come of it.
//!
//! `diagnostics.txt` is what people read, `desired.txt` the model and the canonical form. With `UPDATE_EXPECT=1` both are
//! written; look at the difference before you commit it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use composelet::manifest::{
    Dialect, Entry, FileContent, HostChoices, LoadInput, LoadResult, Loaded, load, render,
};
use composelet::model::path::LocalPath;

/// What is at `path`, as the source floor reads it.
pub(crate) fn read(path: &Path) -> FileContent {
    if path.is_dir() {
        let mut names: Vec<String> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        return FileContent::Directory(names);
    }
    match std::fs::read(path) {
        Ok(bytes) => FileContent::Bytes(Arc::from(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => FileContent::Missing,
        Err(error) => FileContent::Unreadable(error.to_string()),
    }
}

/// Loads an entry, answering every need from the disk.
pub(crate) fn load_from_disk(entry: &Entry, dialect: Dialect) -> Loaded {
    let mut files: BTreeMap<LocalPath, FileContent> = BTreeMap::new();
    for _ in 0..20 {
        let input = LoadInput {
            entry,
            files: &files,
            environment: &BTreeMap::new(),
            choices: &HostChoices::default(),
            dialect,
        };
        match load(&input) {
            LoadResult::Loaded(loaded) => return *loaded,
            LoadResult::Needs(needs) => {
                assert!(!needs.is_empty());
                for path in needs {
                    let content = read(path.as_path());
                    files.insert(path, content);
                }
            }
        }
    }
    panic!("the loader asks for ever more files");
}

/// Where the cases are.
pub(crate) fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// The model without what is absent, and without what holds paths of this machine.
fn desired(loaded: &Loaded) -> String {
    let Some(project) = &loaded.project else {
        return "none\n".to_owned();
    };
    let mut out = String::new();
    let text = format!("{project:#?}");
    for line in text.lines() {
        let value = line.trim().split_once(": ").map_or("", |(_, value)| value);
        let absent = matches!(value, "None," | "{}," | "[]," | "false,");
        let noise = line.starts_with("    digest:") || line.contains(" compose_hash:");
        if !absent && !noise {
            writeln!(out, "{line}").unwrap();
        }
    }
    let canonical = loaded.canonical.as_ref().unwrap().json();
    format!("{out}\n{canonical}\n")
}

fn diagnostics(loaded: &Loaded) -> String {
    loaded
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let trimmed: Vec<String> = render(diagnostic, false)
                .lines()
                .map(|line| line.trim_end().to_owned())
                .collect();
            format!("{}\n\n", trimmed.join("\n"))
        })
        .collect()
}

fn compare(path: &Path, actual: &str, wrong: &mut Vec<String>) {
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        if actual.is_empty() {
            std::fs::remove_file(path).unwrap();
        } else {
            std::fs::write(path, actual).unwrap();
        }
        return;
    }
    wrong.push(format!("--- {}\n{actual}", path.display()));
}

#[test]
fn every_case_gives_what_is_written_beside_it() {
    let mut wrong = Vec::new();
    for case in cases() {
        let file = case.join("entry.yml");
        let entry = if file.exists() {
            Entry::File(LocalPath::new(file))
        } else {
            Entry::Directory(LocalPath::new(&case))
        };
        let loaded = load_from_disk(&entry, Dialect::Controller);
        let here = case.display().to_string();
        let neutral = |text: String| text.replace(&here, "$DIR");
        compare(
            &case.join("diagnostics.txt"),
            &neutral(diagnostics(&loaded)),
            &mut wrong,
        );
        compare(
            &case.join("desired.txt"),
            &neutral(desired(&loaded)),
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
