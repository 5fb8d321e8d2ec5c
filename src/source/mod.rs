//! Where manifests come from: the watched directory, its snapshots, build contexts, bytes of configs and secrets.
//!
//! Everything here that touches the disk blocks; the controller calls it from its blocking pool. Reading decides what is
//! true, watching only says when to look (`watch`). Unreadable is never reported as missing (invariant 3).

mod archive;
mod bases;
mod build_files;
mod checkout;
mod content;
mod context;
mod copying;
mod digest;
mod facts;
mod file;
pub mod git;
mod ignore;
mod links;
mod own;
mod real_path;
mod root;
mod secret;
mod tree;
mod watch;

pub use archive::context_archive;
pub use bases::bases;
pub use build_files::{BuildFile, BuildFiles};
pub use checkout::checked_out;
pub use content::ContentStore;
pub use context::{MAX_CONTEXT_ENTRIES, context_files};
pub use copying::{pack, unpack};
pub use facts::{FactReader, bind_states, stamps};
pub use file::{MAX_DIRECTORY_ENTRIES, MAX_FILE_BYTES, read_path, read_path_within};
pub use ignore::IgnoreRules;
pub use own::{mount_namespace, traces};
pub use real_path::real_paths;
pub use root::{MAX_ROOT_ENTRIES, RootReading, read_root};
pub use secret::read_secret;
pub use tree::{HostTree, Tree, Watching};
pub use watch::{WatchMode, Watcher};
