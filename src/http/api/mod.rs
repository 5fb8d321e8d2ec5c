//! The HTTP API: reading what is published, and leaving the requests that the command line leaves too.
//!
//! Everything comes from one published snapshot: no request asks the engine, and none waits for the loop. On the Unix socket
//! the permissions of its file decide who may ask; over TCP tokens do, and no page of a browser is ever answered.

mod answer;
mod authority;
mod connection;
mod desk;
mod health;
mod listener;
mod metrics;
mod origin;
mod query;
mod reading;
mod receive;
mod routes;
mod settings;
mod stream;
mod tls;
mod view;
mod writing;

pub use authority::{Peer, Tokens};
pub use connection::attend;
pub use desk::ApiDesk;
pub use listener::listen_api;
pub use metrics::{CATALOGUE, Family, Kind};
pub use routes::ROUTES;
pub use settings::{ApiLimits, ApiSettings, TcpSettings};
pub use tls::{TlsSettings, TlsSettingsError};
