//! Reference workloads: small stories without faults, into which single faults are put one by one.

use std::collections::BTreeMap;

use super::model::{
    App, Deed, EventFaultKind, Health, Operation, Options, Scenario, Service, Step, Tag,
};

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
        story(
            "hands",
            app("shop", std::slice::from_ref(&web)),
            &[
                Operation::Hand { container: 0, deed: Deed::Rename },
                Operation::Hand { container: 0, deed: Deed::Pause },
                Operation::Hand { container: 0, deed: Deed::Disconnect },
            ],
        ),
        story(
            "rename",
            app("shop", &[web]),
            &[Operation::Rename { app: shop(), to: "store".to_owned() }],
        ),
    ]
}
