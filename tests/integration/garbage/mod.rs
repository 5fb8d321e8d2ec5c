//! Garbage: what is chosen, and what is remembered as ours.

mod choose;
mod collection;
mod memory;
