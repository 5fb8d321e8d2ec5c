//! A repository somewhere, a watched directory, a state directory, and one source between them.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use composelet::model::git_source::{
    Access, Follow, GitLimits, GitSource, GitUrl, Rewrites, SourceName, SubPath,
};
use composelet::model::path::LocalPath;
use composelet::model::sync::{SyncError, SyncReason};
use composelet::model::time::Timestamp;
use composelet::source::git::{Published, SourcePlace, SyncRequest, Synced, sync};
use tempfile::TempDir;

/// What a push went to, and what came of it here.
pub(super) struct Bench {
    directory: TempDir,
    pub(super) source: GitSource,
    pub(super) accepted: Option<String>,
    clock: i64,
}

impl Bench {
    /// An empty repository whose branch `main` is followed.
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        for name in ["desired", "state", "work"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        git(top, &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"]);
        git(&top.join("work"), &["init", "--quiet", "--initial-branch=main"]);
        let url = GitUrl::new(&format!("file://{}", top.join("remote.git").display())).unwrap();
        let source = GitSource {
            name: SourceName::new("shop").unwrap(),
            url,
            follow: Follow::Branch("main".to_owned()),
            path: SubPath::default(),
            into: SubPath::new("shop").unwrap(),
            interval: std::time::Duration::from_secs(60),
            limits: GitLimits::default(),
            access: Access::Anonymous,
            ca_file: None,
            signers: None,
            rewrites: Rewrites::Refuse,
            takeover: false,
            submodules: false,
            lfs: false,
            status: None,
        };
        Self { directory, source, accepted: None, clock: 1_700_000_000_000 }
    }

    pub(super) fn top(&self) -> &Path {
        self.directory.path()
    }

    /// The work tree of whoever pushes.
    pub(super) fn work(&self) -> PathBuf {
        self.top().join("work")
    }

    /// Where the files belong.
    pub(super) fn target(&self) -> PathBuf {
        self.place().target()
    }

    /// git in the work tree.
    pub(super) fn git(&self, words: &[&str]) -> String {
        git(&self.work(), words)
    }

    /// Writes files, commits everything and pushes it; its id.
    pub(super) fn push(&self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            write(&self.work().join(path), text);
        }
        self.push_all("change")
    }

    /// Commits everything that is there and pushes it.
    pub(super) fn push_all(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.push_head("main");
        self.git(&["rev-parse", "HEAD"])
    }

    pub(super) fn push_head(&self, branch: &str) {
        let remote = self.top().join("remote.git");
        self.git(&[
            "push",
            "--quiet",
            "--force",
            remote.to_str().unwrap(),
            &format!("HEAD:refs/heads/{branch}"),
        ]);
    }

    pub(super) fn push_tag(&self, tag: &str) {
        let remote = self.top().join("remote.git");
        self.git(&[
            "push",
            "--quiet",
            "--force",
            remote.to_str().unwrap(),
            &format!("refs/tags/{tag}"),
        ]);
    }

    pub(super) fn place(&self) -> SourcePlace {
        let local = |name: &str| LocalPath::new(self.top().join(name));
        SourcePlace::new(&self.source, &local("state"), &local("desired"))
    }

    /// A look at the repository; nothing is put in place.
    pub(super) async fn look(&mut self) -> Result<Synced, SyncError> {
        self.clock += 1000;
        let request = SyncRequest {
            source: self.source.clone(),
            place: self.place(),
            accepted: self.accepted.clone(),
            now: Timestamp::from_millis(self.clock),
        };
        sync(&request).await
    }

    /// A look, and what it found is put in place; the commit.
    pub(super) async fn sync(&mut self) -> Result<String, SyncError> {
        match self.look().await? {
            Synced::InPlace(commit) => Ok(commit.id),
            Synced::Ready(switch) => Ok(switch.perform(&self.place()).unwrap().commit.id),
        }
    }

    /// It fails for this reason, and everything that was in place stays as it was.
    pub(super) async fn refuses(&mut self, reason: SyncReason) -> String {
        let before = (self.files(), self.published());
        let error = self.look().await.expect_err("it is refused");
        assert_eq!(error.reason, reason, "{error}");
        assert_eq!(before, (self.files(), self.published()), "{error}");
        error.message
    }

    pub(super) fn published(&self) -> Option<Published> {
        Published::read(&self.place())
    }

    /// All files of the target, with their text; links with their target.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut todo = vec![self.target()];
        while let Some(directory) = todo.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.target()).unwrap().to_str().unwrap().to_owned();
                if path.is_symlink() {
                    found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
                } else if path.is_dir() {
                    todo.push(path);
                } else {
                    found.insert(
                        name,
                        String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
                    );
                }
            }
        }
        found
    }

    /// Text of a file of the target.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.target().join(path)).ok()
    }
}

/// Writes a file and the directories that it needs.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Runs git as somebody who pushes would.
pub(crate) fn git<S: AsRef<OsStr>>(directory: &Path, words: &[S]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Ana",
            "-c",
            "user.email=ana@example.test",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(words)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
