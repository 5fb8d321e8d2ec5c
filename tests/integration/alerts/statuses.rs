//! Statuses as a controller publishes them, and a digest that is told of them at certain seconds.

use std::collections::BTreeMap;

use composelet::alerts::{Digest, Message, Pace};
use composelet::model::commit::Commit;
use composelet::model::event::{Event, EventKind};
use composelet::model::id::{ImageId, ProjectName, Revision, ServiceName};
use composelet::model::revision::{
    FailureCause, ProjectRevision, RolloutFailure, ServiceRevision, Verdict,
};
use composelet::model::status::{Condition, ConditionKind, ProjectStatus, Truth};
use composelet::model::time::Timestamp;

/// Seconds since the beginning of a test.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_735_689_600_000 + seconds * 1000)
}

/// What a project says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Ready,
    Working,
    Degraded,
    Unavailable,
    Stalled,
    Suspended,
    EngineLost,
}

pub(crate) fn status(says: Says, revisions: Vec<ProjectRevision>) -> ProjectStatus {
    let truth = |holds: bool| if holds { Truth::True } else { Truth::False };
    let condition = |kind, status, reason: &str| Condition {
        kind,
        status,
        reason: reason.to_owned(),
        message: "web waits for better times".to_owned(),
        last_transition: at(0),
        observed_generation: 1,
    };
    let ready = if says == Says::EngineLost { Truth::Unknown } else { truth(says == Says::Ready) };
    let reason = if says == Says::EngineLost { "EngineUnreachable" } else { "Progressing" };
    let conditions = vec![
        condition(ConditionKind::Ready, ready, reason),
        condition(ConditionKind::Available, truth(says != Says::Unavailable), "ReplicasNotReady"),
        condition(ConditionKind::Stalled, truth(says == Says::Stalled), "InvalidManifest"),
        condition(ConditionKind::Degraded, truth(says == Says::Degraded), "CrashLoopBackOff"),
        condition(ConditionKind::Suspended, truth(says == Says::Suspended), "Suspended"),
    ];
    ProjectStatus {
        name: ProjectName::from("shop"),
        source: "/srv/shop".to_owned(),
        generation: 1,
        observed_generation: 1,
        observed_at: None,
        published_at: at(0),
        conditions,
        services: Vec::new(),
        others: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
        commit: None,
        revisions,
        rollback: None,
        not_kept: Vec::new(),
        drill: None,
        restore_drills: Vec::new(),
        depends_on: Vec::new(),
        recent: Vec::new(),
        mutating_calls: 0,
    }
}

pub(crate) fn revision(number: u64, image: &str, verdict: Verdict) -> ProjectRevision {
    let service = ServiceRevision {
        revision: Revision::from(image),
        image: image.to_owned(),
        image_id: ImageId::from(image),
    };
    let mut commit = Commit::new(&format!("{number:040x}")).unwrap();
    commit.author = Some("Ana".to_owned());
    commit.subject = Some(format!("change {number} <!channel>"));
    ProjectRevision {
        number,
        digest: image.to_owned(),
        commit: Some(commit),
        services: BTreeMap::from([(ServiceName::from("web"), service)]),
        since: at(i64::try_from(number).unwrap()),
        verdict,
    }
}

pub(crate) fn stable(number: u64) -> ProjectRevision {
    revision(number, &format!("app:{number}"), Verdict::Stable { since: at(0) })
}

pub(crate) fn rejected(number: u64) -> ProjectRevision {
    let failure = RolloutFailure {
        at: at(0),
        service: ServiceName::from("web"),
        container: None,
        cause: FailureCause::CrashLoop { failures: 3, exit_code: Some(1), error: String::new() },
        log: vec!["no database".to_owned()],
        evidence: None,
    };
    revision(number, &format!("app:{number}"), Verdict::Rejected(Box::new(failure)))
}

/// A digest that has seen a project in good order.
pub(crate) fn digest() -> Digest {
    let mut digest = Digest::new("test", Pace::default(), at(0));
    digest.remember(&status(Says::Ready, vec![stable(1)]));
    digest
}

pub(crate) fn event(seconds: i64, status: ProjectStatus) -> Event {
    let kind = EventKind::Published(Box::new(status));
    Event { at: at(seconds), project: Some(ProjectName::from("shop")), kind }
}

/// Everything that is told when these events come, and time goes on to the last one.
pub(crate) fn replay(digest: &mut Digest, events: &[Event]) -> Vec<Message> {
    let mut told = Vec::new();
    let mut last = events.first().map_or(at(0), |event| event.at);
    for event in events {
        while let Some(due) = digest.due(last).filter(|due| *due < event.at && *due > last) {
            told.extend(digest.tick(due));
            last = due;
        }
        told.extend(digest.tick(event.at));
        told.extend(digest.take(event));
        last = event.at;
    }
    told
}

/// Titles, with their kinds, of what is told.
pub(crate) fn titles(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|one| format!("{:?} {}", one.kind, one.title)).collect()
}
