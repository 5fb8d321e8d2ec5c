//! The Docker host behind one facade: every call has its own deadline, a number and a classified outcome.
//!
//! Reading order: [`Engine`] (`facade`) has the calls, `call` the choke point they all pass, `failure` the table of
//! outcomes. `observe` and `events` are the two ways of looking. `wire` is what comes over the wire, `parse` makes the
//! model of it. Only the adapter (`engine::docker`) names the client crate; [`create_body`] is the only road to a container, and
//! `admission` the gate that every request passes that makes or runs something.

mod admission;
mod attended;
mod build_input;
mod builds;
mod cache;
mod call;
mod copying;
mod credentials;
mod docker;
mod events;
mod facade;
mod failure;
mod garbage;
mod hooks;
mod images;
mod interactive;
pub mod labels;
mod logs;
mod observe;
mod own;
mod parse;
mod purge;
mod registry;
mod reload;
mod stream;
mod telling;
mod unsupported;
mod wire;

pub use admission::{Admission, Resolve};
pub use build_input::{BuildContext, BuildInput, BuildInputs, InputFile, InputKind, OpenFile};
pub use call::CallCounts;
pub use docker::{
    EngineClient, OLDEST_API, Output, TESTED_API, create_body, exec_json, network_json, volume_json,
};
pub use events::EngineEvent;
pub use facade::{Clock, Engine};
pub use images::ProgressSink;
pub use interactive::{Inside, InsideInput, Running};
pub use observe::ObserveRequest;
pub use registry::{Registry, RegistryClient};
pub use stream::ExecEnd;
pub use unsupported::{Unsupported, unsupported};
