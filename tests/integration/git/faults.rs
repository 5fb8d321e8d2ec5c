//! The faults of a repository and its server: the last good commit stays, limits hold, nothing leaks and nothing is left.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use composelet::model::git_source::{Access, GitLimits, GitUrl, Rewrites};
use composelet::model::path::LocalPath;
use composelet::model::secret_place::SecretPlace;
use composelet::model::sync::SyncReason;

use super::bench::{Bench, git, write};
use crate::support_real::wait::{eventually, hold};

async fn with_a_good_commit() -> (Bench, String) {
    let mut bench = Bench::new();
    let id = bench.push(&[("compose.yaml", "good\n")]);
    assert_eq!(bench.sync().await.unwrap(), id);
    (bench, id)
}

#[tokio::test]
async fn a_rewritten_history_waits_for_somebody() {
    let (mut bench, _) = with_a_good_commit().await;
    bench.git(&["commit", "--quiet", "--amend", "--message", "other"]);
    bench.push_head("main");
    let message = bench.refuses(SyncReason::HistoryRewritten).await;
    let new = bench.git(&["rev-parse", "HEAD"]);
    assert!(message.contains(&format!("sources accept shop {new}")), "{message}");
    // Acceptance is for that commit, not for whatever is pushed next.
    bench.accepted = Some(new.clone());
    bench.git(&["commit", "--quiet", "--amend", "--message", "and another"]);
    bench.push_head("main");
    bench.refuses(SyncReason::HistoryRewritten).await;
    bench.source.rewrites = Rewrites::Accept;
    bench.sync().await.unwrap();

    // Another history altogether.
    bench.source.rewrites = Rewrites::Refuse;
    bench.git(&["checkout", "--quiet", "--orphan", "unrelated"]);
    bench.push(&[("compose.yaml", "unrelated")]);
    bench.refuses(SyncReason::HistoryRewritten).await;
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let (mut bench, _) = with_a_good_commit().await;
    let remote = bench.top().join("remote.git");
    git(&remote, &["update-ref", "-d", "refs/heads/main"]);
    assert!(bench.refuses(SyncReason::ReferenceNotFound).await.contains("main"));
    fs::remove_dir_all(&remote).unwrap();
    bench.refuses(SyncReason::Unreachable).await;
    bench.source.url = GitUrl::new("https://127.0.0.1:1/shop.git").unwrap();
    bench.refuses(SyncReason::Unreachable).await;
}

#[tokio::test]
async fn sizes_and_numbers_have_limits() {
    let (mut bench, _) = with_a_good_commit().await;
    bench.source.limits = GitLimits { bytes: 1 << 20, files: 50, ..GitLimits::default() };
    // What does not compress, so that the fetch itself is too large.
    let noise =
        Command::new("head").args(["-c", "8388608", "/dev/urandom"]).output().unwrap().stdout;
    fs::write(bench.work().join("large"), &noise).unwrap();
    bench.push_all("a large file");
    bench.refuses(SyncReason::TooLarge).await;
    let torn = fs::read_dir(bench.top().join("state/git/shop/repository/objects/pack")).unwrap();
    let names: Vec<_> = torn.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("tmp_")), "{names:?}");

    // What compresses well, so that only the list shows it.
    fs::write(bench.work().join("large"), vec![b'a'; 2 << 20]).unwrap();
    bench.git(&["add", "--all"]);
    bench.git(&["commit", "--quiet", "--amend", "--message", "zeros"]);
    bench.push_head("main");
    assert!(bench.refuses(SyncReason::TooLarge).await.contains("bytes of files"));

    fs::remove_file(bench.work().join("large")).unwrap();
    for number in 0..60 {
        write(&bench.work().join(format!("many/{number}")), "x");
    }
    bench.git(&["add", "--all"]);
    bench.git(&["commit", "--quiet", "--amend", "--message", "many"]);
    bench.push_head("main");
    assert!(bench.refuses(SyncReason::TooLarge).await.contains("more than 50 files"));
}

#[tokio::test]
async fn trees_that_lead_out_of_themselves_are_refused() {
    for target in ["/etc/passwd", "../outside", "a/../../x"] {
        let (mut bench, _) = with_a_good_commit().await;
        symlink(target, bench.work().join("link")).unwrap();
        bench.push_all("a link");
        assert!(bench.refuses(SyncReason::TreeRefused).await.contains("link"), "{target}");
    }
}

