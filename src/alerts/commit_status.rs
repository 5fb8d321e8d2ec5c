//! Tells forges how far each commit is: pending, success, failure, under a name of its own for each project.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::alerts::commit_state::{CommitState, StatusRequest, request, state_of};
use crate::alerts::https::Https;
use crate::model::event::{Event, EventKind};
use crate::model::git_source::CommitStatus;
use crate::model::id::ProjectName;
use crate::model::status::ProjectStatus;

/// Tries of one state.
const TRIES: u32 = 5;
/// Delay after the first one that failed; doubled each time.
const DELAY: Duration = Duration::from_secs(2);

/// Reads a token, each time anew.
pub type TokenReader = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// A forge, and the projects whose commits it is told about.
#[derive(Clone)]
pub struct StatusTarget {
    /// The directory below which those projects lie.
    pub directory: PathBuf,
    /// The forge.
    pub status: CommitStatus,
    /// Reads its token.
    pub token: TokenReader,
}

impl fmt::Debug for StatusTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusTarget").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What was told last of a project: commit, state.
type Told = BTreeMap<ProjectName, (String, CommitState)>;

/// Listens until the stream ends, and tells the forges. A state that cannot be told is a warning in the log, nothing more.
pub async fn report(mut events: Receiver<Arc<Event>>, targets: Vec<StatusTarget>) {
    let mut told = Told::new();
    let mut waiting: BTreeMap<ProjectName, (StatusTarget, StatusRequest)> = BTreeMap::new();
    let mut telling: JoinSet<()> = JoinSet::new();
    let https = Arc::new(Https::default());
    loop {
        if telling.is_empty()
            && let Some((project, (target, request))) = waiting.pop_first()
        {
            let https = Arc::clone(&https);
            telling.spawn(async move { tell(&https, &project, &target, &request).await });
        }
        tokio::select! {
            // Cancel safe: an event that was not received stays in the channel.
            event = events.recv() => match event {
                Ok(event) => {
                    if let EventKind::Published(status) = &event.kind
                        && let Some(news) = news(status, &targets, &mut told)
                    {
                        // A newer state of a project takes the place of one that still waits.
                        waiting.insert(status.name.clone(), news);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            // Cancel safe: a set keeps what ended.
            Some(_) = telling.join_next(), if !telling.is_empty() => {}
        }
    }
}

/// What a forge has to be told, if it is another state than before. A commit that was Ready and is healed is no news.
fn news(
    status: &ProjectStatus,
    targets: &[StatusTarget],
    told: &mut Told,
) -> Option<(StatusTarget, StatusRequest)> {
    let target = targets
        .iter()
        .find(|target| PathBuf::from(&status.source).starts_with(&target.directory))?;
    let (commit, state, description) = state_of(status)?;
    let before = told.get(&status.name).filter(|(id, _)| *id == commit.id).map(|(_, state)| *state);
    if before == Some(state) || (before.is_some() && state == CommitState::Pending) {
        return None;
    }
    told.insert(status.name.clone(), (commit.id.clone(), state));
    let place =
        (target.status.forge, target.status.api.as_str(), target.status.repository.as_str());
    let context = format!("composelet/{}", status.name);
    Some((target.clone(), request(place, (commit, state), (&context, &description))))
}

async fn tell(
    https: &Https,
    project: &ProjectName,
    target: &StatusTarget,
    request: &StatusRequest,
) {
    let mut delay = DELAY;
    for attempt in 1..=TRIES {
        let Err(why) = once(https, target, request).await else { return };
        if attempt == TRIES {
            tracing::warn!(%project, why, "the state of a commit could not be told");
            return;
        }
        sleep(delay).await;
        delay = delay.saturating_mul(2);
    }
}

async fn once(https: &Https, target: &StatusTarget, request: &StatusRequest) -> Result<(), String> {
    let token = (target.token)()?;
    let (header, before) = request.authorization;
    let value = format!("{before}{token}");
    let posted = https.post(&request.url, &[(header, &value)], request.body.to_string()).await;
    posted.map_err(|error| format!("{}: {}", request.url, error.why))
}
