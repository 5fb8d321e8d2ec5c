//! The one integration binary: every file of this directory is a module of it.

mod cli_manifests;
mod cli_settings;
mod cli_status;
mod cli_usage;
mod compose_oracle;
mod engine_fixture;
mod engine_real;
mod executor_walk;
mod manifest_cases;
mod manifest_properties;
mod support;
mod tidy;
