//! A controller in a container: recognising it, and telling its health check how it is.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::controller::clock::Clock;
use crate::controller::jitter::jittered;
use crate::controller::startup::Connector;
use crate::ledger::Ledger;
use crate::model::own::{InstanceStatus, Own, Traces};
use crate::model::path::LocalPath;

/// Delay between two tries to ask the engine for the own container, ± 20 %.
const RETRY: Duration = Duration::from_secs(1);
/// An instance that has said nothing for so long is gone.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// The container of this controller, as the controller needs it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The container.
    pub own: Own,
    /// What tells the status of this instance from those of others.
    pub key: String,
    /// How long the locks are left to somebody else before they are tried: another one was handed the work.
    pub patience: Duration,
}

/// Asks the engine which container `traces` come from, however long it takes to reach it; `None`: none of its own, or it was
/// cancelled. Without a candidate nobody is asked.
pub async fn recognise(
    connector: &Connector,
    traces: &Traces,
    cancel: &CancellationToken,
) -> Option<Own> {
    let mut tries = 0_u32;
    while !traces.candidates.is_empty() {
        let asked = async {
            let engine = connector().await?;
            engine.own_container(traces).await
        };
        let failure = tokio::select! {
            biased;
            // Cancel safe: a token stays cancelled.
            () = cancel.cancelled() => return None,
            // Dropping it closes the connection; nothing was asked for that changes anything.
            asked = asked => match asked {
                Ok(own) => return own,
                Err(failure) => failure,
            },
        };
        if tries == 0 {
            tracing::warn!(error = %failure.message, "the engine cannot be asked which container this is; trying again");
        }
        tries = tries.saturating_add(1);
        let delay = jittered(RETRY, 20, "own", tries);
        if tokio::time::timeout(delay, cancel.cancelled()).await.is_ok() {
            return None;
        }
    }
    None
}

/// What an instance says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    pub(crate) instance: Instance,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) desired_state: LocalPath,
}

impl Teller {
    /// Publishes the status of this instance. Blocking.
    pub(crate) fn tell(&self, role: &str) {
        let now = self.clock.now();
        let status = InstanceStatus {
            container: self.instance.own.id.clone(),
            role: role.to_owned(),
            trouble: self.trouble(),
            published_at: now,
        };
        if self.ledger.publish_instance(&self.instance.key, &status).is_err() {
            tracing::warn!("the status of this instance could not be published");
        }
    }

    /// Forgets what instances published whose containers are gone. Blocking.
    pub(crate) fn forget_others(&self) {
        let age = i64::try_from(FORGOTTEN_AFTER.as_millis()).unwrap_or(i64::MAX);
        let since = self.clock.now().as_millis().saturating_sub(age);
        self.ledger.forget_instances(crate::model::time::Timestamp::from_millis(since));
    }

    /// Why this instance could not act, as far as that can be seen without acting.
    fn trouble(&self) -> String {
        let directory = self.desired_state.as_path();
        match std::fs::read_dir(directory) {
            Ok(_) => String::new(),
            Err(error) => format!("{} cannot be read: {error}", directory.display()),
        }
    }
}
