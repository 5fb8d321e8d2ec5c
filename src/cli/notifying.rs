//! What `run` gives to notifications: the clock, the secrets, and the events of what was lost.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::alerts::{Notifications, Outside, notify};
use crate::cli::context::Context;
use crate::controller::{Clock, EventSink, SystemClock};
use crate::ledger::Ledger;
use crate::model::event::EventKind;
use crate::source::read_secret;

/// Notifications that are under way, if the settings have any.
pub(super) struct Notifying {
    ended: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// Begins to tell. What the state directory knows was told by the controller before.
pub(super) fn begin(context: &Context, ledger: &Ledger, events: &EventSink) -> Notifying {
    let ended = CancellationToken::new();
    let task = notifications(context).map(|notifications| {
        let known = ledger.statuses();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (sink, at) = (events.clone(), Arc::clone(&clock));
        let outside = Outside {
            now: Arc::new(move || clock.now()),
            secret: Arc::new(read_secret),
            dropped: Arc::new(move |channel, dropped, why| {
                let channel = channel.to_owned();
                sink.send(at.now(), None, EventKind::NotificationDropped { channel, dropped, why });
            }),
        };
        tokio::spawn(notify(events.subscribe(), (notifications, known), outside, ended.clone()))
    });
    Notifying { ended, task }
}

/// What the settings say of notifications.
pub(super) fn notifications(context: &Context) -> Option<Notifications> {
    let (pace, channels) = context.settings.notifications.clone()?;
    let installation = context.settings.installation.to_string();
    Some(Notifications { installation, pace, channels })
}

impl Notifying {
    /// Gives what waits a moment, and ends. It holds a sender of events: without this they never end.
    pub(super) async fn end(self) {
        self.ended.cancel();
        if let Some(task) = self.task {
            drop(task.await);
        }
    }
}
