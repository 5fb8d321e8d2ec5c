//! The repository of a system that is driven by git, and what became of its commits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::git::{git, write};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// The repository and the work tree of whoever pushes to it.
pub(crate) struct Repository {
    pub(crate) bare: PathBuf,
    pub(crate) work: PathBuf,
}

impl Repository {
    /// One that holds what the `.gitignore` of the system in `directory` lets in; nothing is pushed yet.
    pub(crate) fn of(host: &Host, directory: &Path) -> Self {
        let (bare, work) = (host.aside().join("system.git"), host.aside().join("work"));
        git(
            host.aside(),
            &["init", "--quiet", "--bare", "--initial-branch=main", bare.to_str().unwrap()],
        );
        assert!(Command::new("cp").arg("-a").arg(directory).arg(&work).status().unwrap().success());
        git(&work, &["init", "--quiet", "--initial-branch=main"]);
        Self { bare, work }
    }

    /// Pushes everything; the commit.
    pub(crate) fn push(&self, message: &str) -> String {
        git(&self.work, &["add", "--all"]);
        git(&self.work, &["commit", "--quiet", "--message", message]);
        git(&self.work, &["push", "--quiet", self.bare.to_str().unwrap(), "HEAD:refs/heads/main"]);
        git(&self.work, &["rev-parse", "HEAD"])
    }

    /// Pushes a file with this text; the commit.
    pub(crate) fn with(&self, path: &str, text: &str) -> String {
        write(&self.work.join(path), text);
        self.push(path)
    }
}

/// Bytes of everything in a directory that no commit holds.
pub(crate) fn untracked(directory: &Path, work: &Path) -> BTreeMap<String, Vec<u8>> {
    let tracked = git(work, &["ls-files"]);
    let tracked: Vec<&str> = tracked.lines().collect();
    let mut found = BTreeMap::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                todo.push(path);
            } else if !tracked.contains(&name.as_str()) {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// What became of a commit: exit code and output of `reconcile --revision --wait`.
pub(crate) fn deployed(host: &Host, project: &str, commit: &str) -> (i32, String) {
    let run =
        host.run(&["reconcile", project, "--revision", commit, "--wait", "--timeout", "170s"]);
    (run.code, format!("{}{}", run.out, run.err))
}

/// Waits until the revision of a commit is one to go back to.
pub(crate) async fn held(host: &Host, project: &str, commit: &str) {
    eventually("the revision of the commit holds", || {
        let history = host.expect(&["rollout", "history", project]);
        let line = history.lines().find(|line| line.contains(&commit[..12])).unwrap_or_default();
        hold(line.contains("stable"), || history.clone())
    })
    .await;
}
