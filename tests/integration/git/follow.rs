//! Branches, tags, ranges and commits; a part of a repository; what a commit says of itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use composelet::model::git_source::{Follow, Rewrites, SubPath};
use composelet::model::sync::SyncReason;
use composelet::source::git::Synced;

use super::bench::Bench;

#[tokio::test]
async fn a_branch_is_followed_file_by_file() {
    let mut bench = Bench::new();
    let first = bench.push(&[
        ("compose.yaml", "a: 1\n"),
        ("nginx/nginx.conf", "one\n"),
        ("bin/run", "#!/bin/sh\n"),
    ]);
    fs::set_permissions(bench.work().join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    bench.push_all("Start of a shop");
    assert_ne!(bench.sync().await.unwrap(), first);
    let published = bench.published().unwrap();
    assert_eq!(published.commit.author.as_deref(), Some("Ana"));
    assert_eq!(published.commit.subject.as_deref(), Some("Start of a shop"));
    assert_eq!(
        bench.files().keys().collect::<Vec<_>>(),
        ["bin/run", "compose.yaml", "nginx/nginx.conf"]
    );
    let mode = |path: &str| fs::metadata(bench.target().join(path)).unwrap().mode() & 0o777;
    assert_eq!([mode("bin/run"), mode("compose.yaml")], [0o755, 0o644]);

    // What did not change keeps its inode: a file that is bound into a container stays that file.
    let inode =
        |bench: &Bench| fs::metadata(bench.target().join("nginx/nginx.conf")).unwrap().ino();
    let before = inode(&bench);
    let second = bench.push(&[("compose.yaml", "a: 2\n"), ("new/deep/file", "x")]);
    assert_eq!(bench.sync().await.unwrap(), second);
    assert_eq!(inode(&bench), before);
    assert_eq!(bench.text("compose.yaml").as_deref(), Some("a: 2\n"));
    assert_eq!(bench.text("new/deep/file").as_deref(), Some("x"));

    // And what is in place is only looked at.
    assert!(matches!(bench.look().await.unwrap(), Synced::InPlace(commit) if commit.id == second));
}

#[tokio::test]
async fn files_become_directories_and_links_and_go() {
    let mut bench = Bench::new();
    bench.push(&[("a", "file"), ("d/x", "1"), ("d/e/y", "2"), ("gone", "x")]);
    bench.sync().await.unwrap();
    for path in ["a", "d", "gone"] {
        let path = bench.work().join(path);
        drop(fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)));
    }
    bench.push(&[("a/inside", "3"), ("d", "now a file")]);
    std::os::unix::fs::symlink("a/inside", bench.work().join("link")).unwrap();
    bench.push_all("turned around");
    bench.sync().await.unwrap();
    let files = bench.files();
    let seen: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(seen, [("a/inside", "3"), ("d", "now a file"), ("link", "-> a/inside")]);
}

#[tokio::test]
async fn a_part_of_a_repository_goes_where_it_is_wanted() {
    let mut bench = Bench::new();
    bench.push(&[("deploy/compose.yaml", "x"), ("src/main.py", "y"), ("deploy/env/app.env", "z")]);
    bench.source.path = SubPath::new("./deploy/").unwrap();
    bench.source.into = SubPath::new("apps/shop").unwrap();
    bench.sync().await.unwrap();
    assert_eq!(bench.files().keys().collect::<Vec<_>>(), ["compose.yaml", "env/app.env"]);
    assert!(bench.target().ends_with("desired/apps/shop"));
    bench.source.path = SubPath::new("nowhere").unwrap();
    assert!(bench.refuses(SyncReason::ReferenceNotFound).await.contains("nowhere"));
}

#[tokio::test]
async fn tags_do_not_move_and_ranges_go_up() {
    let mut bench = Bench::new();
    let tag = |bench: &Bench, name: &str| {
        let id = bench.push(&[("version", name)]);
        bench.git(&["tag", "--force", name]);
        bench.push_tag(name);
        id
    };
    let one = tag(&bench, "v1.2.0");
    let two = tag(&bench, "v2.0.0");
    bench.source.follow = Follow::Semver("^1".to_owned());
    assert_eq!(bench.sync().await.unwrap(), one);
    let newer = tag(&bench, "v1.10.0");
    tag(&bench, "v1.9.0");
    tag(&bench, "nonsense");
    assert_eq!(bench.sync().await.unwrap(), newer);
    assert_eq!(bench.published().unwrap().tag.as_deref(), Some("v1.10.0"));
    // Whoever removes the tag does not bring an older version back.
    super::bench::git(&bench.top().join("remote.git"), &["tag", "--delete", "v1.10.0"]);
    bench.refuses(SyncReason::ReferenceNotFound).await;

    bench.source.follow = Follow::Tag("v2.0.0".to_owned());
    assert_eq!(bench.sync().await.unwrap(), two);
    let moved = tag(&bench, "v2.0.0");
    assert!(bench.refuses(SyncReason::HistoryRewritten).await.contains("moved"));
    bench.source.rewrites = Rewrites::Accept;
    assert_eq!(bench.sync().await.unwrap(), moved);

    bench.source.follow = Follow::Commit(one.clone());
    assert_eq!(bench.sync().await.unwrap(), one, "back to a commit that somebody names");
    assert_eq!(bench.text("version").as_deref(), Some("v1.2.0"));
    bench.source.follow = Follow::Commit("1".repeat(40));
    bench.refuses(SyncReason::ReferenceNotFound).await;
}

#[tokio::test]
async fn a_branch_may_go_on_by_more_than_what_is_fetched_first() {
    let mut bench = Bench::new();
    bench.push(&[("n", "0")]);
    bench.sync().await.unwrap();
    for number in 0..120 {
        bench.git(&["commit", "--quiet", "--allow-empty", "--message", &number.to_string()]);
    }
    let last = bench.push(&[("n", "1")]);
    assert_eq!(bench.sync().await.unwrap(), last);
}
