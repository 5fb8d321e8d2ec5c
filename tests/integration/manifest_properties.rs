//! What holds for every input: no panic, bounded work, an answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests: what is not as expected panics"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use composelet::manifest::{
    Dialect, Entry, FileContent, HostChoices, LoadInput, LoadResult, Loaded, Loading, load,
};
use composelet::model::path::LocalPath;
use proptest::prelude::*;

use super::support;

/// Loads `text` as `/p/compose.yaml` with `dotenv` beside it; every other file is missing.
fn load_text(text: &[u8], dotenv: &[u8]) -> Loaded {
    let entry = Entry::Directory(LocalPath::new("/p"));
    let mut files = BTreeMap::from([
        (
            LocalPath::new("/p"),
            FileContent::Directory(vec![".env".to_owned(), "compose.yaml".to_owned()]),
        ),
        (LocalPath::new("/p/compose.yaml"), FileContent::Bytes(Arc::from(text))),
        (LocalPath::new("/p/.env"), FileContent::Bytes(Arc::from(dotenv))),
    ]);
    for _ in 0..50 {
        let input = LoadInput {
            entry: &entry,
            files: &files,
            environment: &BTreeMap::new(),
            choices: &HostChoices::default(),
            dialect: Dialect::Controller,
        };
        match load(&input) {
            LoadResult::Loaded(loaded) => return *loaded,
            LoadResult::Needs(needs) => {
                for path in needs {
                    files.insert(path, FileContent::Missing);
                }
            }
        }
    }
    panic!("the loader never has enough");
}

/// Words that make up files near to real ones.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("services:\n  a:\n    image: x\n".to_owned()),
        Just("    ports: [\"80:80\"]\n".to_owned()),
        Just("    environment: [A=${B:-c}]\n".to_owned()),
        Just("    environment: &e {A: 1}\n".to_owned()),
        Just("    <<: *e\n".to_owned()),
        Just("    volumes: ['./a:/b:ro']\n".to_owned()),
        Just("    extends: a\n".to_owned()),
        Just("    env_file: x\n".to_owned()),
        Just("---\n".to_owned()),
        Just("x-y: !reset null\n".to_owned()),
        Just("    depends_on: [a]\n".to_owned()),
        "[ -~\n]{0,30}",
        "[$\\{\\}:a-z?+-]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..support::cases(64) })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let loaded = load_text(&bytes, b"");
        prop_assert!(loaded.project.is_some() || !loaded.diagnostics.is_empty());
    }

    #[test]
    fn near_misses_never_panic(parts in proptest::collection::vec(fragment(), 0..12)) {
        let loaded = load_text(parts.concat().as_bytes(), b"");
        prop_assert!(loaded.project.is_some() || !loaded.diagnostics.is_empty());
    }

    #[test]
    fn arbitrary_values_never_panic(key in "(image|ports|command|volumes|environment|healthcheck|deploy|networks|build|restart|ulimits|extra_hosts|devices|expose|stop_grace_period|mem_limit)", value in "[ -~]{0,40}") {
        let text = format!("services:\n  a:\n    image: x\n    {key}: {value}\n");
        let loaded = load_text(text.as_bytes(), b"");
        prop_assert!(loaded.project.is_some() || !loaded.diagnostics.is_empty());
    }

    #[test]
    fn arbitrary_dotenv_never_panics(text in "[ -~\n]{0,200}") {
        let manifest = b"services:\n  a:\n    image: x$A\n";
        let loaded = load_text(manifest, text.as_bytes());
        prop_assert!(loaded.project.is_some() || !loaded.diagnostics.is_empty());
    }

    #[test]
    fn interpolated_entries_never_appear_in_diagnostics(
        key in "(ports|volumes|expose|depends_on|networks|configs|secrets|extra_hosts|env_file|devices|tmpfs|dns|extends|profiles|security_opt|environment|labels|sysctls)",
        entry in "(\\$\\{S\\}|\\$S:/x|/a:/b:\\$S|\\$S=1|\\$S:\\$S|80:\\$S|1\\$S)",
        list in any::<bool>(),
    ) {
        let value = if list { format!("[\"{entry}\", \"{entry}\"]") } else { format!("\"{entry}\"") };
        let text = format!("services:\n  a:\n    image: x\n    scale: $S\n    {key}: {value}\n");
        let loaded = load_text(text.as_bytes(), b"S=hunter2\n");
        for diagnostic in &loaded.diagnostics {
            // The path of a file that is missing must be said, whatever it is made of.
            let is_path = matches!(diagnostic.code.as_str(), "env-file" | "bound-file");
            prop_assert!(is_path || !format!("{diagnostic:?}").contains("hunter2"), "{diagnostic:?}");
        }
    }

    #[test]
    fn interpolated_values_never_appear_in_diagnostics(key in "(image|ports|restart|mem_limit|volumes|expose|healthcheck|scale|stop_grace_period|name|depends_on|networks|privileged|command|extra_hosts|container_name|pull_policy)") {
        let text = format!("services:\n  a:\n    image: x\n    cpus: \"${{SECRET}}\"\n    {key}: \"${{SECRET}}\"\n");
        let loaded = load_text(text.as_bytes(), b"SECRET=hunter2 \"'\n");
        for diagnostic in &loaded.diagnostics {
            prop_assert!(!format!("{diagnostic:?}").contains("hunter2"), "{diagnostic:?}");
        }
    }
}

