//! The state of the simulated host.

use std::collections::BTreeMap;

use serde_json::Value;

use super::build::Builds;
use super::clock::Clock;
use super::container::Container;
use super::engine::{SimEngine, SimOptions, WeakEngine};
use super::events::EventBus;
use super::exec::Exec;
use super::faults::Faults;
use super::images::Images;
use super::journal::{Happening, Journal};
use super::networks::Networks;
use super::random::{Ids, SplitMix64};
use super::registry::Registry;
use super::request::ApiError;
use super::scene::Host;
use super::script::Scripts;
use super::trace::Trace;
use super::volumes::Volume;

/// Everything the engine and its host know. Ordered maps throughout.
pub(crate) struct World {
    /// API version as (major, minor).
    pub(crate) api: (u32, u32),
    /// Wall time.
    pub(crate) clock: Clock,
    /// Latencies.
    pub(crate) random: SplitMix64,
    /// Identifiers.
    pub(crate) ids: Ids,
    /// Containers by id.
    pub(crate) containers: BTreeMap<String, Container>,
    /// Images and tags.
    pub(crate) images: Images,
    /// What pulls find.
    pub(crate) registry: Registry,
    /// What builds do.
    pub(crate) builds: Builds,
    /// Networks.
    pub(crate) networks: Networks,
    /// Volumes by name.
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Execs by id.
    pub(crate) execs: BTreeMap<String, Exec>,
    /// The ring and its subscribers.
    pub(crate) events: EventBus,
    /// What applications do.
    pub(crate) scripts: Scripts,
    /// What goes wrong.
    pub(crate) faults: Faults,
    /// What was asked.
    pub(crate) trace: Trace,
    /// What happened.
    pub(crate) journal: Journal,
    /// Ports, paths and disk of the host.
    pub(crate) host: Host,
    /// Counts containers ever created: gives the order of lists.
    pub(crate) serial: u64,
    /// Process numbers.
    pub(crate) next_pid: u64,
    /// Connections from the host.
    pub(crate) dialled: u64,
    /// What servers that are no containers answer to a GET, by host.
    pub(crate) servers: BTreeMap<String, String>,
    engine: WeakEngine,
}

impl World {
    /// The state of a freshly installed engine.
    pub(crate) fn new(options: &SimOptions, engine: WeakEngine) -> Self {
        let mut clock = Clock::new();
        let mut ids = Ids::new(options.seed);
        let networks = Networks::predefined(&mut ids, &mut clock);
        Self {
            api: parse_version(&options.api_version).unwrap_or((1, 41)),
            clock,
            random: SplitMix64::new(options.seed),
            ids,
            containers: BTreeMap::new(),
            images: Images::default(),
            registry: Registry::default(),
            builds: Builds::default(),
            networks,
            volumes: BTreeMap::new(),
            execs: BTreeMap::new(),
            events: EventBus::default(),
            scripts: Scripts::default(),
            faults: Faults::default(),
            trace: Trace::default(),
            journal: Journal::default(),
            host: Host::default(),
            serial: 0,
            next_pid: 1000,
            dialled: 0,
            servers: BTreeMap::new(),
            engine,
        }
    }

    /// Starts engine-side work. It ends with the runtime, and does nothing once the engine is gone.
    pub(crate) fn spawn<F, W>(&self, work: W)
    where
        W: FnOnce(SimEngine) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(engine) = self.engine.upgrade() {
            drop(tokio::spawn(work(engine)));
        }
    }

    /// Whether the engine speaks API 1.`minor` or later.
    pub(crate) fn speaks(&self, minor: u32) -> bool {
        self.api >= (1, minor)
    }

    /// The id of the container that a name, an id or an unambiguous prefix of an id means.
    ///
    /// # Errors
    /// 404 if there is none, 400 if a prefix fits several.
    pub(crate) fn container_id(&self, reference: &str) -> Result<String, ApiError> {
        let missing = || ApiError::new(404, format!("No such container: {reference}"));
        if self.containers.contains_key(reference) {
            return Ok(reference.to_owned());
        }
        let name = reference.strip_prefix('/').unwrap_or(reference);
        if let Some(holder) = self.containers.values().find(|it| it.name == name) {
            return Ok(holder.id.clone());
        }
        let mut found = self.containers.keys().filter(|id| id.starts_with(reference));
        match (found.next(), found.next()) {
            (Some(id), None) if !reference.is_empty() => Ok(id.clone()),
            (Some(_), Some(_)) if !reference.is_empty() => {
                let text = format!("Multiple IDs found with provided prefix: {reference}");
                Err(ApiError::new(400, text))
            }
            _ => Err(missing()),
        }
    }

    /// The container a reference means.
    ///
    /// # Errors
    /// As [`World::container_id`].
    pub(crate) fn container(&self, reference: &str) -> Result<&Container, ApiError> {
        let id = self.container_id(reference)?;
        self.containers.get(&id).ok_or_else(|| gone(reference))
    }

    /// The container a reference means, to change it.
    ///
    /// # Errors
    /// As [`World::container_id`].
    pub(crate) fn container_mut(&mut self, reference: &str) -> Result<&mut Container, ApiError> {
        let id = self.container_id(reference)?;
        self.containers.get_mut(&id).ok_or_else(|| gone(reference))
    }

    /// Tells the subscribers of something that happened to a container.
    pub(crate) fn container_event(&mut self, id: &str, action: &str, extra: &[(&str, String)]) {
        let Some(container) = self.containers.get(id) else {
            return;
        };
        let mut attributes = container.labels();
        attributes.insert("image".to_owned(), container.image_reference.clone());
        attributes.insert("name".to_owned(), container.name.clone());
        attributes.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        self.event("container", action, id, attributes);
    }

    /// Tells the subscribers of something.
    pub(crate) fn event(
        &mut self,
        kind: &'static str,
        action: &str,
        id: &str,
        attributes: BTreeMap<String, String>,
    ) {
        let stamp = self.clock.stamp();
        self.journal.entries.push(Happening::Event {
            at: self.clock.elapsed(),
            kind,
            action: action.to_owned(),
            id: id.to_owned(),
            attributes: attributes.clone(),
        });
        self.events.publish(kind, action, id, attributes, stamp);
    }
}

fn gone(reference: &str) -> ApiError {
    ApiError::new(404, format!("No such container: {reference}"))
}

/// `1.41` as numbers that compare.
pub(crate) fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The string members of a JSON object.
pub(crate) fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// The strings of a JSON array, or the one string.
pub(crate) fn string_list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}
