//! Files whose content counts: what changed since a container last read them, and what follows (`x-composelet.on_change`).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::model::config::{BindRecursion, ContainerConfig, MountSource};
use crate::model::content::{BoundFile, FileStamp, KeptState, OnChange, Reload, Seen};
use crate::model::desired::{DesiredService, SourceFacts};
use crate::model::held::WaitingOn;
use crate::model::ledger::{ContentRecord, ProjectLedger};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::Operation;
use crate::model::path::HostPath;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::secret::salted_digest;
use crate::model::time::Timestamp;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::policy_gate::not_now;
use crate::planner::readiness::{Gate, Strictness, gate};
use crate::planner::revision;
use crate::planner::slot::{SlotContext, stop};

/// A run that began this long after a change has read it: the engine resolves the mounts shortly before it tells the begin.
const READ_BY_START: Duration = Duration::from_secs(2);

/// What the service wants its containers to have read, as salted digests by path in the container.
fn wanted(service: &DesiredService, salt: &str) -> BTreeMap<String, String> {
    let digest = |file: &BoundFile| salted_digest(salt, &revision::content_of(file));
    service.files.iter().map(|(target, file)| (target.clone(), digest(file))).collect()
}

/// Where the mounted file is on the host, if a bind holds on to it.
fn held_path<'a>(file: &'a BoundFile, facts: &'a SourceFacts) -> Option<&'a HostPath> {
    match &file.seen {
        Seen::Mounted(path) => Some(path),
        Seen::Within(_) => None,
        Seen::Kept(kept) => match facts.kept.get(&kept.name)? {
            KeptState::Ready(path) => Some(path),
            KeptState::Failed(_) => None,
        },
    }
}

fn stamp<'a>(file: &'a BoundFile, facts: &'a SourceFacts) -> Option<&'a FileStamp> {
    let path = match &file.seen {
        Seen::Within(path) => path,
        _ => held_path(file, facts)?,
    };
    facts.stamps.get(path)
}

/// Notes what a container has read and what it should have read (part of [`account`](super::account::account)).
pub fn remember(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
    ledger: &mut ProjectLedger,
) {
    if service.files.is_empty() {
        return;
    }
    let record = ledger.contents.entry(container.id.clone()).or_default();
    let wanted = wanted(service, &input.policy.salt);
    let known = !record.applied.is_empty();
    let label = container.claim.content.as_ref();
    // What a container without the label has mounted is taken as current; so is what `on_change` counts since lately.
    if !known && label.is_none_or(|label| *label == revision::content(service)) {
        record.applied.clone_from(&wanted);
    } else if known {
        for (target, digest) in &wanted {
            record.applied.entry(target.clone()).or_insert_with(|| digest.clone());
        }
        record.applied.retain(|target, _| wanted.contains_key(target));
    }
    record.wanted = wanted;
    if !input
        .operations
        .contains_key(&crate::model::operation::OperationSubject::Container(container.id.clone()))
    {
        record.reloading = None;
    }
    if record.failure.as_ref().is_some_and(|failure| failure.content != record.wanted) {
        record.failure = None;
    }
    if let Lifecycle::Running { started_at } = container.lifecycle
        && record.run != Some(started_at)
    {
        begin_run(input, service, record, started_at);
    }
}

/// A run begins with the files as they are; what replaces one of them later it does not see.
fn begin_run(
    input: &PlanInput<'_>,
    service: &DesiredService,
    record: &mut ContentRecord,
    started_at: Timestamp,
) {
    record.run = Some(started_at);
    record.inodes.clear();
    if let Some(read) = record.rereading.take() {
        record.applied = read;
    }
    let reads_at_start = matches!(service.on_change, OnChange::Restart | OnChange::Signal(_));
    for (target, file) in &service.files {
        let Some(stamp) = stamp(file, input.facts) else {
            continue;
        };
        if stamp.changed_at < started_at {
            record.inodes.insert(target.clone(), stamp.inode);
        }
        if reads_at_start && stamp.changed_at.plus(READ_BY_START) < started_at {
            let digest = record.wanted.get(target).cloned();
            record.applied.extend(digest.map(|digest| (target.clone(), digest)));
        }
    }
}

/// Files of a container that changed since it read them.
struct Changed<'a> {
    files: Vec<(&'a String, &'a BoundFile)>,
}

