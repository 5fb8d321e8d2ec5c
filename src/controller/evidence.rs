//! What is read of containers that failed, while they are there.

use crate::controller::pass::Surroundings;
use crate::model::ledger::ProjectLedger;
use crate::model::outcome::FailureClass;
use crate::model::revision::Evidence;
use crate::planner;

/// Log lines that are read of a container that ended.
const LAST_LINES: u32 = 20;

/// The ledger with the last log lines of containers that ended, and with what the engine says of those of rejected versions.
pub(crate) async fn last_words(around: &Surroundings, mut ledger: ProjectLedger) -> ProjectLedger {
    for id in planner::wanted_logs(&ledger) {
        let lines = around.engine.logs_tail(&id, LAST_LINES).await;
        ledger = planner::record_logs(&ledger, &id, &lines.unwrap_or_default());
    }
    for id in planner::wanted_evidence(&ledger) {
        let evidence = match around.engine.evidence(&id).await {
            Ok(evidence) => evidence,
            // What is gone says nothing any more; of what does not answer now it is asked again.
            Err(failure) if failure.class == FailureClass::NotFound => {
                Evidence { state: "gone".to_owned(), ..Evidence::default() }
            }
            Err(_) => continue,
        };
        ledger = planner::record_evidence(&ledger, &id, &evidence);
    }
    ledger
}
