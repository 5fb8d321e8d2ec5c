//! What is read of containers that failed, while they are there.

use crate::controller::desired::belief::Want;
use crate::controller::pass::Surroundings;
use crate::diagnose::{hidden, shown};
use crate::model::ledger::ProjectLedger;
use crate::model::observed::ObservedState;
use crate::model::outcome::FailureClass;
use crate::model::revision::Evidence;
use crate::model::secret::Secret;
use crate::planner;

/// Log lines that are read of a container that ended.
const LAST_LINES: u32 = 20;

/// The ledger with the last log lines of containers that ended, and with what the engine says of those of rejected versions;
/// both without what the project keeps secret: they are shown, sent and stored.
pub(crate) async fn last_words(
    around: &Surroundings,
    mut ledger: ProjectLedger,
    (want, observed): (&Want, &ObservedState),
) -> ProjectLedger {
    let (logs, evidence) = (planner::wanted_logs(&ledger), planner::wanted_evidence(&ledger));
    if logs.is_empty() && evidence.is_empty() {
        return ledger;
    }
    let secrets = secrets(want, observed);
    for id in logs {
        let lines = around.engine.logs_tail(&id, LAST_LINES).await.unwrap_or_default();
        let lines: Vec<String> = lines.iter().map(|line| shown(line, &secrets)).collect();
        ledger = planner::record_logs(&ledger, &id, &lines);
    }
    for id in evidence {
        let evidence = match around.engine.evidence(&id).await {
            Ok(evidence) => without(evidence, &secrets),
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

/// What a project keeps secret. Of one that goes only its containers tell.
fn secrets(want: &Want, observed: &ObservedState) -> Vec<Secret> {
    match want {
        Want::Run(desired) | Want::RunKeeping(desired) => hidden(Some(desired), observed),
        _ => hidden(None, observed),
    }
}

/// What the engine says of a container, without secrets.
pub(super) fn without(mut evidence: Evidence, secrets: &[Secret]) -> Evidence {
    for check in &mut evidence.health {
        check.output = shown(&check.output, secrets);
    }
    evidence.error = shown(&evidence.error, secrets);
    evidence
}
