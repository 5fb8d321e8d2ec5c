//! A git repository drives the host: a push arrives whole, proves itself, goes back if it fails, and says which commit it is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::git::{git, write};
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::wait::{eventually, hold};

/// A bare repository, the work tree of whoever pushes to it, and a host that follows it.
pub(super) struct Pushed {
    pub(super) host: Host,
    pub(super) project: String,
}

impl Pushed {
    /// `settings` are further lines of the source.
    pub(super) fn new(interval: &str, settings: &str) -> Self {
        let mut host = Host::new();
        let project = host.project("shop");
        let remote = host.aside().join("remote.git");
        git(
            host.aside(),
            &["init", "--quiet", "--bare", "--initial-branch=main", remote.to_str().unwrap()],
        );
        let config = host.aside().join("composelet.yaml");
        let text = format!(
            "sources:\n  shop:\n    url: file://{}\n    into: {project}\n    interval: {interval}\n{settings}",
            remote.display()
        );
        fs::write(&config, text).unwrap();
        host.arguments = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
        let pushed = Self { host, project };
        git(pushed.host.aside(), &["init", "--quiet", "--initial-branch=main", "work"]);
        pushed
    }

    /// The repository, as its server names it.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.host.aside().join("remote.git").display())
    }

    /// Waits until the version of a commit held: something to go back to.
    pub(super) async fn holds(&self, commit: &str) {
        eventually("the version of the commit holds", || {
            let history = self.host.expect(&["rollout", "history", &self.project]);
            let line =
                history.lines().find(|line| line.contains(&commit[..12])).unwrap_or_default();
            hold(line.contains("stable"), || history.clone())
        })
        .await;
    }

    fn work(&self) -> PathBuf {
        self.host.aside().join("work")
    }

    /// Pushes these files; the commit.
    pub(super) fn push(&self, files: &[(&str, String)]) -> String {
        for (path, text) in files {
            write(&self.work().join(path), text);
        }
        self.push_head("change")
    }

    fn push_head(&self, message: &str) -> String {
        git(&self.work(), &["add", "--all"]);
        git(&self.work(), &["commit", "--quiet", "--allow-empty", "--message", message]);
        git(&self.work(), &["push", "--quiet", "--force", "../remote.git", "HEAD:refs/heads/main"]);
        git(&self.work(), &["rev-parse", "HEAD"])
    }

    /// `reconcile --revision` of the commit, as a CI job would; its exit code and what it printed.
    fn deployed(&self, commit: &str) -> (i32, String) {
        let words =
            ["reconcile", &self.project, "--revision", commit, "--wait", "--timeout", "90s"];
        let run = self.host.run(&words);
        (run.code, format!("{}{}", run.out, run.err))
    }
}

/// A page of `number`, bound as a single file beside data of the host.
pub(super) fn manifest(number: u32, command: &str) -> String {
    format!(
        "services:
  web:
    image: {IMAGE}
    init: true
    command: {command}
    environment: {{VERSION: '{number}'}}
    volumes: ['./page:/page:ro', './data:/data']
    healthcheck: {{test: [CMD, test, -e, /page], interval: 1s, retries: 2, start_period: 5s}}
    deploy: {{update_config: {{monitor: 2s}}}}
"
    )
}

pub(super) const GOOD: &str = "[sleep, '1000000']";

fn data(directory: &Path) -> String {
    fs::read_to_string(directory.join("data/rows")).unwrap_or_default()
}

#[tokio::test]
async fn a_push_is_rolled_out_a_bad_one_goes_back_and_the_next_good_one_goes_through() {
    let mut pushed = Pushed::new("5s", "");
    let directory = pushed.host.desired().join(&pushed.project);
    write(&directory.join("data/rows"), "precious");
    let first = pushed.push(&[("compose.yaml", manifest(1, GOOD)), ("page", "one".to_owned())]);
    pushed.host.start();
    pushed.host.fresh().await;
    let (code, text) = pushed.deployed(&first[..12]);
    assert_eq!(code, 0, "{text}");
    pushed.holds(&first).await;

    let bad = pushed.push(&[("compose.yaml", manifest(2, "[sh, -c, 'echo no good >&2; exit 1']"))]);
    let (code, text) = pushed.deployed(&bad);
    assert_eq!(code, 5, "it went back:\n{text}");
    assert!(text.contains("no good"), "the diagnosis is printed:\n{text}");
    let version =
        |host: &Host| host.engine.containers_of(&pushed.project)[0].at("/Config/Env").to_string();
    assert!(version(&pushed.host).contains("VERSION=1"));

    let good = pushed.push(&[("compose.yaml", manifest(3, GOOD)), ("page", "three".to_owned())]);
    let (code, text) = pushed.deployed(&good);
    assert_eq!(code, 0, "{text}");
    assert!(version(&pushed.host).contains("VERSION=3"));
    let container = pushed.host.running(&pushed.project, "web").await;
    assert_eq!(pushed.host.engine.exec(container.id(), &["cat", "/page"]).trim(), "three");
    assert_eq!(data(&directory), "precious");

    let history = pushed.host.expect(&["rollout", "history", &pushed.project]);
    for commit in [&first, &bad, &good] {
        assert!(history.contains(&commit[..12]), "{history}");
    }
    let sources = pushed.host.expect(&["sources"]);
    assert!(sources.contains("Ready") && sources.contains(&good[..12]), "{sources}");
}

