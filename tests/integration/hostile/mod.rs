//! Hostile input: the fuzz targets as properties, bombs with their budgets, and what fuzzing found.

mod bombs;
mod budgets;
mod disk;
mod properties;
mod targets;
