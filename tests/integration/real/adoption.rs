//! To docker compose and back without a container being recreated.

use crate::real::text::{SLEEP, file, service};
use crate::support_real::compose::compose;
use crate::support_real::host::Host;
use crate::support_real::look::lines;

fn manifest() -> String {
    let check = r#"healthcheck: { test: ["CMD", "true"], interval: 1s }"#;
    let lines = [
        "environment: { A: '1' }",
        "mem_limit: 64m",
        "volumes: [\"data:/data\"]",
        "restart: always",
    ];
    let text = file(&[
        service("web", SLEEP, &["depends_on: { db: { condition: service_healthy } }", "scale: 2"]),
        service("db", SLEEP, &[check, lines[0], lines[1], lines[2], lines[3]]),
    ]);
    format!("{text}volumes: {{ data: {{}} }}\n")
}

#[tokio::test]
async fn a_project_of_docker_compose_is_adopted_as_it_is() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &manifest());
    compose(&host.engine, &host.desired().join(&shop), &["up", "-d"]);
    let before = host.engine.containers_of(&shop);
    assert_eq!(before.len(), 3, "{}", lines(&before));
    let mark = host.events.mark().await;
    host.start();
    host.ready(&shop).await;
    host.pass();
    assert_eq!(host.events.since(mark).await, Vec::<String>::new(), "adopted without a touch");
    assert_eq!(host.fresh().await.mutating_calls, 0);

    // Adopted means healed.
    let web = &before[1];
    host.engine.act(web.id(), "kill");
    let now = host.replicas(&shop, "web", 2).await;
    assert!(now.iter().any(|one| one.id() == web.id()), "{}", lines(&now));
}

#[tokio::test]
async fn the_commands_of_docker_compose_work_on_our_containers() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let talks = "echo hello from web; exec sleep 1000000";
    host.write(&shop, &file(&[service("web", talks, &[]), service("db", SLEEP, &["scale: 2"])]));
    host.start();
    host.ready(&shop).await;
    let anywhere = host.aside().to_owned();
    let compose = |arguments: &[&str]| {
        let arguments = [&["-p", &shop], arguments].concat();
        compose(&host.engine, &anywhere, &arguments)
    };
    let ps = compose(&["ps", "--format", "{{.Name}} {{.Service}} {{.State}}"]);
    for line in ["web-1 web running", "db-1 db running", "db-2 db running"] {
        assert!(ps.contains(&format!("{shop}-{line}")), "{ps}");
    }
    assert!(compose(&["logs", "web"]).contains("hello from web"));
    assert_eq!(compose(&["exec", "-T", "--index", "2", "db", "echo", "inside"]), "inside\n");
    // Its own look at the file finds nothing to do: hash, names and networks are as it would make them.
    let directory = host.desired().join(&shop);
    let before = host.engine.containers_of(&shop);
    crate::support_real::compose::compose(&host.engine, &directory, &["up", "-d"]);
    let after = host.engine.containers_of(&shop);
    let ids = |list: &[crate::support_real::container::Container]| {
        list.iter().map(|one| one.id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&before), ids(&after), "`up` of the CLI recreates nothing");
}
