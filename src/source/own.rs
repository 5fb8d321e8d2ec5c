//! What the kernel shows of the container that this process runs in.

use std::path::Path;

use crate::model::own::Traces;

/// The engine's marker of a container.
const MARKER: &str = "/.dockerenv";

/// Traces of the own container; none outside of one. Blocking.
pub fn traces() -> Traces {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let hostname = Path::new(MARKER).exists().then(|| read("/proc/sys/kernel/hostname"));
    let hostname = hostname.as_deref().map(str::trim);
    Traces::read(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"), hostname)
}

/// The mount namespace of this process, by its number: every container has one of its own, and what the engine runs in a
/// container, such as its health check, is in the same. Blocking.
pub fn mount_namespace() -> Option<String> {
    let link = std::fs::read_link("/proc/self/ns/mnt").ok()?;
    let digits = |c: &char| c.is_ascii_digit();
    let number: String = link.to_str()?.chars().filter(digits).collect();
    (!number.is_empty()).then_some(number)
}
