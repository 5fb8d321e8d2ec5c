//! Networks: the objects and their calls. Endpoints are in `endpoints.rs`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::clock::{Clock, Stamp};
use super::engine::SimEngine;
use super::filters::{Filters, has_labels, matches_name};
use super::latency::Op;
use super::random::Ids;
use super::request::{ApiError, Call, Outcome, Reply};
use super::world::{World, string_map};

pub(crate) use super::endpoints::Endpoint;

/// A network.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// Not unique.
    pub(crate) name: String,
    /// `bridge`, `host`, `null` and others.
    pub(crate) driver: String,
    created: Stamp,
    body: Value,
    /// Labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// First address and prefix length; none for host and null.
    pub(crate) subnet: Option<(Ipv4Addr, u8)>,
    /// Whether the client chose the subnet: only then may endpoints ask for an address.
    pub(crate) chosen: bool,
    predefined: bool,
}

impl Network {
    /// Address of the gateway, or the empty string.
    pub(crate) fn gateway(&self) -> String {
        let asked = self.body.pointer("/IPAM/Config/0/Gateway").and_then(Value::as_str);
        match (asked, self.subnet) {
            (Some(gateway), _) if !gateway.is_empty() => gateway.to_owned(),
            (_, Some((base, _))) => Ipv4Addr::from(u32::from(base) + 1).to_string(),
            _ => String::new(),
        }
    }

    fn ipam(&self) -> Value {
        let given = self.body.get("IPAM");
        let driver = given.and_then(|ipam| ipam.get("Driver")).and_then(Value::as_str);
        let options = given.and_then(|ipam| ipam.get("Options")).cloned();
        let config = match (self.chosen, self.subnet) {
            (true, _) => given.and_then(|it| it.get("Config")).cloned().unwrap_or(json!([])),
            (false, Some((base, prefix))) => {
                json!([{"Subnet": format!("{base}/{prefix}"), "Gateway": self.gateway()}])
            }
            (false, None) => json!([]),
        };
        let options = match options {
            Some(options) if !options.is_null() => options,
            _ if self.predefined => Value::Null,
            _ => json!({}),
        };
        let driver = driver.filter(|it| !it.is_empty()).unwrap_or("default");
        json!({"Driver": driver, "Options": options, "Config": config})
    }

    fn json(&self, containers: &Value) -> Value {
        let flag = |key: &str| self.body.get(key).and_then(Value::as_bool).unwrap_or(false);
        let options = self.body.get("Options").filter(|it| !it.is_null()).cloned();
        json!({
            "Name": self.name,
            "Id": self.id,
            "Created": self.created.rfc3339(),
            "Scope": "local",
            "Driver": self.driver,
            "EnableIPv6": flag("EnableIPv6"),
            "IPAM": self.ipam(),
            "Internal": flag("Internal"),
            "Attachable": flag("Attachable"),
            "Ingress": false,
            "ConfigFrom": {"Network": ""},
            "ConfigOnly": false,
            "Containers": containers,
            "Options": options.unwrap_or(json!({})),
            "Labels": self.labels,
        })
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("name".to_owned(), self.name.clone()),
            ("type".to_owned(), self.driver.clone()),
        ])
    }
}

/// All networks.
#[derive(Debug)]
pub(crate) struct Networks {
    by_id: BTreeMap<String, Network>,
}

impl Networks {
    /// `bridge`, `host` and `none`.
    pub(crate) fn predefined(ids: &mut Ids, clock: &mut Clock) -> Self {
        let mut by_id = BTreeMap::new();
        for (name, driver) in [("bridge", "bridge"), ("host", "host"), ("none", "null")] {
            let network = Network {
                id: ids.fresh("network"),
                name: name.to_owned(),
                driver: driver.to_owned(),
                created: clock.stamp(),
                body: json!({}),
                labels: BTreeMap::new(),
                subnet: (driver == "bridge").then_some((Ipv4Addr::new(172, 17, 0, 0), 16)),
                chosen: false,
                predefined: true,
            };
            by_id.insert(network.id.clone(), network);
        }
        Self { by_id }
    }

