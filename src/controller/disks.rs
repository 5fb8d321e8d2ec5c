//! How full the file systems of this host are.

use std::fmt;
use std::path::Path;

use rustix::fs::statvfs;

use crate::model::disk::DiskUse;

/// Tells how full file systems are. Blocking: one of a network may hang.
pub trait Disks: fmt::Debug + Send + Sync {
    /// Use of the file system that holds `path`; `None` if it cannot be seen from here.
    fn usage(&self, path: &Path) -> Option<DiskUse>;
}

/// Asks the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostDisks;

impl Disks for HostDisks {
    fn usage(&self, path: &Path) -> Option<DiskUse> {
        let seen = statvfs(path).ok()?;
        Some(DiskUse {
            free_bytes: seen.f_bavail.saturating_mul(seen.f_frsize),
            // As df counts: what only root may take is neither free nor there.
            total_bytes: seen
                .f_blocks
                .saturating_sub(seen.f_bfree)
                .saturating_add(seen.f_bavail)
                .saturating_mul(seen.f_frsize),
            free_inodes: seen.f_favail,
            total_inodes: seen.f_files,
        })
    }
}
