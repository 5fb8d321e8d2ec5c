//! The facade against the simulated engine: lost answers, wedged containers, cut and half-open streams, under a paused
//! clock.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::{BollardRequest, ClientVersion, Docker};
use composelet::engine::{Engine, EngineEvent, ObserveRequest, labels};
use composelet::model::config::{ContainerConfig, NetworkMode};
use composelet::model::desired::DesiredVolume;
use composelet::model::id::{
    ContainerId, ContainerName, ImageId, Installation, ProjectName, ReplicaId, Revision,
    ServiceName,
};
use composelet::model::observed::{ApiVersion, Knowledge, ObservedState};
use composelet::model::outcome::FailureClass;
use composelet::model::plan::{CreateContainer, CreateVolume};
use composelet::model::time::Timestamp;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{Instant, timeout};
use tracing_subscriber::util::SubscriberInitExt;

use crate::sim::{AppScript, FaultAction, FaultRule, ImageSpec, SimEngine, SimOptions};

/// An engine of this API version with the image `app:1`, whose application runs until it is stopped.
pub(crate) async fn engine(api_version: &str) -> (SimEngine, Engine) {
    let sim =
        SimEngine::new(SimOptions { api_version: api_version.to_owned(), ..SimOptions::default() });
    sim.add_image("app:1", &ImageSpec::new("app"));
    sim.script_image("app:1", AppScript::forever());
    let begin = Instant::now();
    let clock = Arc::new(move || Timestamp::from_millis(1_000_000).plus(begin.elapsed()));
    let engine =
        Engine::over(sim.docker(), Installation::new("sim"), clock).await.expect("connect");
    (sim, engine)
}

pub(crate) fn create(service: &str) -> CreateContainer {
    CreateContainer {
        replica: ReplicaId::new(ServiceName::new(service), 1),
        name: ContainerName::new(format!("shop-{service}-1")),
        image: "app:1".to_owned(),
        image_id: ImageId::new(ImageSpec::new("app").id()),
        config: ContainerConfig { network_mode: NetworkMode::None, ..ContainerConfig::default() },
        labels: [
            (labels::PROJECT.to_owned(), "shop".to_owned()),
            (labels::SERVICE.to_owned(), service.to_owned()),
        ]
        .into(),
        primary_network: None,
        dns_names: Vec::new(),
        revision: Revision::new("r"),
    }
}

async fn run(engine: &Engine, service: &str) -> ContainerId {
    let id = engine.create_container(&create(service)).await;
    let id = id.expect("create");
    engine.start_container(&id).await.expect("start");
    id
}

pub(crate) async fn observe(engine: &Engine) -> ObservedState {
    let request =
        ObserveRequest { project: Some(ProjectName::new("shop")), ..ObserveRequest::default() };
    engine.observe(&request).await.expect("observe")
}

/// The next event, within a minute of simulated time.
async fn next(events: &mut BoxStream<'static, EngineEvent>) -> EngineEvent {
    let event = timeout(Duration::from_secs(60), events.next()).await;
    event.expect("an event within a minute").expect("an open stream")
}