/// Names that git itself would not take are put into a tree by hand.
#[tokio::test]
async fn names_that_are_none_are_refused() {
    for name in ["a\tb", "line\nbreak", ".git", "..", "esc\u{1b}[2J"] {
        let (mut bench, _) = with_a_good_commit().await;
        let blob = bench.git(&["hash-object", "-w", "compose.yaml"]);
        let mut tree = b"100644 ".to_vec();
        tree.extend(name.as_bytes());
        tree.push(0);
        let digits: Vec<u8> =
            (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()).collect();
        tree.extend(digits);
        let file = bench.top().join("tree");
        fs::write(&file, tree).unwrap();
        let words = ["hash-object", "-t", "tree", "-w", "--literally", file.to_str().unwrap()];
        let tree = bench.git(&words);
        let commit = bench.git(&["commit-tree", &tree, "-p", "HEAD", "-m", "odd"]);
        let remote = bench.top().join("remote.git");
        bench.git(&[
            "push",
            "--quiet",
            remote.to_str().unwrap(),
            &format!("{commit}:refs/heads/main"),
        ]);
        bench.refuses(SyncReason::TreeRefused).await;
    }
}

/// A file whose name looks like an option is a file.
#[tokio::test]
async fn names_like_options_are_names() {
    let (mut bench, _) = with_a_good_commit().await;
    bench.push(&[
        ("--upload-pack=touch x", "1"),
        ("-n", "2"),
        ("$(touch y)", "3"),
        ("; touch z", "4"),
    ]);
    bench.sync().await.unwrap();
    assert_eq!(bench.files().len(), 5);
    assert_eq!(bench.text("--upload-pack=touch x").as_deref(), Some("1"));
}

#[tokio::test]
async fn submodules_and_lfs_are_left_out_and_told() {
    let (mut bench, _) = with_a_good_commit().await;
    let other = bench.top().join("other.git");
    git(bench.top(), &["clone", "--quiet", "--bare", "remote.git", "other.git"]);
    bench.git(&["submodule", "--quiet", "add", &format!("file://{}", other.display()), "vendor"]);
    bench
        .push(&[("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")]);
    bench.sync().await.unwrap();
    assert!(bench.text("vendor/compose.yaml").is_none());
    let notes = bench.published().unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("submodules")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("LFS")), "{notes:?}");

    bench.source.submodules = true;
    bench.push(&[("again", "x")]);
    bench.sync().await.unwrap();
    assert_eq!(bench.text("vendor/compose.yaml").as_deref(), Some("good\n"));
    assert!(bench.text("vendor/.git").is_none());
}

/// A server that takes the connection and says nothing.
#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_nothing_of_it_stays() {
    let (mut bench, _) = with_a_good_commit().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    bench.source.limits.time = Duration::from_millis(1500);
    bench.source.url = GitUrl::new(&format!("http://127.0.0.1:{port}/shop.git")).unwrap();
    let message = bench.refuses(SyncReason::TimedOut).await;
    assert!(message.contains("1 s"), "{message}");
    eventually("its processes are gone", || {
        let left = processes_that_say(&port.to_string());
        hold(left.is_empty(), || left.join("\n"))
    })
    .await;
}

fn processes_that_say(text: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.starts_with("git") && line.contains(text)).collect()
}

/// The token stands in no argument, no file and no message.
#[tokio::test]
async fn a_token_is_shown_nowhere() {
    let (mut bench, _) = with_a_good_commit().await;
    let token = "canary-8c1f2a77d0";
    let file = bench.top().join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    let place = SecretPlace::File(LocalPath::new(&file));
    bench.source.access = Access::Token { user: "x".to_owned(), token: place };
    bench.source.url = GitUrl::new("http://127.0.0.1:1/shop.git").unwrap();
    let message = bench.refuses(SyncReason::Unreachable).await;
    assert!(!message.contains(token), "{message}");
    fs::remove_file(&file).unwrap();
    assert!(bench.refuses(SyncReason::NotConfigured).await.contains("token"));
    let found =
        everything_below(bench.top()).into_iter().filter(|text| text.contains(token)).count();
    assert_eq!(found, 0);
}

fn everything_below(top: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    let mut todo = vec![top.to_path_buf()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else {
                texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
            }
        }
    }
    texts
}

/// Hooks, filters and attributes of a repository run nothing here.
#[tokio::test]
async fn a_repository_runs_nothing() {
    let (mut bench, _) = with_a_good_commit().await;
    let mark = bench.top().join("mark");
    let script = format!("#!/bin/sh\ntouch {}\n", mark.display());
    bench.push(&[
        (".gitattributes", "* filter=evil diff=evil\n"),
        (".gitconfig", &format!("[filter \"evil\"]\n\tsmudge = touch {}\n", mark.display())),
        ("hooks/post-checkout", &script),
    ]);
    bench.sync().await.unwrap();
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_damaged_repository_is_fetched_anew() {
    let (mut bench, _) = with_a_good_commit().await;
    fs::remove_dir_all(bench.top().join("state/git/shop/repository/objects")).unwrap();
    let id = bench.push(&[("compose.yaml", "next\n")]);
    // The first look may fail; it makes the next one good.
    drop(bench.look().await);
    assert_eq!(bench.sync().await.unwrap(), id);
    assert_eq!(bench.text("compose.yaml").as_deref(), Some("next\n"));
}
