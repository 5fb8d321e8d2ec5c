//! Events as lines for people.

use std::collections::BTreeMap;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::model::commit::Commit;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::event::{Event, EventKind};
use crate::model::git_source::SourceName;
use crate::model::held::{Held, WaitingOn};
use crate::model::operation::OperationSubject;
use crate::model::outcome::{Effect, NodeOutcome, SkipReason};
use crate::model::plan::PlanNode;
use crate::model::status::{Condition, ConditionKind, Truth};
use crate::model::time::Timestamp;
use crate::telemetry::log::subject_text;

const GOOD: Style = AnsiColor::Green.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();
const NAME: Style = AnsiColor::Cyan.on_default();

/// Without bars, progress of one long call is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Turns events into lines. It remembers when it last told the progress of each long call, and which ones run.
#[derive(Debug, Default)]
pub struct Console {
    progress_told: BTreeMap<OperationSubject, Timestamp>,
}

impl Console {
    /// The lines of an event; most have one, some none.
    pub fn lines(&mut self, event: &Event) -> Vec<String> {
        let texts = match &event.kind {
            EventKind::Diagnosed(found) => found.iter().map(finding).collect(),
            EventKind::Progress { subject, kind, line } => {
                self.progress(event.at, subject, kind, line)
            }
            EventKind::OperationEnded { subject, .. } => {
                self.progress_told.remove(subject);
                text(&event.kind).into_iter().collect()
            }
            kind => text(kind).into_iter().collect::<Vec<_>>(),
        };
        let prefix = prefix(event);
        texts.into_iter().map(|text| format!("{prefix}{text}")).collect()
    }

    fn progress(
        &mut self,
        at: Timestamp,
        subject: &OperationSubject,
        kind: &str,
        line: &str,
    ) -> Vec<String> {
        let told = self.progress_told.get(subject);
        if told.is_some_and(|told| at.since(*told) < PROGRESS_EVERY) {
            return Vec::new();
        }
        self.progress_told.insert(subject.clone(), at);
        vec![styled(DIM, &format!("{kind} {}: {line}", subject_text(subject)))]
    }
}

/// Time of day (UTC) and project.
fn prefix(event: &Event) -> String {
    let at = event.at.to_string();
    let clock = at.get(11..19).unwrap_or(&at);
    let project = event.project.as_ref().map_or("-", |project| project.as_str());
    format!("{} {} ", styled(DIM, clock), styled(NAME, project))
}

fn text(kind: &EventKind) -> Option<String> {
    let text = match kind {
        EventKind::Accepted { generation } => format!("accepted as generation {generation}"),
        EventKind::Action { node, outcome } => action(node, outcome),
        EventKind::OperationEnded { subject, kind, result } => match result {
            Ok(()) => format!("{kind} {} {}", subject_text(subject), styled(GOOD, "done")),
            Err(failure) => {
                let failed = styled(BAD, "failed");
                format!("{kind} {} {failed}: {}", subject_text(subject), failure.message)
            }
        },
        EventKind::Noted(note) => {
            format!("{}: {} {}", note.object, styled(WARN, note.reason), note.message)
        }
        // Its begin was told as an action.
        EventKind::Held(Held { waiting_on: WaitingOn::Operation { .. }, .. }) => return None,
        EventKind::Held(held) => {
            let code = styled(WARN, held.waiting_on.code());
            let until = held.until.map_or_else(String::new, |until| format!(", until {until}"));
            format!("held {}: {code}: waiting on {}{until}", held.subject, held.waiting_on)
        }
        EventKind::Condition(condition) if !is_news(condition) => return None,
        EventKind::Condition(condition) => {
            let style = match (condition.kind, condition.status) {
                (ConditionKind::Ready | ConditionKind::Available, Truth::True) => GOOD,
                (ConditionKind::Stalled, Truth::True) => BAD,
                _ => WARN,
            };
            let head = format!("{:?}={:?}", condition.kind, condition.status);
            format!("{} {}: {}", styled(style, &head), condition.reason, condition.message)
        }
        EventKind::Converged => styled(GOOD, "converged"),
        EventKind::Synced { source, commit, files, aside } => synced(source, commit, *files, aside),
        EventKind::SyncFailed { source, trouble } => {
            format!(
                "source {source}: {} {}",
                styled(WARN, &trouble.reason.to_string()),
                trouble.message
            )
        }
        EventKind::SyncRecovered { source } => {
            format!("source {source}: {}", styled(GOOD, "recovered"))
        }
        EventKind::NotificationDropped { channel, dropped, why } => {
            let lost = styled(WARN, "a message was dropped");
            format!("notifications to {channel}: {lost} ({dropped} so far): {why}")
        }
        EventKind::Collected { object, why, .. } => format!("removed {object}: {why}"),
        EventKind::Engine(text) => format!("engine: {text}"),
        EventKind::Delivery(delivery) => {
            let style = if delivery.outcome.is_noise() { WARN } else { GOOD };
            let word = styled(style, delivery.outcome.word());
            format!("webhook {}: {word}: {}", delivery.hook, delivery.reason)
        }
        EventKind::Controller(text) => text.clone(),
        EventKind::Published(_) | EventKind::Progress { .. } | EventKind::Diagnosed(_) => {
            return None;
        }
    };
    Some(text)
}

