//! Faults on purpose: the controller killed at every call and every write, the engine killed, frozen, filled and lied about,
//! files that are torn, swapped and replaced. docs/fault-scenarios.md lists what each of the 40 scenarios is held by.

mod calls;
mod disks;
mod engine_gone;
mod files;
mod images;
pub(super) mod point;
mod strangers;
mod stuck;
mod wire;
mod workload;
mod writes;
