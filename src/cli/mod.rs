//! The command line: one file per command, in two stages: what clap reads, then [`settings::Settings`], resolved and
//! checked. Every command ends in an [`exit::Outcome`] or an [`exit::CliError`]; [`output`] alone prints.

pub mod args;
mod choices;
mod config;
mod confirm;
mod context;
mod describe;
mod diagnostics;
pub mod dispatch;
pub mod duration;
pub mod exit;
mod foresight;
mod get;
mod history;
mod list;
mod live;
mod manifests;
pub mod output;
mod plan;
mod plan_text;
mod published;
mod reconcile;
mod request;
mod resume;
mod rollback;
mod rollout;
mod run;
mod schedules;
mod sections;
pub mod settings;
mod settings_file;
mod suspend;
mod table;
mod target;
mod validate;
mod version;
mod view;
