//! What the engine tells for a diagnosis, and what is told of the calls to it: more log lines than a pass reads, times.

use crate::engine::call::{Call, CallTimes};
use crate::engine::facade::Engine;
use crate::engine::parse;
use crate::model::engine_info::EngineInfo;
use crate::model::id::ContainerId;
use crate::model::outcome::Failure;

impl Engine {
    /// How long calls took, by name and by `ok` or the class of the failure.
    pub fn call_times(&self) -> CallTimes {
        self.inner.switchboard.times()
    }

    /// The last lines of a container's output, at most 1000 of at most 500 characters.
    ///
    /// # Errors
    /// `NotFound`, `Engine` if the log driver cannot be read.
    pub async fn last_lines(&self, id: &ContainerId, lines: u32) -> Result<Vec<String>, Failure> {
        let client = self.client();
        self.run(Call::read("logs_tail", 10), client.last_log_lines(id, lines)).await
    }

    /// Subnets of all networks of the engine.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn subnets(&self) -> Result<Vec<String>, Failure> {
        let client = self.client();
        let list = self.run(Call::read("list_networks", 10), client.list_networks()).await?;
        let networks = list.iter().map(parse::network);
        Ok(networks.flat_map(|one| one.config.subnets).filter_map(|one| one.subnet).collect())
    }

    /// What the engine says of itself and its host.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn info(&self) -> Result<EngineInfo, Failure> {
        let client = self.client();
        self.run(Call::read("info", 10), client.about()).await
    }
}