/// `source shop: 0123456789ab by Ana: subject, 3 files`.
fn synced(source: &SourceName, commit: &Commit, files: usize, aside: &[String]) -> String {
    let author = commit.author.as_ref().map_or_else(String::new, |author| format!(" by {author}"));
    let subject =
        commit.subject.as_ref().map_or_else(String::new, |subject| format!(": {subject}"));
    let aside = match aside {
        [] => String::new(),
        aside => format!("; changed by others and kept aside: {}", aside.join(", ")),
    };
    format!(
        "source {source}: {}{author}{subject}, {files} files{aside}",
        styled(GOOD, commit.short())
    )
}

/// Ready always; what is abnormal when it begins. The others follow from the actions that are told anyway.
fn is_news(condition: &Condition) -> bool {
    match condition.kind {
        ConditionKind::Ready => true,
        ConditionKind::Stalled | ConditionKind::Degraded | ConditionKind::Suspended => {
            condition.status == Truth::True
        }
        ConditionKind::BackedUp | ConditionKind::Proven => condition.status == Truth::False,
        ConditionKind::Available | ConditionKind::Progressing | ConditionKind::Reconciling => false,
    }
}

/// `create container shop-web-1: declared, not there`, and how it ended if not well.
fn action(node: &PlanNode, outcome: &NodeOutcome) -> String {
    let what = format!("{} {}: {}", words(node.action.kind()), node.action.object(), node.reason);
    match outcome {
        NodeOutcome::Succeeded(Effect::Begun(_)) => format!("{what} {}", styled(DIM, "(begun)")),
        NodeOutcome::Succeeded(_) => what,
        NodeOutcome::Failed(failure) => {
            format!("{what}: {} {}", styled(BAD, "failed:"), failure.message)
        }
        NodeOutcome::MaybeDone(failure) => {
            format!("{what}: {} {}", styled(WARN, "perhaps done:"), failure.message)
        }
        NodeOutcome::Skipped(why) => format!("{what}: {}", styled(DIM, &skipped(why))),
    }
}

fn skipped(why: &SkipReason) -> String {
    match why {
        SkipReason::Dependency(node) => format!("skipped, step {} did not succeed", node.0),
        SkipReason::Throttled(until) => {
            format!("put off until {until}, the host's budget is used up")
        }
        SkipReason::Stale => "skipped, what it was planned from is too old".to_owned(),
        SkipReason::Shutdown => "skipped, shutting down".to_owned(),
        SkipReason::Running => "skipped, it runs already".to_owned(),
    }
}

/// `CreateContainer` as `create container`.
fn words(kind: &str) -> String {
    let mut words = String::new();
    for character in kind.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

fn finding(found: &Diagnostic) -> String {
    let style = match found.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => DIM,
    };
    let head = styled(style, &format!("{}[{}]", found.severity, found.code));
    let place = found.location.as_ref().map(|location| format!("{location}: "));
    let help = found.help.as_ref().map(|help| format!("; {help}"));
    let meanwhile = found.meanwhile.as_ref().map(|meanwhile| format!(" ({meanwhile})"));
    let field = if found.message.contains(&found.field) { "" } else { &found.field };
    let colon = if field.is_empty() { "" } else { ": " };
    format!(
        "{head} {}{field}{colon}{}{}{}",
        place.unwrap_or_default(),
        found.message,
        help.unwrap_or_default(),
        meanwhile.unwrap_or_default()
    )
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ContainerName, ProjectName};
    use crate::model::outcome::{Failure, FailureClass};
    use crate::model::plan::{Action, NodeId};
    use crate::model::reason::Reason;

    fn at(seconds: i64, kind: EventKind) -> Event {
        Event {
            at: Timestamp::from_millis(seconds * 1000),
            project: Some(ProjectName::from("shop")),
            kind,
        }
    }

    fn plain(console: &mut Console, event: &Event) -> Vec<String> {
        let lines = console.lines(event);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn an_action_tells_its_reason_and_its_end() {
        let node = PlanNode {
            id: NodeId(1),
            action: Action::UnpauseContainer {
                container: "c1".into(),
                name: ContainerName::from("shop-web-1"),
            },
            reason: Reason::Paused,
            depends_on: Vec::new(),
            group: None,
        };
        let failure = Failure { class: FailureClass::Engine, message: "no".to_owned() };
        let kind =
            EventKind::Action { node: Box::new(node), outcome: NodeOutcome::Failed(failure) };
        assert_eq!(
            plain(&mut Console::default(), &at(3661, kind)),
            ["01:01:01 shop unpause container shop-web-1: paused by hand: failed: no"]
        );
    }

    #[test]
    fn progress_is_told_now_and_then() {
        let mut console = Console::default();
        let progress = |seconds| {
            at(
                seconds,
                EventKind::Progress {
                    subject: OperationSubject::Image("nginx".to_owned()),
                    kind: "pull",
                    line: "1 of 2".to_owned(),
                },
            )
        };
        assert_eq!(plain(&mut console, &progress(0)), ["00:00:00 shop pull nginx: 1 of 2"]);
        assert!(console.lines(&progress(3)).is_empty());
        assert_eq!(console.lines(&progress(5)).len(), 1);
    }
}
