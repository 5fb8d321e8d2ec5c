//! The session of a build by BuildKit: a connection on which the engine asks back, for files, secrets, agents and logins.
//!
//! The client crate cannot do this: its own session knows logins alone, and its driver holds the whole context in memory
//! (see `docs/decisions/0005-builds.md`).

mod dial;
mod file_sync;
mod grpc;
pub(super) mod proto;
mod serve;
mod ssh;

pub(in crate::engine) use dial::{Address, Handed};
pub(in crate::engine) use file_sync::DOCKERFILE;
pub(in crate::engine) use serve::{Answers, FindLogin, Session};