/// Loads and holds the time against a generous limit: what is quadratic or worse takes minutes.
fn refused_quickly(text: &str) {
    let begin = Instant::now();
    let loaded = load_text(text.as_bytes(), b"");
    assert!(loaded.project.is_none());
    assert!(!loaded.diagnostics.is_empty());
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn hostile_files_are_refused_quickly() {
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (level, name) in ('b'..='j').enumerate() {
        let before = char::from(b'a' + u8::try_from(level).unwrap());
        let list = vec![format!("*{before}"); 9].join(", ");
        writeln!(laughs, "{name}: &{name} [{list}]").unwrap();
    }
    refused_quickly(&laughs);
    let product =
        format!("a: &a [{}]\nb: [{}]\n", vec!["x"; 4000].join(","), vec!["*a"; 4000].join(","));
    refused_quickly(&product);
    refused_quickly(&"[".repeat(100_000));
    refused_quickly(
        &(0..20_000).map(|level| format!("{}a:\n", " ".repeat(level % 1000))).collect::<String>(),
    );
    refused_quickly("a: &a [*a]\n");
    refused_quickly(&format!("services: {{a: {{image: \"{}\"}}}}", "${A:-".repeat(50_000)));
    let long =
        format!("x-a: &a \"{}\"\nx-b: [{}]\n", "y".repeat(500_000), vec!["*a"; 5000].join(","));
    refused_quickly(&long);
    refused_quickly(&format!(
        "services:\n{}",
        (0..60_000).map(|at| format!("  a{at}: 1\n")).collect::<String>()
    ));
}

/// What would be quadratic if it were built carelessly: suggestions, extended services, long chains. How the time grows is
/// measured by `scripts/bench-config`, not here: a busy machine would fail.
#[test]
fn large_projects_are_read() {
    let unknown: String =
        (0..4000).map(|at| format!("  a{at}: {{image: x, depends_on: [b{at}]}}\n")).collect();
    assert!(load_text(format!("services:\n{unknown}").as_bytes(), b"").project.is_none());
    let extending: String = (0..4000).map(|at| format!("  a{at}: {{extends: base}}\n")).collect();
    let text = format!("services:\n  base: {{image: x, environment: {{A: b}}}}\n{extending}");
    assert_eq!(load_text(text.as_bytes(), b"").project.unwrap().services.len(), 4001);
    let chained: String =
        (1..4000).map(|at| format!("  a{at}: {{image: x, depends_on: [a{}]}}\n", at - 1)).collect();
    let text = format!("services:\n  a0: {{image: x}}\n{chained}");
    assert_eq!(load_text(text.as_bytes(), b"").project.unwrap().services.len(), 4000);
}

/// A load that goes on from where it asked gives what one from the beginning gives, whenever it was stopped.
#[test]
fn a_load_in_steps_gives_what_one_from_the_beginning_gives() {
    let text = "services:\n  a:\n    image: x\n    env_file: a.env\n    volumes: [\"./conf/a.conf:/a:ro\"]\n    secrets: [s]\n\
                secrets: {s: {file: ./secret}}\n";
    let entry = Entry::Directory(LocalPath::new("/p"));
    let bytes = |text: &str| FileContent::Bytes(Arc::from(text.as_bytes()));
    let disk = BTreeMap::from([
        (LocalPath::new("/p"), FileContent::Directory(vec!["compose.yaml".to_owned()])),
        (LocalPath::new("/p/compose.yaml"), bytes(text)),
        (LocalPath::new("/p/a.env"), bytes("A=b\n")),
        (LocalPath::new("/p/secret"), bytes("s")),
        (LocalPath::new("/p/conf"), FileContent::Directory(Vec::new())),
    ]);
    let (mut files, mut loading) = (BTreeMap::new(), Loading::default());
    for _ in 0..10 {
        let input = LoadInput {
            entry: &entry,
            files: &files,
            environment: &BTreeMap::new(),
            choices: &HostChoices::default(),
            dialect: Dialect::Controller,
        };
        match (loading.step(&input), load(&input)) {
            (LoadResult::Needs(stepped), LoadResult::Needs(needs)) => {
                assert_eq!(stepped, needs);
                for path in needs {
                    let content = disk.get(&path).cloned().unwrap_or(FileContent::Missing);
                    files.insert(path, content);
                }
            }
            (LoadResult::Loaded(stepped), LoadResult::Loaded(loaded)) => {
                assert_eq!(stepped.project, loaded.project);
                assert!(stepped.project.is_some());
                assert_eq!(stepped.diagnostics, loaded.diagnostics);
                assert_eq!(stepped.asked, loaded.asked);
                assert!(loaded.diagnostics.iter().any(|found| found.code == "missing-bind-file"));
                return;
            }
            (stepped, loaded) => panic!("{stepped:?} and {loaded:?}"),
        }
    }
    panic!("it never has enough");
}

#[test]
fn a_large_value_in_many_places_is_refused_quickly() {
    let begin = Instant::now();
    let lines: String = (0..20_000).map(|at| format!("      A{at}: ${{BIG}}\n")).collect();
    let text = format!("services:\n  a:\n    image: x\n    environment:\n{lines}");
    let dotenv = format!("BIG={}", "y".repeat(900_000));
    let loaded = load_text(text.as_bytes(), dotenv.as_bytes());
    assert!(loaded.project.is_none());
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
