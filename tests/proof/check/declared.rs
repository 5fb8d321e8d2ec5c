//! M of the invariants: a host is as declared. Expectations come from the scenario, never from the controller.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Ended, roles};
use crate::scenario::{App, FIELDS, Service, Tag};
use crate::sim::Look;

/// What is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    /// The files.
    pub(crate) apps: &'a BTreeMap<String, App>,
    /// Versions of those projects that say of themselves that they went back: one of them runs.
    pub(crate) gone_back: &'a BTreeMap<String, Vec<App>>,
    /// Image id by reference, on the engine.
    pub(crate) images: &'a BTreeMap<String, String>,
    /// What is declared is an earlier version: what its tags mean may have moved since.
    pub(crate) then: bool,
    /// Projects that say of themselves that their update stands still because it failed.
    pub(crate) paused: &'a BTreeSet<String>,
    /// Networks of this installation: name and project.
    pub(crate) networks: &'a [(String, String)],
    /// Replicas that need no container.
    pub(crate) ended: &'a Ended,
    /// Projects that the state directory knows: when they are not in the files any more, what is left of them must go.
    /// `None` if that is not known.
    pub(crate) known: Option<&'a BTreeSet<String>>,
}

/// Whether a project can run as it is declared, beside all the others.
pub(crate) fn feasible(app: &App, apps: &BTreeMap<String, App>) -> bool {
    has_its_own(app, apps) && app.services.iter().all(|service| service.image.is_feasible())
}

/// Whether the file of a project can be read, and no other one wants the same ports.
pub(crate) fn has_its_own(app: &App, apps: &BTreeMap<String, App>) -> bool {
    let ports =
        |app: &App| -> BTreeSet<u16> { app.services.iter().filter_map(|it| it.port).collect() };
    let mut others = apps.values().filter(|other| other.name != app.name);
    let shares = others.any(|other| !ports(other).is_disjoint(&ports(app)));
    !app.broken && !shares
}

