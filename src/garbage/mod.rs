//! What of the host's images has no use any more: pure, from facts to a list of what goes, what stays, and why.
//!
//! [`choose`](choose::choose) judges every image of the engine; [`Wanted`](wanted::Wanted) is what projects may still ask for;
//! [`PressureWatch`](pressure::PressureWatch) says when a disk is too full.

mod brought;
mod choose;
mod name;
mod pressure;
mod verdict;
mod wanted;

pub use brought::{Fetch, brought};
pub use choose::{Facts, choose};
pub use name::{Name, listed_name};
pub use pressure::{Place, PressureWatch};
pub use verdict::{Fate, Goes, Judged, Stays};
pub use wanted::Wanted;
