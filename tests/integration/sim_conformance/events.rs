//! Rows about the event stream.

use std::collections::BTreeMap;

use bollard::query_parameters::{EventsOptions, EventsOptionsBuilder};
use futures::StreamExt;
use serde_json::json;

use super::support::*;

fn filtered(pairs: &[(&str, &str)]) -> EventsOptions {
    let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in pairs {
        filters.entry((*key).to_owned()).or_default().push((*value).to_owned());
    }
    EventsOptionsBuilder::new().filters(&filters.into_iter().collect()).build()
}

#[tokio::test(start_paused = true)]
async fn order_of_create_start_stop_remove() {
    let (engine, docker) = engine();
    let script = crate::sim::AppScript::forever().ignores_stop();
    engine.script_image("app:1", script);
    run(&docker, "web", json!({})).await;
    stop(&docker, "web", 1).await.unwrap();
    remove(&docker, "web", false).await.unwrap();
    let expected = [
        "container create web",
        "network connect bridge",
        "container start web",
        "container kill web",
        "container kill web",
        "container die web",
        "network disconnect bridge",
        "container stop web",
        "container destroy web",
    ];
    assert_eq!(engine.event_log(), expected);
}

#[tokio::test(start_paused = true)]
async fn live_events_arrive_with_filters_and_attributes() {
    let (_engine, docker) = engine();
    let options = filtered(&[("type", "container"), ("event", "die"), ("label", "a=1")]);
    let mut stream = docker.events(Some(options));
    // The subscription begins with the first poll.
    let first = tokio::spawn(async move { stream.next().await });
    pass(millis(1)).await;
    run(&docker, "other", json!({})).await;
    run(&docker, "web", json!({"Labels": {"a": "1"}})).await;
    stop(&docker, "other", 1).await.unwrap();
    stop(&docker, "web", 1).await.unwrap();
    let event = first.await.unwrap().unwrap().unwrap();
    let attributes = event.actor.unwrap().attributes.unwrap();
    assert_eq!(event.action.as_deref(), Some("die"));
    assert_eq!((attributes["name"].as_str(), attributes["exitCode"].as_str()), ("web", "0"));
    assert!(event.time_nano.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_ring_keeps_256_events() {
    let (engine, docker) = engine();
    for number in 0..360 {
        engine.put_network(&format!("n{}", number % 20), &[]).unwrap();
        engine.docker_network_rm(&format!("n{}", number % 20)).unwrap();
    }
    let until = "4000000000";
    let past = EventsOptionsBuilder::new().since("1").until("2").build();
    let replayed: Vec<_> = docker.events(Some(past)).collect().await;
    assert_eq!(replayed.len(), 256);
    let mut open = docker.events(Some(EventsOptionsBuilder::new().since("1").until(until).build()));
    for _ in 0..256 {
        open.next().await.unwrap().unwrap();
    }
    let more = tokio::time::timeout(secs(1), open.next()).await;
    assert!(more.is_err(), "the stream stays open");
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_misses_events_in_silence() {
    let (engine, docker) = engine();
    let mut stream = docker.events(None);
    let polled = tokio::time::timeout(millis(5), stream.next()).await;
    assert!(polled.is_err());
    create(&docker, "web", json!({})).await.unwrap();
    for _ in 0..3000 {
        engine.docker_rename("web", "www").unwrap();
        engine.docker_rename("www", "web").unwrap();
    }
    assert!(engine.events_dropped() > 0);
    assert!(stream.next().await.unwrap().is_ok(), "the stream itself goes on");
}

#[tokio::test(start_paused = true)]
async fn a_label_filter_hides_networks_and_volumes() {
    let (_engine, docker) = engine();
    let mut options = filtered(&[("label", "a=1")]);
    options.since = Some("1".to_owned());
    options.until = Some("2".to_owned());
    let binds = json!({"Labels": {"a": "1"}, "HostConfig": {"Binds": ["v:/v"]}});
    assert!(
        create(&docker, "web", binds.clone()).await.is_err(),
        "volume names have two characters"
    );
    let binds = json!({"Labels": {"a": "1"}, "HostConfig": {"Binds": ["vol:/v"]}});
    run(&docker, "web", binds).await;
    let seen: Vec<_> = docker.events(Some(options)).collect().await;
    let actions: Vec<_> = seen.into_iter().map(|it| it.unwrap().action.unwrap()).collect();
    assert_eq!(actions, ["create", "start"]);
}
