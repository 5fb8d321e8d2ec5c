//! Carries messages to their channels: a bounded queue and a task for each, so that none waits for another and the loop for
//! none.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::alerts::channel::{Address, Channel, Way};
use crate::alerts::digest::Digest;
use crate::alerts::email;
use crate::alerts::https::{Https, PostError};
use crate::alerts::incident::Pace;
use crate::alerts::message::Message;
use crate::alerts::payload;
use crate::model::event::Event;
use crate::model::secret_place::SecretPlace;
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;
use crate::webhook::sign;

/// Messages that may wait for one channel.
const QUEUE: usize = 64;
/// Delay after a first failure; doubled each time.
const DELAY: Duration = Duration::from_secs(2);
/// Longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(300);
/// A message that could not be delivered for this long is dropped.
const PATIENCE: Duration = Duration::from_secs(3600);
/// Time is looked at this often, whatever is due.
const IDLE: Duration = Duration::from_secs(60);
/// How long what waits may take when all ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Reads a secret; the error names its place, never its value.
pub type SecretReader = Arc<dyn Fn(&SecretPlace) -> Result<String, String> + Send + Sync>;
/// Hears the name of a channel, how many messages it lost so far, and why the last one.
pub type DroppedListener = Arc<dyn Fn(&str, u64, String) + Send + Sync>;

/// What is told, and where.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// The installation that tells.
    pub installation: String,
    /// Times of incidents.
    pub pace: Pace,
    /// Where messages go.
    pub channels: Vec<Channel>,
}

/// What is around: the clock, secrets, and who hears of what was lost.
#[derive(Clone)]
pub struct Outside {
    /// What time it is.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Reads a secret, each time anew.
    pub secret: SecretReader,
    /// Hears that a channel lost a message: its name, how many so far, why.
    pub dropped: DroppedListener,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

/// Listens until `ended`, and tells the channels. `known` is what an earlier controller published: it was told by it.
pub async fn notify(
    mut events: Receiver<Arc<Event>>,
    (notifications, known): (Notifications, Vec<ProjectStatus>),
    outside: Outside,
    ended: CancellationToken,
) {
    let now = || (outside.now)();
    let mut digest = Digest::new(notifications.installation, notifications.pace, now());
    for status in &known {
        digest.remember(status);
    }
    let https = Arc::new(Https::default());
    let mut workers = JoinSet::new();
    let mut queues: Vec<Queue> = Vec::new();
    for channel in notifications.channels {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let worker = Worker::new(channel.clone(), Arc::clone(&https), outside.clone());
        queues.push(Queue { channel, sender, lost: worker.lost.clone() });
        workers.spawn(worker.run(receiver));
    }
    loop {
        let due = digest.due(now()).map_or(IDLE, |due| due.since(now()).min(IDLE));
        let messages = tokio::select! {
            // Cancel safe: an event that was not received stays in the channel.
            event = events.recv() => match event {
                Ok(event) => digest.take(&event),
                // Statuses are published again every 30 s: what was missed comes again.
                Err(RecvError::Lagged(_)) => Vec::new(),
                Err(RecvError::Closed) => break,
            },
            () = sleep(due.max(Duration::from_millis(100))) => digest.tick(now()),
            () = ended.cancelled() => break,
        };
        for message in messages {
            for queue in &queues {
                queue.take(&message);
            }
        }
    }
    drop(queues);
    // Who does not answer by then is not waited for: the set ends its tasks.
    drop(timeout(LAST_WORDS, async { while workers.join_next().await.is_some() {} }).await);
}

/// Delivers one message now, without any further try.
///
/// # Errors
/// Why it was not taken. No secret is in it.
pub async fn deliver_once(
    channel: &Channel,
    message: &Message,
    outside: &Outside,
) -> Result<(), String> {
    let worker = Worker::new(channel.clone(), Arc::default(), outside.clone());
    worker.send(message).await.map_err(|error| error.why)
}

/// Counts and tells what a channel lost.
#[derive(Clone)]
struct Lost {
    channel: String,
    count: Arc<AtomicU64>,
    dropped: DroppedListener,
}

impl Lost {
    fn one(&self, why: String) {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        (self.dropped)(&self.channel, before.saturating_add(1), why);
    }
}

/// The near end of a channel.
struct Queue {
    channel: Channel,
    sender: mpsc::Sender<Message>,
    lost: Lost,
}

impl Queue {
    /// Never waits.
    fn take(&self, message: &Message) {
        if self.channel.filter.takes(message) && self.sender.try_send(message.clone()).is_err() {
            self.lost.one(format!("{QUEUE} messages wait already"));
        }
    }
}

struct Worker {
    channel: Channel,
    https: Arc<Https>,
    outside: Outside,
    lost: Lost,
}

impl Worker {
    fn new(channel: Channel, https: Arc<Https>, outside: Outside) -> Self {
        let (name, dropped) = (channel.name.clone(), Arc::clone(&outside.dropped));
        let lost = Lost { channel: name, count: Arc::default(), dropped };
        Self { channel, https, outside, lost }
    }

    /// One message after the other, in their order.
    async fn run(self, mut queue: mpsc::Receiver<Message>) {
        while let Some(message) = queue.recv().await {
            let (begin, mut delay) = (Instant::now(), DELAY);
            while let Err(error) = self.send(&message).await {
                if !error.passes || begin.elapsed() >= PATIENCE {
                    self.lost.one(error.why);
                    break;
                }
                sleep(delay).await;
                delay = delay.saturating_mul(2).min(LONGEST_DELAY);
            }
        }
    }

    async fn send(&self, message: &Message) -> Result<(), PostError> {
        let secret = |place: &SecretPlace| (self.outside.secret)(place).map_err(PostError::again);
        let (template, log_lines) = (self.channel.template.as_ref(), self.channel.log_lines);
        match &self.channel.way {
            Way::Slack { url } => {
                let body =
                    payload::slack(message, template, log_lines).map_err(PostError::never)?;
                let url = secret(url)?;
                protected(&url)?;
                self.https.post(&url, &[], body.to_string()).await
            }
            Way::Webhook { url: url_of, secret: key, header } => {
                let body =
                    payload::webhook(message, template, log_lines).map_err(PostError::never)?;
                let body = body.to_string();
                let url = match url_of {
                    Address::Plain(url) => url.clone(),
                    Address::Kept(place) => secret(place)?,
                };
                if matches!(url_of, Address::Kept(_)) {
                    protected(&url)?;
                }
                let signature = key.as_ref().map(secret).transpose()?;
                let signature = signature.and_then(|key| sign(key.as_bytes(), body.as_bytes()));
                let header = signature.as_deref().map(|signature| (header.as_str(), signature));
                self.https.post(&url, header.as_slice(), body).await
            }
            Way::Email(mail) => {
                let body =
                    payload::plain(message, template, log_lines).map_err(PostError::never)?;
                let password = mail.login.as_ref().map(|(_, place)| secret(place)).transpose()?;
                email::send(mail, password.as_deref(), message, body).await
            }
        }
    }
}

/// An address that is a secret goes over https, or stays on this host.
fn protected(url: &str) -> Result<(), PostError> {
    let uri: http::Uri =
        url.parse().map_err(|_| PostError::never("what is kept there is no address"))?;
    let local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if local => Ok(()),
        _ => Err(PostError::never("the address is a secret and does not begin with https://")),
    }
}
