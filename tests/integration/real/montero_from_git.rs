//! The one file of SQLite that is all of montero's data, over everything that a repository may do to the project: its bytes
//! stay as they are.

use std::fs;

use crate::git::git;
use crate::support_real::host::Host;
use crate::support_real::repository::{Repository, deployed, held, untracked};
use crate::support_real::system::{answers, page, place};
use crate::support_real::wait::{eventually, hold};

/// Commits that change nothing that runs, but for every fifth.
const COMMITS: usize = 20;
const NOTE: &[&str] =
    &["-H", "Content-Type: application/json", "-d", r#"{"text":"a","author":"Ana"}"#];

/// A manifest beside the system's own, with a label that says which commit it is of.
fn pace(label: &str) -> String {
    format!(
        "services: {{app: {{labels: {{commit: '{label}'}}, healthcheck: {{interval: 2s, retries: 15}}, \
         deploy: {{update_config: {{monitor: 2s}}}}}}}}\n"
    )
}

fn source(repository: &Repository, into: &str) -> String {
    let url = repository.bare.display();
    format!("sources:\n  montero:\n    url: file://{url}\n    into: {into}\n    interval: 5s\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_keeps_its_bytes_over_everything_that_git_does() {
    let mut host = Host::new();
    let project = host.project("gitmontero");
    let files = "docker-compose.yml:pace.yml".to_owned();
    let ports = place(&host, "montero", &project, &[], &[("COMPOSE_FILE", files)]);
    let directory = host.desired().join(&project);
    fs::write(directory.join("pace.yml"), pace("0")).unwrap();
    let mut repository = Repository::of(&host, &directory);
    let first = repository.push("as it stands");
    let config = host.aside().join("composelet.yaml");
    fs::write(&config, source(&repository, &project)).unwrap();
    host.arguments = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
    host.start();
    host.comes_up(&project, 3).await;
    held(&host, &project, &first).await;
    let notes = format!("http://localhost:{}/notes", ports["APP_HOST_PORT"]);
    assert_eq!(page(&notes, NOTE).unwrap().0, 201);
    let database = directory.join("data/montero.db");
    let (before, kept) = (fs::read(&database).unwrap(), untracked(&directory, &repository.work));
    let kept: Vec<_> = kept.into_iter().filter(|(name, _)| !name.starts_with("logs/")).collect();
    let same = |when: &str| assert!(fs::read(&database).unwrap() == before, "{when}");

    for number in 1..=COMMITS {
        let commit = if number % 5 == 0 {
            repository.with("pace.yml", &pace(&number.to_string()))
        } else {
            repository.with("docs/history.md", &number.to_string())
        };
        let (code, text) = deployed(&host, &project, &commit);
        assert_eq!(code, 0, "commit {number}: {text}");
        same(&format!("commit {number}"));
    }

    went_back(&host, &project, &repository);
    same("a rollback");
    rewritten(&host, &project, (&repository, &first)).await;
    same("a force-push");

    // Cloned anew, from another place.
    host.terminate().await;
    fs::remove_dir_all(host.state().join("git")).unwrap();
    let moved = host.aside().join("moved.git");
    fs::rename(&repository.bare, &moved).unwrap();
    repository.bare = moved;
    fs::write(&config, source(&repository, &project)).unwrap();
    host.start();
    host.fresh().await;
    let (code, text) = deployed(&host, &project, &repository.with("docs/history.md", "moved"));
    assert_eq!(code, 0, "{text}");
    same("a re-clone");
    let now = untracked(&directory, &repository.work);
    assert_eq!(
        now.into_iter().filter(|(name, _)| !name.starts_with("logs/")).collect::<Vec<_>>(),
        kept
    );

    // The project's directory is another one from now on.
    host.terminate().await;
    let into = format!("{project}-at-home");
    fs::rename(&directory, host.desired().join(&into)).unwrap();
    fs::write(&config, source(&repository, &into)).unwrap();
    host.start();
    host.fresh().await;
    let (code, text) = deployed(&host, &project, &repository.with("docs/history.md", "at home"));
    assert_eq!(code, 0, "{text}");
    let database = host.desired().join(&into).join("data/montero.db");
    assert!(fs::read(&database).unwrap() == before, "adopted at another path");
    assert!(answers(&notes, &[]).await.contains("Ana"), "and served");
    let app = host.running(&project, "app").await;
    assert_eq!(
        host.engine.exec(app.id(), &["sha256sum", "/app/data/montero.db"]).split(' ').next(),
        sum(&database).as_deref()
    );
}

/// A version that never answers goes back by itself.
fn went_back(host: &Host, project: &str, repository: &Repository) {
    let bad = pace("bad")
        .replace("healthcheck: {", "healthcheck: {test: [CMD, 'false'], start_period: 1s, ");
    let (code, text) = deployed(host, project, &repository.with("pace.yml", &bad));
    assert_eq!(code, 5, "{text}");
}

/// A history that is another one is waited with, and accepted.
async fn rewritten(host: &Host, project: &str, (repository, first): (&Repository, &str)) {
    git(&repository.work, &["checkout", "--quiet", "-B", "main", first]);
    git(
        &repository.work,
        &["push", "--quiet", "--force", repository.bare.to_str().unwrap(), "HEAD:refs/heads/main"],
    );
    let other = repository.with("pace.yml", &pace("rewritten"));
    eventually("the source waits for a person", || {
        let run = host.run(&["sources"]);
        hold(run.out.contains("HistoryRewritten") && run.out.contains(&other), || run.out.clone())
    })
    .await;
    host.expect(&["sources", "accept", "montero", &other]);
    let (code, text) = deployed(host, project, &other);
    assert_eq!(code, 0, "{text}");
}

/// What `sha256sum` says of a file of the host.
fn sum(path: &std::path::Path) -> Option<String> {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().map(str::to_owned)
}
