//! The loop: triggers, queue, passes, operations, governor, supervision.

mod believing;
mod blocking;
mod clock;
pub mod desired;
mod directory;
mod events;
mod governor;
mod host;
mod jitter;
mod memory;
mod once;
mod operations;
mod pass;
mod publishing;
mod queue;
mod report;
mod requests;
mod requeue;
mod run;
mod settings;
mod shutdown;
mod startup;
mod supervisor;
mod telling;

pub use blocking::{Blocking, BlockingPanicked};
pub use clock::{Clock, SystemClock};
pub use events::EventSink;
pub use governor::{Governor, Limits};
pub use memory::{LedgerChange, Memory};
pub use operations::{OperationCalls, Operations};
pub use pass::{PassEnd, PassInput, Remains, Surroundings, pass};
pub use queue::{Queue, Requeue, Wake};
pub use requeue::requeue;
pub use run::{Controller, RunError};
pub use settings::{Mode, OnceOptions, RunEnd, Settings, Watch};
pub use startup::Connector;
