//! Compose text → desired model and diagnostics. Pure: it asks for files, the controller reads them and calls again.
//!
//! The way of a file: `discovery` (which files) → `parse` (text → nodes with places) → `environment` (variables) → `check`
//! (the schema table of `schema`, short forms by `forms`) → `extends` → `merge` → `normalise` (defaults, names, env files) →
//! `consistency` → `desired` (the model) and `canonical` (what `docker compose config` prints, and its hash).

mod analysis;
mod backup;
mod backup_drill;
mod before_checks;
mod budget;
mod builds;
mod canonical;
mod check;
mod checks;
mod consistency;
mod cycle;
mod desired;
mod discovery;
mod dotenv;
mod drain;
mod drill;
mod encrypted;
mod environment;
mod extends;
mod extension;
mod files;
mod forms;
mod host_paths;
mod host_probe;
mod image_update;
mod include;
mod interpolate;
mod job;
mod joins;
mod layers;
mod like;
mod limits;
mod lint;
mod loader;
mod merge;
mod node;
mod normalise;
mod ofelia;
mod ofelia_run;
mod on_change;
mod on_endpoints_change;
mod parse;
mod projects;
mod refusal;
mod render;
mod report;
mod scalar;
mod schedule;
mod schema;
mod shell;
mod source;
mod strategy;
pub(crate) mod suggest;
mod units;
mod variables;
mod words;

pub use crate::model::files::Entry;
pub use crate::model::files::FileContent;
pub use canonical::Canonical;
pub use lint::{LINTS, Lint, Teller, is_secret_name};
pub use loader::{
    Dialect, HostChoices, LoadInput, LoadResult, Loaded, Loading, ProjectChoices, load,
};
pub use render::render;
pub use schema::{Key, KeyRow, Shape, keys, shape};
