//! The state directory: what must outlive the process.
//!
//! ```text
//! VERSION        format of the directory; a newer one is refused
//! lock           held by the controller that acts
//! salt           random value of this installation, for digests of values that may be secret
//! host.json      memory that belongs to no single project
//! projects/      memory of each project, crash counts included
//! last-good/     the last files of each project that loaded
//! revisions/     the files of the versions that a project may go back to
//! history/       bounded journal of each project, JSON lines
//! evidence/      bounded bundles of what failed runs left, without known secrets
//! images/        images that this controller brought to the host, one file each; bounded
//! content/       bytes of configs and secrets by digest (`source::ContentStore`; not used yet)
//! backups/       the catalogue of backups, one file each; not the backups themselves
//! status/        published for readers, the log of webhooks included; not synced, as it is made again after every start
//! requests/      what people ask for, and the answers
//! ```
//! Directories have mode 0700, files 0600. Losing it loses history, never a container. All calls block.

mod answer;
mod backups;
mod error;
mod evidence;
mod file_storage;
mod history;
mod images;
mod last_good;
mod lock;
mod memory_storage;
mod open;
mod project;
mod request;
mod revisions;
mod status;
mod storage;
mod store;
mod webhooks;

pub use answer::RequestState;
pub use error::LedgerError;
pub use file_storage::FileStorage;
pub use history::HistoryRecord;
pub use last_good::LastGood;
pub use lock::LedgerLock;
pub use memory_storage::{Loss, MemoryStorage};
pub use open::Ledger;
pub use request::Request;
pub use storage::{Storage, StorageLock};
