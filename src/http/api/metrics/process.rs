//! This process, from `/proc`.

use crate::http::api::metrics::samples::{Samples, Value};

/// Ticks of a second in `/proc` (USER_HZ, which is 100 on every architecture that Docker runs on).
const TICKS: f64 = 100.0;

/// Time, memory and files. What cannot be read is left out. Blocking.
pub(super) fn process(samples: &mut Samples) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    if let Some(seconds) = cpu_seconds(&read("/proc/self/stat")) {
        samples.put("process_cpu_seconds_total", &[], Value::Real(seconds));
    }
    if let Some(bytes) = resident(&read("/proc/self/status")) {
        samples.whole("process_resident_memory_bytes", &[], bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        // The directory itself is open meanwhile.
        let open = u64::try_from(files.count()).unwrap_or_default().saturating_sub(1);
        samples.whole("process_open_fds", &[], open);
    }
}

/// Fields 14 and 15 (proc(5)); the name before them may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_proc_is_read() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 5 1 2";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!((cpu_seconds(""), resident("")), (None, None));
    }
}
