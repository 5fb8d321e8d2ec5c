//! Notifications: what is told and what is not, as data and by the whole controller; channels over loopback.

mod channels;
mod digest;
mod flood;
mod servers;
mod statuses;
mod texts;
