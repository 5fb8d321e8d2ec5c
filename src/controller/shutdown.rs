//! The end of a run: passes finish, brakes are given back, nothing else is touched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::controller::host::Host;
use crate::controller::pass::Surroundings;
use crate::controller::supervisor::Supervisor;
use crate::engine::ObserveRequest;
use crate::executor::{Walk, walk};
use crate::model::desired::{DesiredProject, DesiredService, SourceFacts};
use crate::model::gate::Gate;
use crate::model::hook::StopHooks;
use crate::model::id::ProjectName;
use crate::model::ledger::ProjectLedger;
use crate::model::outcome::Failure;
use crate::model::verdict::{Asker, Verdicts};
use crate::planner::{self, Intent, PlanInput};

/// Time that passes have to finish.
const GRACE: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Waits for the passes that run, for 30 s at most. Running stops are left to the engine; pulls and builds end with the
    /// process. No container is touched, but that a braked one gets its own restart policy back (DESIGN §1).
    pub(crate) async fn shut_down(&mut self) {
        let until = Instant::now() + GRACE;
        self.around.stopping.cancel();
        self.around.operations.close();
        self.around.prober.close();
        self.publish("stopping").await;
        while let Ok(Some(ended)) = timeout_at(until, self.passes.join_next()).await {
            if let Ok((name, end)) = ended {
                self.pass_ended(&name, end).await;
            }
        }
        drop(timeout_at(until, self.release_brakes()).await);
    }

    async fn release_brakes(&mut self) {
        let around = Arc::clone(&self.around);
        let mut braked = Vec::new();
        for (name, cell) in &self.cells {
            let memory = cell.memory.as_ref();
            let ledger = memory.and_then(|memory| memory.ledger.as_ref());
            let version = self.beliefs.get(name).and_then(|one| one.version.as_ref());
            if let (Some(ledger), Some(version)) = (ledger, version)
                && ledger.replicas.values().any(|record| record.brake.is_some())
            {
                braked.push((name.clone(), Arc::clone(version), ledger.clone()));
            }
        }
        for (name, project, ledger) in braked {
            if let Err(failure) = release(&around, &name, &project, ledger).await {
                tracing::warn!(project = %name, error = %failure.message, "a brake could not be released");
            }
        }
    }
}

async fn release(
    around: &Surroundings,
    name: &ProjectName,
    project: &DesiredProject,
    ledger: ProjectLedger,
) -> Result<(), Failure> {
    let request = ObserveRequest {
        project: Some(name.clone()),
        images: project
            .services
            .values()
            .flat_map(DesiredService::images)
            .map(str::to_owned)
            .collect(),
        ..ObserveRequest::default()
    };
    let observed = around.engine.observe(&request).await?;
    let host = around.engine.host_view(&BTreeSet::new()).await?;
    let (running, _) = around.operations.take(name);
    let input = PlanInput {
        project: name,
        desired: Intent::Run(project),
        declared: None,
        observed: &observed,
        host: &host,
        facts: &SourceFacts::default(),
        ledger: &ledger,
        // Nothing is stopped here.
        pre_stop: &StopHooks::new(),
        operations: &running,
        verdicts: &Verdicts { asker: Asker::Nobody, ..Verdicts::default() },
        gate: &Gate::default(),
        policy: &around.policy,
        now: around.clock.now(),
        wall: around.clock.wall(),
    };
    let plan = planner::release_brakes(&input, project);
    let report = walk(
        plan,
        Walk {
            calls: &around.engine,
            host: &Host { around, project: name.clone() },
            lanes: &around.lanes,
            observed_at: observed.at,
            // The shutdown itself has cancelled the other one.
            cancel: &CancellationToken::new(),
        },
    )
    .await;
    let ledger = planner::record(&ledger, &report, &around.policy);
    let (store, key) = (around.ledger.clone(), name.clone());
    let save = move || store.save_project(&key, &ledger);
    if !matches!(around.blocking.run(save).await, Ok(Ok(()))) {
        tracing::warn!(project = %name, "the ledger could not be written");
    }
    Ok(())
}
