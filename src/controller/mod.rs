//! The loop: triggers, queue, passes, operations, governor, supervision.

mod blocking;
mod clock;
pub mod desired;
mod events;
mod governor;
mod jitter;
mod memory;
mod operations;
mod pass;
mod queue;
mod report;
mod requeue;
mod settings;

pub use blocking::{Blocking, BlockingPanicked};
pub use clock::{Clock, SystemClock};
pub use events::EventSink;
pub use governor::{Governor, Limits};
pub use memory::{LedgerChange, Memory};
pub use operations::{OperationCalls, Operations};
pub use pass::{PassEnd, PassInput, Remains, Surroundings, pass};
pub use queue::{Queue, Requeue, Wake};
pub use requeue::requeue;
pub use settings::{Mode, OnceOptions, RunEnd, Settings, Watch};
