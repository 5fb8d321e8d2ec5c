//! Registries asked directly, by their HTTP API (OCI distribution, `/v2/`): lists of tags and ages of images. Nothing is
//! pulled here.

mod auth;
mod client;
mod pages;
mod port;

pub use client::RegistryClient;
pub use port::Registry;
