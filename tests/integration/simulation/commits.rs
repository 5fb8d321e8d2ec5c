//! The commit that a version of a project comes from, where the watched directory is a checkout of git.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::fs;

use composelet::model::revision::Verdict;

use super::bench::Bench;
use crate::sim::AppScript;
use crate::sim::ScriptKey;

const COMMITS: [&str; 3] = [
    "1111111111111111111111111111111111111111",
    "2222222222222222222222222222222222222222",
    "3333333333333333333333333333333333333333",
];

fn version(number: u32) -> String {
    format!(
        "services: {{web: {{image: app, restart: always, labels: {{v: '{number}'}}, \
         deploy: {{update_config: {{monitor: 2s}}}}}}}}"
    )
}

fn check_out(bench: &Bench, commit: &str) {
    let repository = bench.root().join(".git");
    fs::create_dir_all(&repository).unwrap();
    fs::write(repository.join("HEAD"), format!("{commit}\n")).unwrap();
}

/// Of each version, the first digit of its commit and whether it held.
fn history(bench: &Bench) -> Vec<(char, bool)> {
    let revisions = bench.status("shop").map(|status| status.revisions).unwrap_or_default();
    let digit = |id: &str| id.chars().next().unwrap();
    revisions
        .iter()
        .map(|one| {
            let commit = one.commit.as_ref().map_or('-', |commit| digit(&commit.id));
            (commit, matches!(one.verdict, Verdict::Stable { .. }))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_version_names_the_commit_of_its_files_and_no_later_one() {
    let mut bench = Bench::new(760);
    for number in ["1", "2"] {
        bench
            .engine
            .script(ScriptKey::Label("v".to_owned(), number.to_owned()), AppScript::forever());
    }
    check_out(&bench, COMMITS[0]);
    bench.write("shop", &version(1));
    bench.start();
    bench.until("the first version holds", |bench| history(bench) == [('1', true)]).await;

    // git writes the files first, and then which commit they are.
    bench.write("shop", &version(2));
    bench.until("the second is noted", |bench| history(bench).len() == 2).await;
    check_out(&bench, COMMITS[1]);
    bench.until("it holds", |bench| history(bench).last().is_some_and(|last| last.1)).await;
    assert_eq!(history(&bench), [('1', true), ('2', true)]);

    // A commit that changes nothing of the project is none of its versions.
    check_out(&bench, COMMITS[2]);
    bench.pass(30).await;
    assert_eq!(history(&bench), [('1', true), ('2', true)]);
}
