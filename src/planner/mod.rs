//! Pure: (desired, observed, host view, ledger, operations, policy, now) → plan. No clock, I/O, log or randomness.
//!
//! [`plan`](plan::plan) is the front door; [`account`](account::account) before it counts what happened,
//! [`record`](record::record) after the walk remembers what came of it.

pub mod account;
pub mod availability;
pub mod brake;
pub mod check;
pub mod conditions;
pub mod conformity;
pub mod content;
pub mod create;
pub mod data;
pub mod diff;
pub mod draft;
pub mod drift;
pub mod endpoints;
pub mod expected;
pub mod fields;
pub mod heal;
pub mod hooks;
pub mod images;
pub mod input;
pub mod jobs;
pub mod joined;
pub mod judgement;
pub mod links;
pub mod live;
pub mod names;
pub mod networks;
pub mod order;
pub mod owners;
pub mod ownership;
pub mod perfect;
pub mod plan;
pub mod ports;
pub mod preview;
pub mod probe;
pub mod prune;
pub mod readiness;
pub mod record;
pub mod replace;
pub mod revision;
pub mod rollback;
pub mod rollout;
pub mod schedule_runs;
pub mod scheduled_container;
pub mod schedules;
pub mod slot;
pub mod status;
pub mod steps;
pub mod verdict;
pub mod volumes;
pub mod world;

pub use account::account;
pub use brake::release_brakes;
pub use check::check;
pub use hooks::intend;
pub use input::{Intent, PlanInput};
pub use plan::{plan, tended};
pub use preview::{Certainty, Preview, PreviewStep, preview};
pub use record::{confirm, forget_backoffs, record, record_logs, record_operation, wanted_logs};
pub use rollback::{pause, pinned, restart, resume, roll_back, target, wakes_at};
pub use status::{StatusInput, status};
pub use verdict::targets as probe_targets;
