//! The API of a whole controller on the simulated engine, over streams in memory so that time can be paused; sockets and TLS
//! over real ones.

mod access;
mod bench;
mod document;
mod events;
mod limits;
mod metrics;
mod monitoring;
mod reading;
mod sockets;
mod writing;
