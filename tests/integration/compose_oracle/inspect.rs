//! Both bring up the projects of `tests/oracle/inspect`, and what the engine then says must be the same.
//!
//! They take turns under one name and in one directory, so that names, paths and hashes are compared as they are: the
//! command line makes it, we take it over without a touch; all is removed; we make it, and the `up` of the command line
//! finds nothing to do. `INSPECT_CASE` runs the projects whose name contains it. Needs an engine.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::compose_oracle::compare::{Difference, each, walk};
use crate::compose_oracle::inspected::{leaves, seen};
use crate::compose_oracle::known;
use crate::support_real::compose::compose;
use crate::support_real::engine::Engine;
use crate::support_real::host::Host;

/// What one project gave.
#[derive(Debug)]
struct Outcome {
    name: String,
    fields: usize,
    differences: Vec<Difference>,
    /// Containers that one of the two replaced although the other had made them.
    replaced: Vec<String>,
}

#[test]
fn both_make_the_same_containers_networks_and_volumes() {
    let only = std::env::var("INSPECT_CASE").unwrap_or_default();
    let cases: Vec<PathBuf> =
        cases().into_iter().filter(|path| name(path).contains(&only)).collect();
    assert!(!cases.is_empty(), "no project is named *{only}*");
    // One that fails does not hide what the others show; its own words are on standard error.
    let outcomes =
        each(&cases, |path| catch_unwind(AssertUnwindSafe(|| both(path))).map_err(|_| name(path)));
    let known = known::of("inspect");
    let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let mut wrong: Vec<String> = failed.map(|name| format!("{name}: failed, see above")).collect();
    let outcomes: Vec<Outcome> = outcomes.into_iter().filter_map(Result::ok).collect();
    for outcome in &outcomes {
        wrong.extend(known::unexplained(&known, &outcome.name, &outcome.differences));
        wrong.extend(outcome.replaced.iter().map(|line| format!("{}: {line}", outcome.name)));
    }
    let fields: usize = outcomes.iter().map(|outcome| outcome.fields).sum();
    let found: usize = outcomes.iter().map(|outcome| outcome.differences.len()).sum();
    eprintln!("{} projects, {fields} fields, {found} differences", outcomes.len());
    assert!(wrong.is_empty(), "{} unexplained:\n{}", wrong.len(), wrong.join("\n"));
    if only.is_empty() {
        known::assert_none_stale(&known);
    }
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/inspect");
    let mut found: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// One project, made by each in turn. The host removes what is left, also when this fails.
fn both(case: &Path) -> Outcome {
    let host = Host::new();
    let project = host.project(&name(case));
    let directory = host.desired().join(&project);
    copy(case, &directory);
    fs::write(directory.join(".env"), variables(&host.engine)).unwrap();
    outside(&host, &project);
    let up = || drop(compose(&host.engine, &directory, &["up", "-d", "--quiet-pull"]));
    let once = || drop(host.expect(&["run", "--once", "--timeout", "2m"]));
    let mut replaced = Vec::new();

    up();
    let theirs = seen(&host, &project);
    let before = ids(&host, &project);
    once();
    replaced.extend(gone("taken over by us", &before, &ids(&host, &project)));
    compose(&host.engine, &directory, &["down", "--volumes", "--timeout", "0"]);

    once();
    let ours = seen(&host, &project);
    let before = ids(&host, &project);
    up();
    replaced.extend(gone("taken over by the command line", &before, &ids(&host, &project)));

    let mut differences = Vec::new();
    walk("", Some(&ours), Some(&theirs), &mut differences);
    Outcome { name: name(case), fields: leaves(&theirs), differences, replaced }
}

/// Ports and addresses that hardly anybody else has, and a disk whose rate can be limited.
///
/// The profiles let in what the command line makes right on this engine.
fn variables(engine: &Engine) -> String {
    let random = RandomState::new().hash_one(0);
    let port = 2_000 + random % 1_000;
    let subnet = format!("10.{}.{}", 100 + random / 1_000 % 100, random / 100_000 % 250);
    let disks = fs::read_dir("/sys/block").unwrap();
    let disks = disks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let virtual_ones = ["loop", "ram", "zram"];
    let disk = disks.filter(|disk| !virtual_ones.iter().any(|one| disk.starts_with(one))).min();
    let disk = disk.expect("there is a disk");
    let api = engine.get("/version")["ApiVersion"].as_str().unwrap().to_owned();
    let minor: u32 = api.split_once('.').unwrap().1.parse().unwrap();
    let profile = if minor < 44 { "before-1.44" } else { "since-1.44" };
    format!(
        "PORT={port}\nSUBNET={subnet}\nDISK=/dev/{disk}\nFROM_DOTENV=dotenv\nCOUNT=1\nCOMPOSE_PROFILES=extra,{profile}\n"
    )
}

/// What `external` names has to be there first.
fn outside(host: &Host, project: &str) {
    let name = format!("{project}-outside");
    if project.ends_with("network-external") {
        host.engine.expect("POST", "/networks/create", Some(&json!({ "Name": name })));
    }
    if project.ends_with("volume-definitions") {
        host.engine.expect("POST", "/volumes/create", Some(&json!({ "Name": name })));
    }
}

fn ids(host: &Host, project: &str) -> BTreeSet<(String, String)> {
    let all = host.engine.containers_of(project);
    all.iter().map(|one| (one.name().to_owned(), one.id().to_owned())).collect()
}

/// Every container of `before` that is not the same in `after`, and those that came.
fn gone(
    what: &str,
    before: &BTreeSet<(String, String)>,
    after: &BTreeSet<(String, String)>,
) -> Vec<String> {
    before.symmetric_difference(after).map(|(name, id)| format!("{what}: {name} {id}")).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A comparison that sees nothing would pass.
#[test]
fn a_difference_is_seen() {
    let mut found = Vec::new();
    let (left, right): (Value, Value) = (json!({"a": {"b": [1]}}), json!({"a": {"b": [2]}}));
    walk("", Some(&left), Some(&right), &mut found);
    assert_eq!(found.len(), 1);
    assert_eq!(leaves(&right), 1);
}
