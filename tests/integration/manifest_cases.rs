//! Manifest cases as data: each folder of `tests/fixtures/manifest` is a project with what must come of it.
//!
//! `diagnostics.txt` is what people read, `desired.txt` the model and the canonical form. With `UPDATE_EXPECT=1` both are
//! written; look at the difference before you commit it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use composelet::manifest::{
    Dialect, Entry, FileContent, HostChoices, LINTS, LoadInput, LoadResult, Loaded, Teller, load,
    render,
};
use composelet::model::config::HealthTest;
use composelet::model::desired::DependencyCondition;
use composelet::model::id::ServiceName;
use composelet::model::path::LocalPath;
use composelet::model::secret::Secret;

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

/// Pretty `Debug` text with what holds one line only put on one line.
fn compact(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let closes = line.trim_start().starts_with([')', ']', '}']);
        let count = lines.len();
        let joins = closes
            && count >= 2
            && lines[count - 2].ends_with(['(', '[', '{'])
            && !lines[count - 1].ends_with(['(', '[', '{']);
        if joins {
            let inner = lines.pop().unwrap();
            let opener = lines.pop().unwrap();
            let inner = inner.trim().trim_end_matches(',').to_owned();
            lines.push(format!("{opener}{inner}{}", line.trim_start()));
        } else if closes && lines.last().is_some_and(|last| last.ends_with(['(', '[', '{'])) {
            let opener = lines.pop().unwrap();
            lines.push(format!("{opener}{}", line.trim_start()));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

/// The model without what is absent, and without what holds paths of this machine.
fn desired(loaded: &Loaded) -> String {
    let Some(project) = &loaded.project else {
        return "none\n".to_owned();
    };
    let mut out = String::new();
    let text = compact(&format!("{project:#?}"));
    for line in text.lines() {
        let value = line.trim().split_once(": ").map_or("", |(_, value)| value);
        let by_user = line.trim_start().starts_with('"');
        let absent = !by_user && matches!(value, "None," | "{}," | "[]," | "false," | "Recreate,");
        let noise = line.starts_with("    digest:") || line.contains(" compose_hash:");
        if !absent && !noise {
            writeln!(out, "{line}").unwrap();
        }
    }
    let canonical = loaded.canonical.as_ref().unwrap().json();
    format!("{out}\n{canonical}\n")
}

/// What people read. Lints have cases of their own, so that they do not stand in every other.
fn diagnostics(loaded: &Loaded, lints: bool) -> String {
    let told =
        |code: &str, teller| LINTS.iter().any(|lint| lint.code == code && lint.teller == teller);
    loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| lints || !told(&diagnostic.code, Teller::Lints))
        .map(|diagnostic| {
            let trimmed: Vec<String> =
                render(diagnostic, false).lines().map(|line| line.trim_end().to_owned()).collect();
            format!("{}\n\n", trimmed.join("\n"))
        })
        .collect()
}

/// Cases of the lints: what they become does not matter, what is told of them does.
pub(crate) fn is_lint(case: &Path) -> bool {
    is_named(case, "lint-")
}

fn is_named(case: &Path, prefix: &str) -> bool {
    case.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
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
        let lints = is_lint(&case) || is_named(&case, "as-written-");
        compare(&case.join("diagnostics.txt"), &neutral(diagnostics(&loaded, lints)), &mut wrong);
        if is_lint(&case) {
            continue;
        }
        compare(&case.join("desired.txt"), &neutral(desired(&loaded)), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Loads one of the cases.
fn case(name: &str) -> Loaded {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest");
    load_from_disk(&Entry::Directory(LocalPath::new(root.join(name))), Dialect::Controller)
}

/// Published vector of the command line 2.26: one service, `sleep 1000` in busybox.
#[test]
fn the_service_hash_is_the_one_of_the_vector() {
    let project = case("vector").project.unwrap();
    let service = &project.services[&ServiceName::new("app")];
    assert_eq!(
        service.compose_hash.with(|_| String::new()),
        "126567149759fa64c895e7875fd061c6f66564802c227cedd2910f420fefc5b9"
    );
}

#[test]
fn values_reach_the_model_unchanged() {
    let project = case("backend-optimizacion").project.unwrap();
    let db = &project.services[&ServiceName::new("db")];
    let value = |key: &str| db.config.environment[key].as_ref().map(Secret::expose);
    assert_eq!(value("MYSQL_PASSWORD"), Some("fixture app"));
    let Some(HealthTest::Exec(words)) = db.config.healthcheck.as_ref().map(|check| &check.test)
    else {
        panic!("{:?}", db.config.healthcheck);
    };
    let words: Vec<&str> = words.iter().map(Secret::expose).collect();
    assert_eq!(words[words.len() - 1], "-pfixture-root");
    let web = &project.services[&ServiceName::new("web")];
    let command: Vec<&str> = web.config.command.iter().flatten().map(Secret::expose).collect();
    assert_eq!(command[..2], ["sh", "-c"]);
    let nginx = &project.services[&ServiceName::new("nginx")];
    let edge = &nginx.depends_on[&ServiceName::new("web")];
    assert_eq!(edge.condition, DependencyCondition::Healthy);
}

/// Files of a small project in memory.
fn files(manifest: &str, dotenv: &str, beside: &str) -> BTreeMap<LocalPath, FileContent> {
    let names = [".env", "compose.yaml", beside].map(str::to_owned).to_vec();
    let bytes = |text: &str| FileContent::Bytes(Arc::from(text.as_bytes()));
    BTreeMap::from([
        (LocalPath::new("/p"), FileContent::Directory(names)),
        (LocalPath::new("/p/compose.yaml"), bytes(manifest)),
        (LocalPath::new("/p/.env"), bytes(dotenv)),
    ])
}

fn load_files(
    files: &BTreeMap<LocalPath, FileContent>,
    environment: &[(&str, &str)],
) -> LoadResult {
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(&LoadInput {
        entry: &Entry::Directory(LocalPath::new("/p")),
        files,
        environment: &environment,
        choices: &HostChoices::default(),
        dialect: Dialect::Controller,
    })
}

fn digest(files: &BTreeMap<LocalPath, FileContent>, environment: &[(&str, &str)]) -> String {
    match load_files(files, environment) {
        LoadResult::Loaded(loaded) => loaded.project.unwrap().digest,
        LoadResult::Needs(needs) => panic!("{needs:?}"),
    }
}

#[test]
fn the_digest_covers_what_was_read_and_nothing_else() {
    let manifest = "services: {a: {image: \"x:$TAG\", environment: [FROM]}}";
    let first = digest(&files(manifest, "TAG=1", "a"), &[("OTHER", "1")]);
    assert_eq!(first, digest(&files(manifest, "TAG=1", "b"), &[("OTHER", "2")]));
    assert_ne!(first, digest(&files(manifest, "TAG=2", "a"), &[]));
    assert_ne!(first, digest(&files(manifest, "TAG=1", "a"), &[("FROM", "x")]));
    assert_ne!(first, digest(&files(&format!("{manifest} # c"), "TAG=1", "a"), &[]));
}

/// The engine makes the directory of a mount when the container is created: that is no other version of the project.
#[test]
fn a_bound_directory_that_is_made_later_is_no_change() {
    let manifest = "services: {a: {image: x, volumes: ['./media:/media:ro', './one:/one:ro'], \
                    x-composelet: {on_change: {signal: SIGHUP}}}}";
    let with = |media: FileContent, one: FileContent| {
        let mut files = files(manifest, "", "media");
        files.insert(LocalPath::new("/p/media"), media);
        files.insert(LocalPath::new("/p/one"), one);
        digest(&files, &[])
    };
    let file = |text: &str| FileContent::Bytes(Arc::from(text.as_bytes()));
    let first = with(FileContent::Missing, file("1"));
    assert_eq!(first, with(FileContent::Directory(vec!["a".to_owned()]), file("1")));
    assert_ne!(first, with(FileContent::Missing, file("2")));
    assert_ne!(first, with(FileContent::Missing, FileContent::Missing));
}

#[test]
fn the_loader_asks_step_by_step_and_watches_what_is_missing() {
    let paths =
        |names: &[&str]| -> BTreeSet<LocalPath> { names.iter().map(LocalPath::new).collect() };
    let mut known = BTreeMap::new();
    let LoadResult::Needs(needs) = load_files(&known, &[]) else {
        panic!("nothing was read yet");
    };
    assert_eq!(needs, paths(&["/p", "/p/.env"]));
    known = files(
        "services: {a: {image: x, env_file: [gone.env, {path: may.env, required: false}]}}",
        "",
        "z",
    );
    let LoadResult::Needs(needs) = load_files(&known, &[]) else {
        panic!("the env files were not read yet");
    };
    assert_eq!(needs, paths(&["/p/gone.env", "/p/may.env"]));
    for path in needs {
        known.insert(path, FileContent::Missing);
    }
    let LoadResult::Loaded(loaded) = load_files(&known, &[]) else {
        panic!("everything is known");
    };
    assert!(loaded.project.is_none());
    let watched = paths(&["/p", "/p/.env", "/p/compose.yaml", "/p/gone.env", "/p/may.env"]);
    assert_eq!(loaded.asked, watched);
    assert_eq!(loaded.name.unwrap().as_str(), "p");
}

/// What a file of variables says is kept for the services after; what stands before it in a list has its say all the same.
#[test]
fn services_that_share_an_env_file_each_have_their_own_values() {
    let manifest = "services:\n\
        \x20 both: {image: x, env_file: [a.env, b.env]}\n\
        \x20 alone: {image: x, env_file: [b.env]}\n\
        \x20 again: {image: x, env_file: [a.env, b.env]}\n\
        \x20 raw: {image: x, env_file: [{path: b.env, format: raw}]}\n\
        \x20 last: {image: x, env_file: [b.env], environment: {FIXED: own}}\n";
    let mut known = files(manifest, "", "a.env");
    let bytes = |text: &str| FileContent::Bytes(Arc::from(text.as_bytes()));
    known.insert(LocalPath::new("/p/a.env"), bytes("NAME=inner\n"));
    known.insert(LocalPath::new("/p/b.env"), bytes("GREETING=hello ${NAME:-outer}\nFIXED=file\n"));
    let LoadResult::Loaded(loaded) = load_files(&known, &[]) else {
        panic!("everything is known");
    };
    let project = loaded.project.unwrap();
    let variables = |service: &str| -> Vec<String> {
        let all = &project.services[&ServiceName::new(service)].config.environment;
        all.iter()
            .map(|(key, value)| format!("{key}={}", value.as_ref().unwrap().expose()))
            .collect()
    };
    assert_eq!(variables("both"), ["FIXED=file", "GREETING=hello inner", "NAME=inner"]);
    assert_eq!(variables("alone"), ["FIXED=file", "GREETING=hello outer"]);
    assert_eq!(variables("again"), variables("both"));
    assert_eq!(variables("raw"), ["FIXED=file", "GREETING=hello ${NAME:-outer}"]);
    assert_eq!(variables("last"), ["FIXED=own", "GREETING=hello outer"]);
}
