//! Backups: data streams out of a container through a compressor into a file that gets its name when it is known to be
//! whole, and back.
//!
//! Reading order: `create` makes a set, `writer` one file of it, `store` is the directory; `reader` checks a file and
//! reads it back, `restore` puts it into a container, `drill` into
//! one that is thrown away.

mod create;
mod drill;
mod reader;
mod restore;
mod store;
mod writer;

pub use create::{Backups, CreateError, Wanted};
pub use drill::Drill;
pub use reader::{Trust, read_back};
pub use restore::restore;
pub use store::Store;
