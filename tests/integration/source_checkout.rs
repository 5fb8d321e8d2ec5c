//! The commit of a checkout, beside what git says of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use composelet::model::path::LocalPath;
use composelet::source::checked_out;

fn git(directory: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.test"])
        .args(words)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn seen(directory: &Path) -> Option<String> {
    checked_out(&LocalPath::new(directory)).map(|commit| commit.id)
}

#[test]
fn it_is_what_git_says_however_the_repository_keeps_it() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("repository");
    let app = top.join("desired/app");
    fs::create_dir_all(&app).unwrap();
    assert_eq!(seen(&app), None, "no checkout");
    git(&top, &["init", "--quiet", "--initial-branch", "main"]);
    assert_eq!(seen(&app), None, "no commit yet");

    fs::write(app.join("compose.yaml"), "services: {}\n").unwrap();
    git(&top, &["add", "."]);
    git(&top, &["commit", "--quiet", "--message", "first"]);
    let first = git(&top, &["rev-parse", "HEAD"]);
    assert_eq!(seen(&app).as_ref(), Some(&first), "a loose reference");
    git(&top, &["pack-refs", "--all"]);
    assert_eq!(seen(&app).as_ref(), Some(&first), "a packed one");
    git(&top, &["commit", "--quiet", "--allow-empty", "--message", "second"]);
    let second = git(&top, &["rev-parse", "HEAD"]);
    assert_eq!(seen(&app).as_ref(), Some(&second), "the loose one is the newer one");
    git(&top, &["checkout", "--quiet", "--detach", &first]);
    assert_eq!(seen(&app).as_ref(), Some(&first), "detached");

    let further = place.path().join("further");
    git(&top, &["worktree", "add", "--quiet", further.to_str().unwrap(), "main"]);
    assert_eq!(seen(&further.join("desired/app")).as_ref(), Some(&second), "a further work tree");
    let link = place.path().join("link");
    std::os::unix::fs::symlink(&app, &link).unwrap();
    assert_eq!(seen(&link).as_ref(), Some(&first), "through a link");
}

#[test]
fn what_is_no_repository_names_no_commit_and_nothing_outside() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path();
    let repository = top.join(".git");
    fs::create_dir(&repository).unwrap();
    let id = "0123456789abcdef0123456789abcdef01234567";
    fs::write(top.join("stolen"), id).unwrap();
    for head in [
        "",
        "ref: ",
        "ref: refs/../../stolen",
        "ref: /etc/passwd",
        "ref: HEAD",
        "abc",
        "ref: refs/heads/",
    ] {
        fs::write(repository.join("HEAD"), head).unwrap();
        assert_eq!(seen(top), None, "{head:?}");
    }
    fs::write(repository.join("HEAD"), id.to_uppercase()).unwrap();
    assert_eq!(seen(top), None);
    fs::write(repository.join("HEAD"), format!("{id}\n")).unwrap();
    assert_eq!(seen(top).as_deref(), Some(id));
}