#[tokio::test]
async fn a_rewritten_history_waits_and_is_accepted() {
    let mut pushed = Pushed::new("5s", "");
    let first = pushed.push(&[("compose.yaml", manifest(1, GOOD)), ("page", "one".to_owned())]);
    pushed.host.start();
    pushed.host.fresh().await;
    assert_eq!(pushed.deployed(&first).0, 0);
    git(&pushed.work(), &["checkout", "--quiet", "--orphan", "other"]);
    let other = pushed.push(&[("compose.yaml", manifest(2, GOOD))]);
    eventually("the source says why", || {
        let run = pushed.host.run(&["sources"]);
        hold(
            run.code == 1 && run.out.contains("HistoryRewritten") && run.out.contains(&other),
            || run.out.clone(),
        )
    })
    .await;
    assert!(
        pushed.host.run(&["sources", "-o", "json"]).out.contains(&first),
        "the last good one stays"
    );
    pushed.host.expect(&["sources", "accept", "shop", &other]);
    let (code, text) = pushed.deployed(&other);
    assert_eq!(code, 0, "{text}");
}

/// Killed at any moment of a switch, the next process ends with one commit, whole.
#[tokio::test]
async fn killed_again_and_again_it_ends_with_the_last_commit() {
    let mut pushed = Pushed::new("5s", "");
    let many = |number: u32| -> Vec<(String, String)> {
        (0..300).map(|at| (format!("conf/{at}"), number.to_string())).collect()
    };
    let mut last = String::new();
    for number in 1..=6 {
        let mut files = vec![
            ("compose.yaml".to_owned(), manifest(number, GOOD)),
            ("page".to_owned(), number.to_string()),
        ];
        files.extend(many(number));
        for (path, text) in &files {
            write(&pushed.work().join(path), text);
        }
        last = pushed.push_head("many");
        pushed.host.start();
        let state = pushed.host.state().join("git/shop");
        // Now and then in the middle of a switch, now and then before or after it.
        let seen = |name: &str| state.join(name).exists();
        eventually("something happens", || {
            let at_work = seen("pending.json")
                || fs::read_to_string(state.join("published.json"))
                    .is_ok_and(|text| text.contains(&last));
            hold(at_work, || "not yet".to_owned())
        })
        .await;
        pushed.host.kill();
    }
    pushed.host.start();
    pushed.host.fresh().await;
    let (code, text) = pushed.deployed(&last);
    assert_eq!(code, 0, "{text}");
    let directory = pushed.host.desired().join(&pushed.project);
    for (path, text) in many(6) {
        assert_eq!(fs::read_to_string(directory.join(&path)).unwrap(), text, "{path}");
    }
}

/// A variable that nobody gave a value would reach the container as an empty text: nothing is touched before it has one.
#[tokio::test]
async fn values_that_git_does_not_hold_come_from_the_host() {
    let mut pushed = Pushed::new("5s", "");
    let text =
        manifest(1, GOOD).replace("VERSION: '1'", "VERSION: '1', PASSWORD: '${SHOP_PASSWORD}'");
    let first = pushed.push(&[("compose.yaml", text), ("page", "one".to_owned())]);
    pushed.host.start();
    eventually("the file is refused and the variable is named", || {
        let run = pushed.host.run(&["describe", &pushed.project]);
        hold(run.out.contains("SHOP_PASSWORD is not set"), || format!("{}{}", run.out, run.err))
    })
    .await;
    assert_eq!(pushed.host.engine.containers_of(&pushed.project).len(), 0);

    pushed.host.terminate().await;
    let values = pushed.host.aside().join("shop.env");
    fs::write(&values, "SHOP_PASSWORD=of-this-host\n").unwrap();
    let config = pushed.host.aside().join("composelet.yaml");
    let settings = fs::read_to_string(&config).unwrap();
    let projects =
        format!("projects: {{{}: {{env_files: [{}]}}}}\n", pushed.project, values.display());
    fs::write(&config, settings + &projects).unwrap();
    pushed.host.start();
    pushed.host.fresh().await;
    let (code, text) = pushed.deployed(&first);
    assert_eq!(code, 0, "{text}");
    let web = pushed.host.running(&pushed.project, "web").await;
    assert!(web.environment().contains(&"PASSWORD=of-this-host"), "{}", web.line());
}
