//! A host for the planner's tests: a project from Compose text, an engine that does what plans say, and changes by hand.

mod backups;
mod change;
mod generate;
mod probes;
mod project;
mod projects;
mod script;
mod sim;
mod units;

pub(crate) use generate::{Case, PLANTED, case};
pub(crate) use project::project;
pub(crate) use script::run;
pub(crate) use sim::{Sim, Wish, failure, image_id};
