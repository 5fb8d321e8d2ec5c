//! composelet: a reconciling controller that keeps the containers of a Docker host as the Compose files of a watched
//! directory say.
//!
//! Reading order: [`model`] has the nouns; `manifest` turns text into desired state; `planner` turns desired and observed
//! state into a plan; `executor` carries it out; `controller` is the loop around them.

pub mod manifest;
pub mod model;
