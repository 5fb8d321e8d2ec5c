//! The simulated engine: a Docker Engine API server in memory, under tokio's paused clock.
//!
//! It stands behind bollard's custom transport, so that the whole controller runs against it with
//! the real client. Everything it does follows from the seed, the scripts and the calls: ordered
//! maps, own random numbers, no threads, no sockets, no wall clock. Its behaviour was taken from
//! engine 20.10 (API 1.41); `sim_conformance` holds it to that, row by row.
//!
//! Where to look:
//! - the handle, the client and the transport: `engine`, `transport`;
//! - images, registry, scripts, litter, the host (what a test sets up): `scene`, `script`;
//! - people and the host interfering: `hands`; the daemon dying, freezing: `daemon`;
//! - calls that fail: `faults`; what was asked and what happened: `trace`, `questions`;
//! - the API itself: `router`, then one file per kind of object.
//!
//! Known differences from the real engine: networks of one container are connected in the order of
//! their names (there: any order); logs, stats and top come from scripts or constants; a slow event
//! subscriber loses events at once and not after 100 ms; builds run nothing, and a failed `RUN` leaves
//! no container behind; IPv6 is absent.

#![allow(
    dead_code,
    unused_imports,
    reason = "a test bench: not every handle is used by the tests that exist so far"
)]

mod build;
mod clock;
mod container;
mod containers;
mod daemon;
mod dial;
mod dockerfile;
mod endpoints;
mod engine;
mod events;
mod exec;
mod faults;
mod filters;
mod hands;
mod health;
mod images;
mod journal;
mod latency;
mod networks;
mod process;
mod questions;
mod random;
mod registry;
mod request;
mod restart;
mod router;
mod scene;
mod script;
mod system;
mod trace;
mod transport;
mod volumes;
mod world;

pub(crate) use build::BuildScript;
pub(crate) use container::{Phase, take_phases_seen};
pub(crate) use engine::{SimEngine, SimOptions};
pub(crate) use events::EventFault;
pub(crate) use faults::{FLOOD, FaultAction, FaultRule, Which};
pub(crate) use images::ImageSpec;
pub(crate) use journal::{Effect, Happening, Look, Target, looks, our_networks};
pub(crate) use random::SplitMix64;
pub(crate) use registry::Offer;
pub(crate) use request::ApiError;
pub(crate) use script::{
    AppScript, ExecOutcome, HealthScript, LogStream, Run, ScriptKey, StartFailure, StopReaction,
    Verdict,
};
pub(crate) use trace::{CallKind, TracedCall};
pub(crate) use transport::SimTransport;
