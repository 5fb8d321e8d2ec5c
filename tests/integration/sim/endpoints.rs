//! Endpoints: what ties a container to networks and to ports of the host.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::container::{Container, Phase, Published};
use super::networks::Network;
use super::request::ApiError;
use super::world::{World, string_list};

/// A container's place on one network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoint {
    /// Id of the network; empty until the first start.
    pub(crate) network: String,
    /// Own id; empty while the container does not run.
    pub(crate) id: String,
    /// Address while the container runs.
    pub(crate) address: Option<Ipv4Addr>,
    /// Aliases, the automatic one among them once connected.
    pub(crate) aliases: Vec<String>,
    gateway: String,
    prefix: u8,
    settings: Value,
}

impl Endpoint {
    /// An endpoint as the client asked for it, not yet connected.
    pub(crate) fn asked(settings: &Value) -> Self {
        let aliases = string_list(settings.get("Aliases"));
        Self { aliases, settings: settings.clone(), ..Self::default() }
    }

    /// The endpoint takes no part in the network any more, but remembers it.
    fn release(&mut self) {
        *self = Self {
            network: std::mem::take(&mut self.network),
            aliases: std::mem::take(&mut self.aliases),
            settings: self.settings.take(),
            ..Self::default()
        };
    }

    fn mac(&self) -> String {
        let given = self.settings.get("MacAddress").and_then(Value::as_str);
        if let (Some(given), true) = (given, self.address.is_some()) {
            return given.to_owned();
        }
        self.address.map_or_else(String::new, |address| {
            let [a, b, c, d] = address.octets();
            format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
        })
    }

    fn wanted_address(&self) -> Option<&str> {
        let address = self.settings.pointer("/IPAMConfig/IPv4Address").and_then(Value::as_str);
        address.filter(|address| !address.is_empty())
    }

    /// As inspect shows it; lists leave the aliases out.
    pub(crate) fn json(&self, with_aliases: bool) -> Value {
        let setting = |key: &str| self.settings.get(key).cloned().unwrap_or(Value::Null);
        let aliases = (with_aliases && !self.aliases.is_empty()).then_some(&self.aliases);
        let mut shown = json!({
            "IPAMConfig": setting("IPAMConfig"),
            "Links": setting("Links"),
            "Aliases": aliases,
            "NetworkID": self.network,
            "EndpointID": self.id,
            "Gateway": self.gateway,
            "IPAddress": self.address.map(|it| it.to_string()).unwrap_or_default(),
            "IPPrefixLen": self.prefix,
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "MacAddress": self.mac(),
            "DriverOpts": setting("DriverOpts"),
        });
        let priority = setting("GwPriority");
        if let Some(shown) = shown.as_object_mut().filter(|_| !priority.is_null()) {
            shown.insert("GwPriority".to_owned(), priority);
        }
        shown
    }

    /// As a network's inspect shows its member.
    pub(crate) fn member_json(&self, name: &str, prefix: u8) -> Value {
        let address = self.address.map(|it| format!("{it}/{prefix}")).unwrap_or_default();
        json!({
            "Name": name,
            "EndpointID": self.id,
            "MacAddress": self.mac(),
            "IPv4Address": address,
            "IPv6Address": "",
        })
    }
}

impl World {
    /// Endpoints that take part in a network now, with their containers.
    pub(crate) fn active_endpoints(
        &self,
        network: &str,
    ) -> impl Iterator<Item = (&Container, &Endpoint)> {
        self.containers.values().flat_map(move |container| {
            let mine = container.endpoints.values();
            mine.filter(move |it| it.network == network && !it.id.is_empty())
                .map(move |endpoint| (container, endpoint))
        })
    }

