//! What is asked of the engine for an operation.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::backup::Backups;
use crate::controller::after_check;
use crate::controller::backups;
use crate::controller::host_files::HostFiles;
use crate::controller::image_check::check_image;
use crate::controller::measuring::measure;
use crate::controller::readiness::{Dial, until_ready};
use crate::controller::restore_drills::{self, RestoreDrills};
use crate::controller::restores;
use crate::engine::{Engine, ProgressSink, Registry};
use crate::model::hook::HookCommand;
use crate::model::id::{ContainerName, ProjectName};
use crate::model::image_update::FoundImages;
use crate::model::operation::Operation;
use crate::model::outcome::{Failure, Note};

/// Makes the call behind an operation. [`HostCalls`] makes it for real.
pub trait OperationCalls: Send + Sync + 'static {
    /// Makes the call for `project` and returns when it ended, with what failed beside it.
    fn run<'a>(
        &'a self,
        project: &'a ProjectName,
        operation: &'a Operation,
        progress: &'a ProgressSink,
    ) -> BoxFuture<'a, Ended>;
}

/// How a call ended.
pub(crate) type Ended = Result<Done, Failure>;

/// What a call that succeeded brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What failed beside it, without keeping it from going on.
    pub notes: Vec<Note>,
    /// What a registry offers, if that was asked.
    pub found: Option<FoundImages>,
}

/// The engine, and the network of its host.
#[derive(Clone)]
pub struct HostCalls {
    /// The engine.
    pub engine: Engine,
    /// What ports of containers are reached through.
    pub dial: Arc<dyn Dial>,
    /// What lists the tags of registries.
    pub registry: Arc<dyn Registry>,
    /// What makes backups, if this controller has a place for them.
    pub backups: Option<Backups>,
    /// What tries them.
    pub drills: Option<RestoreDrills>,
}

impl fmt::Debug for HostCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostCalls").finish_non_exhaustive()
    }
}

impl OperationCalls for HostCalls {
    fn run<'a>(
        &'a self,
        project: &'a ProjectName,
        operation: &'a Operation,
        progress: &'a ProgressSink,
    ) -> BoxFuture<'a, Ended> {
        let engine = &self.engine;
        Box::pin(async move {
            match operation {
                Operation::Pull { image, platform } => {
                    let image = (project, image.as_str());
                    engine.pull_image(image, platform.as_deref(), progress).await?;
                }
                Operation::Build { .. } => {
                    engine.build_image(operation, &HostFiles, progress).await?;
                }
                Operation::CheckImage { query, .. } => {
                    let found = check_image(engine, &*self.registry, query).await?;
                    return Ok(Done { found: Some(found), ..Done::default() });
                }
                Operation::Stop { container, name, timeout_s, pre_stop, .. } => {
                    let failed = engine.stop_with_hooks(container, *timeout_s, pre_stop).await?;
                    return Ok(told(name, failed));
                }
                Operation::Reload { container, signal, verify, .. } => {
                    let check = HookCommand { command: verify.clone(), ..HookCommand::default() };
                    engine.reload(container, &check, Some(signal)).await?;
                }
                Operation::Announce { container, signal, command, .. } => {
                    engine.reload(container, command, signal.as_deref()).await?;
                }
                Operation::PostStart { container, hook, .. } => {
                    engine.run_hook(container, hook).await?;
                }
                Operation::Exec { container, command, timeout, .. } => {
                    engine.run_command(container, command, *timeout).await?;
                }
                Operation::Analyse { measurement, .. } => {
                    measure(engine, &self.dial, measurement).await?;
                }
                Operation::Check { container, address, handler, timeout, .. } => {
                    after_check::ask(
                        (engine, &*self.dial),
                        container,
                        (handler, *timeout, *address),
                    )
                    .await?;
                }
                Operation::Backup(request) => {
                    backups::make(self.backups.as_ref(), request).await?;
                }
                Operation::RestoreDrill(request) => {
                    restore_drills::make(self.drills.as_ref(), request).await?;
                }
                Operation::Restore(request) => {
                    return restores::restore(self.backups.as_ref(), request).await;
                }
                Operation::Probe { container, readiness, .. } => {
                    until_ready(engine, &*self.dial, container, readiness).await?;
                }
            }
            Ok(Done::default())
        })
    }
}

/// What failed before a stop, which went on all the same.
fn told(name: &ContainerName, failed: Vec<String>) -> Done {
    let note = |message| Note { object: name.to_string(), reason: "FailedPreStopHook", message };
    Done { notes: failed.into_iter().map(note).collect(), found: None }
}
