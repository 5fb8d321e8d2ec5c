//! The one integration-test binary: every file and folder beside this one is declared here (the tidy test looks).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test that panics has failed, as it should; helpers are tests too"
)]

mod alerts;
mod backup_properties;
mod backups;
mod cli_binary;
mod cli_manifests;
mod cli_run;
mod cli_settings;
mod cli_status;
mod cli_usage;
mod cli_webhooks;
mod compose_oracle;
mod controller_belief;
mod diagnose;
mod doctor;
mod engine_calls;
mod engine_real;
mod engine_sim;
mod executor_walk;
mod fault_proxy;
mod fault_scenarios;
mod garbage;
mod git;
mod host_dial;
mod hostile;
mod http_api;
mod http_hooks;
mod install_files;
mod job_properties;
mod ledger_crash;
mod ledger_files;
mod ledger_journals;
mod ledger_lock;
mod log_rotation;
mod manifest_cases;
mod manifest_lints;
mod manifest_properties;
mod plan_cases;
mod plan_properties;
mod plan_rules;
mod plan_world;
mod policy;
mod real;
mod schedule_properties;
mod secrets;
mod sim;
mod sim_conformance;
mod simulation;
mod source_archive;
mod source_checkout;
mod source_content;
mod source_facts;
mod source_file;
mod source_ignore;
mod source_root;
mod source_watch;
mod strategy_properties;
mod support;
mod support_real;
mod system_files;
mod tidy;
mod tls;
mod traps;
mod undone_updates;
mod webhook;
