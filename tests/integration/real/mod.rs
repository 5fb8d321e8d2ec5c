//! Scenarios on the real engine: each states one intent and looks at what is really there.
//!
//! They need an engine and the test images (`tests/images/build`), and fail without them. Each has names of its own
//! that begin with `ct-`, removes what it made also when it fails, and may run beside the others.

mod adoption;
mod allow_list;
mod backend_optimizacion;
mod backup_drills;
mod backup_schedules;
mod backups;
mod bad_revisions;
mod before_checks;
mod certificados;
mod certificados_from_git;
mod commands;
mod content;
mod converge;
mod crash_points;
mod crashing;
mod data_restored;
mod diagnoses;
mod edits;
mod faults;
mod files;
mod garbage;
mod git_pushes;
mod git_sources;
mod healing;
mod hooks;
mod image_updates;
mod in_container;
mod interop;
mod isolation;
mod jobs;
mod joins;
mod logs;
mod montero;
mod montero_from_git;
mod neighbours;
mod once;
mod paqueteria;
mod people;
mod pontificia;
mod probes;
mod process;
mod purge;
mod readiness;
mod rebuild;
mod registry;
mod removal;
mod rollouts;
mod silence;
mod stops;
mod strategies;
mod text;
mod webhooks;
