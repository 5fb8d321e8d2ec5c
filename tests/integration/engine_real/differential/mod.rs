//! The simulated engine against the real one: random sequences of calls are made on both, and everything that can be seen of
//! them after every call must be the same. What differs on purpose is in `known`; mutants of the simulated engine must be found.

mod both;
mod known;
mod mutants;
mod real_side;
mod seen;
mod sequence;
mod sim_side;
