//! Reference workloads: small stories without faults, into which single faults are put one by one.

use std::collections::BTreeMap;

use super::model::{Deed, EventFaultKind, Operation, Options, Scenario, Step};
use super::service::{App, Concurrency, Health, OnFailure, Order, Schedule, Service, Tag, Update};

/// A reference workload.
pub(crate) struct Workload {
    /// Its name.
    pub(crate) name: &'static str,
    /// Without faults.
    pub(crate) scenario: Scenario,
}

fn service(name: &str) -> Service {
    Service { name: name.to_owned(), replicas: 1, ..Service::default() }
}

fn app(name: &str, services: &[Service]) -> App {
    App { name: name.to_owned(), services: services.to_vec(), broken: false }
}

fn story(name: &'static str, app: App, steps: &[Operation]) -> Workload {
    let at = |index: usize| 8_000 + 14_000 * u64::try_from(index).unwrap_or(0);
    let steps: Vec<Step> = steps
        .iter()
        .enumerate()
        .map(|(index, operation)| Step { at_ms: at(index), operation: operation.clone() })
        .collect();
    let options = Options { chaos_ms: at(steps.len()), quiet_ms: 75_000, ..Options::default() };
    Workload { name, scenario: Scenario { apps: vec![app], steps, options, ..Scenario::default() } }
}

/// Three projects, whose directory is empty for a while.
fn emptied() -> Workload {
    let of = |name| app(name, &[service("web")]);
    let mut workload = story("emptied", of("shop"), &[Operation::EmptyRoot { for_ms: 10_000 }]);
    workload.scenario.apps.extend(["blog", "wiki"].map(of));
    workload
}

/// The same with no event ever told.
fn deaf(mut workload: Workload) -> Workload {
    workload.scenario.event_faults =
        (1..300).map(|number| (number, EventFaultKind::Drop)).collect();
    // Later than the last look that a new version has by itself.
    workload.scenario.options.chaos_ms += 12_000;
    for step in &mut workload.scenario.steps {
        step.at_ms += 12_000;
    }
    workload
}

fn set(pairs: &[(&str, Option<usize>)]) -> Operation {
    let fields: BTreeMap<String, Option<usize>> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Operation::Edit { app: "shop".to_owned(), service: "web".to_owned(), fields }
}

/// All of them, the smallest first.
pub(crate) fn workloads() -> Vec<Workload> {
    let web = service("web");
    let shop = || "shop".to_owned();
    let volume = Service { volume: true, ..service("db") };
    let after = Service { after: vec!["db".to_owned()], ..web.clone() };
    let many = Service { replicas: 3, edge: true, ..web.clone() };
    let port = Service { port: Some(8080), ..web.clone() };
    let well = Some(Health { interval: 2, retries: 3 });
    let late = Service { image: Tag::Late, health: well, ..service("db") };
    let ill = Service { image: Tag::Ill, health: well, ..web.clone() };
    let shaky = Service { image: Tag::Shaky, ..web.clone() };
    let moving = Service { image: Tag::Moving, ..web.clone() };
    let stubborn = Service {
        image: Tag::Stubborn,
        fields: BTreeMap::from([("stop_grace_period".to_owned(), 0)]),
        ..web.clone()
    };
    let always = Service { fields: BTreeMap::from([("restart".to_owned(), 0)]), ..shaky.clone() };
    vec![
        story("create", app("shop", std::slice::from_ref(&web)), &[]),
        story("recreate", app("shop", std::slice::from_ref(&web)), &[set(&[("user", Some(0))])]),
        story("live", app("shop", std::slice::from_ref(&web)), &[set(&[("mem_limit", Some(0))])]),
        story(
            "remove",
            app("shop", &[after.clone(), volume.clone()]),
            &[Operation::Remove { app: shop() }],
        ),
        story("stack", app("shop", &[after, volume]), &[set(&[("command", Some(1))])]),
        story(
            "replicas",
            app("shop", &[many]),
            &[Operation::Scale { app: shop(), service: "web".to_owned(), replicas: 1 }],
        ),
        story("port", app("shop", &[port]), &[set(&[("labels", Some(0))])]),
        story(
            "waits",
            app("shop", &[Service { after: vec!["db".to_owned()], ..web.clone() }, late]),
            &[],
        ),
        story("falls-ill", app("shop", &[ill]), &[]),
        deaf(story(
            "no-events",
            app("shop", std::slice::from_ref(&web)),
            &[Operation::Hand { container: 0, deed: Deed::Kill }],
        )),
        emptied(),
        story("crashes", app("shop", &[shaky]), &[]),
        story("engine-restarts", app("shop", &[always]), &[]),
        story(
            "moving-tag",
            app("shop", &[moving]),
            &[Operation::MoveTag { content: 1 }, Operation::Touch { app: shop() }],
        ),
        story("stubborn", app("shop", &[stubborn]), &[set(&[("read_only", Some(0))])]),
    ]
    .into_iter()
    .chain(persons(&web))
    .chain(updates(&web))
    .chain(schedules())
    .collect()
}