    /// Gives every endpoint of a starting container its address.
    ///
    /// # Errors
    /// 404 for a network that is gone, 403 for a taken static address, 409 if the container whose
    /// network it shares does not run.
    pub(crate) fn attach_networks(&mut self, id: &str) -> Result<(), ApiError> {
        let container = self.container(id)?;
        if let Some(other) = container.network_mode().strip_prefix("container:") {
            let other = self.container(other)?;
            if !other.phase.is_running() {
                let text = format!("cannot join network of a non running container: {}", other.id);
                return Err(ApiError::new(409, text));
            }
            return Ok(());
        }
        let names: Vec<String> = container.endpoints.keys().cloned().collect();
        for name in names {
            self.attach(id, &name)?;
        }
        Ok(())
    }

    fn attach(&mut self, id: &str, name: &str) -> Result<(), ApiError> {
        let endpoint = self.container(id)?.endpoints.get(name).cloned().unwrap_or_default();
        // A network made anew under the same name does not count for an endpoint that knew the old.
        let predefined = matches!(name, "bridge" | "host" | "none");
        let by_name = endpoint.network.is_empty() || predefined;
        let reference = if by_name { name } else { &endpoint.network };
        let network = self.networks.find(reference)?.clone();
        let address = self.address_for(&network, &endpoint)?;
        let endpoint_id = self.ids.fresh("endpoint");
        let alias = self.automatic_alias(id).filter(|_| !predefined);
        let container = self.container_mut(id)?;
        let Some(endpoint) = container.endpoints.get_mut(name) else {
            return Ok(());
        };
        endpoint.network.clone_from(&network.id);
        endpoint.id = endpoint_id;
        endpoint.address = address;
        endpoint.gateway = network.gateway();
        endpoint.prefix = network.subnet.map_or(0, |(_, prefix)| prefix);
        endpoint.aliases.extend(alias.filter(|alias| !endpoint.aliases.contains(alias)));
        self.network_event(&network.id, "connect", Some(id));
        Ok(())
    }

    fn address_for(
        &self,
        network: &Network,
        endpoint: &Endpoint,
    ) -> Result<Option<Ipv4Addr>, ApiError> {
        let Some((base, prefix)) = network.subnet else {
            return Ok(None);
        };
        let taken = |address: Ipv4Addr| {
            self.active_endpoints(&network.id).any(|(_, other)| other.address == Some(address))
        };
        if let Some(wanted) = endpoint.wanted_address() {
            let address: Ipv4Addr = wanted
                .parse()
                .map_err(|_| ApiError::new(400, format!("invalid IPv4 address: {wanted}")))?;
            if !network.chosen {
                let text = "user specified IP address is supported only when connecting to networks with user configured subnets";
                return Err(ApiError::new(400, text));
            }
            if taken(address) {
                return Err(ApiError::new(403, "Address already in use"));
            }
            return Ok(Some(address));
        }
        let gateway = network.gateway();
        let hosts = 1_u64 << (32 - u32::from(prefix.min(31)));
        let free = (1..hosts.saturating_sub(1)).find_map(|offset| {
            let offset = u32::try_from(offset).ok()?;
            let address = Ipv4Addr::from(u32::from(base).checked_add(offset)?);
            (address.to_string() != gateway && !taken(address)).then_some(address)
        });
        match free {
            Some(address) => Ok(Some(address)),
            None => Err(ApiError::new(
                500,
                "no available IPv4 addresses on this network's address pools",
            )),
        }
    }

    /// Gives addresses and host ports back.
    pub(crate) fn release_network(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.published.clear();
        let mut left = Vec::new();
        for endpoint in container.endpoints.values_mut().filter(|it| !it.id.is_empty()) {
            left.push(endpoint.network.clone());
            endpoint.release();
        }
        for network in left {
            self.network_event(&network, "disconnect", Some(id));
        }
    }

