//! What is asked of the engine for an operation.

use futures::future::BoxFuture;

use crate::controller::host_files::HostFiles;
use crate::engine::{Engine, ProgressSink};
use crate::model::operation::Operation;
use crate::model::outcome::{Failure, Note};

/// Makes the call behind an operation. [`Engine`] is the real one.
pub trait OperationCalls: Send + Sync + 'static {
    /// Makes the call and returns when it ended, with what failed beside it.
    fn run<'a>(
        &'a self,
        operation: &'a Operation,
        progress: &'a ProgressSink,
    ) -> BoxFuture<'a, Ended>;
}

/// How a call ended; what failed beside it, without keeping it from going on.
pub(crate) type Ended = Result<Vec<Note>, Failure>;

impl OperationCalls for Engine {
    fn run<'a>(
        &'a self,
        operation: &'a Operation,
        progress: &'a ProgressSink,
    ) -> BoxFuture<'a, Ended> {
        Box::pin(async move {
            match operation {
                Operation::Pull { image, platform } => {
                    self.pull_image(image, platform.as_deref(), progress).await?;
                }
                Operation::Build { .. } => {
                    self.build_image(operation, &HostFiles, progress).await?;
                }
                Operation::Stop { container, name, timeout_s, pre_stop, .. } => {
                    let stopped = self.stop_with_hooks(container, *timeout_s, pre_stop).await;
                    let note = |message| Note {
                        object: name.to_string(),
                        reason: "FailedPreStopHook",
                        message,
                    };
                    return stopped.map(|failed| failed.into_iter().map(note).collect());
                }
                Operation::Reload { container, signal, verify, .. } => {
                    self.reload(container, verify, signal).await?;
                }
                Operation::PostStart { container, hook, .. } => {
                    self.run_hook(container, hook).await?;
                }
            }
            Ok(Vec::new())
        })
    }
}
