//! From the normal form to the model that the planner works with.

mod bound;
mod build;
mod container;
mod decode;
mod devices;
mod endpoints;
mod files;
mod hooks;
mod joins;
mod mounts;
mod probes;
mod project;
mod restart;
mod security;
mod service;
mod spec;
mod strategy;
mod update;

pub(crate) use project::project;
