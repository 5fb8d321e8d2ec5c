//! All integration tests in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should; helpers are tests too"
)]

mod ledger_crash;
mod ledger_files;
mod ledger_lock;
mod source_archive;
mod source_content;
mod source_facts;
mod source_file;
mod source_ignore;
mod source_root;
mod source_watch;
mod support;
