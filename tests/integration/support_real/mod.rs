//! The real engine for tests: a host with its own directories and names, and the built binary as its controller.

pub(crate) mod backups;
pub(crate) mod canary;
pub(crate) mod compose;
pub(crate) mod container;
pub(crate) mod controller;
pub(crate) mod engine;
pub(crate) mod events;
pub(crate) mod git_server;
pub(crate) mod host;
pub(crate) mod look;
pub(crate) mod private_engine;
pub(crate) mod registry;
pub(crate) mod registry_stub;
pub(crate) mod repository;
pub(crate) mod results;
pub(crate) mod system;
pub(crate) mod wait;
