//! The fuzz targets on every commit: the checked-in corpus as it is, then with bytes and lines changed, then inputs made by
//! a grammar. libFuzzer (`fuzz/`) looks further with the same functions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::targets::{ROUND_TRIP, TARGETS};
use crate::support;

/// Largest file of the corpus, in bytes; what is larger is made by code in `bombs.rs`.
const LARGEST_SEED: usize = 20_000;

/// The corpus by target: what fuzzing found, and seeds made of fixtures and oracle cases.
static CORPUS: LazyLock<BTreeMap<&str, Vec<(PathBuf, Vec<u8>)>>> = LazyLock::new(|| {
    let read = |name: &&'static str| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files: Vec<PathBuf> = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    TARGETS.iter().map(|(name, _)| (*name, read(name))).collect()
});

fn target(name: &str) -> fn(&[u8]) {
    TARGETS.iter().find(|(known, _)| *known == name).expect("a target").1
}

#[test]
fn the_corpus_holds() {
    ROUND_TRIP.set(true);
    let mut broken = Vec::new();
    for (name, files) in CORPUS.iter() {
        assert!(!files.is_empty(), "{name} has no corpus");
        for (path, bytes) in files {
            if std::panic::catch_unwind(|| target(name)(bytes)).is_err() {
                broken.push(path.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "these break a rule: {broken:#?}");
}

#[test]
fn the_corpus_is_small_and_holds_nothing_twice() {
    for files in CORPUS.values() {
        let mut seen: BTreeMap<&[u8], &Path> = BTreeMap::new();
        for (path, bytes) in files {
            assert!(bytes.len() <= LARGEST_SEED, "{} is too large", path.display());
            let twice = seen.insert(bytes, path);
            assert!(twice.is_none(), "{} and {twice:?} are the same", path.display());
        }
    }
}

#[test]
fn every_target_is_fuzzed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name} is not in fuzz/Cargo.toml"
        );
        let program = fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("run(\"{name}\", data)")), "{name} runs another target");
    }
}

/// One change of an input, as libFuzzer makes them.
#[derive(Clone, Debug)]
enum Change {
    /// Another byte.
    Set(Index, u8),
    /// Bytes more.
    Insert(Index, Vec<u8>),
    /// Bytes less.
    Cut(Index, usize),
    /// A line once more, somewhere else.
    CopyLine(Index, Index),
    /// The end of another input.
    Splice(Index, Index, Index),
}

/// Pieces that mean something in one of the languages.
const WORDS: [&str; 48] = [
    "${SECRET}",
    "$SECRET",
    "${A:-",
    "}",
    "${",
    "$$",
    "${A:?",
    "${A:+",
    "&a ",
    "*a",
    "<<: *a",
    "!reset ",
    "!override ",
    "!!binary ",
    "---\n",
    "...\n",
    "\t",
    "\r\n",
    "\u{feff}",
    "\u{202e}",
    "\u{0}",
    "\"\\e[31m\"",
    "\u{1b}[31m",
    "null",
    "~",
    "yes",
    "0x1f",
    "1e400",
    ".nan",
    "-1",
    "18446744073709551616",
    "- ",
    ": ",
    "? ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "#",
    "{",
    "[",
    "]",
    "include: [a.yaml]\n",
    "extends: a\n",
    "env_file: .env\n",
    "=== .env\n",
    "=== compose.override.yaml\n",
    "1-65535",
];

fn change() -> impl Strategy<Value = Change> {
    let word = proptest::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec());
    let bytes = proptest::collection::vec(any::<u8>(), 1..4);
    prop_oneof![
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (any::<Index>(), prop_oneof![4 => word, 1 => bytes]).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<Index>(), 1..30_usize).prop_map(|(at, count)| Change::Cut(at, count)),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::CopyLine(from, to)),
        1 => (any::<Index>(), any::<Index>(), any::<Index>())
            .prop_map(|(other, from, to)| Change::Splice(other, from, to)),
    ]
}

