//! What belongs to the host stays as it is, whatever a repository does (DESIGN §5, data).

use std::collections::BTreeMap;
use std::fs;

use composelet::model::git_source::GitUrl;
use composelet::model::sync::SyncReason;
use composelet::source::git::{Switch, Synced};

use super::bench::{Bench, write};

/// Files beside the manifest that no commit holds.
const DATA: [(&str, &str); 4] = [
    (".env", "DB_PASSWORD=hunter2\n"),
    ("data/db.sqlite3", "rows\0and rows"),
    ("media/2024/photo.jpg", "bytes"),
    ("certs/tls.key", "key"),
];

fn host_data(bench: &Bench) -> BTreeMap<String, String> {
    let files = bench.files();
    DATA.iter()
        .map(|(path, _)| ((*path).to_owned(), files.get(*path).cloned().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn data_is_the_same_over_commits_rewrites_ways_back_and_a_new_clone() {
    let mut bench = Bench::new();
    for (path, text) in DATA {
        write(&bench.target().join(path), text);
    }
    let before = host_data(&bench);
    let first = bench.push(&[
        ("compose.yaml", "0"),
        ("data/.gitkeep", ""),
        (".gitignore", "*.sqlite3\nmedia\n.env\n"),
    ]);
    bench.sync().await.unwrap();
    for number in 1..=20 {
        let text = number.to_string();
        let other = format!("conf/{number}");
        bench.push(&[("compose.yaml", text.as_str()), (other.as_str(), "x")]);
        drop(fs::remove_file(bench.work().join(format!("conf/{}", number - 1))));
        drop(fs::remove_dir_all(bench.work().join("data")));
        bench.push_all("without the kept directory");
        bench.sync().await.unwrap();
        assert_eq!(host_data(&bench), before, "commit {number}");
    }

    // A force-push, accepted.
    bench.git(&["checkout", "--quiet", "-B", "main", &first]);
    let other = bench.push(&[("compose.yaml", "rewritten")]);
    bench.refuses(SyncReason::HistoryRewritten).await;
    bench.accepted = Some(other.clone());
    assert_eq!(bench.sync().await.unwrap(), other);
    assert_eq!(host_data(&bench), before, "a force-push");
    assert!(bench.text("conf/20").is_none(), "what the other history lacks is gone");

    // A way back by a commit that reverts, and a clone anew.
    bench.push(&[("compose.yaml", "0")]);
    bench.sync().await.unwrap();
    fs::remove_dir_all(bench.top().join("state/git/shop/repository")).unwrap();
    fs::remove_dir_all(bench.top().join("desired/.composelet")).unwrap();
    bench.push(&[("compose.yaml", "after the new clone")]);
    bench.sync().await.unwrap();
    assert_eq!(bench.text("compose.yaml").as_deref(), Some("after the new clone"));
    assert_eq!(host_data(&bench), before, "a re-clone");

    // The state directory is lost: what is in place is known again by its content.
    fs::remove_dir_all(bench.top().join("state")).unwrap();
    bench.sync().await.unwrap();
    assert_eq!(host_data(&bench), before, "a lost state directory");

    // The repository moved elsewhere.
    fs::rename(bench.top().join("remote.git"), bench.top().join("moved.git")).unwrap();
    let url = format!("file://{}", bench.top().join("moved.git").display());
    bench.source.url = GitUrl::new(&url).unwrap();
    bench.sync().await.unwrap();
    assert_eq!(host_data(&bench), before, "adopted from another place");
}

#[tokio::test]
async fn files_of_the_host_are_not_overwritten_unless_the_source_takes_over() {
    let mut bench = Bench::new();
    write(&bench.target().join("compose.yaml"), "by hand\n");
    write(&bench.target().join("same"), "equal\n");
    bench.push(&[("compose.yaml", "from git\n"), ("same", "equal\n"), ("new", "x")]);
    let message = bench.refuses(SyncReason::FilesInTheWay).await;
    assert!(
        message.contains("compose.yaml")
            && message.contains("takeover")
            && !message.contains("same"),
        "{message}"
    );
    assert!(bench.text("new").is_none(), "nothing was touched");

    bench.source.takeover = true;
    bench.sync().await.unwrap();
    assert_eq!(bench.text("compose.yaml").as_deref(), Some("from git\n"));
    assert_eq!(kept_aside(&bench), ["by hand\n"]);
}

fn kept_aside(bench: &Bench) -> Vec<String> {
    let sets = fs::read_dir(bench.top().join("state/git/shop/aside")).unwrap();
    let files = sets.flat_map(|set| fs::read_dir(set.unwrap().path()).unwrap());
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test]
async fn what_was_changed_by_hand_is_put_right_and_kept_aside() {
    let mut bench = Bench::new();
    let id = bench.push(&[("compose.yaml", "one\n"), ("other", "x")]);
    bench.sync().await.unwrap();
    write(&bench.target().join("compose.yaml"), "edited at night\n");
    fs::remove_file(bench.target().join("other")).unwrap();
    let Synced::Ready(switch) = bench.look().await.unwrap() else {
        panic!("it is to be put right")
    };
    assert_eq!(switch.kept_aside(), ["compose.yaml"]);
    switch.perform(&bench.place()).unwrap();
    assert_eq!(bench.text("compose.yaml").as_deref(), Some("one\n"));
    assert_eq!(bench.text("other").as_deref(), Some("x"));
    assert_eq!(kept_aside(&bench), ["edited at night\n"]);
    assert!(matches!(bench.look().await.unwrap(), Synced::InPlace(commit) if commit.id == id));
}

#[tokio::test]
async fn links_and_directories_of_the_host_are_never_replaced_nor_followed() {
    let mut bench = Bench::new();
    let elsewhere = bench.top().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::create_dir_all(bench.target().join("media")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, bench.target().join("conf")).unwrap();
    bench.source.takeover = true;
    bench.push(&[("conf/nginx.conf", "x")]);
    bench.refuses(SyncReason::FilesInTheWay).await;
    assert_eq!(
        fs::read_dir(&elsewhere).unwrap().count(),
        0,
        "nothing was written through the link"
    );
    fs::remove_file(bench.target().join("conf")).unwrap();
    bench.push(&[("media", "a file now")]);
    bench.refuses(SyncReason::FilesInTheWay).await;
}

/// Cut off after any number of its steps, a switch is finished by the next process, and what is read then is one commit.
#[tokio::test]
async fn a_crash_in_the_middle_is_made_up_for() {
    let mut bench = Bench::new();
    bench.push(&[("a", "1"), ("b", "1"), ("c/d", "1"), ("gone", "1")]);
    bench.sync().await.unwrap();
    fs::remove_file(bench.work().join("gone")).unwrap();
    bench.push(&[("a", "2"), ("b", "2"), ("c/d", "2"), ("new", "2")]);
    let Synced::Ready(switch) = bench.look().await.unwrap() else {
        panic!("there is something to do")
    };
    // As if killed after the first rename: the note of what is to be done is there, some of it is done.
    fs::write(
        bench.top().join("state/git/shop/pending.json"),
        serde_json::to_vec(&*switch).unwrap(),
    )
    .unwrap();
    let staging = bench.top().join("desired/.composelet/shop");
    fs::rename(staging.join("b"), bench.target().join("b")).unwrap();
    fs::remove_file(bench.target().join("gone")).unwrap();

    let rest = Switch::unfinished(&bench.place()).unwrap().expect("it was written down");
    rest.perform(&bench.place()).unwrap();
    let files = bench.files();
    let seen: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(seen, [("a", "2"), ("b", "2"), ("c/d", "2"), ("new", "2")]);
    assert!(Switch::unfinished(&bench.place()).unwrap().is_none());
    assert!(matches!(bench.look().await.unwrap(), Synced::InPlace(_)));
}
