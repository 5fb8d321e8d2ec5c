//! Git repositories whose files are put into the watched directory.
//!
//! `git` itself is run ([`command`]): it alone verifies signatures. Nothing of a repository becomes a word of a command, no
//! hook, filter or configuration of it is followed. A commit is fetched and checked ([`fetch`], [`listing`]), written out
//! aside ([`staging`]), and then put in place by renames ([`publish`]), which a crash in the middle does not lose.

mod command;
mod fetch;
mod listing;
mod place;
mod publish;
mod published;
mod staging;
mod sync;

pub use listing::{Listed, check_links, parse as parse_listing};
pub use place::SourcePlace;
pub use publish::Switch;
pub use published::{Kind, Published, PublishedFile, Stamp};
pub use sync::{SyncRequest, Synced, sync};
