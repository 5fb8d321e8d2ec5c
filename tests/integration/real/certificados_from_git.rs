//! The system certificados driven by a repository, over ssh and then over https: adopted as it stands, changed by pushes,
//! and brought back when a push is bad. What no commit holds stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::git::{git, write};
use crate::support_real::git_server::{HttpsServer, SshServer, TOKEN, token_is_nowhere};
use crate::support_real::host::Host;
use crate::support_real::system::{answers, page, place};
use crate::support_real::wait::{eventually, hold};

const TLS: &[&str] = &["--insecure"];

/// A quick pace, so that what is waited for is the controller.
const PACE: &str = "services: {web: {healthcheck: {interval: 2s, retries: 3, start_period: 20s}, \
                    deploy: {update_config: {monitor: 2s}}}}\n";

/// The repository and the work tree of whoever pushes to it.
struct Repository {
    bare: PathBuf,
    work: PathBuf,
}

impl Repository {
    /// One that holds what the system's own `.gitignore` lets in.
    fn of(host: &Host, directory: &Path) -> Self {
        let (bare, work) = (host.aside().join("certificados.git"), host.aside().join("work"));
        git(
            host.aside(),
            &["init", "--quiet", "--bare", "--initial-branch=main", bare.to_str().unwrap()],
        );
        assert!(Command::new("cp").arg("-a").arg(directory).arg(&work).status().unwrap().success());
        git(&work, &["init", "--quiet", "--initial-branch=main"]);
        Self { bare, work }
    }

    fn push(&self, message: &str) -> String {
        git(&self.work, &["add", "--all"]);
        git(&self.work, &["commit", "--quiet", "--message", message]);
        git(&self.work, &["push", "--quiet", self.bare.to_str().unwrap(), "HEAD:refs/heads/main"]);
        git(&self.work, &["rev-parse", "HEAD"])
    }

    fn with(&self, path: &str, text: &str) -> String {
        write(&self.work.join(path), text);
        self.push(path)
    }
}

/// Bytes of everything in a directory that no commit holds.
fn untracked(directory: &Path, work: &Path) -> BTreeMap<String, Vec<u8>> {
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

fn deployed(host: &Host, project: &str, commit: &str) -> (i32, String) {
    let run =
        host.run(&["reconcile", project, "--revision", commit, "--wait", "--timeout", "170s"]);
    (run.code, format!("{}{}", run.out, run.err))
}

async fn held(host: &Host, project: &str, commit: &str) {
    eventually("the revision of the commit holds", || {
        let history = host.expect(&["rollout", "history", project]);
        let line = history.lines().find(|line| line.contains(&commit[..12])).unwrap_or_default();
        hold(line.contains("stable"), || history.clone())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_over_ssh_and_https_are_rolled_out_and_a_bad_one_goes_back() {
    let mut host = Host::new();
    let project = host.project("gitcert");
    let files = "docker-compose.yml:pace.yml".to_owned();
    let ports = place(&host, "certificados", &project, &[], &[("COMPOSE_FILE", files)]);
    let directory = host.desired().join(&project);
    fs::write(directory.join("pace.yml"), PACE).unwrap();
    let repository = Repository::of(&host, &directory);
    let first = repository.push("as it stands");
    let server = SshServer::start(&host.aside().join("ssh")).await;
    let config = host.aside().join("composelet.yaml");
    let ssh = format!(
        "sources:\n  gitcert:\n    url: {}\n    into: {project}\n    interval: 5s\n    ssh_key: {}\n    known_hosts: {}\n",
        server.url(&repository.bare),
        server.key.display(),
        server.known_hosts.display()
    );
    fs::write(&config, ssh).unwrap();
    host.arguments = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
    host.start();
    host.comes_up(&project, 8).await;
    held(&host, &project, &first).await;
    let data = untracked(&directory, &repository.work);
    assert!(data.contains_key(".env"), "{:?}", data.keys());
    let health = format!("https://localhost:{}/health/", ports["HTTPS_HOST_PORT"]);
    answers(&health, TLS).await;

    let site = fs::read_to_string(repository.work.join("nginx/default.conf")).unwrap();
    let bad = repository.with("nginx/default.conf", &format!("{site}no_such_directive on;\n"));
    let (code, text) = deployed(&host, &project, &bad);
    assert_eq!(code, 5, "{text}");
    assert_eq!(page(&health, TLS).unwrap().0, 200);
    let good = repository.with("nginx/default.conf", &format!("{site}# another line\n"));
    let (code, text) = deployed(&host, &project, &good);
    assert_eq!(code, 0, "{text}");
    held(&host, &project, &good).await;

    // The same repository at another place, and by another way.
    host.terminate().await;
    let https = HttpsServer::start(host.aside()).await;
    let token = host.aside().join("token");
    fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let source = |token: &Path| {
        format!(
            "sources:\n  gitcert:\n    url: {}\n    into: {project}\n    interval: 5s\n    token: {{file: {}}}\n    ca_file: {}\n",
            https.url("certificados.git"),
            token.display(),
            https.ca_file.display()
        )
    };
    fs::write(&config, source(&token)).unwrap();
    host.start();
    host.fresh().await;
    let last = repository.with("pace.yml", &PACE.replace("interval: 2s", "interval: 3s"));
    let (code, text) = deployed(&host, &project, &last);
    assert_eq!(code, 0, "{text}");
    answers(&health, TLS).await;
    assert_eq!(untracked(&directory, &repository.work), data, "what no commit holds");
    token_is_nowhere(host.aside(), &token).unwrap();
}
