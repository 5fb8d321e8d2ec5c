//! The system certificados driven by a repository, over ssh and then over https: adopted as it stands, changed by pushes,
//! and brought back when a push is bad. What no commit holds stays as it is.

use std::fs;
use std::path::Path;

use crate::support_real::git_server::{HttpsServer, SshServer, TOKEN, token_is_nowhere};
use crate::support_real::host::Host;
use crate::support_real::repository::{Repository, deployed, held, untracked};
use crate::support_real::system::{answers, page, place};

const TLS: &[&str] = &["--insecure"];

/// A quick pace, so that what is waited for is the controller.
const PACE: &str = "services: {web: {healthcheck: {interval: 2s, retries: 3, start_period: 20s}, \
                    deploy: {update_config: {monitor: 2s}}}}\n";

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
            https.url("system.git"),
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