impl Changed<'_> {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.files.iter().map(|(_, file)| file.origin.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn recreate(&self) -> Reason {
        Reason::FilesChanged { files: self.names() }
    }

    fn reread(&self) -> Reason {
        Reason::Reread { files: self.names() }
    }
}

/// What changed; `None` if nothing did. If it is not known what was read, all may have changed.
fn changed<'a>(
    input: &PlanInput<'_>,
    service: &'a DesiredService,
    container: &ObservedContainer,
) -> Option<Changed<'a>> {
    let record = input.ledger.contents.get(&container.id)?;
    let wanted = wanted(service, &input.policy.salt);
    let files = service.files.iter();
    let files = files.filter(|(target, _)| record.applied.get(*target) != wanted.get(*target));
    let files: Vec<_> = files.collect();
    (!files.is_empty()).then_some(Changed { files })
}

/// Why a container has to be replaced for its content: because that is what the service asks for, or because it mounts
/// another file than the one that is written in place.
pub fn recreates(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) -> Option<Reason> {
    match &service.on_change {
        OnChange::Ignore => None,
        _ if would_read_another(service, container) => {
            Some(Reason::FilesChanged { files: restored(service) })
        }
        OnChange::Recreate => {
            // Without a label it is adopted, or had no such files: what it mounts counts as current when first seen.
            let label = container.claim.content.as_ref();
            if label.is_some_and(|label| *label == revision::content(service)) {
                return None;
            }
            let record = input.ledger.contents.get(&container.id);
            if record.is_some_and(|record| !record.applied.is_empty()) {
                return changed(input, service, container).map(|changed| changed.recreate());
            }
            label.map(|_| Reason::ContentChanged)
        }
        OnChange::Restart | OnChange::Signal(_) => {
            let changed = changed(input, service, container)?;
            let mounts = &container.detail.known()?.config.mounts;
            let unseen = changed.files.iter().any(|(target, file)| {
                let source = mounts.get(*target).map(|mount| &mount.source);
                let path = held_path(file, input.facts);
                let seen = matches!((source, path), (Some(MountSource::Bind { source, .. }), Some(path)) if source == path);
                matches!(file.seen, Seen::Kept(_)) && path.is_some() && !seen
            });
            unseen.then(|| changed.recreate())
        }
    }
}

/// Files that stand in for those of the host.
fn restored(service: &DesiredService) -> Vec<String> {
    let files = service.files.values();
    let files = files.filter(|file| matches!(&file.seen, Seen::Kept(kept) if kept.restored));
    files.map(|file| file.origin.clone()).collect()
}

/// Whether a container that does not run would read the present file of the host at its next start, where an earlier one is
/// wanted. One that runs has read what it needs.
fn would_read_another(service: &DesiredService, container: &ObservedContainer) -> bool {
    let Some(detail) = container.detail.known().filter(|_| !container.lifecycle.is_alive()) else {
        return false;
    };
    service.files.iter().any(|(target, file)| {
        let Seen::Kept(kept) = &file.seen else { return false };
        let mount = detail.config.mounts.get(target).map(|mount| &mount.source);
        let bound = matches!(mount, Some(MountSource::Bind { source, .. }) if kept.copy_of.as_ref() == Some(source));
        kept.restored && bound
    })
}

/// A running container whose files changed and that is not replaced for it: restart, or check and signal. `true`: something
/// is done or held about it.
pub fn plan_content(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
) -> bool {
    let (input, service) = (context.world.input, context.view.service);
    if matches!(service.on_change, OnChange::Recreate | OnChange::Ignore) {
        return false;
    }
    let Some(changed) = changed(input, service, container) else {
        return false;
    };
    match &service.on_change {
        OnChange::Signal(reload) => {
            let replaced = replaced(input, container, &changed);
            if replaced.is_empty() {
                plan_reload(context, draft, container, (reload, &changed));
            } else if reload.verify.is_empty() {
                restart(context, draft, container, &changed);
            } else {
                let waiting = WaitingOn::FileReplaced { files: replaced };
                draft.hold(context.subject(), waiting, None);
            }
        }
        _ => restart(context, draft, container, &changed),
    }
    true
}

