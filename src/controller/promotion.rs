//! Images of one project for another: looked up and checked here, pinned by the next pass of the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::controller::memory::LedgerChange;
use crate::controller::pass::Surroundings;
use crate::controller::supervisor::Supervisor;
use crate::engine::ObserveRequest;
use crate::model::desired::DesiredProject;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::observed::ImageState;
use crate::planner::{self, PromotedImages};

impl Supervisor {
    /// What a promotion from `from` to `to` is about, for [`promotion`].
    ///
    /// # Errors
    /// One of them is not known, or the files of `to` do not load.
    pub(crate) fn promoted_to(
        &self,
        from: &ProjectName,
        to: &ProjectName,
    ) -> Result<Arc<DesiredProject>, String> {
        if from == to {
            return Err("a project is promoted to another one".to_owned());
        }
        if let Some(unknown) = [from, to].into_iter().find(|name| !self.is_kept(name)) {
            return Err(format!("no such project: {unknown}"));
        }
        let belief = self.beliefs.get(to).and_then(|belief| belief.version.clone());
        belief.ok_or_else(|| format!("the files of {to} do not load"))
    }
}

/// The change that gives the images of `from` to `project`.
///
/// # Errors
/// Why that is not possible, for the person who asked.
pub(crate) async fn promotion(
    around: &Surroundings,
    from: &ProjectName,
    project: &DesiredProject,
    only: &[ServiceName],
) -> Result<LedgerChange, String> {
    let at = around.clock.now();
    let (store, name) = (around.ledger.clone(), from.clone());
    let loaded = around.blocking.run(move || store.load_project(&name).0).await;
    let ledger = loaded.map_err(|panicked| panicked.to_string())?;
    let (revision, images) = planner::promotable((from, &ledger), project, only)?;
    are_there(around, &images).await?;
    let written = |name: &ServiceName| Some(project.services.get(name)?.image.clone());
    let images: BTreeMap<_, _> = images
        .into_iter()
        .filter_map(|(name, id)| Some((name.clone(), (written(&name)?, id))))
        .collect();
    Ok(LedgerChange::PromoteImages { from: from.clone(), revision, images, at })
}

async fn are_there(around: &Surroundings, images: &PromotedImages) -> Result<(), String> {
    let ids: BTreeSet<String> = images.values().map(ToString::to_string).collect();
    let request = ObserveRequest { images: ids, ..ObserveRequest::default() };
    let seen = around.engine.observe(&request).await;
    let seen =
        seen.map_err(|failure| format!("the engine cannot be asked: {}", failure.message))?;
    for (service, id) in images {
        match seen.images.get(id.as_str()) {
            Some(ImageState::Present(_)) => {}
            Some(ImageState::Unknown(why)) => {
                return Err(format!("the image of {service} cannot be looked at: {why}"));
            }
            Some(ImageState::Absent) | None => {
                return Err(format!("the image of {service} is not on this host any more: {id}"));
            }
        }
    }
    Ok(())
}
