//! Reference workloads: a change of one project, and what is there afterwards.

use std::collections::BTreeMap;
use std::fs;

use crate::real::text::{SLEEP, file, service};
use crate::support_real::container::Container;
use crate::support_real::controller::Controller;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::wait::{eventually, hold};

/// A change that is cut off at one point after the other.
pub(super) struct Workload {
    /// For messages and for choosing one.
    pub(super) name: &'static str,
    /// The file that has converged before; none for a first deployment.
    before: Option<fn() -> String>,
    /// The file that has to be reached; none for a removal.
    after: Option<fn() -> String>,
    /// How many containers there are in the end.
    containers: usize,
}

/// Looks in a row that find the end reached until nothing more is expected: about four seconds.
const STANDS: usize = 80;

/// All of them.
pub(super) const ALL: [Workload; 6] = [
    Workload { name: "deploy", before: None, after: Some(stack), containers: 3 },
    Workload { name: "replace", before: Some(stack), after: Some(replaced), containers: 3 },
    Workload { name: "remove", before: Some(stack), after: None, containers: 0 },
    Workload { name: "network", before: Some(stack), after: Some(renetworked), containers: 3 },
    Workload { name: "scale", before: Some(stack), after: Some(scaled), containers: 5 },
    Workload { name: "config", before: Some(config_one), after: Some(config_two), containers: 1 },
];

fn stack() -> String {
    let text = file(&[
        service("app", SLEEP, &["depends_on: [db]", "networks: [front, back]"]),
        service("db", SLEEP, &["networks: [back]", "volumes: [\"data:/data\"]"]),
        service("web", SLEEP, &["depends_on: [app]", "networks: [front]"]),
    ]);
    format!("{text}networks: {{ front: {{}}, back: {{}} }}\nvolumes: {{ data: {{}} }}\n")
}

fn replaced() -> String {
    stack().replace("depends_on: [db]", "depends_on: [db]\n    environment: { N: b }")
}

fn renetworked() -> String {
    stack().replace("back: {}", "back: { labels: { n: b } }")
}

fn scaled() -> String {
    stack().replace("depends_on: [app]", "depends_on: [app]\n    scale: 3")
}

fn config(content: &str) -> String {
    let text = service(
        "web",
        SLEEP,
        &["configs: [{ source: c, target: /c }]", "x-composelet: { on_change: restart }"],
    );
    format!("{}configs: {{ c: {{ content: {content} }} }}\n", file(&[text]))
}

fn config_one() -> String {
    config("one")
}

fn config_two() -> String {
    config("two")
}

/// What is left in the end, names of the project and ids aside.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Everything there is.
    pub(super) objects: BTreeMap<&'static str, Vec<String>>,
    /// How often each object was created and destroyed since the change.
    pub(super) effects: BTreeMap<String, usize>,
}

impl Workload {
    /// Brings the host to where the change begins. The controller runs then.
    pub(super) async fn prepare(&self, host: &mut Host, project: &str) {
        if let Some(before) = self.before {
            host.write(project, &before());
        }
        host.start();
        if self.before.is_some() {
            host.ready(project).await;
            host.settled(project).await;
        }
    }

    /// The change.
    pub(super) fn change(&self, host: &Host, project: &str) {
        match self.after {
            Some(after) => host.write(project, &after()),
            None => fs::remove_dir_all(host.desired().join(project)).unwrap(),
        }
    }

