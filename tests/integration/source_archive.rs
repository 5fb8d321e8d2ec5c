//! Build contexts as tar archives.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use composelet::model::build::{Build, Dockerfile};
use composelet::source::{context_archive, context_files};
use futures::{StreamExt, TryStreamExt};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::build;

#[derive(Debug, PartialEq, Eq)]
struct Sent {
    path: String,
    kind: tar::EntryType,
    mode: u32,
    mtime: u64,
    owner: (u64, u64),
    text: String,
}

async fn pack(build: &Build) -> std::io::Result<Vec<u8>> {
    let pieces: Vec<bytes::Bytes> = context_archive(build, "d1").try_collect().await?;
    Ok(pieces.concat())
}

fn unpack(bytes: &[u8]) -> Vec<Sent> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let link = entry.link_name().unwrap().map(|link| link.display().to_string());
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let header = entry.header();
        Sent {
            path: entry.path().unwrap().display().to_string(),
            kind: header.entry_type(),
            mode: header.mode().unwrap(),
            mtime: header.mtime().unwrap(),
            owner: (header.uid().unwrap(), header.gid().unwrap()),
            text: link.unwrap_or(text),
        }
    });
    entries.collect()
}

async fn texts(build: &Build) -> BTreeMap<String, String> {
    let sent = unpack(&pack(build).await.unwrap());
    sent.into_iter().map(|sent| (sent.path, sent.text)).collect()
}

fn write(base: &Path, name: &str, text: &str) {
    let path = base.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn entries_are_sorted_and_carry_mode_and_time_but_no_owner() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "Dockerfile", "FROM scratch\n");
    write(base.path(), "b/run.sh", "#!");
    write(base.path(), "b-c", "x");
    write(base.path(), &format!("{}/deep", "long".repeat(30)), "long name");
    symlink("../../etc/passwd", base.path().join("link")).unwrap();
    let run = base.path().join("b/run.sh");
    fs::set_permissions(&run, PermissionsExt::from_mode(0o755)).unwrap();
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&run).unwrap().set_modified(time).unwrap();
    mknodat(CWD, base.path().join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();

    let bytes = pack(&build(base.path())).await.unwrap();
    let sent = unpack(&bytes);
    let long = "long".repeat(30);
    let paths: Vec<&str> = sent.iter().map(|sent| sent.path.as_str()).collect();
    let deep = format!("{long}/deep");
    assert_eq!(paths, ["Dockerfile", "b", "b/run.sh", "b-c", "link", &long, &deep]);
    assert!(sent.iter().all(|sent| sent.owner == (0, 0)));
    assert_eq!(
        sent[2],
        Sent {
            path: "b/run.sh".to_owned(),
            kind: tar::EntryType::Regular,
            mode: 0o755,
            mtime: 1_000_000_000,
            owner: (0, 0),
            text: "#!".to_owned(),
        }
    );
    assert_eq!(
        (sent[4].kind, sent[4].text.as_str()),
        (tar::EntryType::Symlink, "../../etc/passwd")
    );
    assert_eq!(bytes, pack(&build(base.path())).await.unwrap(), "the same context, the same bytes");
}

#[tokio::test]
async fn the_ignore_file_rules_but_dockerfile_and_itself_are_sent() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "Dockerfile", "FROM scratch\n");
    write(
        base.path(),
        ".dockerignore",
        "*\n!app\napp/*.tmp\nnode_modules\n!node_modules/keep/me\n",
    );
    for name in ["app/main", "app/x.tmp", "README", "node_modules/a", "node_modules/keep/me"] {
        write(base.path(), name, "x");
    }
    let sent: Vec<String> = texts(&build(base.path())).await.into_keys().collect();
    let expected = [".dockerignore", "Dockerfile", "app", "app/main", "node_modules/keep/me"];
    assert_eq!(sent, expected);
    let files = context_files(&build(base.path())).unwrap();
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    assert_eq!(files, expected);
}

