//! What pulls and builds brought to the host is remembered: nothing else may ever be removed as garbage.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::controller::blocking::Blocking;
use crate::controller::clock::Clock;
use crate::controller::operation_calls::{Ended, HostCalls, OperationCalls};
use crate::engine::ProgressSink;
use crate::garbage::{Fetch, brought};
use crate::ledger::{Ledger, LedgerError};
use crate::model::garbage::ImageOrigin;
use crate::model::id::{ImageId, ProjectName};
use crate::model::operation::Operation;

/// The calls behind operations, with a look at the images before and after each pull and build.
pub(crate) struct RememberingCalls {
    pub(crate) calls: HostCalls,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) blocking: Blocking,
}

impl fmt::Debug for RememberingCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberingCalls").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl OperationCalls for RememberingCalls {
    fn run<'a>(
        &'a self,
        project: &'a ProjectName,
        operation: &'a Operation,
        progress: &'a ProgressSink,
    ) -> BoxFuture<'a, Ended> {
        let (reference, origin) = match operation {
            Operation::Pull { image, .. } => (image, ImageOrigin::Pulled),
            Operation::Build { image, .. } => (image, ImageOrigin::Built),
            _ => return self.calls.run(project, operation, progress),
        };
        Box::pin(async move {
            let before = self.calls.engine.stored_images().await;
            let done = self.calls.run(project, operation, progress).await?;
            // What was there before is not known: nothing that comes can be told from it, and all of it stays.
            if let Ok(before) = before {
                let before = before.into_iter().map(|image| image.id).collect();
                self.remember((project, reference, origin), before).await;
            }
            Ok(done)
        })
    }
}

impl RememberingCalls {
    /// Best effort: an image that is not remembered stays on the host for good.
    async fn remember(
        &self,
        (project, reference, origin): (&ProjectName, &str, ImageOrigin),
        before: BTreeSet<ImageId>,
    ) {
        let engine = &self.calls.engine;
        let Ok(id) = engine.image_id(reference).await else { return };
        let Ok(after) = engine.stored_images().await else { return };
        let (ledger, at) = (self.ledger.clone(), self.clock.now());
        let (project, reference) = (project.clone(), reference.to_owned());
        let write = move || {
            let fetch = Fetch { project: &project, reference: &reference, id: &id, origin, at };
            let known = ledger.fetched_image(&id);
            let found = brought(&fetch, (&before, &after), known);
            found.iter().try_for_each(|image| ledger.remember_image(image))?;
            Ok::<(), LedgerError>(())
        };
        match self.blocking.run(write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an image is not remembered, and will stay"),
            Err(error) => tracing::warn!(%error, "an image is not remembered, and will stay"),
        }
    }
}
