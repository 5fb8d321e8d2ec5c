//! Hints of webhooks: what they wake. A hint is never data, and many of one kind are one look.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::controller::memory::LedgerChange;
use crate::controller::queue::Wake;
use crate::controller::supervisor::Supervisor;
use crate::model::event::EventKind;
use crate::model::git_source::{Follow, GitSource, identity};
use crate::model::hint::SyncHint;
use crate::model::id::ProjectName;
use crate::model::operation::OperationSubject;
use crate::planner::{self, Concerned};

/// Hints of one kind lead to one look within this time: the first at once, those that follow together.
const APART: Duration = Duration::from_secs(1);
/// Kinds of hints that wait, at most. While there are so many, no more are taken.
const MOST: usize = 256;

/// The hints that wait, by their kind.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    channel: Option<mpsc::Receiver<SyncHint>>,
    waiting: BTreeMap<SyncHint, (SyncHint, Instant)>,
    /// When the last one of each kind was acted upon.
    last: BTreeMap<SyncHint, Instant>,
}

impl From<mpsc::Receiver<SyncHint>> for Hints {
    fn from(channel: mpsc::Receiver<SyncHint>) -> Self {
        Self { channel: Some(channel), ..Self::default() }
    }
}

impl Hints {
    /// The next one. Without a channel, or without room, there is none. Cancel safe.
    pub(crate) async fn next(&mut self) -> SyncHint {
        if let Some(channel) = self.channel.as_mut().filter(|_| self.waiting.len() < MOST) {
            if let Some(hint) = channel.recv().await {
                return hint;
            }
            self.channel = None;
        }
        std::future::pending().await
    }

    /// Takes one. Of several of one kind the newest counts.
    pub(crate) fn hear(&mut self, hint: SyncHint, now: Instant) {
        self.last.retain(|_, at| *at + APART > now);
        let key = hint.key();
        let due = self.last.get(&key).map_or(now, |at| *at + APART);
        let waiting = self.waiting.entry(key).or_insert_with(|| (hint.clone(), due));
        waiting.0 = hint;
    }

    /// Takes one back that could not be acted upon yet.
    fn later(&mut self, hint: SyncHint, now: Instant) {
        self.waiting.insert(hint.key(), (hint, now + APART));
    }

    /// When the next one is due.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.waiting.values().map(|(_, due)| *due).min()
    }

    /// Those that are due.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<SyncHint> {
        let keys = self.waiting.iter().filter(|(_, (_, due))| *due <= now);
        let keys: Vec<_> = keys.map(|(key, _)| key.clone()).collect();
        let taken = keys.into_iter().filter_map(|key| {
            let (hint, _) = self.waiting.remove(&key)?;
            self.last.insert(key, now);
            Some(hint)
        });
        taken.collect()
    }
}

impl Supervisor {
    /// Acts upon a hint.
    pub(crate) fn hinted(&mut self, hint: SyncHint, now: Instant) {
        match &hint {
            SyncHint::Git { .. } => self.git_hinted(&hint, now),
            SyncHint::Image { .. } if self.is_looking(&hint) => self.hints.later(hint, now),
            SyncHint::Image { .. } => self.image_hinted(&hint),
        }
    }

    /// A git repository was pushed to: the sources that follow what was pushed are looked at now.
    fn git_hinted(&mut self, hint: &SyncHint, now: Instant) {
        if self.sources.look_now(|source| is_followed(source, hint), now) == 0 {
            self.say(EventKind::Controller(format!("a push to {hint}: no git source follows it")));
        }
    }

    /// An image was pushed: looks at registries for it are due now.
    fn image_hinted(&mut self, hint: &SyncHint) {
        for (name, concerned) in self.concerned(hint) {
            let change = LedgerChange::LookAgain { hint: hint.key(), concerned };
            let cell = self.cells.entry(name.clone()).or_default();
            // One that waits for a long pass is enough.
            if !cell.changes.iter().any(|asked| asked.change == change) {
                self.enqueue(&name, String::new(), change);
            }
            self.wake(std::iter::once(&name), Wake::Change, Duration::ZERO);
        }
    }

