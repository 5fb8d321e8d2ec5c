//! Rows of `get`: one per project, service or container, as cells for people and as data for programs.

use serde_json::{Value, json};

use crate::cli::output::{BAD, DIM, WARN};
use crate::cli::published::Published;
use crate::cli::table::Cell;
use crate::cli::view;
use crate::model::id::ProjectName;
use crate::model::status::{
    Condition, ConditionKind, ContainerStatus, ProjectStatus, ServiceStatus,
};
use crate::model::time::Timestamp;

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Heading.
    pub(super) title: &'static str,
    /// Shown with `-o wide` only.
    pub(super) wide: bool,
}

const fn column(title: &'static str) -> Column {
    Column { title, wide: false }
}

const fn wide(title: &'static str) -> Column {
    Column { title, wide: true }
}

/// Columns of projects.
pub(super) const PROJECT_COLUMNS: &[Column] = &[
    column("NAME"),
    column("STATUS"),
    column("SERVICES"),
    column("CONTAINERS"),
    column("HELD"),
    column("SINCE"),
    wide("GENERATION"),
    wide("PUBLISHED"),
    wide("SOURCE"),
];

/// Columns of services.
pub(super) const SERVICE_COLUMNS: &[Column] = &[
    column("PROJECT"),
    column("NAME"),
    column("STATUS"),
    column("READY"),
    column("RESTARTS"),
    column("SINCE"),
    column("IMAGE"),
    wide("REVISION"),
];

/// Columns of containers.
pub(super) const CONTAINER_COLUMNS: &[Column] = &[
    column("PROJECT"),
    column("NAME"),
    column("STATE"),
    column("HEALTH"),
    column("RESTARTS"),
    column("SINCE"),
    column("NEXT TRY"),
    column("PORTS"),
    wide("SERVICE"),
    wide("EXIT"),
    wide("ID"),
];

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Name by which it is asked for: `shop`, `shop/web`, `shop-web-1`.
    pub(super) name: String,
    /// Its project.
    pub(super) project: String,
    /// One cell per column, wide ones included.
    pub(super) cells: Vec<Cell>,
    /// The published object, with its project.
    pub(super) value: Value,
}

impl Item {
    /// Whether a person who says `name` means this one.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let short = self.name.rsplit('/').next();
        self.name == name || short == Some(name) || self.value.get("id") == Some(&json!(name))
    }

    /// What it looks like, without what changes by the passing of time.
    pub(super) fn fingerprint(&self) -> String {
        let mut value = self.value.clone();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("published_at");
            fields.remove("observed_at");
        }
        value.to_string()
    }
}

/// One row per project.
pub(super) fn projects(published: &Published) -> Vec<Item> {
    published.projects.iter().map(|project| project_item(project, published.now)).collect()
}

fn project_item(project: &ProjectStatus, now: Timestamp) -> Item {
    let ready = project.services.iter().filter(|service| is_ready(&service.conditions)).count();
    let wanted: u32 = project.services.iter().map(|service| service.replicas).sum();
    let held = project.held.len();
    let generation = match project.observed_generation {
        seen if seen == project.generation => seen.to_string(),
        seen => format!("{} (seen {seen})", project.generation),
    };
    Item {
        name: project.name.to_string(),
        project: project.name.to_string(),
        cells: vec![
            project.name.as_str().into(),
            view::summary(&project.conditions),
            view::ratio(count(ready), count(project.services.len())),
            view::ratio(project.services.iter().map(|service| service.ready).sum(), wanted),
            match held {
                0 => Cell::styled(DIM, "0"),
                some => Cell::styled(WARN, some.to_string()),
            },
            since(&project.conditions, now).into(),
            generation.into(),
            view::age(now, Some(project.published_at)).into(),
            project.source.as_str().into(),
        ],
        value: value_of(project, &project.name),
    }
}

/// One row per service.
pub(super) fn services(published: &Published) -> Vec<Item> {
    let row = |(project, service): (&ProjectStatus, &ServiceStatus)| Item {
        name: format!("{}/{}", project.name, service.name),
        project: project.name.to_string(),
        cells: vec![
            project.name.as_str().into(),
            service.name.as_str().into(),
            view::summary(&service.conditions),
            view::ratio(service.ready, service.replicas),
            restarts(service.containers.iter().map(|container| container.restarts).sum()),
            since(&service.conditions, published.now).into(),
            service.image.as_str().into(),
            service.revision.as_deref().unwrap_or_default().into(),
        ],
        value: value_of(service, &project.name),
    };
    published.services().map(row).collect()
}

/// One row per container.
pub(super) fn containers(published: &Published) -> Vec<Item> {
    let row = |(project, service, container): (
        &ProjectName,
        Option<&ServiceStatus>,
        &ContainerStatus,
    )| {
        let exit = container.exit_code.map_or_else(String::new, |code| code.to_string());
        let next = view::next_try(container).map(|next| view::until(published.now, next));
        Item {
            name: container.name.clone(),
            project: project.to_string(),
            cells: vec![
                project.as_str().into(),
                container.name.as_str().into(),
                Cell::styled(view::state_style(container), container.state.as_str()),
                Cell::styled(view::health_style(&container.health), container.health.as_str()),
                restarts(container.restarts),
                view::age(published.now, container.since).into(),
                Cell::styled(WARN, next.unwrap_or_default()),
                container.ports.join(", ").into(),
                service.map_or("", |service| service.name.as_str()).into(),
                exit.into(),
                container.id.chars().take(12).collect::<String>().into(),
            ],
            value: value_of(container, project),
        }
    };
    published.containers().map(row).collect()
}

fn is_ready(conditions: &[Condition]) -> bool {
    view::holds(conditions, ConditionKind::Ready)
}

/// Since when Ready is what it is.
fn since(conditions: &[Condition], now: Timestamp) -> String {
    let ready = view::condition(conditions, ConditionKind::Ready);
    view::age(now, ready.map(|ready| ready.last_transition))
}

fn restarts(count: u32) -> Cell {
    match count {
        0 => Cell::styled(DIM, "0"),
        1..=4 => Cell::styled(WARN, count.to_string()),
        _ => Cell::styled(BAD, count.to_string()),
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The object as data, with the name of its project.
fn value_of(object: &impl serde::Serialize, project: &ProjectName) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("project".to_owned(), json!(project));
    }
    value
}
