//! Who is told outside of this host: sinks of the event stream that speak to servers. They never hold the loop up.

mod commit_state;
mod commit_status;
mod https;

pub use commit_state::{CommitState, StatusRequest, public_api, request, state_of};
pub use commit_status::{StatusTarget, TokenReader, report};
