//! Reading what containers write, and the list that one of them is chosen from.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};
use tokio::time::timeout;

use crate::engine::call::Call;
use crate::engine::facade::Engine;
use crate::engine::failure::{CallError, Effect, classify};
use crate::engine::labels;
use crate::engine::wire::SummaryJson;
use crate::model::config::Protocol;
use crate::model::id::{ContainerId, ContainerName};
use crate::model::log::{ListedContainer, LogLine, LogQuery, PublishedPort};
use crate::model::outcome::Failure;

/// How long the engine may take for the next line of a log that is not followed.
const NEXT_LINE: Duration = Duration::from_secs(30);

impl Engine {
    /// Every container that claims a project, by name, running or not.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn listed(&self) -> Result<Vec<ListedContainer>, Failure> {
        let client = self.client();
        let call = Call::read("list_containers", 10);
        let list = self.run(call, client.list_containers(Some(labels::PROJECT))).await?;
        let mut listed: Vec<ListedContainer> = list
            .iter()
            .map(|entry| ListedContainer {
                id: ContainerId::new(entry.id.as_str()),
                name: ContainerName::new(entry.name()),
                claim: labels::claim(&entry.labels.clone().unwrap_or_default()),
                alive: entry.is_alive(),
                health: if entry.is_alive() { entry.remark().to_owned() } else { String::new() },
                ports: published(entry),
            })
            .collect();
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// What a container wrote, oldest first. The stream ends at its end; with `follow` when the container stops. Lines wait
    /// in the engine until they are asked for.
    ///
    /// # Errors
    /// `NotFound`; in the stream also `Engine` if the log driver cannot be read, and `Unreachable` if nothing comes for 30 s
    /// (not with `follow`, where silence is no failure).
    pub async fn logs(
        &self,
        id: &ContainerId,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure> {
        let client = self.client();
        let look = client.inspect_container(id);
        let seen = self.run(Call::read("inspect_container", 5), look).await?;
        let lines = client.log_lines(id, seen.config.tty.unwrap_or(false), query);
        let limit = (!query.follow).then_some(NEXT_LINE);
        let watched = try_unfold(lines, move |mut lines| async move {
            let next = match limit {
                None => lines.next().await,
                Some(limit) => match timeout(limit, lines.next()).await {
                    Ok(next) => next,
                    Err(_) => Some(Err(CallError::Cut(format!(
                        "no answer to logs within {} s",
                        limit.as_secs()
                    )))),
                },
            };
            match next {
                None => Ok(None),
                Some(Ok(line)) => Ok(Some((line, lines))),
                Some(Err(error)) => Err(classify(error, Effect::Read)),
            }
        });
        Ok(watched.boxed())
    }
}

/// The published ports of an entry of the list, each once.
fn published(entry: &SummaryJson) -> Vec<PublishedPort> {
    let ports = entry.ports.iter().flatten().filter_map(|port| {
        let ip = port.ip.as_deref().unwrap_or("0.0.0.0");
        let number = port.public_port.filter(|number| *number != 0)?;
        let outside =
            if ip.contains(':') { format!("[{ip}]:{number}") } else { format!("{ip}:{number}") };
        let protocol = match port.kind.as_deref() {
            Some("udp") => Protocol::Udp,
            Some("sctp") => Protocol::Sctp,
            _ => Protocol::Tcp,
        };
        Some(PublishedPort { inside: port.private_port?, protocol, outside })
    });
    let mut ports: Vec<PublishedPort> = ports.collect();
    ports.sort();
    ports.dedup();
    ports
}