    /// The network with this id.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Network> {
        self.by_id.get(id)
    }

    /// All of them, ordered by creation.
    pub(crate) fn all(&self) -> Vec<&Network> {
        let mut all: Vec<&Network> = self.by_id.values().collect();
        all.sort_by_key(|network| network.created);
        all
    }

    /// The network an id, a name or the beginning of an id means, in this order.
    ///
    /// # Errors
    /// 404 if there is none, 400 if a name or a prefix fits several.
    pub(crate) fn find(&self, reference: &str) -> Result<&Network, ApiError> {
        if let Some(network) = self.by_id.get(reference) {
            return Ok(network);
        }
        let one = |found: Vec<&'_ Network>, by: &str| match found.as_slice() {
            [] => Ok(None),
            [network] => Ok(Some(network.id.clone())),
            several => {
                let count = several.len();
                let text = format!(
                    "network {reference} is ambiguous ({count} matches found based on {by})"
                );
                Err(ApiError::new(400, text))
            }
        };
        let named = self.by_id.values().filter(|it| it.name == reference).collect();
        let prefixed = || self.by_id.values().filter(|it| it.id.starts_with(reference)).collect();
        let id = match one(named, "name")? {
            Some(id) => Some(id),
            None if reference.is_empty() => None,
            None => one(prefixed(), "ID prefix")?,
        };
        id.and_then(|id| self.by_id.get(&id))
            .ok_or_else(|| ApiError::new(404, format!("network {reference} not found")))
    }

    fn free_pool(&self) -> Option<(Ipv4Addr, u8)> {
        let sixteen = (17..=31).map(|second| (Ipv4Addr::new(172, second, 0, 0), 16));
        let twenty = (0..=15).map(|part| (Ipv4Addr::new(192, 168, part * 16, 0), 20));
        sixteen.chain(twenty).find(|pool| !self.overlaps(*pool))
    }

    fn overlaps(&self, (base, prefix): (Ipv4Addr, u8)) -> bool {
        self.by_id.values().filter_map(|network| network.subnet).any(|(other, length)| {
            let shift = 32 - u32::from(prefix.min(length));
            let cut = |address: Ipv4Addr| u32::from(address).checked_shr(shift).unwrap_or(0);
            cut(base) == cut(other)
        })
    }
}

/// `10.0.0.0/8`
fn parse_subnet(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (base, prefix) = text.split_once('/')?;
    let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    Some((base.parse().ok()?, prefix))
}

impl World {
    /// Tells of something that happened to a network.
    pub(crate) fn network_event(&mut self, id: &str, action: &str, container: Option<&str>) {
        let Some(network) = self.networks.by_id(id) else {
            return;
        };
        let mut attributes = network.attributes();
        if let Some(container) = container {
            attributes.insert("container".to_owned(), container.to_owned());
        }
        self.event("network", action, id, attributes);
    }

    /// Makes a network.
    ///
    /// # Errors
    /// 409 for a taken name with the duplicate check on (always on from API 1.44), 403 for an
    /// overlapping subnet, 500 when the pools are used up, 400 for a missing name.
    pub(crate) fn create_network(&mut self, body: Value) -> Result<(String, String), ApiError> {
        let name = body.get("Name").and_then(Value::as_str).unwrap_or("").to_owned();
        if name.is_empty() {
            return Err(ApiError::new(400, "network name cannot be empty"));
        }
        let twin = self.networks.by_id.values().find(|it| it.name == name).map(|it| it.id.clone());
        let check = body.get("CheckDuplicate").and_then(Value::as_bool).unwrap_or(false);
        let predefined = matches!(name.as_str(), "bridge" | "host" | "none");
        if twin.is_some() && (check || predefined || self.speaks(44)) {
            return Err(ApiError::new(409, format!("network with name {name} already exists")));
        }
        let driver = body.get("Driver").and_then(Value::as_str).filter(|it| !it.is_empty());
        let driver = driver.unwrap_or("bridge").to_owned();
        let asked = body.pointer("/IPAM/Config/0/Subnet").and_then(Value::as_str);
        let chosen = asked.and_then(parse_subnet);
        if chosen.is_some_and(|subnet| self.networks.overlaps(subnet)) {
            let text = "Pool overlaps with other one on this address space";
            return Err(ApiError::new(403, text));
        }
        let subnet = chosen.or_else(|| self.networks.free_pool());
        if subnet.is_none() {
            let text = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network";
            return Err(ApiError::new(500, text));
        }
        let id = self.ids.fresh("network");
        let network = Network {
            id: id.clone(),
            name: name.clone(),
            driver,
            created: self.clock.stamp(),
            labels: string_map(body.get("Labels")),
            subnet,
            chosen: chosen.is_some(),
            predefined: false,
            body,
        };
        self.networks.by_id.insert(id.clone(), network);
        self.network_event(&id, "create", None);
        let warning =
            twin.map(|twin| format!("Network with name {name} (id : {twin}) already exists"));
        Ok((id, warning.unwrap_or_default()))
    }

