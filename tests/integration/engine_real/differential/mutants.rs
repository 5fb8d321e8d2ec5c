//! Wrong simulated engines: the comparison is worth something only if it finds them.

use serde_json::{Value, json};

use super::sequence::Op;

/// One thing that the simulated engine does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// What is done already is answered as if it had been done now.
    NotModifiedIsDone,
    /// A conflict is told as a missing object.
    ConflictIsMissing,
    /// A bad request is told as a failure of the engine.
    BadRequestIsFailure,
    /// A stop is answered and not made.
    StopIsLost,
    /// A rename is answered and not made.
    RenameIsLost,
    /// An update is answered and not made.
    UpdateIsLost,
    /// A network stays connected.
    DisconnectIsLost,
    /// A volume stays.
    VolumeStays,
    /// Nobody hears that a process ended.
    DieIsUntold,
    /// A start is told twice.
    StartIsToldTwice,
    /// The exit code is always 0.
    ExitCodeIsLost,
    /// A paused container seems to run.
    PauseIsHidden,
    /// Restarts are not counted.
    RestartsAreLost,
}

impl Mutant {
    /// Every one.
    pub(super) const ALL: [Self; 13] = [
        Self::NotModifiedIsDone,
        Self::ConflictIsMissing,
        Self::BadRequestIsFailure,
        Self::StopIsLost,
        Self::RenameIsLost,
        Self::UpdateIsLost,
        Self::DisconnectIsLost,
        Self::VolumeStays,
        Self::DieIsUntold,
        Self::StartIsToldTwice,
        Self::ExitCodeIsLost,
        Self::PauseIsHidden,
        Self::RestartsAreLost,
    ];

    /// Whether this call is answered and not made.
    pub(super) fn swallows(self, op: &Op) -> bool {
        matches!(
            (self, op),
            (Self::StopIsLost, Op::Stop(_))
                | (Self::RenameIsLost, Op::Rename(..))
                | (Self::UpdateIsLost, Op::Update(..))
                | (Self::DisconnectIsLost, Op::Disconnect { .. })
                | (Self::VolumeStays, Op::RemoveVolume(_))
        )
    }

    /// The status that is answered in the place of `status`.
    pub(super) fn status(self, status: u16) -> u16 {
        match (self, status) {
            (Self::NotModifiedIsDone, 304) => 204,
            (Self::ConflictIsMissing, 409) => 404,
            (Self::BadRequestIsFailure, 400) => 500,
            _ => status,
        }
    }

    /// What `inspect` says in the place of `found`.
    pub(super) fn inspected(self, found: &mut Value) {
        match self {
            Self::ExitCodeIsLost => found["State"]["ExitCode"] = json!(0),
            Self::RestartsAreLost => found["RestartCount"] = json!(0),
            Self::PauseIsHidden if found["State"]["Paused"] == true => {
                found["State"]["Paused"] = json!(false);
                found["State"]["Status"] = json!("running");
            }
            _ => {}
        }
    }

    /// How often an event is told.
    pub(super) fn times_told(self, event: &str) -> usize {
        match self {
            Self::DieIsUntold if event.starts_with("die") => 0,
            Self::StartIsToldTwice if event == "start" => 2,
            _ => 1,
        }
    }
}
