//! composelet: a reconciling controller that keeps the containers of a Docker host as the Compose files of a watched
//! directory say.
//!
//! Reading order: [`model`] has the nouns; [`manifest`] turns text into desired state; [`planner`] turns desired and
//! observed state into a plan, with [`calendar`] for due times and [`tags`] for what registries offer; [`secrets`] opens
//! encrypted files of values; [`executor`] carries it out; [`garbage`] says what has no use any more;
//! [`controller`] is the loop around them; [`engine`], [`source`]
//! and [`ledger`] are its edges, [`http`] with [`webhook`] is what others may send; [`cli`] is what people type.

// First: its macro is used below.
#[macro_use]
pub mod planted;

pub mod alerts;
pub mod backup;
pub mod calendar;
pub mod cli;
pub mod controller;
pub mod diagnose;
pub mod doctor;
pub mod engine;
pub mod executor;
pub mod garbage;
pub mod http;
pub mod ledger;
pub mod manifest;
pub mod model;
pub mod planner;
pub mod policy;
pub mod recipes;
pub mod secrets;
pub mod source;
pub mod tags;
pub mod telemetry;
pub mod webhook;
