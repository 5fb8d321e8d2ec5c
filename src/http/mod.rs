//! What others may ask of this process by HTTP: webhooks in, and the API.
//!
//! One request a connection, a limit and a deadline for everything, nothing read of a body before its headers are in order.
//! What is authentic is decided by [`crate::webhook`]; here are sockets, time and locks.

mod api;
mod client;
mod connection;
mod desk;
mod listener;
mod receive;
mod settings;
mod verdict;

pub use api::{
    ApiDesk, ApiLimits, ApiSettings, CATALOGUE, Family, Kind, Peer, ROUTES, TcpSettings,
    TlsSettings, TlsSettingsError, Tokens, attend, listen_api,
};
pub use listener::{Listener, listen};
pub use settings::{HttpLimits, Outlets, WebhookSettings};
