//! Backups: data streams out of a container through a compressor into a file that gets its name when it is known to be
//! whole, and back.
//!
//! Reading order: `create` makes a set, `writer` one file of it, `store` is the directory; `reader` checks a file and
//! reads it back, `restore` puts it into a container, `put_back` in the
//! place of what is there, `drill` into a container that is thrown away.

mod create;
mod drill;
mod put_back;
mod reader;
mod restore;
mod store;
mod writer;

pub use create::{Backups, CreateError, Keys, Wanted};
pub use drill::Drill;
pub use put_back::PutBack;
pub use reader::{Trust, read_back};
pub use store::Store;
