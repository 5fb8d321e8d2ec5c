//! The loop: triggers, queue, passes, operations, governor, supervision.

mod blocking;
mod clock;
pub mod desired;
mod events;
mod governor;
mod jitter;
mod operations;
mod queue;

pub use blocking::{Blocking, BlockingPanicked};
pub use clock::{Clock, SystemClock};
pub use events::EventSink;
pub use governor::{Governor, Limits};
pub use operations::{OperationCalls, Operations};
pub use queue::{Queue, Requeue, Wake};
