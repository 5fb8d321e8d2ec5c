//! When something is due: cron patterns in time zones. Pure: the time zones are compiled in, and what time it is, is told.

mod due;

pub use due::{Calendar, Due, Mistake};