    /// Removes a network.
    ///
    /// # Errors
    /// 404 if it is not there, 403 if it is predefined or has active endpoints.
    pub(crate) fn remove_network(&mut self, reference: &str) -> Result<(), ApiError> {
        let network = self.networks.find(reference)?;
        let (id, name) = (network.id.clone(), network.name.clone());
        if network.predefined {
            let text = format!("{name} is a pre-defined network and cannot be removed");
            return Err(ApiError::new(403, text));
        }
        if self.active_endpoints(&id).next().is_some() {
            let text = format!(
                "error while removing network: network {name} id {id} has active endpoints"
            );
            return Err(ApiError::new(403, text));
        }
        self.network_event(&id, "destroy", None);
        self.networks.by_id.remove(&id);
        Ok(())
    }

    fn network_json(&self, network: &Network, verbose: bool) -> Value {
        let mut containers = json!({});
        if let (true, Some(members)) = (verbose, containers.as_object_mut()) {
            let prefix = network.subnet.map_or(0, |(_, prefix)| prefix);
            for (container, endpoint) in self.active_endpoints(&network.id) {
                members.insert(container.id.clone(), endpoint.member_json(&container.name, prefix));
            }
        }
        network.json(&containers)
    }
}

/// `GET /networks`
pub(crate) async fn list(engine: &SimEngine, call: &Call) -> Outcome {
    const KEYS: [&str; 7] = ["driver", "id", "label", "name", "scope", "type", "dangling"];
    let filters = Filters::parse(call.param("filters"), &KEYS)?;
    engine.latency(Op::List).await;
    let found: Vec<Value> = engine.with(|world| {
        let all = world.networks.all().into_iter();
        all.filter(|network| {
            filters.all(|key, values| match key {
                "driver" => values.contains(&network.driver),
                "id" => values.iter().any(|value| network.id.starts_with(value.as_str())),
                "label" => has_labels(&network.labels, values),
                "name" => values.iter().any(|value| matches_name(&network.name, value)),
                "scope" => values.iter().any(|value| value == "local"),
                "type" => values.iter().any(|it| (it == "builtin") == network.predefined),
                _ => values.iter().any(|value| {
                    let wanted = matches!(value.as_str(), "1" | "true");
                    let used = world.active_endpoints(&network.id).next().is_some();
                    wanted == (!used && !network.predefined)
                }),
            })
        })
        .map(|network| world.network_json(network, false))
        .collect()
    });
    Ok(Reply::json(200, &found))
}

/// `GET /networks/{id}`
pub(crate) async fn inspect(engine: &SimEngine, reference: &str) -> Outcome {
    engine.latency(Op::Inspect).await;
    let found = engine.with(|world| {
        let network = world.networks.find(reference)?;
        Ok(world.network_json(network, true))
    })?;
    Ok(Reply::json(200, &found))
}

/// `POST /networks/create`
pub(crate) async fn create(engine: &SimEngine, call: &Call) -> Outcome {
    let body = call.json()?;
    engine.latency(Op::Network).await;
    let (id, warning) = engine.with(|world| world.create_network(body))?;
    Ok(Reply::json(201, &json!({"Id": id, "Warning": warning})))
}

/// `DELETE /networks/{id}`
pub(crate) async fn remove(engine: &SimEngine, reference: &str) -> Outcome {
    engine.latency(Op::Network).await;
    engine.with(|world| world.remove_network(reference))?;
    Ok(Reply::empty(204))
}

/// `POST /networks/{id}/connect`
pub(crate) async fn connect(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let body = call.json()?;
    let container = body.get("Container").and_then(Value::as_str).unwrap_or("").to_owned();
    engine.unless_wedged(&container).await;
    engine.latency(Op::Network).await;
    let settings = body.get("EndpointConfig").cloned().unwrap_or(Value::Null);
    engine.with(|world| world.connect(reference, &container, &settings))?;
    Ok(Reply::empty(200))
}

/// `POST /networks/{id}/disconnect`
pub(crate) async fn disconnect(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let body = call.json()?;
    let container = body.get("Container").and_then(Value::as_str).unwrap_or("").to_owned();
    let force = body.get("Force").and_then(Value::as_bool).unwrap_or(false);
    if !force {
        engine.unless_wedged(&container).await;
    }
    engine.latency(Op::Network).await;
    engine.with(|world| world.disconnect(reference, &container, force))?;
    Ok(Reply::empty(200))
}
