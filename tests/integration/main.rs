//! The one integration binary: every file of this directory is a module of it.

mod cli_manifests;
mod cli_settings;
mod cli_status;
mod cli_usage;
mod executor_walk;
mod support;
mod tidy;
