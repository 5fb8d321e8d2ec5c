//! `/metrics`: OpenMetrics, made from copies of what is published and counted. Nothing of it asks anybody or waits.

mod catalogue;
mod gather;
mod process;
mod render;
mod samples;

pub use catalogue::{CATALOGUE, Family, Kind};
pub(super) use gather::metrics;