fn apply(change: &Change, bytes: &mut Vec<u8>, others: &[(PathBuf, Vec<u8>)]) {
    let length = bytes.len();
    match change {
        Change::Set(at, byte) => {
            if length > 0 {
                bytes[at.index(length)] = *byte;
            }
        }
        Change::Insert(at, more) => {
            let at = at.index(length + 1);
            bytes.splice(at..at, more.iter().copied());
        }
        Change::Cut(at, count) => {
            let at = at.index(length + 1);
            bytes.drain(at..(at + count).min(length));
        }
        Change::CopyLine(from, to) => {
            let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            if lines.is_empty() {
                return;
            }
            let mut lines: Vec<&[u8]> = lines.clone();
            let line = lines[from.index(lines.len())];
            lines.insert(to.index(lines.len() + 1), line);
            *bytes = lines.concat();
        }
        Change::Splice(other, from, to) => {
            let other = &others[other.index(others.len())].1;
            bytes.truncate(from.index(length + 1));
            bytes.extend_from_slice(&other[to.index(other.len() + 1)..]);
        }
    }
}

fn changed(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec(change(), 1..6);
    (any::<Index>(), changes).prop_map(move |(seed, changes)| {
        let files = &CORPUS[name];
        let mut bytes = files[seed.index(files.len())].1.clone();
        for change in &changes {
            apply(change, &mut bytes, files);
        }
        bytes
    })
}

/// A service, or a part of one, in which the grammar is mostly right.
fn line() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        "[a-z]{1,6}",
        "[0-9]{1,3}(s|m|k|:80|-90)?",
        Just("&x [a, b]".to_owned()),
        Just("*x".to_owned()),
        Just("{a: b, c: $SECRET}".to_owned()),
        Just("[\"${SECRET:-x}\", b]".to_owned()),
        Just("\"${A:-${B:-$SECRET}}\"".to_owned()),
    ];
    let key = proptest::sample::select(composelet::manifest::keys())
        .prop_map(|row| row.path.rsplit('.').next().unwrap_or("image").to_owned());
    let depth = 2..8_usize;
    (depth, key, scalar)
        .prop_map(|(depth, key, value)| format!("{}{key}: {value}\n", " ".repeat(depth & !1)))
}

fn grammar() -> impl Strategy<Value = Vec<u8>> {
    let file = prop_oneof![
        Just("=== compose.yaml\nservices:\n  a:\n    image: x\n"),
        Just("=== compose.override.yaml\nservices:\n  a:\n"),
        Just("=== a.yaml\nservices:\n  b:\n    extends: a\n"),
        Just("=== .env\nA=1\nB=$A$SECRET\n"),
    ];
    let part = (file, proptest::collection::vec(line(), 0..5))
        .prop_map(|(file, lines)| format!("{file}{}", lines.concat()));
    let start = Just("services:\n  a:\n    image: x\n".to_owned());
    (start, proptest::collection::vec(line(), 0..6), proptest::collection::vec(part, 0..3))
        .prop_map(|(start, lines, parts)| (start + &lines.concat() + &parts.concat()).into_bytes())
}

/// A property for each target: changed inputs of its corpus break no rule.
macro_rules! properties {
    ($($name:ident),*) => {
        proptest! {
            #![proptest_config(ProptestConfig { failure_persistence: None, ..support::cases(32) })]
            $(
                #[test]
                fn $name(bytes in changed(stringify!($name))) {
                    target(stringify!($name))(&bytes);
                }
            )*

            #[test]
            fn manifests_of_a_grammar(bytes in grammar()) {
                target("manifest")(&bytes);
            }
        }
    };
}

properties!(
    manifest,
    yaml,
    dotenv,
    interpolation,
    values,
    engine,
    progress,
    ledger,
    context,
    credentials,
    settings
);
