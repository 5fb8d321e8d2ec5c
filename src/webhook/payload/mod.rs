//! What a message is about. Nothing of it is used but names: where to look again.

mod generic;
mod git;
mod message;
mod registry;

pub use message::{Message, read};
