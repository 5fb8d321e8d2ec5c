//! The system certificados with real servers: PostgreSQL, Redis, Django under gunicorn, nginx with TLS, backups.

use crate::support_real::backups::every_backup_is_proven;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::system::{
    Ports, answers, json, no_secret_is_an_argument, nothing_is_diagnosed, page, place,
    redis_wants_its_password,
};
use crate::support_real::wait::{eventually, hold};

/// The certificate is of our own making; that it is one at all is checked on its own.
const TLS: &[&str] = &["--insecure"];

#[tokio::test]
async fn the_system_serves_over_tls_backs_itself_up_and_moves_to_the_cli_and_back() {
    let mut host = Host::new();
    let project = host.project("certificados");
    let ports = place(&host, "certificados", &project, &[], &[]);
    let (plain, site) = addresses(&ports);
    host.start();
    host.comes_up(&project, 8).await;

    let health = json(&format!("{site}/health/"), TLS).await;
    assert_eq!([&health["database"], &health["cache"]], ["ok", "ok"], "{health}");
    assert_eq!(page(&format!("{plain}/health/"), &[]).unwrap().0, 301, "to TLS");
    let (status, _) = page(&format!("{site}/metrics/"), TLS).unwrap();
    assert_eq!(status, 404, "numbers are not for the world");
    assert!(answers(&format!("{site}/static/admin/css/base.css"), TLS).await.contains("body"));
    let about = json(&format!("{site}/about/"), TLS).await;
    assert_eq!(about["initialised_by"], "init.sql", "{about}");
    sessions_are_kept(&host, &site);
    let code = a_document_arrives(&host, &project, &site).await;
    no_secret_is_an_argument(&host, &project, 3);
    nothing_is_diagnosed(&host, &project);
    redis_wants_its_password(&host, &host.running(&project, "redis").await);
    closed_but_for_nginx(&host, &project);
    backups_are_made(&host, &project).await;
    every_backup_is_proven(&host, &project, &["db", "redis"]);

    host.is_silent().await;
    host.there_and_back(&project, &[&["up", "-d"]], 1).await;
    let found = json(&format!("{site}/verify/{code}/"), TLS).await;
    assert_eq!(found["holder"], "Ana", "the volumes were not touched: {found}");
}

#[tokio::test]
async fn staging_comes_from_the_same_files() {
    let mut host = Host::new();
    let project = host.project("staging");
    let ports = place(&host, "certificados", &project, &["staging"], &[]);
    let (_, site) = addresses(&ports);
    host.start();
    // The backups are under a profile there.
    host.comes_up(&project, 7).await;
    assert_eq!(json(&format!("{site}/about/"), TLS).await["environment"], "staging");
    let (status, head) = page(&format!("{site}/health/"), &["--insecure", "--head"]).unwrap();
    assert!(status == 200 && head.contains("X-Environment: staging"), "{head}");
    host.is_silent().await;
}

fn addresses(ports: &Ports) -> (String, String) {
    let plain = format!("http://localhost:{}", ports["HTTP_HOST_PORT"]);
    (plain, format!("https://localhost:{}", ports["HTTPS_HOST_PORT"]))
}

/// Sessions lie in Redis: the second visit with the cookie of the first is counted.
fn sessions_are_kept(host: &Host, site: &str) {
    let jar = host.aside().join("cookies");
    let jar = jar.to_str().unwrap();
    let visit =
        || page(&format!("{site}/about/"), &["--insecure", "-b", jar, "-c", jar]).unwrap().1;
    assert!(visit().contains("\"visits\": 1"));
    assert!(visit().contains("\"visits\": 2"));
}

/// What Django writes as a user without rights nginx serves, from directories that did not exist. Gives the code.
async fn a_document_arrives(host: &Host, project: &str, site: &str) -> String {
    let web = host.running(project, "web").await;
    let said = host.engine.exec(web.id(), &["python", "manage.py", "issue", "Ana", "Rust"]);
    let code = said.trim().to_owned();
    assert_eq!(json(&format!("{site}/verify/{code}/"), TLS).await["holder"], "Ana");
    let document = answers(&format!("{site}/media/certificates/{code}.txt"), TLS).await;
    assert!(document.contains("Ana has finished Rust"), "{document}");
    code
}

/// Only nginx publishes ports, and the network of the others leads nowhere.
fn closed_but_for_nginx(host: &Host, project: &str) {
    let all = host.engine.containers_of(project);
    let open: Vec<_> = all
        .iter()
        .filter(|one| {
            one.at("/HostConfig/PortBindings").as_object().is_some_and(|map| !map.is_empty())
        })
        .cloned()
        .collect();
    assert!(open.len() == 1 && open[0].name().contains("nginx"), "{}", lines(&open));
    let network = host.engine.get(&format!("/networks/{project}_internal"));
    assert_eq!(network["Internal"], true, "{network}");
}

/// The first dump is whole, and its own check is content.
async fn backups_are_made(host: &Host, project: &str) {
    let backup = host.running(project, "backup").await;
    let list = ["bash", "-c", "cd /backups && for one in *.dump; do pg_restore --list $one; done"];
    eventually("a backup holds the table of certificates", || {
        let listed = host.engine.exec(backup.id(), &list);
        hold(listed.contains("certificates_certificate"), || listed.clone())
    })
    .await;
}
