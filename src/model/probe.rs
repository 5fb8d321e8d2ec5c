//! The question whether an application is ready, asked from outside and more often than its health check asks.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::hook::HookCommand;

/// What has to hold, twice at least a second apart within one run (DESIGN §5, ready).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The health command of the container, as the engine runs it: 0 is good.
    pub check: HookCommand,
    /// Longest run of the command.
    pub timeout: Duration,
    /// Addresses that must accept a TCP connection. The servers that initialise a database listen on a socket or on loopback
    /// only, and answer its health command all the same.
    pub ports: Vec<SocketAddr>,
}
