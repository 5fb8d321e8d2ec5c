//! Looking: one list, then one inspection for every container of which the list alone does not tell enough.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};

use crate::engine::call::Call;
use crate::engine::docker::Client;
use crate::engine::facade::{Engine, locked};
use crate::engine::labels;
use crate::engine::parse;
use crate::engine::wire::SummaryJson;
use crate::model::config::{ContainerPort, Protocol};
use crate::model::id::{ContainerId, ContainerName, NetworkId, ProjectName};
use crate::model::observed::{
    EngineFacts, HostView, ImageState, NameHolder, ObservedContainer, ObservedNetwork,
    ObservedState, ObservedVolume, PortHolder,
};
use crate::model::outcome::{Failure, FailureClass};

/// Calls that run side by side in one observation.
const PARALLEL: usize = 8;

/// What a pass wants to know beside the project's own containers.
#[derive(Clone, Debug, Default)]
pub struct ObserveRequest {
    /// Whose containers; `None` is every project's.
    pub project: Option<ProjectName>,
    /// Image references.
    pub images: BTreeSet<String>,
    /// Real names of networks, beside those with the project's label.
    pub networks: BTreeSet<String>,
    /// Real names of volumes, beside those with the project's label.
    pub volumes: BTreeSet<String>,
    /// Every container is inspected. Without it, one that has not changed in the list, of which no event came and whose
    /// last inspection is younger than five minutes, is taken from the last look.
    pub fresh: bool,
}

impl Engine {
    /// What there is of a project. One container that does not answer, or not readably, becomes unknown and delays
    /// nobody else.
    ///
    /// # Errors
    /// `Unreachable` or `Engine` if containers, networks or volumes cannot be listed at all.
    pub async fn observe(&self, request: &ObserveRequest) -> Result<ObservedState, Failure> {
        let client = self.client();
        let facts = self.facts();
        let label = match &request.project {
            Some(project) => format!("{}={project}", labels::PROJECT),
            None => labels::PROJECT.to_owned(),
        };
        // What is answered was so at some time after the question: an answer may be long under way.
        let at = (self.inner.clock)();
        let list = client.list_containers(Some(&label));
        let list = self.run(Call::read("list_containers", 10), list).await?;
        let (containers, networks, volumes, images) = futures::join!(
            self.containers(&client, &facts, list, request.fresh),
            self.networks(&client, request),
            self.volumes(&client, request, &label),
            self.images(&client, &request.images),
        );
        Ok(ObservedState {
            at,
            engine: facts,
            containers,
            networks: networks?,
            volumes: volumes?,
            images,
        })
    }