    /// Connects a container to a network: now if it runs, else at its next start. For a container
    /// that does not run, the network need not be there.
    ///
    /// # Errors
    /// 404, 403 if it is connected already, 409 while it is being removed, 400 for an address on a
    /// network without a chosen subnet.
    pub(crate) fn connect(
        &mut self,
        reference: &str,
        container: &str,
        settings: &Value,
    ) -> Result<(), ApiError> {
        let id = self.container_id(container)?;
        let running = self.changeable(&id)?;
        let mode = self.container(&id)?.network_mode();
        if mode == "host" || mode.starts_with("container:") {
            let text = "container sharing network namespace with another container or host cannot be connected to any other network";
            return Err(ApiError::new(400, text));
        }
        let mut endpoint = Endpoint::asked(settings);
        let network = match self.networks.find(reference) {
            Ok(network) => network.clone(),
            Err(_) if !running => {
                let container = self.container_mut(&id)?;
                container.endpoints.insert(reference.to_owned(), endpoint);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.address_for(&network, &endpoint)?;
        let alias = self.automatic_alias(&id);
        let known = self.container(&id)?.endpoints.get(&network.name);
        let lost = known
            .is_some_and(|it| !it.network.is_empty() && self.networks.find(&it.network).is_err());
        let container = self.container_mut(&id)?;
        if running && container.endpoints.contains_key(&network.name) {
            let text = format!(
                "endpoint with name {} already exists in network {}",
                container.name, network.name
            );
            return Err(ApiError::new(403, text));
        }
        endpoint.aliases.extend(alias);
        // A container that does not run keeps the endpoint it has, unless that one's network is gone.
        if lost && !running {
            container.endpoints.remove(&network.name);
        }
        container.endpoints.entry(network.name.clone()).or_insert(endpoint);
        if running {
            self.attach(&id, &network.name)?;
            self.publish_ports(&id)?;
        }
        Ok(())
    }

    /// Takes a container off a network. For a container that does not run, the network need not be
    /// there any more.
    ///
    /// # Errors
    /// 404; 409 while the container is being removed; 500 if it was not connected.
    pub(crate) fn disconnect(
        &mut self,
        reference: &str,
        container: &str,
        force: bool,
    ) -> Result<(), ApiError> {
        let id = match self.container_id(container) {
            Err(error) if error.status == 404 && force => {
                // With force it looks for an endpoint that outlived its container; there is none here.
                let text = match self.networks.find(reference) {
                    Ok(_) => format!("endpoint {container} not found"),
                    Err(_) => format!("network {reference} not found"),
                };
                return Err(ApiError::new(404, text));
            }
            found => found?,
        };
        let running = self.changeable(&id)?;
        let found = self.networks.find(reference).map(|it| (it.id.clone(), it.name.clone()));
        let network = match found {
            Ok((network, name)) => Some((network, name)),
            Err(_) if !running || force => None,
            Err(error) => return Err(error),
        };
        let name = network.as_ref().map_or(reference, |(_, name)| name.as_str());
        let container = self.container_mut(&id)?;
        let Some(endpoint) = container.endpoints.remove(name) else {
            let the = if running && network.is_some() { "" } else { "the " };
            let text = format!("container {id} is not connected to {the}network {name}");
            return Err(ApiError::new(500, text));
        };
        if container.endpoints.values().all(|it| it.address.is_none()) {
            container.published.clear();
        }
        if let Some((network, _)) = &network {
            // Engine 20.10 tells it twice for a running container.
            if !endpoint.id.is_empty() {
                self.network_event(network, "disconnect", Some(&id));
            }
            self.network_event(network, "disconnect", Some(&id));
        }
        Ok(())
    }

    /// Whether the container has a process.
    ///
    /// # Errors
    /// 409 while it is being removed.
    fn changeable(&self, id: &str) -> Result<bool, ApiError> {
        let phase = self.container(id)?.phase;
        if matches!(phase, Phase::Removing | Phase::Dead) {
            let text = format!(
                "Container {id} is marked for removal and cannot be connected or disconnected to the network"
            );
            return Err(ApiError::new(409, text));
        }
        Ok(phase.has_process())
    }

    /// Takes the host ports a starting container wants.
    ///
    /// # Errors
    /// 500 if one is taken, by a container or by another process of the host.
    pub(crate) fn publish_ports(&mut self, id: &str) -> Result<(), ApiError> {
        let container = self.container(id)?;
        let unconnected = container.endpoints.values().all(|it| it.address.is_none());
        if unconnected || !container.published.is_empty() {
            return Ok(());
        }
        let endpoint = container.endpoints.values().next().map(|it| it.id.clone());
        let about = format!("{} ({})", container.name, endpoint.unwrap_or_default());
        let mut published: Vec<Published> = Vec::new();
        for (inside, host_ip, wanted) in wanted_ports(container) {
            let protocol = inside.rsplit('/').next().unwrap_or("tcp").to_owned();
            let free = |port: &u16| self.port_free(&published, &protocol, &host_ip, *port);
            let port = wanted.clone().find(free).ok_or_else(|| {
                let first = wanted.clone().next().unwrap_or(0);
                self.port_error(&about, &protocol, &host_ip, first)
            })?;
            published.push(Published { inside, host_ip, host_port: port });
        }
        self.container_mut(id)?.published = published;
        Ok(())
    }

    fn port_free(&self, mine: &[Published], protocol: &str, ip: &str, port: u16) -> bool {
        let clash = |other: &Published| {
            other.host_port == port
                && other.inside.ends_with(protocol)
                && (other.host_ip == ip || any(&other.host_ip) || any(ip))
        };
        let held = self.containers.values().flat_map(|it| it.published.iter()).any(clash);
        !held
            && !mine.iter().any(clash)
            && !self.host.occupied.contains(&(protocol.to_owned(), port))
    }

    fn port_error(&self, about: &str, protocol: &str, ip: &str, port: u16) -> ApiError {
        let ip = if ip.is_empty() { "0.0.0.0" } else { ip };
        let head = format!("driver failed programming external connectivity on endpoint {about}:");
        let text = if self.host.occupied.contains(&(protocol.to_owned(), port)) {
            format!(
                "{head} Error starting userland proxy: listen {protocol}4 {ip}:{port}: bind: address already in use"
            )
        } else {
            format!("{head} Bind for {ip}:{port} failed: port is already allocated")
        };
        ApiError::new(500, text)
    }
}

fn any(ip: &str) -> bool {
    matches!(ip, "" | "0.0.0.0" | "::")
}

/// What a container wants to publish: inner port, host address, candidates for the host port.
fn wanted_ports(container: &Container) -> Vec<(String, String, std::ops::RangeInclusive<u16>)> {
    let bindings = container.host_config.get("PortBindings").and_then(Value::as_object);
    let mut wanted = Vec::new();
    for (inside, list) in bindings.into_iter().flatten() {
        let inside = if inside.contains('/') { inside.clone() } else { format!("{inside}/tcp") };
        for binding in list.as_array().into_iter().flatten() {
            let text = |key: &str| binding.get(key).and_then(Value::as_str).unwrap_or("");
            wanted.push((inside.clone(), text("HostIp").to_owned(), port_range(text("HostPort"))));
        }
    }
    let all = container.host_config.get("PublishAllPorts").and_then(Value::as_bool);
    if all == Some(true) {
        let exposed = container.config.get("ExposedPorts").and_then(Value::as_object);
        for inside in exposed.into_iter().flatten().map(|(inside, _)| inside) {
            if !wanted.iter().any(|(known, _, _)| known == inside) {
                wanted.push((inside.clone(), String::new(), port_range("")));
            }
        }
    }
    wanted
}

/// `80`, `8000-8010`, or nothing for any free one.
fn port_range(text: &str) -> std::ops::RangeInclusive<u16> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) if low > 0 => low..=high,
        _ => 49_153..=65_535,
    }
}
