//! The oracle: what `docker compose config` of the command line 2.26 says about a fixture, we must say, too.
//!
//! COMPOSELET_COMPOSE_CLI names the program (`docker-compose`, stand-alone or the plug-in itself). No engine is needed.

use std::path::Path;
use std::process::Command;

use composelet::manifest::{Dialect, Entry};
use composelet::model::path::LocalPath;

use crate::manifest_cases::{cases, load_from_disk};

/// Runs the command line in the folder of a case, with an environment that holds nothing of ours.
fn run(program: &str, case: &Path, arguments: &[&str]) -> String {
    let files = case.join("oracle");
    let chosen = std::fs::read_to_string(files).unwrap();
    let output = Command::new(program)
        .args(chosen.split_whitespace())
        .arg("config")
        .args(arguments)
        .current_dir(case)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {complaint}", case.display());
    text
}

/// Shows the first line that differs.
fn same(ours: &str, theirs: &str, case: &Path) {
    let (ours, theirs) = (ours.trim_end().lines(), theirs.trim_end().lines());
    let longest = ours.clone().count().max(theirs.clone().count());
    let pairs = ours
        .map(Some)
        .chain(std::iter::repeat(None))
        .zip(theirs.map(Some).chain(std::iter::repeat(None)));
    for (number, (ours, theirs)) in pairs.take(longest).enumerate() {
        assert_eq!(
            ours,
            theirs,
            "{}, line {} of the output",
            case.display(),
            number + 1
        );
    }
}

#[test]
fn the_canonical_form_and_the_hashes_are_those_of_the_command_line() {
    let program = std::env::var("COMPOSELET_COMPOSE_CLI").expect(
        "COMPOSELET_COMPOSE_CLI must name docker-compose 2.26 (Debian package docker-compose 2.26.1-4)",
    );
    let mut seen = 0;
    for case in cases()
        .into_iter()
        .filter(|case| case.join("oracle").exists())
    {
        seen += 1;
        let loaded = load_from_disk(&Entry::Directory(LocalPath::new(&case)), Dialect::Cli);
        let canonical = loaded
            .canonical
            .unwrap_or_else(|| panic!("{}: {:#?}", case.display(), loaded.diagnostics));
        let json = run(&program, &case, &["--format", "json"]);
        same(&canonical.json(), &json, &case);
        let yaml = run(&program, &case, &[]);
        same(&canonical.yaml(), &yaml, &case);
        // With env_file the command's own --hash differs from the label it writes (reference §3.2): ours is the label's.
        if case.join("label-hash-only").exists() {
            continue;
        }
        let hashes = run(&program, &case, &["--hash", "*"]);
        let ours: Vec<String> = canonical
            .service_hashes()
            .into_iter()
            .map(|(name, hash)| format!("{name} {hash}"))
            .collect();
        same(&ours.join("\n"), &hashes, &case);
    }
    assert!(seen > 0, "no case is marked with a file named oracle");
}
