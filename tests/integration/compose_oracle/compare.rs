//! Both sides on one case, and where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use composelet::manifest::{
    Canonical, Dialect, Entry, FileContent, HostChoices, LoadInput, LoadResult, load,
};
use composelet::model::diagnostic::Severity;
use composelet::model::path::LocalPath;
use serde_json::Value;

use crate::compose_oracle::case::Case;
use crate::compose_oracle::cli::{self, Answer, Cli};
use crate::manifest_cases::read;

/// Cases that are looked at at a time; the command line is a process of its own for each.
const WORKERS: usize = 2;

/// One difference between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// We refuse what the command line takes; our errors, each with its code.
    OursRefuses(String),
    /// The command line refuses what we take; what it says.
    TheirsRefuses(String),
    /// A value of the model differs, at a dotted path.
    Model { path: String, ours: String, theirs: String },
    /// The hash of a service differs, although the model does not.
    Hash { service: String },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OursRefuses(why) => write!(f, "ours refuses: {why}"),
            Self::TheirsRefuses(why) => write!(f, "theirs refuses: {why}"),
            Self::Model { path, ours, theirs } => {
                write!(f, "{path}: ours {ours}, theirs {theirs}")
            }
            Self::Hash { service } => write!(f, "the hash of {service} differs"),
        }
    }
}

/// What we make of a case: the canonical form, or our errors.
pub(crate) fn ours(case: &Case, directory: &std::path::Path) -> Result<Canonical, String> {
    let entry = Entry::Directory(LocalPath::new(directory));
    let mut files: BTreeMap<LocalPath, FileContent> = BTreeMap::new();
    let environment = cli::environment(case);
    for _ in 0..20 {
        let input = LoadInput {
            entry: &entry,
            files: &files,
            environment: &environment,
            choices: &HostChoices::default(),
            dialect: Dialect::Cli,
        };
        match load(&input) {
            LoadResult::Loaded(loaded) => {
                let errors = loaded.diagnostics.iter();
                let errors = errors.filter(|found| found.severity == Severity::Error);
                let errors = errors.map(|found| format!("{}: {}", found.code, found.message));
                let said = errors.collect::<Vec<_>>().join("; ");
                return loaded.canonical.ok_or(said);
            }
            LoadResult::Needs(needs) => {
                files.extend(needs.into_iter().map(|path| {
                    let content = read(path.as_path());
                    (path, content)
                }));
            }
        }
    }
    panic!("{}: the loader asks for ever more files", case.name);
}

/// Every difference of one case.
pub(crate) fn differences(cli: &Cli, case: &Case) -> Vec<Difference> {
    let directory = cli.write(case);
    let theirs = cli.ask(case, &directory);
    match (ours(case, &directory), theirs) {
        (Ok(canonical), Answer::Accepts { json, hashes }) => models(&canonical, &json, &hashes),
        (Err(why), Answer::Accepts { .. }) => vec![Difference::OursRefuses(why)],
        (Ok(_), Answer::Refuses(why)) => vec![Difference::TheirsRefuses(why)],
        (Err(_), Answer::Refuses(_)) => Vec::new(),
    }
}

fn models(canonical: &Canonical, json: &str, hashes: &[String]) -> Vec<Difference> {
    let (ours, theirs) = (canonical.json(), json.trim_end());
    if ours != theirs {
        let mut found = Vec::new();
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        walk("", Some(&parse(&ours)), Some(&parse(theirs)), &mut found);
        if found.is_empty() {
            let lines = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
            let (ours, theirs) = lines.unwrap_or_default();
            let (ours, theirs) = (ours.to_owned(), theirs.to_owned());
            found.push(Difference::Model { path: "text".to_owned(), ours, theirs });
        }
        return found;
    }
    let ours: BTreeSet<String> = canonical
        .service_hashes()
        .into_iter()
        .map(|(name, hash)| format!("{name} {hash}"))
        .collect();
    let theirs = hashes.iter().filter(|line| !ours.contains(*line));
    theirs
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .map(|service| Difference::Hash { service })
        .collect()
}

/// Every place at which two JSON values differ.
pub(crate) fn walk(
    path: &str,
    ours: Option<&Value>,
    theirs: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    if ours == theirs {
        return;
    }
    match (ours, theirs) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                walk(&format!("{path}{dot}{key}"), left.get(key), right.get(key), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                walk(&format!("{path}[{index}]"), Some(left), Some(right), found);
            }
        }
        _ => {
            let show = |value: Option<&Value>| value.map_or("-".to_owned(), ToString::to_string);
            let path = path.to_owned();
            found.push(Difference::Model { path, ours: show(ours), theirs: show(theirs) });
        }
    }
}

/// Does `work` for every item, a few at a time; results in the order of the items.
pub(crate) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, R>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((index, item)) = take(items, &next) {
                    let result = work(item);
                    done.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn take<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}
