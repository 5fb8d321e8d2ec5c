//! Commands of docker compose on a project that composelet runs, one after the other, and what comes of each.

use std::fs;

use composelet::model::status::{ConditionKind, Truth};

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::compose::{compose, try_compose};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::{condition, lines};
use crate::support_real::wait::{eventually, hold};

/// A project with a volume, run by a controller; the host and the name.
async fn shop() -> (Host, String) {
    let mut host = Host::new();
    let shop = host.project("shop");
    let text =
        file(&[service("web", SLEEP, &[]), service("db", SLEEP, &["volumes: [\"data:/data\"]"])]);
    host.write(&shop, &format!("{text}volumes: {{ data: {{}} }}\n"));
    host.start();
    host.ready(&shop).await;
    (host, shop)
}

fn run(host: &Host, project: &str, arguments: &[&str]) -> String {
    compose(&host.engine, &host.desired().join(project), arguments)
}

/// Names and ids of all containers of the project.
fn ids(host: &Host, project: &str) -> Vec<(String, String)> {
    let all = host.engine.containers_of(project);
    all.iter().map(|one| (one.name().to_owned(), one.id().to_owned())).collect()
}

/// Waits until the project has these replicas and no other container.
async fn whole(host: &Host, project: &str, after: &str) {
    eventually(&format!("whole again after {after}"), || {
        let all = host.engine.containers_of(project);
        let names: Vec<&str> = all.iter().map(Container::name).collect();
        let wanted = [format!("{project}-db-1"), format!("{project}-web-1")];
        hold(names == wanted && all.iter().all(Container::runs), || lines(&all))
    })
    .await;
}

#[tokio::test]
async fn what_compose_stops_runs_again_and_the_message_names_suspend() {
    let (host, shop) = shop().await;
    let before = ids(&host, &shop);
    for command in [&["stop", "-t", "0"][..], &["kill"], &["pause"], &["restart", "-t", "0"]] {
        run(&host, &shop, command);
        whole(&host, &shop, command[0]).await;
        assert_eq!(ids(&host, &shop), before, "{command:?}: the same containers");
    }
    // Nothing to do for either.
    run(&host, &shop, &["start"]);
    host.ready(&shop).await;
    assert_eq!(ids(&host, &shop), before);
    let history = host.expect(&["history", &shop]);
    assert!(history.contains("to keep it stopped use `composelet stop`"), "{history}");

    // Suspended it stays down, also for `rm`.
    host.expect(&["suspend", &shop, "--reason", "repair"]);
    run(&host, &shop, &["rm", "--stop", "--force", "web"]);
    host.pass();
    assert_eq!(host.containers(&shop, "web").len(), 0);
    host.expect(&["resume", &shop]);
    whole(&host, &shop, "resume").await;
}

#[tokio::test]
async fn what_compose_removes_comes_back() {
    let (host, shop) = shop().await;
    let db = host.running(&shop, "db").await;
    host.engine.exec(db.id(), &["sh", "-c", "echo kept > /data/file"]);
    run(&host, &shop, &["rm", "--stop", "--force"]);
    whole(&host, &shop, "rm").await;
    // It may collide with us: we attach to the network that it is about to remove.
    drop(try_compose(&host.engine, &host.desired().join(&shop), &["down", "-t", "0"]));
    whole(&host, &shop, "down").await;
    let db = host.running(&shop, "db").await;
    assert_eq!(host.engine.exec(db.id(), &["cat", "/data/file"]), "kept\n", "volumes stay");

    host.expect(&["suspend", &shop, "--reason", "away with it"]);
    run(&host, &shop, &["down", "-v", "-t", "0"]);
    host.pass();
    assert!(
        host.engine.containers_of(&shop).is_empty()
            && !host.has("networks", &format!("{shop}_default"))
    );
    host.expect(&["resume", &shop]);
    whole(&host, &shop, "down -v").await;
    let db = host.running(&shop, "db").await;
    assert_eq!(host.engine.exec(db.id(), &["ls", "/data"]), "", "made anew, empty");
    host.ready(&shop).await;
}

#[tokio::test]
async fn one_offs_are_let_alone() {
    let (host, shop) = shop().await;
    let before = ids(&host, &shop);
    run(&host, &shop, &["run", "-d", "--name", &format!("{shop}-runs"), "web"]);
    run(&host, &shop, &["run", "-T", "--name", &format!("{shop}-ended"), "web", "true"]);
    run(&host, &shop, &["run", "-T", "--rm", "web", "true"]);
    host.pass();
    host.pass();
    host.ready(&shop).await;
    let state = |name: &str| {
        host.engine.container(&format!("{shop}-{name}")).map(|one| one.state().to_owned())
    };
    assert_eq!(
        (state("runs").as_deref(), state("ended").as_deref()),
        (Some("running"), Some("exited"))
    );
    assert_eq!(ids(&host, &shop).len(), before.len() + 2, "and the one of --rm is gone");
    assert!(before.iter().all(|one| ids(&host, &shop).contains(one)), "no replica was touched");
}

