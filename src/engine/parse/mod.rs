//! Answers of the engine in the model's own form.
//!
//! A container that was created from a configuration reads back as that configuration over the image's defaults, both in
//! the canonical form of [`crate::model::canonical`].

mod config;
mod container;
mod evidence;
mod image;
mod lifecycle;
mod mounts;
mod network;

pub(super) use container::{observed, unseen};
pub(super) use evidence::evidence;
pub(super) use image::image;
pub(super) use network::{network, volume};
