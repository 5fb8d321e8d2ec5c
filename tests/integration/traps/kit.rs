//! A project from text, what is told of it, and what the planner makes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use composelet::manifest::{
    Dialect, Entry, FileContent, HostChoices, LoadInput, LoadResult, Loaded, load,
};
use composelet::model::desired::DesiredService;
use composelet::model::id::ServiceName;
use composelet::model::observed::ObservedContainer;
use composelet::model::path::LocalPath;
use composelet::model::plan::{Action, CreateContainer, Plan};

use crate::plan_world::{self, Sim};

/// Where the project lies.
pub(super) const HOME: &str = "/srv/shop";

/// Loads a project from `files`, whose names are relative to its directory; nothing else is there.
pub(super) fn load_files(files: &[(&str, &str)]) -> Loaded {
    let directory = LocalPath::new(HOME);
    let mut known: BTreeMap<LocalPath, FileContent> = BTreeMap::new();
    for _ in 0..20 {
        let input = LoadInput {
            entry: &Entry::Directory(directory.clone()),
            files: &known,
            environment: &BTreeMap::new(),
            choices: &HostChoices::default(),
            dialect: Dialect::Controller,
        };
        match load(&input) {
            LoadResult::Loaded(loaded) => return *loaded,
            LoadResult::Needs(paths) => {
                known.extend(paths.into_iter().map(|path| {
                    let content = content(files, path.as_path());
                    (path, content)
                }));
            }
        }
    }
    panic!("the loader asks for ever more files");
}

fn content(files: &[(&str, &str)], path: &Path) -> FileContent {
    let Ok(tail) = path.strip_prefix(HOME) else {
        // What lies above the project is there for whoever should not look.
        return match path.file_name().and_then(|name| name.to_str()) {
            Some("compose.yaml") => {
                FileContent::Bytes(Arc::from(&b"services: {a: {image: a}}"[..]))
            }
            _ => FileContent::Directory(vec!["compose.yaml".to_owned()]),
        };
    };
    if let Some((_, text)) = files.iter().find(|(name, _)| Path::new(name) == tail) {
        return FileContent::Bytes(Arc::from(text.as_bytes()));
    }
    let mut names: Vec<String> = files
        .iter()
        .filter_map(|(name, _)| Path::new(name).strip_prefix(tail).ok())
        .filter_map(|rest| Some(rest.components().next()?.as_os_str().to_str()?.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() && tail != Path::new("") {
        return FileContent::Missing;
    }
    FileContent::Directory(names)
}

/// Loads one manifest with nothing beside it.
pub(super) fn loaded(compose: &str) -> Loaded {
    load_files(&[("compose.yaml", compose)])
}

/// The service `web` of a manifest without errors.
pub(super) fn web(loaded: &Loaded) -> &DesiredService {
    let project = loaded.project.as_ref();
    let project = project.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
    &project.services[&ServiceName::new("web")]
}

/// What is told of a manifest, as `code field`.
pub(super) fn told(loaded: &Loaded) -> Vec<String> {
    let each = loaded.diagnostics.iter();
    each.map(|found| format!("{} {}", found.code, found.field)).collect()
}

/// Whether this code is told.
pub(super) fn tells(loaded: &Loaded, code: &str) -> bool {
    loaded.diagnostics.iter().any(|found| found.code == code)
}

/// The canonical form, as `docker compose config --format json` prints it.
pub(super) fn canonical(loaded: &Loaded) -> serde_json::Value {
    serde_json::from_str(&loaded.canonical.as_ref().unwrap().json()).unwrap()
}

/// The text of every pass, as in `tests/fixtures/plan`: what is wanted, what ran before (empty: the same), the world.
pub(super) fn plans(compose: &str, before: &str, world: &str) -> String {
    let mut files = BTreeMap::from([
        ("compose.yaml".to_owned(), compose.to_owned()),
        ("world.yaml".to_owned(), world.to_owned()),
    ]);
    if !before.is_empty() {
        files.insert("before.yaml".to_owned(), before.to_owned());
    }
    plan_world::run(&files)
}

/// What is planned when a project runs as declared and then only the manifest changes.
pub(super) fn after_edit(before: &str, after: &str) -> String {
    plans(after, before, "from: converged")
}

/// No pass does or holds anything.
pub(super) fn is_quiet(plans: &str) -> bool {
    plans.lines().all(|line| line.starts_with('#') || line == "nothing")
}

/// A host on which the project runs as declared.
pub(super) fn converged(compose: &str) -> Sim {
    let mut sim = Sim::new(plan_world::project(compose, &BTreeMap::new()));
    assert!(sim.settle(40, true).is_some());
    sim
}

/// The first plan for an empty host.
pub(super) fn first_plan(compose: &str) -> Plan {
    Sim::new(plan_world::project(compose, &BTreeMap::new())).look()
}

/// What is created for the service `web`.
pub(super) fn create_of(plan: &Plan) -> CreateContainer {
    let created = plan.nodes.iter().find_map(|node| match &node.action {
        Action::CreateContainer(create) if create.replica.service.as_str() == "web" => Some(create),
        _ => None,
    });
    (**created.unwrap_or_else(|| panic!("web is not created:\n{plan}"))).clone()
}

/// The only container of the service `web`, to change it by hand.
pub(super) fn container(sim: &mut Sim) -> &mut ObservedContainer {
    let mut found = sim
        .engine
        .observed
        .containers
        .iter_mut()
        .filter(|one| one.claim.service == Some(ServiceName::new("web")));
    found.next().unwrap()
}
