//! `run --once` and `plan`: their ends are a promise to scripts.

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

#[tokio::test]
async fn plan_tells_and_touches_nothing_and_once_does_it() {
    let host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("web", SLEEP, &[]), service("db", SLEEP, &[])]));
    let mark = host.events.mark().await;
    let plan = host.run(&["plan"]);
    assert_eq!(plan.code, 1, "{}{}", plan.out, plan.err);
    for name in ["web-1", "db-1", "_default"] {
        assert!(
            plan.out
                .contains(&format!("{shop}{}{name}", if name.starts_with('_') { "" } else { "-" })),
            "{}",
            plan.out
        );
    }
    let json = host.run(&["plan", "-o", "json"]);
    assert_eq!(json.code, 1);
    serde_json::from_str::<serde_json::Value>(&json.out).expect("JSON");
    assert_eq!(host.events.since(mark).await, Vec::<String>::new(), "a preview changes nothing");

    let once = host.run(&["run", "--once"]);
    assert_eq!(once.code, 0, "{}{}", once.out, once.err);
    assert!(host.only(&shop, "web").unwrap().runs() && host.only(&shop, "db").unwrap().runs());
    let mark = host.events.mark().await;
    let (plan, once) = (host.run(&["plan"]), host.run(&["run", "--once"]));
    assert_eq!((plan.code, once.code), (0, 0), "{}{}", plan.out, once.err);
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    let bad = host.run(&["plan", "--no-such-flag"]);
    assert_eq!(bad.code, 2, "{}", bad.err);
}

#[tokio::test]
async fn once_ends_with_1_for_a_file_that_does_not_load() {
    let host = Host::new();
    let (shop, good) = (host.project("shop"), host.project("good"));
    host.write(&shop, "services: { web: { image: [ } }\n");
    host.write(&good, &sleeper(&[]));
    let once = host.run(&["run", "--once"]);
    assert_eq!(once.code, 1, "{}{}", once.out, once.err);
    assert!(host.only(&good, "web").unwrap().runs(), "the others are done");
    let text = format!("{}{}", once.out, once.err);
    assert!(text.contains("compose.yaml:1:"), "{text}");
    let validate = host.run(&["validate"]);
    assert_ne!(validate.code, 0, "{}", validate.out);
    assert!(format!("{}{}", validate.out, validate.err).contains("compose.yaml:1:"));
}

#[tokio::test]
async fn once_ends_with_1_for_a_crash_loop() {
    let host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("web", "exit 7", &["restart: on-failure:2"])]));
    host.run(&["run", "--once", "--timeout", "40s"]);
    eventually("the engine has given up", || {
        let web = host.only(&shop, "web")?;
        let over = web.state() == "exited" && web.number("/RestartCount") == 2;
        hold(over, || web.line())
    })
    .await;
    let once = host.run(&["run", "--once", "--timeout", "40s"]);
    assert_eq!(once.code, 1, "{}{}", once.out, once.err);
}

#[tokio::test]
async fn once_with_wait_ends_with_4_when_time_is_over() {
    let host = Host::new();
    let shop = host.project("shop");
    let check = r#"healthcheck: { test: ["CMD", "false"], interval: 1s, retries: 100 }"#;
    host.write(&shop, &sleeper(&[check]));
    let once = host.run(&["run", "--once", "--wait", "--timeout", "4s"]);
    assert_eq!(once.code, 4, "{}{}", once.out, once.err);
    assert!(host.only(&shop, "web").unwrap().runs());
    let once = host.run(&["run", "--once", "--timeout", "30s"]);
    assert_eq!(
        once.code, 0,
        "without --wait health of the last layer is not waited for: {}",
        once.err
    );
}

#[tokio::test]
async fn once_ends_with_2_while_another_controller_acts() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let once = host.run(&["run", "--once"]);
    assert_eq!(once.code, 2, "{}{}", once.out, once.err);
    // `plan` only looks and needs no lock.
    assert_eq!(host.run(&["plan"]).code, 0);
}

/// One project of several.
#[tokio::test]
async fn once_with_a_project_touches_no_other() {
    let host = Host::new();
    let (shop, other) = (host.project("shop"), host.project("other"));
    host.write(&shop, &sleeper(&[]));
    host.write(&other, &sleeper(&[]));
    let once = host.run(&["run", "--once", "--project", &shop]);
    assert_eq!(once.code, 0, "{}{}", once.out, once.err);
    assert_eq!(host.engine.containers_of(&shop).len(), 1);
    assert_eq!(host.engine.containers_of(&other).len(), 0);
}