#[tokio::test]
async fn the_ignore_file_of_a_dockerfile_comes_first() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "prod/Dockerfile", "FROM scratch\n");
    write(base.path(), "prod/Dockerfile.dockerignore", "a\n");
    write(base.path(), ".dockerignore", "b\n");
    write(base.path(), "a", "");
    write(base.path(), "b", "");
    let mut build = build(base.path());
    build.dockerfile = Dockerfile::Path("prod/Dockerfile".to_owned());
    let sent = texts(&build).await;
    assert!(!sent.contains_key("a") && sent.contains_key("b"));
    assert_eq!(build.dockerfile_name(), "prod/Dockerfile");
}

#[tokio::test]
async fn instructions_from_outside_travel_under_a_name_that_the_engine_takes_out() {
    let base = tempfile::tempdir().unwrap();
    let context = base.path().join("context");
    write(&context, "a", "x");
    write(&context, ".dockerignore", "*.log");
    write(base.path(), "Dockerfile.prod", "FROM outside\n");
    let mut outside = build(&context);
    outside.dockerfile = Dockerfile::Path("../Dockerfile.prod".to_owned());
    let mut inline = build(&context);
    inline.dockerfile = Dockerfile::Inline("FROM inline\n".to_owned());
    for (build, text) in [(&outside, "FROM outside\n"), (&inline, "FROM inline\n")] {
        let name = build.dockerfile_name();
        assert!(name.starts_with("composelet.Dockerfile."), "{name}");
        let sent = texts(build).await;
        assert_eq!(sent.get(&name).map(String::as_str), Some(text));
        assert_eq!(sent[".dockerignore"], format!("*.log\n{name}\n"));
        assert_eq!(sent.len(), 3);
    }
    assert_ne!(outside.dockerfile_name(), inline.dockerfile_name());

    fs::remove_file(context.join(".dockerignore")).unwrap();
    let sent = texts(&inline).await;
    let ignore = format!(".dockerignore\n{}\n", inline.dockerfile_name());
    assert_eq!(sent[".dockerignore"], ignore, "then it takes itself out too");
}

#[tokio::test]
async fn a_dockerfile_that_links_out_of_the_context_is_sent_as_a_file() {
    let base = tempfile::tempdir().unwrap();
    let context = base.path().join("context");
    write(base.path(), "shared", "FROM shared\n");
    write(&context, "a", "x");
    symlink("../shared", context.join("Dockerfile")).unwrap();
    let sent = unpack(&pack(&build(&context)).await.unwrap());
    let dockerfile = sent.iter().find(|sent| sent.path == "Dockerfile").unwrap();
    assert_eq!(
        (dockerfile.kind, dockerfile.text.as_str()),
        (tar::EntryType::Regular, "FROM shared\n")
    );
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn large_files_go_in_pieces_and_whole() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "Dockerfile", "FROM scratch\n");
    write(base.path(), "big", &"0123456789abcdef".repeat(200_000));
    let pieces: Vec<bytes::Bytes> =
        context_archive(&build(base.path()), "d1").try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= 64 << 10));
    assert_eq!(unpack(&pieces.concat())[1].text.len(), 3_200_000);
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_and_one_that_fails_says_so() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "Dockerfile", "FROM scratch\n");
    write(base.path(), "big", &"x".repeat(5 << 20));
    let mut stream = context_archive(&build(base.path()), "d1");
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);

    let mut wrong = build(base.path());
    wrong.dockerfile = Dockerfile::Path("nothing".to_owned());
    let error = pack(&wrong).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the Dockerfile ") && error.ends_with("/nothing does not exist"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_shrinks_fails_the_archive_before_its_end() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "Dockerfile", "FROM scratch\n");
    write(base.path(), "big", &"x".repeat(20 << 20));
    let mut stream = context_archive(&build(base.path()), "d1");
    let mut bytes = stream.next().await.unwrap().unwrap().to_vec();
    // The reader is at most a few pieces ahead of us.
    fs::File::options().write(true).open(base.path().join("big")).unwrap().set_len(0).unwrap();
    let mut error = None;
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend(piece),
            Err(found) => error = Some(found.to_string()),
        }
    }
    assert!(error.unwrap().ends_with("big: it shrank while it was sent"));
    let end = [0_u8; 1024];
    assert!(!bytes.ends_with(&end), "no end of an archive was sent");
}
