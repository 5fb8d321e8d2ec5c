//! What is told, case by case: statuses at certain seconds, and the messages that come of them.

use composelet::alerts::{Digest, MessageKind, Pace, Severity};
use composelet::model::event::{Event, EventKind};
use composelet::model::git_source::SourceName;
use composelet::model::revision::{Rollback, RollbackCause, Verdict};
use composelet::model::sync::{SyncReason, SyncTrouble};
use proptest::prelude::*;

use super::statuses::{
    Says, at, digest, event, rejected, replay, revision, stable, status, titles,
};

/// What is told when a project says these things at these seconds, each repeated every 30 s until the next, as it is published.
fn told(says: &[(i64, Says)], until: i64) -> Vec<String> {
    let mut events: Vec<Event> = Vec::new();
    let ends = says.iter().skip(1).map(|(begin, _)| *begin).chain([until]);
    for ((begin, one), end) in says.iter().zip(ends) {
        let mut second = *begin;
        while second < end {
            events.push(event(second, status(*one, vec![stable(1)])));
            second += 30;
        }
    }
    titles(&replay(&mut digest(), &events))
}

/// Its name, what the project says from which second on, until when, and what is told.
type Case<'a> = (&'a str, &'a [(i64, Says)], i64, &'a [&'a str]);

#[test]
fn incidents_case_by_case() {
    use Says::{Degraded, EngineLost, Ready, Stalled, Suspended, Unavailable, Working};
    let began = "Incident shop: ReplicasNotReady";
    let over = "Recovered shop: recovered from ReplicasNotReady";
    let cases: [Case<'_>; 10] = [
        ("healed at once", &[(0, Unavailable), (10, Ready)], 600, &[]),
        ("only at work", &[(0, Working)], 7200, &[]),
        ("down, and up again", &[(0, Unavailable), (300, Ready)], 900, &[began, over]),
        ("a person's business", &[(0, Suspended)], 7200, &[]),
        ("it will not get better", &[(0, Stalled)], 1, &["Incident shop: InvalidManifest"]),
        (
            "hourly",
            &[(0, Unavailable)],
            7500,
            &[
                began,
                "Reminder shop: still ReplicasNotReady, since 2025-01-01T00:00:00.000Z",
                "Reminder shop: still ReplicasNotReady, since 2025-01-01T00:00:00.000Z",
            ],
        ),
        ("a warning is no nag", &[(0, Degraded)], 7500, &["Incident shop: CrashLoopBackOff"]),
        (
            "worse is told once",
            &[(0, Degraded), (90, Unavailable), (180, Degraded), (270, Unavailable)],
            400,
            &["Incident shop: CrashLoopBackOff", "Worse shop: got worse: ReplicasNotReady"],
        ),
        ("suspended for a repair", &[(0, Unavailable), (60, Suspended)], 9000, &[began]),
        (
            "the engine",
            &[(0, EngineLost), (300, Ready)],
            600,
            &[
                "Incident engine: EngineUnreachable",
                "Recovered engine: recovered from EngineUnreachable",
            ],
        ),
    ];
    for (name, says, until, expected) in cases {
        assert_eq!(told(says, until), expected, "{name}");
    }
}

#[test]
fn flapping_does_not_multiply_messages() {
    let mut says = Vec::new();
    for round in 0..48 {
        says.push((round * 450, Says::Unavailable));
        says.push((round * 450 + 90, Says::Ready));
    }
    // Six hours, 48 times down for 90 s and up for 6 min.
    let messages = told(&says, 6 * 3600);
    assert!(messages.len() <= 12, "{} messages: {messages:#?}", messages.len());
    let recovered = messages.iter().filter(|one| one.starts_with("Recovered")).count();
    assert!(recovered <= 4, "{messages:#?}");
}

#[test]
fn a_change_set_is_told_once_with_its_commits() {
    let mut digest = digest();
    let open = revision(3, "app:3", Verdict::Open);
    let given_up = revision(2, "app:2", Verdict::Open);
    let before = vec![stable(1), given_up];
    let events = [
        event(1, status(Says::Working, [before.clone(), vec![open]].concat())),
        event(20, status(Says::Ready, [before.clone(), vec![stable(3)]].concat())),
        event(50, status(Says::Ready, [before, vec![stable(3)]].concat())),
    ];
    let told = replay(&mut digest, &events);
    assert_eq!(titles(&told), ["RolledOut shop: revision 3 is rolled out"]);
    let change = told[0].change.as_ref().unwrap();
    assert_eq!((change.revision, change.from), (3, Some(1)));
    assert_eq!(change.services, ["web: image app:1 → app:3"]);
    let text = told[0].body(0).join("\n");
    assert!(text.contains("by Ana: change 2") && text.contains("by Ana: change 3"), "{text}");
    assert!(!text.contains("change 1"), "{text}");
}

#[test]
fn a_rejection_is_one_message_and_its_mend_another() {
    let mut digest = digest();
    let both = vec![stable(1), rejected(2)];
    let events = [
        event(1, status(Says::Degraded, vec![stable(1), revision(2, "app:2", Verdict::Open)])),
        event(40, status(Says::Degraded, vec![stable(1), revision(2, "app:2", Verdict::Open)])),
        event(60, status(Says::Degraded, both.clone())),
        event(500, status(Says::Degraded, both.clone())),
        event(900, status(Says::Degraded, both.clone())),
        event(1000, status(Says::Ready, [both, vec![stable(3)]].concat())),
        event(1400, status(Says::Ready, vec![stable(1), rejected(2), stable(3)])),
    ];
    let told = replay(&mut digest, &events);
    let expected = [
        "Rejected shop: revision 2 was rejected; back to revision 1",
        "RolledOut shop: revision 3 is rolled out",
    ];
    assert_eq!(titles(&told), expected);
    assert_eq!((told[0].severity, told[0].kind), (Severity::Error, MessageKind::Rejected));
    assert_eq!(told[0].text, "web: it ended 3 times, last with exit code 1");
    assert!(told[1].text.contains("is over"), "{:?}", told[1]);
    assert!(!told[0].body(0).join(" ").contains("no database"), "logs only where asked for");
    assert!(told[0].body(5).join(" ").contains("no database"));
}

#[test]
fn what_an_earlier_controller_told_is_not_told_again() {
    let mut digest = Digest::new("test", Pace::default(), at(0));
    digest.remember(&status(Says::Unavailable, vec![stable(1), rejected(2)]));
    let events: Vec<Event> = (1..40)
        .map(|round| event(round * 30, status(Says::Unavailable, vec![stable(1), rejected(2)])))
        .collect();
    assert!(replay(&mut digest, &events).is_empty());
    let events: Vec<Event> = (40..60)
        .map(|round| event(round * 30, status(Says::Ready, vec![stable(1), rejected(2)])))
        .collect();
    assert_eq!(titles(&replay(&mut digest, &events)).len(), 1, "but its end is");
}

#[test]
fn a_person_goes_back_and_a_drill_does_not() {
    for (cause, count) in [(RollbackCause::Person, 1), (RollbackCause::Drill, 0)] {
        let mut back = status(Says::Working, vec![stable(1)]);
        back.rollback = Some(Rollback { from: 2, to: 1, since: at(5), cause });
        let told = replay(&mut digest(), &[event(6, back.clone()), event(30, back)]);
        assert_eq!(told.len(), count, "{:?}", titles(&told));
    }
}

#[test]
fn a_project_that_went_away_reminds_nobody() {
    let mut digest = digest();
    let mut told = replay(&mut digest, &[event(0, status(Says::Stalled, vec![stable(1)]))]);
    for minute in 1..300 {
        told.extend(digest.tick(at(minute * 60)));
    }
    assert_eq!(told.len(), 2, "{:?}", titles(&told));
    assert_eq!(told[1].kind, MessageKind::Recovered);
}

#[test]
fn a_git_source_is_an_incident_of_its_own() {
    let source = SourceName::new("shop").unwrap();
    let trouble = SyncTrouble {
        reason: SyncReason::Unreachable,
        message: "no route".to_owned(),
        since: at(0),
        failures: 1,
    };
    let failed = EventKind::SyncFailed { source: source.clone(), trouble: Box::new(trouble) };
    let recovered = EventKind::SyncRecovered { source };
    let event = |seconds, kind| Event { at: at(seconds), project: None, kind };
    let later = event(900, EventKind::Converged);
    let events = [event(0, failed), event(100, recovered), later];
    assert_eq!(
        titles(&replay(&mut digest(), &events)),
        ["Incident source shop: Unreachable", "Recovered source shop: recovered from Unreachable"]
    );
}

proptest! {
    /// Whatever a project says, in whatever order: no end without a begin, and never two begins without an end.
    #[test]
    fn begins_and_ends_alternate(steps in prop::collection::vec((1_i64..400, 0_usize..7), 1..120)) {
        let all = [
            Says::Ready, Says::Working, Says::Degraded, Says::Unavailable, Says::Stalled,
            Says::Suspended, Says::EngineLost,
        ];
        let (mut digest, mut now, mut events) = (digest(), 0, Vec::new());
        for (seconds, which) in steps {
            now += seconds;
            events.push(event(now, status(all[which], vec![stable(1)])));
        }
        let told = replay(&mut digest, &events);
        let mut open = std::collections::BTreeSet::new();
        for message in &told {
            let subject = message.subject.clone();
            match message.kind {
                MessageKind::Incident => prop_assert!(open.insert(subject), "{:?}", titles(&told)),
                MessageKind::Recovered => prop_assert!(open.remove(&subject), "{:?}", titles(&told)),
                _ => prop_assert!(open.contains(&subject), "{:?}", titles(&told)),
            }
        }
        let ids: std::collections::BTreeSet<_> = told.iter().map(|one| &one.id).collect();
        prop_assert_eq!(ids.len(), told.len(), "no two messages have one id");
    }
}

#[test]
fn a_project_that_comes_back_is_not_told_of_what_was_told() {
    let mut digest = digest();
    let both = || vec![stable(1), rejected(2)];
    let told = replay(&mut digest, &[event(0, status(Says::Degraded, both()))]);
    assert_eq!(told.len(), 1);
    let silence = replay(&mut digest, &[event(3600, status(Says::Suspended, both()))]);
    assert_eq!(titles(&silence), ["Recovered shop: recovered from CrashLoopBackOff"]);
    let anew = replay(&mut digest, &[event(3700, status(Says::Ready, vec![stable(1)]))]);
    assert_eq!(
        titles(&anew),
        ["RolledOut shop: revision 1 is rolled out"],
        "removed and made anew"
    );
}
