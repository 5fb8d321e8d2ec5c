//! Scenarios as values: what they are, how a seed makes one, how one becomes smaller.

mod fields;
mod generate;
mod manifest;
mod model;
mod service;
mod shrink;
mod workloads;

pub(crate) use fields::FIELDS;
pub(crate) use generate::generate;
pub(crate) use manifest::{CANARY, manifest};
pub(crate) use model::{
    CallFault, CallFaultKind, Deed, EventFaultKind, Litter, LitterKind, Operation, Options,
    Scenario, Step, WriteFault,
};
pub(crate) use service::{App, Concurrency, Health, Service, Tag};
pub(crate) use shrink::smaller;
pub(crate) use workloads::workloads;
