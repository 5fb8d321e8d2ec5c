//! From the watched directory to what is believed of it: reading, loading, settling, holding.
//!
//! [`reading`] does the blocking work; [`belief`] decides, purely, what a reading means.

pub mod belief;
pub mod compose;
pub mod decryption;
pub mod guard;
pub mod last_good;
pub mod loading;
pub mod reading;
pub mod removal;