    /// Whether the end is reached.
    pub(super) fn reached(&self, host: &Host, project: &str, mark: usize) -> Result<(), String> {
        if self.name == "config" {
            let restarted = host.events.saw(mark, &format!("container start {project}-web-1"));
            hold(restarted, || "not restarted".to_owned())?;
        }
        if self.name == "network" {
            let networks = objects(host, project).remove("networks").unwrap_or_default();
            let new = networks.iter().any(|one| one.contains("\"b\""));
            hold(new, || format!("the old network: {networks:?}"))?;
        }
        let found = host.engine.containers_of(project);
        let run = found.len() == self.containers && found.iter().all(Container::runs);
        hold(run, || lines(&found))?;
        if let Some(after) = self.after {
            let wanted = if after().contains("N: b") { "N=b" } else { "" };
            let has = found.iter().any(|one| one.environment().join("\n").contains(wanted));
            hold(has, || format!("no {wanted}"))?;
        } else {
            let networks = objects(host, project).remove("networks").unwrap_or_default();
            hold(networks.is_empty(), || format!("{networks:?}"))?;
            // The engine tells of the end of a network a little after it has left the list.
            for network in ["front", "back"] {
                let told = host.events.saw(mark, &format!("network destroy {project}_{network}"));
                hold(told, || format!("{network} is not told to be gone"))?;
            }
        }
        Ok(())
    }

    /// Waits until the controller ended, `true`, or until the end was reached and has stood for a while: what is written or
    /// called after it is a point, too.
    pub(super) async fn cut_off(&self, host: &mut Host, project: &str, mark: usize) -> bool {
        let mut stood = 0;
        eventually(&format!("the controller of {} ends, or the end stands", self.name), || {
            if host.controllers.first_mut().and_then(Controller::ended).is_some() {
                return Ok(true);
            }
            self.reached(host, project, mark)?;
            stood += 1;
            hold(stood > STANDS, || "the end is reached".to_owned()).map(|()| false)
        })
        .await
    }

    /// Waits for the end and for the quiet after it.
    pub(super) async fn end(&self, host: &Host, project: &str, mark: usize) {
        eventually(&format!("the end of {}", self.name), || self.reached(host, project, mark))
            .await;
        if self.after.is_some() {
            host.ready(project).await;
            host.pass();
            host.ready(project).await;
        }
    }

    /// What is there, and what it took since `mark`.
    pub(super) async fn outcome(&self, host: &Host, project: &str, mark: usize) -> Outcome {
        let mut effects = BTreeMap::new();
        for event in host.events.since(mark).await {
            let mut words = event.split(' ');
            let (kind, action) =
                (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if ["create", "destroy"].contains(&action) && kind != "image" {
                let name = without_ids(&event.replace(project, "P"));
                *effects.entry(name).or_default() += 1;
            }
        }
        Outcome { objects: objects(host, project), effects }
    }
}

/// Names of everything there is, without the part that differs between projects.
fn objects(host: &Host, project: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut containers: Vec<String> = Vec::new();
    for container in host.engine.containers_of(project) {
        let (networks, environment) = (container.networks().join(","), container.environment());
        let environment: Vec<_> = environment.iter().filter(|it| !it.starts_with("PATH")).collect();
        let (name, state) = (container.name(), container.state());
        containers.push(format!("{name} {state} {networks} {environment:?}"));
    }
    let named = |path: &str, key: &str| {
        let list = host.engine.get(path);
        let items = list.get(key).unwrap_or(&list).as_array().cloned().unwrap_or_default();
        let ours =
            items.iter().filter(|it| it["Name"].as_str().is_some_and(|it| it.starts_with(project)));
        let text = |item: &serde_json::Value| {
            format!("{} {}", item["Name"].as_str().unwrap_or_default(), item["Labels"]["n"])
        };
        ours.map(text).collect::<Vec<_>>()
    };
    let mut state = BTreeMap::from([
        ("containers", containers),
        ("networks", named("/networks", "-")),
        ("volumes", named("/volumes", "Volumes")),
    ]);
    for names in state.values_mut() {
        for name in names.iter_mut() {
            *name = name.replace(project, "P");
        }
        names.sort();
    }
    state
}

/// Ids in temporary names differ from run to run.
fn without_ids(text: &str) -> String {
    let id = |word: &str| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = text.split_inclusive(['_', '-', ' ', '.']);
    let shown = parts.map(|part| {
        let word = part.trim_end_matches(['_', '-', ' ', '.']);
        if id(word) { part.replace(word, "ID") } else { part.to_owned() }
    });
    shown.collect()
}
