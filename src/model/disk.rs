//! How full file systems are, and when that is too full.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Use of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes that may still be taken by those who are not root.
    pub free_bytes: u64,
    /// Bytes that are taken or may be, without what is kept for root.
    pub total_bytes: u64,
    /// Inodes that may still be taken.
    pub free_inodes: u64,
    /// All inodes; 0 if it does not count them.
    pub total_inodes: u64,
}

impl DiskUse {
    /// How much is taken, in percent, rounded up.
    pub fn used_percent(&self) -> u8 {
        100_u8.saturating_sub(percent(self.free_bytes, self.total_bytes))
    }

    /// What there is less of than these percents, bytes before inodes; zero percent is never too little.
    pub fn lacks(&self, bytes: u8, inodes: u8) -> Option<Room> {
        if self.total_bytes > 0 && percent(self.free_bytes, self.total_bytes) < bytes {
            return Some(Room::Bytes);
        }
        let few = self.total_inodes > 0 && percent(self.free_inodes, self.total_inodes) < inodes;
        few.then_some(Room::Inodes)
    }
}

/// Rounded down.
fn percent(part: u64, whole: u64) -> u8 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u8::try_from(percent).unwrap_or(100).min(100)
}

/// What a file system may run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Room {
    /// Space.
    Bytes,
    /// Inodes.
    Inodes,
}

/// A file system that is too full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskPressure {
    /// What lies on it.
    pub path: String,
    /// What it lacks.
    pub room: Room,
    /// Percent of it that should be free.
    pub wanted: u8,
}

impl fmt::Display for DiskPressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.room {
            Room::Bytes => "room",
            Room::Inodes => "inodes",
        };
        let Self { path, wanted, .. } = self;
        write!(
            f,
            "{what} on the disk of {path}: less than {wanted} % are free; `composelet gc --dry-run` shows what may go"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_on_the_safe_side() {
        let disk = |free_bytes, free_inodes| DiskUse {
            free_bytes,
            total_bytes: 1000,
            free_inodes,
            total_inodes: 100,
        };
        assert_eq!(disk(149, 50).used_percent(), 86);
        assert_eq!(disk(150, 50).lacks(15, 5), None);
        assert_eq!(disk(149, 50).lacks(15, 5), Some(Room::Bytes));
        assert_eq!(disk(900, 4).lacks(15, 5), Some(Room::Inodes));
        assert_eq!(disk(0, 0).lacks(0, 0), None);
        let unknown = DiskUse::default();
        assert_eq!(unknown.lacks(15, 5), None, "a file system that tells no size");
    }
}
