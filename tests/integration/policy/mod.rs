//! The policy: hostile manifests on every path, fields, profiles against each other, what the systems need, and what the
//! guards hold.

mod choke;
mod fields;
mod guards;
mod hostile;
mod paths;
mod properties;
mod systems;
mod table;
