//! The known failures, by family. The order is the order in which lines of evidence are claimed: special before general.

mod application;
mod build;
mod database;
mod engine;
mod family;
mod general;
mod health;
mod images;
mod manifest;
mod network;
mod paths;
mod proxy;
mod store;

pub use self::family::{CONSEQUENCES, causes};