    /// Names and published ports of everything on the host, from one unfiltered list. Containers that `shared` tells by
    /// name, or by the beginning of an id, are looked at closely.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn host_view(&self, shared: &BTreeSet<String>) -> Result<HostView, Failure> {
        let client = self.client();
        let call = Call::read("list_containers", 10);
        let list = self.run(call, client.list_containers(None)).await?;
        let ids: BTreeSet<ContainerId> =
            list.iter().map(|entry| ContainerId::new(entry.id.as_str())).collect();
        locked(&self.inner.cache).retain(|id| ids.contains(id));
        let mut view = HostView { own: self.own(), ..HostView::default() };
        for entry in &list {
            let claim = labels::claim(&entry.labels.clone().unwrap_or_default());
            let stranger =
                claim.installation.as_ref().is_some_and(|one| *one != self.inner.installation);
            if !stranger && entry.is_alive() {
                view.running.extend(claim.project.clone());
            }
            let holder = NameHolder {
                container: ContainerId::new(entry.id.as_str()),
                project: claim.project,
                installation: claim.installation,
            };
            view.names.insert(ContainerName::new(entry.name()), holder);
            view.ports.extend(ports(entry));
        }
        let meant = |entry: &SummaryJson| {
            let mut names = shared.iter();
            names.any(|name| *name == entry.name() || entry.id.starts_with(name.as_str()))
        };
        let entries: Vec<SummaryJson> = list.into_iter().filter(meant).collect();
        if !entries.is_empty() {
            let seen = self.containers(&client, &self.facts(), entries, false).await;
            view.outside = seen.into_iter().map(|one| (one.id.clone(), one)).collect();
        }
        Ok(view)
    }

    async fn containers(
        &self,
        client: &Client,
        facts: &EngineFacts,
        list: Vec<SummaryJson>,
        fresh: bool,
    ) -> Vec<ObservedContainer> {
        let looks = list.into_iter().map(|summary| self.container(client, facts, summary, fresh));
        let mut containers: Vec<ObservedContainer> = futures::stream::iter(looks)
            .buffer_unordered(PARALLEL)
            .filter_map(std::future::ready)
            .collect()
            .await;
        containers.sort_by(|a, b| a.id.cmp(&b.id));
        containers
    }

    /// One container; `None` if it is gone since it was listed.
    async fn container(
        &self,
        client: &Client,
        facts: &EngineFacts,
        summary: SummaryJson,
        fresh: bool,
    ) -> Option<ObservedContainer> {
        let id = ContainerId::new(summary.id.as_str());
        let fingerprint = summary.fingerprint();
        let mark = {
            let cache = locked(&self.inner.cache);
            if !fresh {
                if let Some(seen) = cache.get(&id, &fingerprint) {
                    return Some(seen);
                }
                if let Some(why) = cache.paused(&id) {
                    return Some(parse::unseen(&summary, why));
                }
            }
            cache.mark()
        };
        let call = Call::read("inspect_container", 5);
        let result = self.run(call, client.inspect_container(&id)).await;
        let mut cache = locked(&self.inner.cache);
        match result {
            Ok(json) => {
                let seen = parse::observed(&json, facts);
                cache.insert(mark, fingerprint, &seen);
                Some(seen)
            }
            Err(failure) if failure.class == FailureClass::NotFound => {
                cache.invalidate(&id);
                None
            }
            Err(failure) => {
                cache.miss(&id, &failure.message);
                Some(parse::unseen(&summary, failure.message))
            }
        }
    }

    /// Networks with the project's label or a wanted name; two of one name are both there.
    async fn networks(
        &self,
        client: &Client,
        request: &ObserveRequest,
    ) -> Result<Vec<ObservedNetwork>, Failure> {
        let call = Call::read("list_networks", 10);
        let list = self.run(call, client.list_networks()).await?;
        let wanted = list.into_iter().filter(|network| {
            let project = network.labels.as_ref().and_then(|all| all.get(labels::PROJECT));
            let labelled = match &request.project {
                Some(wanted) => project.is_some_and(|project| project == wanted.as_str()),
                None => project.is_some(),
            };
            labelled || request.networks.contains(&network.name)
        });
        let looks = wanted.map(|network| async move {
            let id = NetworkId::new(network.id.as_str());
            let call = Call::read("inspect_network", 5);
            match self.run(call, client.inspect_network(&id)).await {
                Ok(json) => Ok(Some(parse::network(&json))),
                Err(failure) if failure.class == FailureClass::NotFound => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        let seen: Vec<Option<ObservedNetwork>> =
            futures::stream::iter(looks).buffer_unordered(PARALLEL).try_collect().await?;
        let mut networks: Vec<ObservedNetwork> = seen.into_iter().flatten().collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(networks)
    }

    async fn volumes(
        &self,
        client: &Client,
        request: &ObserveRequest,
        label: &str,
    ) -> Result<BTreeMap<String, ObservedVolume>, Failure> {
        let call = Call::read("list_volumes", 10);
        let list = self.run(call, client.list_volumes(label)).await?;
        let mut volumes: BTreeMap<String, ObservedVolume> =
            list.iter().map(|json| (json.name.clone(), parse::volume(json))).collect();
        for name in &request.volumes {
            if volumes.contains_key(name) {
                continue;
            }
            let call = Call::read("inspect_volume", 5);
            match self.run(call, client.inspect_volume(name)).await {
                Ok(json) => {
                    volumes.insert(name.clone(), parse::volume(&json));
                }
                Err(failure) if failure.class == FailureClass::NotFound => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(volumes)
    }

    async fn images(
        &self,
        client: &Client,
        references: &BTreeSet<String>,
    ) -> BTreeMap<String, ImageState> {
        let looks = references.iter().map(|reference| async move {
            let call = Call::read("inspect_image", 5);
            let state = match self.run(call, client.inspect_image(reference)).await {
                Ok(json) => ImageState::Present(Box::new(parse::image(&json))),
                Err(failure) if failure.class == FailureClass::NotFound => ImageState::Absent,
                Err(failure) => ImageState::Unknown(failure.message),
            };
            (reference.clone(), state)
        });
        // Collected, so that no closure lives across an await: the compiler cannot show such a future to be Send.
        let looks: Vec<_> = looks.collect();
        futures::stream::iter(looks).buffer_unordered(PARALLEL).collect().await
    }
}

/// Host ports of a running container. The list shows one entry each for IPv4 and IPv6.
fn ports(entry: &SummaryJson) -> Vec<PortHolder> {
    let listed = entry.ports.iter().flatten();
    let holders: BTreeSet<(String, ContainerPort)> = listed
        .filter_map(|port| {
            let ip = match port.ip.as_deref().unwrap_or("") {
                "0.0.0.0" | "::" => "",
                ip => ip,
            };
            let protocol = match port.kind.as_deref() {
                Some("udp") => Protocol::Udp,
                Some("sctp") => Protocol::Sctp,
                _ => Protocol::Tcp,
            };
            let port = port.public_port.filter(|port| *port != 0)?;
            Some((ip.to_owned(), ContainerPort { port, protocol }))
        })
        .collect();
    holders
        .into_iter()
        .map(|(ip, port)| PortHolder {
            ip,
            port: port.port,
            protocol: port.protocol,
            container: ContainerId::new(entry.id.as_str()),
            name: ContainerName::new(entry.name()),
        })
        .collect()
}
