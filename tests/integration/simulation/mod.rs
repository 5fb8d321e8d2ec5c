//! The whole controller against the simulated engine under paused time: the real client, the real loader, files in a
//! temporary directory, the state directory in memory.

mod before_checks;
pub(crate) mod bench;
mod checks;
mod commits;
mod crash;
mod drills;
mod evidence;
mod files;
mod healing;
mod hints;
mod hooks;
mod image_updates;
mod images;
mod jobs;
mod joins;
mod neighbours;
mod once;
mod probes;
mod readiness;
mod rebuild;
mod rollouts;
mod schedules;
mod secrets;
mod self_update;
mod standby;
mod stops;
mod strategies;
