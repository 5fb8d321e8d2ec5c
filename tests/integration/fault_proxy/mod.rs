//! A proxy before a real engine that understands the calls it passes on, so that exactly one of them can go wrong: not
//! done, done and not answered, answered with nonsense, never answered. Toxiproxy and its like know bytes only and cannot
//! say "the third start: do it, then lose the answer".

mod answer;
mod faults;
mod http;
mod pattern;
mod proxy;
mod rule;
mod stream;
mod tests;
mod trace;

pub(crate) use faults::{EventFault, Fault, Moment, Reply};
pub(crate) use proxy::Proxy;
pub(crate) use rule::Rule;