#[tokio::test]
async fn an_up_after_us_does_nothing_and_what_it_changes_ends_as_the_file_says() {
    let (host, shop) = shop().await;
    let before = ids(&host, &shop);
    run(&host, &shop, &["up", "-d"]);
    assert_eq!(ids(&host, &shop), before, "nothing to do");
    assert!(
        run(&host, &shop, &["ls", "--format", "json"]).contains(&format!("\"Name\":\"{shop}\""))
    );

    // More than the file says goes again, it may be before the command line has started it.
    drop(try_compose(&host.engine, &host.desired().join(&shop), &["up", "-d", "--scale", "web=3"]));
    whole(&host, &shop, "up --scale").await;
    // What it makes anew is taken over as it is, not made anew a second time.
    host.ready(&shop).await;
    host.pass();
    let again = ["up", "-d", "--force-recreate", "-t", "0"];
    drop(try_compose(&host.engine, &host.desired().join(&shop), &again));
    whole(&host, &shop, "up --force-recreate").await;
    let theirs = ids(&host, &shop);
    host.ready(&shop).await;
    host.pass();
    assert_eq!(ids(&host, &shop), theirs);
}

/// Another directory claims the name: what it made is not ours to replace, and a person decides.
#[tokio::test]
async fn another_directory_of_the_same_name_waits_for_a_person() {
    let (host, shop) = shop().await;
    let elsewhere = host.aside().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("compose.yaml"), sleeper(&["environment: { FROM: elsewhere }"]))
        .unwrap();
    compose(&host.engine, &elsewhere, &["-p", &shop, "up", "-d", "-t", "0"]);
    host.described(&format!("{shop}/web"), &["AdoptionNeedsConfirmation", "environment"]).await;
    host.pass();
    let web = host.only(&shop, "web").unwrap();
    assert!(web.runs() && web.environment().contains(&"FROM=elsewhere"), "{}", web.line());
    host.expect(&["confirm", &shop]);
    host.running_and(&shop, "web", "as our file says", |now| {
        !now.environment().contains(&"FROM=elsewhere")
    })
    .await;
    whole(&host, &shop, "confirm").await;
    host.ready(&shop).await;
}

/// Both at once, on a changed file: whoever is first, the end is the same.
#[tokio::test]
async fn an_up_beside_a_running_controller_ends_in_one_state() {
    let (host, shop) = shop().await;
    for round in 0..3 {
        let now = format!("sleep {}", 2_000_000 + round);
        let text = fs::read_to_string(host.manifest(&shop)).unwrap();
        let old = if round == 0 {
            "sleep 1000000".to_owned()
        } else {
            format!("sleep {}", 1_999_999 + round)
        };
        host.write(&shop, &text.replace(&old, &now));
        // A name that is taken or a container that is gone ends its `up`; ours goes on.
        drop(try_compose(&host.engine, &host.desired().join(&shop), &["up", "-d", "-t", "0"]));
        whole(&host, &shop, "both").await;
        eventually("as the file says", || {
            let all = host.engine.containers_of(&shop);
            let right = all.iter().all(|one| one.at("/Config/Cmd").to_string().contains(&now));
            hold(right, || lines(&all))
        })
        .await;
        host.ready(&shop).await;
    }
    let before = ids(&host, &shop);
    run(&host, &shop, &["up", "-d"]);
    host.pass();
    assert_eq!(ids(&host, &shop), before, "and both agree that it is done");
}

/// What an engine or its kernel leaves out is told, and nothing waits for it.
#[tokio::test]
async fn what_the_engine_cannot_do_is_told_and_the_service_is_ready() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let weight = "blkio_config: { weight: 300 }";
    host.write(&shop, &sleeper(&[weight, "annotations: { note: kept }", "volumes: [/etc:/e:ro]"]));
    host.start();
    host.ready(&shop).await;
    let before = ids(&host, &shop);
    host.pass();
    host.pass();
    assert_eq!(
        ids(&host, &shop),
        before,
        "a weight that the kernel discards is not asked for again and again"
    );
    let mark = host.events.mark().await;
    host.pass();
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    host.ready(&shop).await;
    let status = host.status(&shop).unwrap();
    let degraded = condition(&status, ConditionKind::Degraded).unwrap();
    let old = host.engine.get("/version")["ApiVersion"] == "1.41";
    assert_eq!(degraded.status == Truth::True, old, "{degraded:?}");
    if old {
        assert_eq!(degraded.reason, "UnsupportedOnEngine");
    }
}
