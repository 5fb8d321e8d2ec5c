//! From the normal form to the model that the planner works with.

mod bound;
mod build;
mod container;
mod endpoints;
mod files;
mod project;
mod restart;
mod service;
mod spec;

pub(crate) use project::project;
