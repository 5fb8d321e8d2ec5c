//! The one integration binary: every file of this directory is a module of it.

mod cli_manifests;
mod cli_settings;
mod cli_status;
mod cli_usage;
mod compose_oracle;
mod engine_fixture;
mod engine_real;
mod executor_walk;
mod ledger_crash;
mod ledger_files;
mod ledger_lock;
mod manifest_cases;
mod manifest_properties;
mod real;
mod source_archive;
mod source_content;
mod source_facts;
mod source_file;
mod source_ignore;
mod source_root;
mod source_watch;
mod support;
mod support_real;
mod tidy;