/// Mounted files in whose place another one stands: the running container still sees the former.
fn replaced(
    input: &PlanInput<'_>,
    container: &ObservedContainer,
    changed: &Changed<'_>,
) -> Vec<String> {
    let Some(record) = input.ledger.contents.get(&container.id) else {
        return changed.names();
    };
    let files = changed.files.iter().filter(|(target, file)| {
        let now = held_path(file, input.facts).map(|path| input.facts.stamps.get(path));
        now.is_some_and(|now| {
            let then = record.inodes.get(*target);
            now.is_none_or(|now| then != Some(&now.inode))
        })
    });
    files.map(|(_, file)| file.origin.clone()).collect()
}

fn plan_reload(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    (reload, changed): (&Reload, &Changed<'_>),
) {
    let subject = context.subject();
    let record = context.world.input.ledger.contents.get(&container.id);
    let failure = record.and_then(|record| record.failure.as_ref());
    if let Some(failure) = failure.filter(|one| one.next_try > context.world.input.now) {
        let error = failure.error.clone();
        let waiting = WaitingOn::ReloadFailed { failures: failure.failures, error };
        return draft.hold(subject, waiting, Some(failure.next_try));
    }
    let operation = Operation::Reload {
        container: container.id.clone(),
        name: container.name.clone(),
        signal: reload.signal.clone(),
        verify: reload.verify.clone(),
    };
    let place = Place { subject: &subject, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), changed.reread());
}

fn restart(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    changed: &Changed<'_>,
) {
    if let Some((waiting, until)) = not_now(context.world.input, container, &changed.reread()) {
        return draft.hold(context.subject(), waiting, until);
    }
    match gate(context.world, draft, context.view, Strictness::Updated) {
        Gate::Closed(waiting) => draft.hold(context.subject(), waiting, None),
        Gate::Open(nodes) => {
            stop(context, draft, container, (nodes, changed.reread()));
        }
    }
}

/// Why a file that composelet writes is not there to be mounted.
pub fn unwritten(service: &DesiredService, facts: &SourceFacts) -> Option<WaitingOn> {
    service.files.values().find_map(|file| {
        let Seen::Kept(kept) = &file.seen else { return None };
        let why = match facts.kept.get(&kept.name) {
            Some(KeptState::Ready(_)) => return None,
            Some(KeptState::Failed(why)) => why.clone(),
            None => "it is not written yet".to_owned(),
        };
        Some(WaitingOn::ContentUnwritable(format!("{}: {why}", file.origin)))
    })
}

/// `config` with the paths of the files that composelet writes. A missing one is no directory: the engine refuses it.
pub fn placed(mut config: ContainerConfig, facts: &SourceFacts) -> ContainerConfig {
    for mount in config.mounts.values_mut() {
        if let MountSource::Kept { name } = &mount.source
            && let Some(KeptState::Ready(source)) = facts.kept.get(name)
        {
            mount.source = MountSource::Bind {
                source: source.clone(),
                create_host_path: false,
                propagation: None,
                selinux: None,
                recursive: BindRecursion::Enabled,
            };
        }
    }
    config
}

/// Mounts are compared by target and content, not by source (DESIGN §5, revisions): where the container has a file that
/// composelet wrote, or the file that it is a copy of, it has what is wanted. What `docker compose` made has a copy inside.
pub fn resolve(
    wanted: &mut ContainerConfig,
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) {
    let Some(detail) = container.detail.known() else {
        return;
    };
    for (target, file) in &service.files {
        let Seen::Kept(kept) = &file.seen else { continue };
        match detail.config.mounts.get(target) {
            Some(mount) => {
                let MountSource::Bind { source, .. } = &mount.source else { continue };
                let same = kept.copy_of.as_ref() == Some(source)
                    || is_kept(source.as_path(), input.project.as_str());
                if same && mount.read_only {
                    wanted.mounts.insert(target.clone(), mount.clone());
                }
            }
            None if has_copies(container, service) => {
                wanted.mounts.remove(target);
            }
            None => {}
        }
    }
}

/// Whether `docker compose` made the container and copied the contents into it, as it does before each start; it cannot
/// where the root is read-only.
fn has_copies(container: &ObservedContainer, service: &DesiredService) -> bool {
    container.claim.installation.is_none()
        && !matches!(container.lifecycle, Lifecycle::Created { .. })
        && !service.config.security.read_only
}

/// `…/content/<project>/<32 hexadecimal digits>`, whatever the state directory is or was.
fn is_kept(path: &Path, project: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let directory = path.parent().unwrap_or(path);
    name.len() == 32
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        && directory.ends_with(Path::new("content").join(project))
}
