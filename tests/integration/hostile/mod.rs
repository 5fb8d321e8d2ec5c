//! Hostile input: the fuzz targets as properties, bombs with their budgets, and what fuzzing found.
#![allow(
    clippy::type_complexity,
    clippy::unnecessary_debug_formatting,
    reason = "tables of cases; a path in a message is for the author of the test"
)]

mod bombs;
mod budgets;
mod disk;
mod properties;
mod targets;
