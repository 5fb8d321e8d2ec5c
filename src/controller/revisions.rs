//! Which version of a project runs: the one that the files say, or an earlier one whose files are kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::controller::desired::belief::Want;
use crate::controller::desired::last_good::from_saved;
use crate::controller::desired::loading::ManifestLoader;
use crate::controller::pass::Surroundings;
use crate::ledger::LastGood;
use crate::model::config::MountSource;
use crate::model::content::{KeptFile, SecretBytes, Seen};
use crate::model::desired::DesiredProject;
use crate::model::files::FileContent;
use crate::model::held::{Held, Subject, WaitingOn};
use crate::model::id::ProjectName;
use crate::model::ledger::ProjectLedger;
use crate::model::path::{HostPath, PathMap};
use crate::model::revision::ProjectRevision;
use crate::model::rollout::RolloutWait;
use crate::model::secret::sha256_hex;
use crate::planner;

/// Characters of the name of a file that stands in for another.
const NAME: usize = 32;
/// Permission bits of such a file, as for configs.
const MODE: u32 = 0o444;

/// What the planner is told to want, after a rollback was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    /// What runs.
    pub want: Want,
    /// What the files say, if that is something else.
    pub declared: Option<Arc<DesiredProject>>,
    /// What a reader has to know about it.
    pub held: Option<Held>,
    /// Number of the version that runs instead.
    pub number: Option<u64>,
}

impl Effective {
    /// Whether the files mean the same images as when this was found out.
    pub(crate) fn has_images_of(&self, files: &Want, ledger: &ProjectLedger) -> bool {
        let runs = match (&self.declared, &self.want) {
            (Some(files), _) => files,
            (None, Want::Run(project) | Want::RunKeeping(project)) => project,
            (None, Want::Remove | Want::Hold(..)) => return true,
        };
        match with_images(files, ledger) {
            Want::Run(now) | Want::RunKeeping(now) => {
                let images = |project: &DesiredProject| -> Vec<String> {
                    project.services.values().map(|service| service.image.clone()).collect()
                };
                images(runs) == images(&now)
            }
            Want::Remove | Want::Hold(..) => true,
        }
    }
}

/// Looks whether an earlier version is to run. The files of one are loaded anew from what is kept of them.
pub(crate) async fn effective(
    around: &Surroundings,
    name: &ProjectName,
    ledger: &ProjectLedger,
    want: &Want,
) -> Effective {
    let files =
        |want: &Want| Effective { want: want.clone(), declared: None, held: None, number: None };
    let want = &with_images(want, ledger);
    let (Want::Run(declared) | Want::RunKeeping(declared)) = want else {
        return files(want);
    };
    let Some(target) = planner::target(ledger, declared).cloned() else {
        return files(want);
    };
    let number = target.number;
    let Some(project) = load(around, name, target).await else {
        let waiting_on = WaitingOn::Rollout(RolloutWait::Lost { number });
        let held = Held { subject: Subject::Project, waiting_on, until: None };
        return Effective { held: Some(held), ..files(want) };
    };
    let project = Arc::new(project);
    let want = match want {
        Want::RunKeeping(_) => Want::RunKeeping(project),
        _ => Want::Run(project),
    };
    Effective { want, declared: Some(Arc::clone(declared)), held: None, number: Some(number) }
}

/// What the files say, with the images that moved.
pub(crate) fn with_images(want: &Want, ledger: &ProjectLedger) -> Want {
    match want {
        Want::Run(files) => planner::resolved(files, ledger)
            .map_or_else(|| want.clone(), |project| Want::Run(Arc::new(project))),
        Want::RunKeeping(files) => planner::resolved(files, ledger)
            .map_or_else(|| want.clone(), |project| Want::RunKeeping(Arc::new(project))),
        Want::Remove | Want::Hold(..) => want.clone(),
    }
}

async fn load(
    around: &Surroundings,
    name: &ProjectName,
    target: ProjectRevision,
) -> Option<DesiredProject> {
    let (store, loader, paths) =
        (around.ledger.clone(), Arc::clone(&around.loader), around.paths.clone());
    let name = name.clone();
    let work = move || read(&store, &*loader, &paths, (&name, &target));
    around.blocking.run(work).await.ok().flatten()
}

fn read(
    store: &crate::ledger::Ledger,
    loader: &dyn ManifestLoader,
    paths: &PathMap,
    (name, target): (&ProjectName, &ProjectRevision),
) -> Option<DesiredProject> {
    let kept = store.load_revision(name, &target.digest)?;
    let project = from_saved(loader, &kept)?;
    let mut project = planner::pinned((*project).clone(), target);
    restore_files(&mut project, &kept, paths);
    Some(project)
}

/// Files of the host that hold something else by now are replaced by what they held then. A bound directory goes on as it
/// is: nobody keeps it.
fn restore_files(project: &mut DesiredProject, kept: &LastGood, paths: &PathMap) {
    for service in project.services.values_mut() {
        for (target, file) in &mut service.files {
            let Seen::Mounted(path) = &file.seen else { continue };
            let local = paths.to_local(path);
            let Some(FileContent::Bytes(bytes)) = kept.files.get(&local) else { continue };
            if std::fs::read(local.as_path()).is_ok_and(|now| *now == **bytes) {
                continue;
            }
            let stand_in = stand_in((service.name.as_str(), target, path), &file.digest, bytes);
            if let Some(mount) = service.config.mounts.get_mut(target) {
                mount.source = MountSource::Kept { name: stand_in.name.clone() };
                mount.read_only = true;
            }
            file.seen = Seen::Kept(stand_in);
        }
    }
}

fn stand_in(
    (service, target, path): (&str, &str, &HostPath),
    digest: &str,
    bytes: &Arc<[u8]>,
) -> KeptFile {
    let name = sha256_hex(["restored", "\0", service, "\0", target, "\0", digest]);
    KeptFile {
        name: name.chars().take(NAME).collect(),
        bytes: SecretBytes::new(Arc::clone(bytes)),
        uid: 0,
        gid: 0,
        mode: MODE,
        copy_of: Some(path.clone()),
        restored: true,
    }
}

/// Keeps the files of the version that was recorded last, and lets those go that nobody goes back to.
pub(crate) async fn keep(around: &Surroundings, name: &ProjectName, ledger: &ProjectLedger) {
    let Some(digest) = ledger.history.back().map(|last| last.digest.clone()) else {
        return;
    };
    let wanted: BTreeSet<String> = ledger.history.iter().map(|one| one.digest.clone()).collect();
    let (store, key) = (around.ledger.clone(), name.clone());
    let work = move || {
        if store.load_revision(&key, &digest).is_none() {
            let files = store.load_last_good(&key).filter(|files| files.digest == digest);
            if let Some(files) = files {
                store.save_revision(&key, &files)?;
            }
        }
        store.prune_revisions(&key, &wanted)
    };
    if !matches!(around.blocking.run(work).await, Ok(Ok(()))) {
        tracing::warn!(project = %name, "the files of a revision could not be kept");
    }
}
