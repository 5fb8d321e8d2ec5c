//! The adapter to Docker: the only files that name the client crate `bollard`.
//!
//! What the client does in its own way and we need otherwise is put right here (see `connection` and `raw`).

mod attach;
mod connection;
mod copying;
mod create;
mod endpoint;
mod error;
mod exec;
mod garbage;
mod host_config;
mod image;
mod log_lines;
mod logs;
mod mounts;
mod mutate;
mod purge;
mod raw;
mod read;
mod session;
mod steps;
mod stream;

pub(super) use attach::Input;
pub use attach::Output;
pub(super) use connection::{Client, Connector};
pub use connection::{EngineClient, OLDEST_API, TESTED_API};
pub use create::create_body;
pub(super) use create::update_json;
pub(super) use exec::Ended;
pub use exec::exec_json;
pub(super) use image::{BuildRequest, Progress};
pub(super) use mutate::connect_json;
pub use mutate::{network_json, volume_json};
pub(super) use raw::encoded;
pub(super) use session::{Address, Answers, DOCKERFILE, FindLogin, Session};
pub(super) use steps::Steps;
