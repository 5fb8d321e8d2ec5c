//! From what is seen of a container to what is wrong with it: a catalogue of known failures, each with the signs by which
//! it is recognised and its mend. Pure: whoever asks brings the evidence, with secrets taken out.

mod catalogue;
mod cause;
mod evidence;
mod gather;
mod judge;
mod secrets;
mod sight;

pub use self::catalogue::{CONSEQUENCES, causes};
pub use self::cause::{Cause, Certainty, Sign};
pub use self::evidence::{
    Evidence, HostFacts, ImageFacts, MountFact, MountKind, Neighbour, PortFact, Probe, Setting,
    SourceKind, State, Verdict, Warning,
};
pub use self::gather::{Collected, Words, gather};
pub use self::judge::{Finding, diagnose, diagnose_all};
pub use self::secrets::{hidden, shown};
