//! Integration tests of composelet.

mod sim;
mod sim_conformance;
