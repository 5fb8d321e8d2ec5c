//! From an authentic delivery to hints.

use crate::model::hint::SyncHint;
use crate::webhook::fields::{Fields, Malformed};
use crate::webhook::forge::Forge;
use crate::webhook::hook::Hook;
use crate::webhook::payload::{generic, git, registry};
use crate::webhook::verify::Authentic;

/// Hints of one delivery, at most: the others are found by the look that these lead to, or by the next one.
const MOST_HINTS: usize = 16;

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something was pushed.
    Hints(Vec<SyncHint>),
    /// Nothing that is followed; what it is.
    Nothing(String),
}

/// Reads a delivery. Of a body that is longer than what is kept of it, what comes first counts: names that come later are
/// not known then, and a hint without them means more places to look.
///
/// # Errors
/// It is no JSON object, or lacks what a message of its sender has.
pub fn read(hook: &Hook, authentic: &Authentic) -> Result<Message, Malformed> {
    let fields = Fields::read(authentic.head(), authentic.is_cut())?;
    let event = authentic.event();
    let message = match hook.forge() {
        Forge::Github => git::github(event, &fields),
        Forge::Gitlab | Forge::GitlabSigned => git::gitlab(event, &fields),
        Forge::Gitea | Forge::Forgejo | Forge::Gogs => git::gitea(event, &fields),
        Forge::Bitbucket => git::bitbucket(event, &fields),
        Forge::BitbucketServer => git::bitbucket_server(event, &fields),
        Forge::DockerHub => registry::docker_hub(&fields),
        Forge::Quay => registry::quay(hook, &fields),
        Forge::Acr => registry::acr(hook, &fields),
        Forge::Harbor => registry::harbor(hook, &fields),
        Forge::Nexus => registry::nexus(hook, &fields),
        Forge::Registry => registry::distribution(hook, &fields),
        Forge::Hmac | Forge::Token => generic::generic(hook, &fields),
    }?;
    Ok(match message {
        Message::Hints(hints) => {
            let mut hints: Vec<_> =
                hints.into_iter().map(|hint| hint.only_for(hook.source())).collect();
            hints.sort();
            hints.dedup();
            hints.truncate(MOST_HINTS);
            Message::Hints(hints)
        }
        nothing @ Message::Nothing(_) => nothing,
    })
}

/// An event that nobody follows.
pub(super) fn nothing(event: &str) -> Message {
    Message::Nothing(format!("`{event}` is no push"))
}
