//! All integration tests in one binary.

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
