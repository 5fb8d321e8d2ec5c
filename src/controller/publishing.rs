//! The controller's own status.

use crate::controller::supervisor::{Link, Supervisor};
use crate::model::status::ControllerStatus;

impl Supervisor {
    /// Publishes the status of the controller.
    pub(crate) async fn publish(&mut self, role: &str) {
        if let Some(teller) = self.teller.clone() {
            let role = role.to_owned();
            self.settings.blocking.run(move || teller.tell(&role)).await.ok();
        }
        let status = self.controller_status(role);
        let lost = match &self.link {
            Link::Lost { why, .. } => Some(why.clone()),
            Link::Up => None,
        };
        self.around.board.controller(&status, lost);
        self.around.board.meters().calls(self.around.engine.call_times());
        let store = self.around.ledger.clone();
        let publish = move || store.publish_controller(&status);
        if !matches!(self.settings.blocking.run(publish).await, Ok(Ok(()))) {
            tracing::warn!("the status of the controller could not be published");
        }
    }

    fn controller_status(&self, role: &str) -> ControllerStatus {
        let facts = self.around.engine.facts();
        let counts = self.around.engine.counts();
        let engine = match &self.link {
            Link::Lost { why, .. } => format!("unreachable: {why}"),
            Link::Up => format!("{} (API {})", facts.version, facts.api),
        };
        ControllerStatus {
            installation: self.settings.policy.installation.to_string(),
            pid: std::process::id(),
            started_at: self.started_at,
            published_at: self.around.clock.now(),
            role: role.to_owned(),
            engine,
            desired_state: self.directory.root().display().to_string(),
            watch: self.directory.mode(),
            mutating_calls: counts.mutating,
            calls: counts.all,
            passes: self.counts.passes,
            operations: self.around.operations.running(),
            held: self.beliefs.held(),
            diagnostics: self.beliefs.diagnostics().to_vec(),
        }
    }
}
