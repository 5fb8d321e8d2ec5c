//! Disk pressure: begins when a file system is too full, and ends when it has not been so for some time.

use std::time::Duration;

use crate::model::disk::{DiskPressure, DiskUse, Room};
use crate::model::garbage::PressureMarks;
use crate::model::time::Timestamp;

/// How long pressure outlasts its cause, so that it does not come and go with every pull (kubelet's
/// `evictionPressureTransitionPeriod`).
const LINGER: Duration = Duration::from_secs(300);

/// A file system, and how full it is; `None` if that cannot be seen.
pub type Place = (String, Option<DiskUse>);

/// What is known of the pressure on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PressureWatch {
    /// The pressure, and when it was last seen.
    now: Option<(DiskPressure, Timestamp)>,
}

impl PressureWatch {
    /// Takes a look into account. A file system that cannot be seen is under no pressure that anybody knows of.
    pub fn look(&mut self, places: &[Place], marks: PressureMarks, now: Timestamp) {
        let lacking = places.iter().find_map(|(path, usage)| {
            let room = (*usage)?.lacks(marks.disk, marks.inodes)?;
            let wanted = match room {
                Room::Bytes => marks.disk,
                Room::Inodes => marks.inodes,
            };
            Some(DiskPressure { path: path.clone(), room, wanted })
        });
        match (lacking, &self.now) {
            (Some(pressure), _) => self.now = Some((pressure, now)),
            (None, Some((_, seen))) if now.since(*seen) >= LINGER => self.now = None,
            (None, _) => {}
        }
    }

    /// The pressure of the moment.
    pub fn pressure(&self) -> Option<&DiskPressure> {
        self.now.as_ref().map(|(pressure, _)| pressure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_outlasts_its_cause_by_five_minutes() {
        let marks = PressureMarks { disk: 10, inodes: 5 };
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let place = |free: u64| {
            let usage = DiskUse { free_bytes: free, total_bytes: 100, ..DiskUse::default() };
            vec![("/unseen".to_owned(), None), ("/data".to_owned(), Some(usage))]
        };
        let mut watch = PressureWatch::default();
        let mut look = |second, free| {
            watch.look(&place(free), marks, at(second));
            watch.pressure().is_some()
        };
        assert!(!look(0, 10));
        assert!(look(10, 9));
        assert!(look(20, 50), "it may be a moment");
        assert!(look(100, 9), "and again");
        assert!(look(399, 50));
        assert!(!look(400, 50));
        assert!(!look(410, 10));
    }
}