/// Reads up to the next event that is not about an object.
async fn next_of_connection(events: &mut BoxStream<'static, EngineEvent>) -> EngineEvent {
    loop {
        match next(events).await {
            EngineEvent::Container { .. } | EngineEvent::Other { .. } => {}
            event => return event,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn versions_are_agreed_or_refused() {
    let (_, engine) = engine("1.41").await;
    assert_eq!(engine.facts().api, ApiVersion::v1(41));
    let old =
        SimEngine::new(SimOptions { api_version: "1.40".to_owned(), ..SimOptions::default() });
    let clock = Arc::new(Timestamp::default);
    let refused = Engine::over(old.docker(), Installation::new("sim"), clock).await;
    assert_eq!(refused.expect_err("too old").class, FailureClass::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_classified_by_what_may_have_happened() {
    let (sim, engine) = engine("1.41").await;
    let id = run(&engine, "a").await;
    let table = [
        (FaultAction::HangUpBefore, FailureClass::Maybe),
        (FaultAction::EffectThenHangUp, FailureClass::Maybe),
        (FaultAction::HangAfter, FailureClass::Maybe),
        (FaultAction::Truncated, FailureClass::Maybe),
        (FaultAction::Garbage, FailureClass::Maybe),
        (FaultAction::ErrorBefore(500, "no space left".into()), FailureClass::Engine),
        (FaultAction::ErrorBefore(409, "taken".into()), FailureClass::Conflict),
    ];
    for (number, (fault, class)) in table.into_iter().enumerate() {
        sim.clear_faults();
        sim.fault(FaultRule::every("POST", "/containers/create", fault.clone()));
        let failure = engine.create_container(&create(&format!("b{number}"))).await;
        assert_eq!(failure.expect_err("a fault").class, class, "{fault:?}");
    }
    sim.clear_faults();
    for (fault, class) in [
        (FaultAction::HangUpBefore, FailureClass::Unreachable),
        (FaultAction::HangBefore, FailureClass::Unreachable),
        (FaultAction::Garbage, FailureClass::Engine),
    ] {
        sim.clear_faults();
        sim.fault(FaultRule::every("GET", "/containers/json", fault.clone()));
        let failure =
            engine.host_view(&std::collections::BTreeSet::new()).await.expect_err("a fault");
        assert_eq!(failure.class, class, "{fault:?}");
    }
    sim.clear_faults();
    sim.crash_daemon(Duration::from_secs(11));
    let refused = engine.start_container(&id).await.expect_err("down");
    assert_eq!(refused.class, FailureClass::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn a_wedged_container_is_unknown_and_delays_nobody_for_long() {
    let (sim, engine) = engine("1.41").await;
    let (wedged, well) = (run(&engine, "a").await, run(&engine, "b").await);
    let path = format!("/containers/{wedged}/json");
    sim.fault(FaultRule::every("GET", &path, FaultAction::HangBefore));
    for seconds in [5, 5, 0] {
        let begin = Instant::now();
        let seen = observe(&engine).await;
        assert_eq!(begin.elapsed().as_secs(), seconds);
        assert_eq!(seen.containers.len(), 2);
        for container in &seen.containers {
            let known = matches!(container.detail, Knowledge::Known(_));
            assert_eq!(known, container.id == well);
            assert_eq!(container.lifecycle.word(), "running");
        }
    }
    sim.clear_faults();
    let fresh = ObserveRequest {
        project: Some(ProjectName::new("shop")),
        fresh: true,
        ..ObserveRequest::default()
    };
    let seen = engine.observe(&fresh).await.expect("observe");
    assert!(seen.containers.iter().all(|container| container.detail.known().is_some()));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_container_is_unknown_never_absent() {
    let (sim, engine) = engine("1.41").await;
    let id = run(&engine, "a").await;
    let path = format!("/containers/{id}/json");
    for fault in [FaultAction::Garbage, FaultAction::Truncated, FaultAction::HangUpBefore] {
        sim.clear_faults();
        sim.fault(FaultRule::every("GET", &path, fault));
        let seen = observe(&engine).await;
        assert_eq!(seen.containers.len(), 1);
        assert!(matches!(seen.containers[0].detail, Knowledge::Unknown(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_after_a_gap_and_again_after_a_crash() {
    let (sim, engine) = engine("1.41").await;
    let mut events = engine.events();
    assert_eq!(next(&mut events).await, EngineEvent::Gap);
    let first_gap = engine.facts().gap_ended;
    let id = run(&engine, "a").await;
    let event = next(&mut events).await;
    assert!(matches!(event, EngineEvent::Container { id: about, .. } if about == id));
    sim.crash_daemon(Duration::from_secs(11));
    assert!(matches!(next_of_connection(&mut events).await, EngineEvent::Lost(_)));
    loop {
        match next_of_connection(&mut events).await {
            EngineEvent::Gap => break,
            EngineEvent::Lost(_) => {}
            event => panic!("{event:?}"),
        }
    }
    assert!(engine.facts().gap_ended > first_gap);
    let id = run(&engine, "b").await;
    let event = next(&mut events).await;
    assert!(matches!(event, EngineEvent::Container { id: about, .. } if about == id));
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_noticed() {
    let (sim, engine) = engine("1.41").await;
    let mut events = engine.events();
    assert_eq!(next(&mut events).await, EngineEvent::Gap);
    sim.freeze_daemon();
    let begin = Instant::now();
    assert!(matches!(next(&mut events).await, EngineEvent::Lost(_)));
    assert!(begin.elapsed() <= Duration::from_secs(15));
    sim.thaw_daemon();
    loop {
        if next(&mut events).await == EngineEvent::Gap {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_cleanly_is_lost_too() {
    let (sim, engine) = engine("1.41").await;
    let mut events = engine.events();
    assert_eq!(next(&mut events).await, EngineEvent::Gap);
    sim.close_event_streams();
    assert!(matches!(next(&mut events).await, EngineEvent::Lost(_)));
    assert_eq!(next(&mut events).await, EngineEvent::Gap);
}

#[tokio::test(start_paused = true)]
async fn dropped_events_are_told_by_a_gap() {
    let (_sim, engine) = engine("1.41").await;
    let mut events = engine.events();
    assert_eq!(next(&mut events).await, EngineEvent::Gap);
    for number in 0..1100 {
        let create = CreateVolume {
            volume: DesiredVolume {
                name: format!("volume-{number}"),
                external: false,
                driver: None,
                driver_opts: BTreeMap::new(),
                labels: BTreeMap::new(),
            },
            labels: BTreeMap::new(),
        };
        engine.create_volume(&create).await.expect("volume");
    }
    let mut others = 0;
    loop {
        match next(&mut events).await {
            EngineEvent::Other { .. } => others += 1,
            EngineEvent::Gap => break,
            event => panic!("{event:?}"),
        }
    }
    assert!(others < 1100, "{others}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_goes_on_when_the_caller_goes_away() {
    let (sim, engine) = engine("1.41").await;
    sim.script_image("app:1", AppScript::forever().ignores_stop());
    let id = run(&engine, "a").await;
    let stop = engine.stop_container(&id, Some(20));
    assert!(timeout(Duration::from_secs(1), stop).await.is_err());
    assert_eq!(observe(&engine).await.containers[0].lifecycle.word(), "running");
    let stopped = async {
        while observe(&engine).await.containers[0].lifecycle.is_alive() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    };
    timeout(Duration::from_secs(30), stopped).await.expect("stopped within its grace");
}

#[tokio::test(start_paused = true)]
async fn removals_side_by_side_all_succeed() {
    let (_sim, engine) = engine("1.41").await;
    let id = engine.create_container(&create("a")).await.expect("create");
    let removals = (0..8).map(|_| engine.remove_container(&id));
    for result in futures::future::join_all(removals).await {
        result.expect("removed");
    }
    assert!(observe(&engine).await.containers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pull_reads_its_errors() {
    let (sim, engine) = engine("1.41").await;
    let (sink, mut lines) = tokio::sync::mpsc::channel(64);
    sim.publish("shop/api:1", &ImageSpec::new("api"), Duration::from_secs(3));
    engine.pull_image((&"shop".into(), "shop/api:1"), None, &sink).await.expect("pull");
    assert!(lines.try_recv().is_ok(), "progress is told");
    sim.set_registry_unreachable(true);
    let failure = engine
        .pull_image((&"shop".into(), "shop/api:2"), None, &sink)
        .await
        .expect_err("no network");
    assert_eq!(failure.class, FailureClass::Engine, "{}", failure.message);
}

/// A client that writes down the path of every request.
fn recording(sim: &SimEngine, paths: &Arc<Mutex<Vec<String>>>) -> Docker {
    let (transport, paths) = (sim.transport(), Arc::clone(paths));
    let version = ClientVersion { major_version: 1, minor_version: 41 };
    let send = move |request: BollardRequest| {
        let path = request.uri().path().to_owned();
        paths.lock().expect("paths").push(path);
        transport(request)
    };
    Docker::connect_with_custom_transport(send, Some("http://docker"), 120, &version)
        .expect("client")
}

#[tokio::test(start_paused = true)]
async fn every_request_names_the_agreed_version() {
    let (sim, _) = engine("1.41").await;
    let paths = Arc::default();
    let clock = Arc::new(Timestamp::default);
    let engine = Engine::over(recording(&sim, &paths), Installation::new("sim"), clock);
    let engine = engine.await.expect("connect");
    let mut events = engine.events();
    assert_eq!(next(&mut events).await, EngineEvent::Gap);
    let id = run(&engine, "a").await;
    observe(&engine).await;
    engine.host_view(&std::collections::BTreeSet::new()).await.expect("host");
    engine.logs_tail(&id, 5).await.expect("logs");
    engine.stop_container(&id, Some(1)).await.expect("stop");
    engine.remove_container(&id).await.expect("remove");
    let paths = paths.lock().expect("paths");
    assert_eq!(paths.first().map(String::as_str), Some("/version"));
    assert!(paths.len() > 10);
    for path in paths.iter().skip(1) {
        assert!(path.starts_with("/v1.41/"), "{path}");
        assert_eq!(path.matches("/v1.").count(), 1, "{path}");
    }
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn no_value_reaches_the_log_at_its_most_talkative() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = subscriber.set_default();
    // Other tests of this process run without a subscriber and may have been asked first.
    tracing::callsite::rebuild_interest_cache();
    let (sim, engine) = engine("1.41").await;
    let mut secret = create("a");
    let value = Some("hunter2".into());
    secret.config.environment.insert("PASSWORD".to_owned(), value);
    secret.config.command = Some(vec!["hunter2".into()]);
    let id = engine.create_container(&secret).await.expect("create");
    engine.start_container(&id).await.expect("start");
    tracing::callsite::rebuild_interest_cache();
    observe(&engine).await;
    sim.clear_faults();
    let path = format!("/containers/{id}/json");
    sim.fault(FaultRule::every("GET", &path, FaultAction::Truncated));
    observe(&engine).await;
    let log = log.0.lock().expect("log");
    let text = String::from_utf8_lossy(&log);
    assert!(text.contains("engine call"), "the log is not empty");
    assert!(!text.contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn the_own_container_is_out_of_reach() {
    use composelet::model::hook::HookCommand;
    let (sim, engine) = engine("1.41").await;
    let (own, other) = (run(&engine, "own").await, run(&engine, "other").await);
    engine.keep_off(own.clone());
    let before = sim.mutating_calls();
    let hook = HookCommand::default();
    let ends = [
        engine.stop_container(&own, Some(1)).await,
        engine.stop_with_hooks(&own, Some(1), std::slice::from_ref(&hook)).await.map(drop),
        engine.remove_container(&own).await,
        engine.start_container(&own).await,
        engine.unpause_container(&own).await,
        engine.update_container(&own, None, None).await,
        engine.run_hook(&own, &hook).await,
        engine.probe(&own, &hook, Duration::from_secs(1)).await.map(drop),
        engine.reload(&own, &hook, Some("SIGHUP")).await,
    ];
    for (index, end) in ends.into_iter().enumerate() {
        let class = end.expect_err("it is left alone").class;
        assert_eq!(class, FailureClass::Forbidden, "{index}");
    }
    assert_eq!(sim.mutating_calls(), before, "the engine was not even asked");
    // Another name does it no harm, and others are in reach.
    let to = ContainerName::new("shop-own-2");
    engine.rename_container(&own, &to).await.expect("rename");
    engine.stop_container(&other, Some(1)).await.expect("stop");
    let view = engine.host_view(&std::collections::BTreeSet::new()).await.expect("look");
    assert!(view.is_own(&own) && !view.is_own(&other));
}