/// What people do by hand, and files that cannot be read for a while.
fn persons(web: &Service) -> Vec<Workload> {
    let shop = || "shop".to_owned();
    vec![
        story(
            "unreadable",
            app("shop", std::slice::from_ref(web)),
            &[Operation::UnreadableRoot { for_ms: 10_000 }],
        ),
        story(
            "broken",
            app("shop", std::slice::from_ref(web)),
            &[Operation::Break { app: shop() }, Operation::Repair { app: shop() }],
        ),
        story(
            "hands",
            app("shop", std::slice::from_ref(web)),
            &[
                Operation::Hand { container: 0, deed: Deed::Rename },
                Operation::Hand { container: 0, deed: Deed::Pause },
                Operation::Hand { container: 0, deed: Deed::Disconnect },
            ],
        ),
        story(
            "rename",
            app("shop", std::slice::from_ref(web)),
            &[Operation::Rename { app: shop(), to: "store".to_owned() }],
        ),
    ]
}

/// Updates of several replicas, and versions that fail.
fn updates(web: &Service) -> Vec<Workload> {
    let shop = || "shop".to_owned();
    let update = |parallelism, order| {
        let on_failure = OnFailure::Rollback;
        Some(Update { parallelism, order, monitor: 2, on_failure })
    };
    let three = Service { replicas: 3, ..web.clone() };
    let well = Some(Health { interval: 2, retries: 3 });
    let apart = Service { update: update(1, None), ..three.clone() };
    let beside =
        Service { update: update(2, Some(Order::StartFirst)), health: well, ..three.clone() };
    let held = Service { update: update(1, None), health: well, ..web.clone() };
    let worsen = |image| Operation::Worsen { app: shop(), service: "web".to_owned(), image };
    let better = || Operation::Better { app: shop(), service: "web".to_owned() };
    let kill = || Operation::Kill { down_ms: 500 };
    let one = |name, service: Service, steps: &[Operation]| {
        let mut workload = story(name, app("shop", &[service]), &[]);
        let at = |index: usize| 12_000 + 25_000 * u64::try_from(index).unwrap_or(0);
        let steps = steps.iter().enumerate();
        workload.scenario.steps = steps
            .map(|(index, operation)| Step { at_ms: at(index), operation: operation.clone() })
            .collect();
        workload.scenario.options.chaos_ms = at(workload.scenario.steps.len());
        workload
    };
    vec![
        one("stop-first", apart, &[set(&[("user", Some(0))])]),
        one("start-first", beside, &[set(&[("user", Some(0))])]),
        one("goes-back", held.clone(), &[worsen(Tag::Sick), kill(), better()]),
        one("goes-back-twice", held, &[worsen(Tag::Broken), worsen(Tag::NoEntry)]),
    ]
}

/// Schedules: what is missed, what takes too long, what a person removes.
fn schedules() -> Vec<Workload> {
    let cron = |image, concurrency| Service {
        image,
        schedule: Some(Schedule { concurrency, deadline: None }),
        ..service("cron")
    };
    let one = |name, service: Service, steps: &[(u64, Operation)], chaos_ms| {
        let mut workload = story(name, app("shop", &[service]), &[]);
        let steps = steps.iter();
        workload.scenario.steps = steps
            .map(|(at_ms, operation)| Step { at_ms: *at_ms, operation: operation.clone() })
            .collect();
        workload.scenario.options = Options { chaos_ms, quiet_ms: 85_000, ..Options::default() };
        workload
    };
    let remove = Operation::Hand { container: 0, deed: Deed::Remove };
    let away = Operation::Kill { down_ms: 20_000 };
    let quick = cron(Tag::Quick, Concurrency::Forbid);
    vec![
        one("due", quick.clone(), &[(66_000, remove)], 75_000),
        one("missed", quick, &[(50_000, away)], 62_000),
        one("long-runs", cron(Tag::Slow, Concurrency::Forbid), &[], 130_000),
        one("replaced-runs", cron(Tag::Slow, Concurrency::Replace), &[], 130_000),
    ]
}
