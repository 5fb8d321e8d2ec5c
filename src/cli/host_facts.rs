//! What this host says of itself, for `doctor`. Whatever cannot be read is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustix::fs::statvfs;

use crate::doctor::{Disk, HostSurvey, Inotify, Listener};

/// State of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";
/// Processes that are looked at for the holders of ports.
const MOST_PROCESSES: usize = 20_000;

/// Reads it. `places` are directories whose file systems matter.
pub(super) fn read(places: &[&Path], is_here: bool) -> HostSurvey {
    HostSurvey {
        is_here,
        disks: disks(places),
        memory_available: memory_available(),
        inotify: inotify(),
        listeners: listeners(),
        clock_ahead_s: None,
        clock_synchronised: clock_synchronised(),
        name_servers: name_servers(&text("/etc/resolv.conf")),
        firewall: firewall(),
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number(path: &str) -> Option<u64> {
    text(path).trim().parse().ok()
}

fn disks(places: &[&Path]) -> Vec<Disk> {
    let mut disks: Vec<Disk> = Vec::new();
    for place in places {
        let Ok(seen) = statvfs(*place) else { continue };
        let disk = Disk {
            path: place.display().to_string(),
            free_bytes: seen.f_bavail.saturating_mul(seen.f_frsize),
            total_bytes: seen.f_blocks.saturating_mul(seen.f_frsize),
            free_inodes: seen.f_favail,
            total_inodes: seen.f_files,
        };
        if !disks.iter().any(|known| known.is_same_as(&disk)) {
            disks.push(disk);
        }
    }
    disks
}

fn memory_available() -> Option<u64> {
    let text = text("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}

fn inotify() -> Option<Inotify> {
    Some(Inotify {
        watches: number("/proc/sys/fs/inotify/max_user_watches")?,
        instances: number("/proc/sys/fs/inotify/max_user_instances")?,
    })
}

/// systemd-timesyncd leaves a file when it has set the clock; others leave nothing that everybody may read.
fn clock_synchronised() -> Option<bool> {
    Path::new("/run/systemd/timesync/synchronized").exists().then_some(true)
}

fn name_servers(resolv: &str) -> Vec<String> {
    let lines = resolv.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}

fn firewall() -> Option<String> {
    if text("/etc/ufw/ufw.conf").lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"))
    {
        return Some("ufw".to_owned());
    }
    Path::new("/run/firewalld").exists().then(|| "firewalld".to_owned())
}

/// TCP ports that somebody listens on, with the program and its unit where they may be looked at.
fn listeners() -> Vec<Listener> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(text);
    let sockets: BTreeMap<String, u16> =
        tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(listening).collect();
    let mut found: BTreeMap<u16, Listener> = sockets
        .values()
        .map(|port| (*port, Listener { port: *port, ..Listener::default() }))
        .collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().take(MOST_PROCESSES);
    for process in processes {
        let directory = process.path();
        let Ok(open) = fs::read_dir(directory.join("fd")) else { continue };
        for file in open.flatten() {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let inode =
                target.to_str().and_then(|name| name.strip_prefix("socket:[")?.strip_suffix(']'));
            let Some(port) = inode.and_then(|inode| sockets.get(inode)) else { continue };
            let program = fs::read_to_string(directory.join("comm")).unwrap_or_default();
            let cgroup = fs::read_to_string(directory.join("cgroup")).unwrap_or_default();
            let listener = Listener {
                port: *port,
                program: program.trim().to_owned(),
                unit: unit(&cgroup).unwrap_or_default(),
            };
            found.insert(*port, listener);
        }
    }
    found.into_values().collect()
}

/// Inode and port of a line of `/proc/net/tcp` about a socket that listens.
fn listening(line: &str) -> Option<(String, u16)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
    let (_, port) = local.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (*state == LISTENS).then(|| ((*inode).to_owned(), port))
}

/// The systemd unit in the text of `/proc/PID/cgroup`.
fn unit(cgroup: &str) -> Option<String> {
    let parts = cgroup.lines().filter_map(|line| line.rsplit(':').next());
    let mut names = parts.flat_map(|path| path.rsplit('/'));
    let is_unit = |name: &&str| matches!(name.rsplit_once('.'), Some((start, "service" | "scope")) if !start.is_empty());
    names.find(is_unit).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_listen_are_told_from_others() {
        let line = "   0: 00000000:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 31337 1 0 100 0 0 10 0";
        assert_eq!(listening(line), Some(("31337".to_owned(), 3306)));
        assert_eq!(listening(&line.replace(" 0A ", " 01 ")), None);
        assert_eq!(listening("  sl  local_address"), None);
    }

    #[test]
    fn units_come_from_either_version_of_cgroups() {
        assert_eq!(unit("0::/system.slice/mysql.service\n").as_deref(), Some("mysql.service"));
        let old =
            "12:pids:/system.slice/nginx.service\n1:name=systemd:/system.slice/nginx.service\n";
        assert_eq!(unit(old).as_deref(), Some("nginx.service"));
        assert_eq!(unit("0::/\n"), None);
    }

    #[test]
    fn name_servers_are_read_without_comments() {
        let text = "# nameserver 9.9.9.9\nnameserver 127.0.0.53\noptions edns0\nnameserver 192.0.2.1 # two\n";
        assert_eq!(name_servers(text), ["127.0.0.53", "192.0.2.1"]);
    }
}
