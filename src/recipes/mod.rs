//! How the data of well-known servers is saved and put back: which recipe fits, what runs inside the container, whether what
//! came out is whole, and which backups are kept. Pure.
//!
//! Reading order: `found` chooses, `script` has the commands, `whole` reads what they print, `retention` lets go.

mod crc64;
mod found;
mod mysql;
mod postgres;
mod redis;
mod retention;
mod script;
mod sqlite;
mod tar_walk;
mod whole;

pub use found::{Read, found, reads};
pub use mysql::NO_DATABASE;
pub use retention::surplus;
pub use script::{dump, restore};
pub use whole::Whole;