    /// Projects that follow an image, and what of them does.
    fn concerned(&self, hint: &SyncHint) -> Vec<(ProjectName, Concerned)> {
        let versions = self.beliefs.iter().filter(|(name, _)| self.is_kept(name));
        let concerned = versions.filter_map(|(name, belief)| {
            let concerned = planner::concerned(belief.version.as_ref()?, hint);
            concerned.is_any().then(|| (name.clone(), concerned))
        });
        concerned.collect()
    }

    /// Whether somebody looks already, and may have begun before the push: its end would pass for a look after it.
    fn is_looking(&self, hint: &SyncHint) -> bool {
        let running = self.around.operations.running();
        let mut subjects = running.iter().map(|running| &running.subject);
        subjects.any(|subject| match subject {
            OperationSubject::Image(reference) => hint.concerns(reference, false),
            OperationSubject::ImageCheck { project, .. } => {
                let belief = self.beliefs.get(project).and_then(|belief| belief.version.as_ref());
                belief.is_some_and(|version| planner::concerned(version, hint).follows)
            }
            _ => false,
        })
    }
}

/// Whether a source follows what was pushed. What a hint does not say fits all.
fn is_followed(source: &GitSource, hint: &SyncHint) -> bool {
    let SyncHint::Git { source: named, urls, reference, .. } = hint else { return false };
    let is_named = named.as_ref().is_none_or(|name| name == source.name.as_str());
    let own = source.url.identity();
    let is_own =
        (urls.is_empty() && named.is_some()) || urls.iter().any(|url| identity(url) == own);
    let branch = |name: &str| {
        reference.as_ref().is_none_or(|it| it.strip_prefix("refs/heads/") == Some(name))
    };
    let tag = |name: Option<&str>| {
        let pushed = reference.as_ref().map(|it| it.strip_prefix("refs/tags/"));
        pushed.is_none_or(|pushed| {
            pushed.is_some_and(|pushed| name.is_none_or(|name| name == pushed))
        })
    };
    let is_what = match &source.follow {
        Follow::Branch(name) => branch(name),
        Follow::Tag(name) => tag(Some(name)),
        Follow::Semver(_) => tag(None),
        Follow::Commit(_) => false,
    };
    is_named && is_own && is_what
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(tag: &str, digest: &str) -> SyncHint {
        SyncHint::image("reg.test/app", Some(tag), Some(&format!("sha256:{}", digest.repeat(64))))
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_counts_at_once_and_those_that_follow_together() {
        let mut hints = Hints::default();
        let now = Instant::now();
        hints.hear(hint("1", "a"), now);
        assert_eq!(hints.due(now), [hint("1", "a")]);
        for tenth in 1..9 {
            let at = now + Duration::from_millis(100 * tenth);
            hints.hear(hint("1", if tenth == 8 { "c" } else { "b" }), at);
            assert_eq!(hints.due(at), []);
        }
        hints.hear(hint("2", "a"), now);
        assert_eq!(hints.due(now), [hint("2", "a")]);
        assert_eq!(hints.due_at(), Some(now + APART));
        assert_eq!(hints.due(now + APART), [hint("1", "c")]);
        hints.hear(hint("1", "d"), now + 3 * APART);
        assert_eq!(hints.due(now + 3 * APART).len(), 1);
        assert_eq!(hints.last.len(), 1, "what is old is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_none_is_taken() {
        let (sender, channel) = mpsc::channel(4);
        let mut hints = Hints::from(channel);
        for number in 0..MOST {
            hints.hear(hint(&number.to_string(), "a"), Instant::now());
        }
        sender.send(hint("more", "a")).await.unwrap();
        let none = tokio::time::timeout(Duration::from_secs(60), hints.next()).await;
        assert!(none.is_err());
        assert_eq!(hints.due(Instant::now()).len(), MOST);
        assert_eq!(hints.next().await, hint("more", "a"));
    }
}