impl Declared<'_> {
    /// Whether all is as declared.
    ///
    /// # Errors
    /// The first difference.
    pub(crate) fn check(&self, looks: &[Look]) -> Result<(), String> {
        let can_run = |app: &&App| has_its_own(app, self.apps) && !self.is_blocked(app, looks);
        for app in self.apps.values().filter(can_run) {
            match self.gone_back.get(&app.name) {
                Some(versions) => self.went_back(app, versions, looks)?,
                None if feasible(app, self.apps) && !self.paused.contains(&app.name) => {
                    self.app(app, looks)?;
                }
                None => {}
            }
        }
        let ours = looks.iter().filter(|look| roles::is_ours(&look.labels));
        for look in ours {
            let project = roles::project(&look.labels);
            if self.must_go(project) {
                return Err(format!("{} is there, its project is not declared", look.name));
            }
        }
        for (name, project) in self.networks {
            let app = self.apps.get(project);
            let edge = |app: &App| app.services.iter().any(|service| service.edge);
            let versions = self.gone_back.get(project).into_iter().flatten();
            let wanted = app.is_some_and(|app| {
                *name == format!("{project}_default")
                    || *name == format!("{project}_edge") && versions.chain([app]).any(edge)
            });
            let judged = app.map_or(self.must_go(project), |app| feasible(app, self.apps));
            if judged && !wanted {
                return Err(format!("network {name} is there and not wanted"));
            }
        }
        Ok(())
    }

    /// L5: what runs is what the files said once. The image is that of then, whatever its tag means now.
    fn went_back(&self, app: &App, versions: &[App], looks: &[Look]) -> Result<(), String> {
        let then = Declared { then: true, ..*self };
        let mut differences = versions.iter().rev().map(|version| then.app(version, looks));
        let nearest = differences.next().unwrap_or_else(|| Err("there are none".to_owned()));
        if nearest.is_ok() || differences.any(|difference| difference.is_ok()) {
            return Ok(());
        }
        Err(format!("{} went back to none of its versions: {nearest:?}", app.name))
    }

    fn must_go(&self, project: &str) -> bool {
        !self.apps.contains_key(project) && self.known.is_some_and(|known| known.contains(project))
    }

    /// Whether what was left of a project that nobody removes any more holds a port of this one.
    fn is_blocked(&self, app: &App, looks: &[Look]) -> bool {
        let left = looks.iter().filter(|look| {
            roles::is_ours(&look.labels)
                && matches!(look.phase, "running" | "paused")
                && !self.apps.contains_key(roles::project(&look.labels))
        });
        let held: BTreeSet<&str> = left.filter_map(host_port).collect();
        let ports = app.services.iter().filter_map(|service| service.port);
        self.known.is_none()
            && ports.into_iter().any(|port| held.contains(port.to_string().as_str()))
    }

    fn app(&self, app: &App, looks: &[Look]) -> Result<(), String> {
        let is_run = |look: &Look| {
            let service = app.service(roles::service(&look.labels));
            let scheduled = service.is_some_and(|service| service.schedule.is_some());
            scheduled && roles::due(&look.labels).is_some()
        };
        let ours = looks.iter().filter(|look| {
            let own = roles::is_ours(&look.labels) && roles::project(&look.labels) == app.name;
            own && !is_run(look)
        });
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for service in &app.services {
            // As with Compose, any numbers do: replicas that were there before keep theirs.
            let own: Vec<&Look> =
                ours.clone().filter(|look| roles::service(&look.labels) == service.name).collect();
            let most = service.wanted();
            let least = most.saturating_sub(self.ended.of(&app.name, service));
            if !(least..=most).contains(&own.len()) {
                let (there, name) = (own.len(), &service.name);
                return Err(format!(
                    "{there} of {} {}-{name} are there",
                    service.replicas, app.name
                ));
            }
            for look in own {
                let (_, _, number) = roles::replica(&look.labels);
                let name = format!("{}-{}-{number}", app.name, service.name);
                if look.name != name {
                    return Err(format!("{name} is named {}", look.name));
                }
                self.replica(app, service, look)?;
                wanted.insert(name);
            }
        }
        for look in ours {
            if !wanted.contains(&look.name) {
                return Err(format!("{} is there and not wanted", look.name));
            }
        }
        Ok(())
    }

    fn replica(&self, app: &App, service: &Service, look: &Look) -> Result<(), String> {
        let name = &look.name;
        if !roles::is_ours(&look.labels) || roles::service(&look.labels) != service.name {
            return Err(format!("{name} is another's"));
        }
        let ended = look.phase == "exited" && look.exit_code == 0 && service.may_end();
        if look.phase != "running" && !ended {
            return Err(format!("{name} is {} ({})", look.phase, look.exit_code));
        }
        if !ended && service.health.is_some() && look.health != Some("healthy") {
            return Err(format!("{name} is {:?}", look.health));
        }
        self.config(app, service, look)
    }

    fn config(&self, app: &App, service: &Service, look: &Look) -> Result<(), String> {
        let name = &look.name;
        let image = self.images.get(service.image.reference());
        let moved = self.then && service.image == Tag::Moving;
        if !moved && image != Some(&look.image) {
            return Err(format!("{name} has image {}, not {image:?}", look.image));
        }
        for field in FIELDS {
            let value = service.fields.get(field.name).copied();
            let wanted = (field.shows)(value);
            let shown = look.inspect.pointer(field.pointer).cloned().unwrap_or_default();
            let made_up = field.name == "hostname" && value.is_none();
            if !made_up && !same(&wanted, &shown) {
                return Err(format!("{name}: {} is {shown}, not {wanted}", field.name));
            }
        }
        let port = host_port(look);
        let wanted = service.port.map(|port| port.to_string());
        if port != wanted.as_deref() {
            return Err(format!("{name}: port {port:?}, not {wanted:?}"));
        }
        let volume = look.volumes.get("/data").cloned();
        let wanted = service.volume.then(|| format!("{}_data", app.name));
        if volume != wanted {
            return Err(format!("{name}: /data is {volume:?}, not {wanted:?}"));
        }
        let mut networks = BTreeSet::from([format!("{}_default", app.name)]);
        if service.edge {
            networks.insert(format!("{}_edge", app.name));
        }
        if look.networks != networks {
            return Err(format!("{name} is on {:?}, not {networks:?}", look.networks));
        }
        let tag = service.image == Tag::Moving;
        let check = look.inspect.pointer("/Config/Healthcheck/Interval").and_then(Value::as_u64);
        let wanted = service.health.map(|health| health.interval * 1_000_000_000);
        if check != wanted && !tag {
            return Err(format!("{name}: health check {check:?}, not {wanted:?}"));
        }
        Ok(())
    }
}

fn host_port(look: &Look) -> Option<&str> {
    look.inspect.pointer("/HostConfig/PortBindings/80~1tcp/0/HostPort").and_then(Value::as_str)
}

/// No value, null, an empty list and zero are one.
fn same(wanted: &Value, shown: &Value) -> bool {
    let empty = |value: &Value| {
        value.is_null()
            || value.as_i64() == Some(0)
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_str().is_some_and(str::is_empty)
    };
    let bare = |value: &Value| match value {
        // The engine writes capabilities as it was given them.
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| match item.as_str() {
                    Some(text) => Value::from(text.trim_start_matches("CAP_")),
                    None => item.clone(),
                })
                .collect(),
        ),
        other => other.clone(),
    };
    wanted == shown || (empty(wanted) && empty(shown)) || bare(wanted) == bare(shown)
}
