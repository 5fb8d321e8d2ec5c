//! The whole controller, simulated: one bad release of a project with 25 containers is three messages, not seventy.

use std::time::Duration;

use composelet::alerts::{Digest, MessageKind, Pace};
use composelet::model::event::Event;
use composelet::model::time::Timestamp;

use super::statuses::{replay, titles};
use crate::sim::{AppScript, ScriptKey};
use crate::simulation::bench::Bench;

fn release(number: u32) -> String {
    let services: Vec<String> = (1..=25)
        .map(|service| {
            format!(
                "  s{service}: {{image: app, restart: always, labels: {{v: '{number}'}}, \
                 deploy: {{update_config: {{monitor: 2s}}}}}}"
            )
        })
        .collect();
    format!("services:\n{}\n", services.join("\n"))
}

#[tokio::test(start_paused = true)]
async fn one_bad_release_of_25_containers_is_at_most_three_messages() {
    let mut bench = Bench::new(4711);
    for (number, script) in [
        (1, AppScript::forever()),
        (2, AppScript::exits(Duration::from_millis(300), 3)),
        (3, AppScript::forever()),
    ] {
        bench.engine.script(ScriptKey::Label("v".to_owned(), i32::to_string(&number)), script);
    }
    bench.write("shop", &release(1));
    bench.start();
    bench.converged("shop").await;
    bench.pass(60).await;
    let known = bench.status("shop").unwrap();
    let mut heard = bench.events.subscribe();
    let mut events: Vec<std::sync::Arc<Event>> = Vec::new();

    bench.write("shop", &release(2));
    let rejected = |bench: &Bench| bench.held("shop").contains(&"RevisionRejected");
    bench.until("the rejection", rejected).await;
    bench.pass(1200).await;
    while let Ok(event) = heard.try_recv() {
        events.push(event);
    }
    bench.write("shop", &release(3));
    bench.converged("shop").await;
    bench.pass(600).await;
    while let Ok(event) = heard.try_recv() {
        events.push(event);
    }

    let mut digest = Digest::new("test", Pace::default(), known.published_at);
    digest.remember(&known);
    let events: Vec<Event> = events.iter().map(|event| (**event).clone()).collect();
    assert!(events.len() > 100, "a release of 25 is many events: {}", events.len());
    let told = replay(&mut digest, &events);
    let kinds: Vec<MessageKind> = told.iter().map(|one| one.kind).collect();
    assert!(told.len() <= 3, "{:#?}", titles(&told));
    assert_eq!(kinds.first(), Some(&MessageKind::Rejected), "{:#?}", titles(&told));
    assert!(kinds.contains(&MessageKind::RolledOut), "{:#?}", titles(&told));
    let later = Timestamp::plus(events.last().unwrap().at, Duration::from_secs(300));
    assert!(digest.tick(later).is_empty(), "and nothing comes after");
}
