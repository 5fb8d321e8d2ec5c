//! The one typed stream of what happens. A slow listener loses events and is told how many; it never holds the loop up.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::model::event::{Event, EventKind};
use crate::model::id::ProjectName;
use crate::model::time::Timestamp;

/// Events that a listener may lag behind before the oldest are dropped.
const BUFFERED: usize = 4096;

/// The sending end: cheap to clone.
#[derive(Clone, Debug)]
pub struct EventSink {
    sender: broadcast::Sender<Arc<Event>>,
}

impl Default for EventSink {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BUFFERED) }
    }
}

impl EventSink {
    /// A new listener; it hears what is sent from now on. `RecvError::Lagged` tells how many events it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Tells every listener; never waits. Without listeners nothing happens.
    pub fn send(&self, at: Timestamp, project: Option<&ProjectName>, kind: EventKind) {
        let event = Event { at, project: project.cloned(), kind };
        // No listener is no error.
        drop(self.sender.send(Arc::new(event)));
    }
}
