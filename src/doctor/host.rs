//! Checks of the host.

use crate::doctor::judge::or_pass;
use crate::doctor::line::Line;
use crate::doctor::survey::Survey;

/// Free bytes that every disk should have.
const ENOUGH_DISK: u64 = 10 * 1_000_000_000;
/// Free bytes below which nothing works for long.
const LITTLE_DISK: u64 = 1_000_000_000;
/// Free memory that should be left.
const ENOUGH_MEMORY: u64 = 256 << 20;
/// Watches that a host with a few projects takes.
const ENOUGH_WATCHES: u64 = 65_536;
/// Instances of inotify that a host with a few projects takes.
const ENOUGH_INSTANCES: u64 = 128;
/// Difference of clocks that is harmless, in seconds.
const CLOCK_TOLERANCE_S: u64 = 5;

pub(super) fn clock(survey: &Survey) -> Vec<Line> {
    let mend = "let the host keep time (`timedatectl set-ntp true`)";
    let mut lines = Vec::new();
    match survey.host.clock_ahead_s {
        None => lines.push(Line::not_checkable("", "the engine did not tell its time")),
        Some(ahead) if ahead.unsigned_abs() > CLOCK_TOLERANCE_S => {
            lines.push(Line::fail(
                "",
                format!("the engine's clock differs by {ahead} s from ours"),
                mend,
            ));
        }
        Some(ahead) => {
            lines.push(Line::pass("", format!("the engine's clock differs by {ahead} s")));
        }
    }
    match survey.host.clock_synchronised {
        Some(true) => lines.push(Line::pass("", "the host is synchronised")),
        Some(false) => lines.push(Line::warn("", "the host is not synchronised", mend)),
        None => {
            lines.push(Line::not_checkable("", "whether the host is synchronised cannot be seen"));
        }
    }
    lines
}

pub(super) fn disk(survey: &Survey) -> Vec<Line> {
    if survey.host.disks.is_empty() {
        return vec![Line::not_checkable("", "no disk of the engine can be looked at from here")];
    }
    let mend = "remove old images and logs, or give it more: `docker system df` shows what takes it; never volumes";
    let judged = survey.host.disks.iter().map(|disk| {
        let words = format!("{} of {} free", bytes(disk.free_bytes), bytes(disk.total_bytes));
        if disk.free_bytes < LITTLE_DISK {
            Line::fail(&disk.path, words, mend)
        } else if disk.free_bytes < ENOUGH_DISK || disk.free_bytes < disk.total_bytes / 10 {
            Line::warn(&disk.path, words, mend)
        } else {
            Line::pass(&disk.path, words)
        }
    });
    judged.collect()
}

pub(super) fn inodes(survey: &Survey) -> Vec<Line> {
    let counted = survey.host.disks.iter().filter(|disk| disk.total_inodes > 0);
    let mend = "remove directories with very many small files (`df -i`, old images)";
    let judged = counted.map(|disk| {
        let words = format!("{} of {} inodes free", disk.free_inodes, disk.total_inodes);
        match disk.free_inodes {
            0 => Line::fail(&disk.path, words, mend),
            free if free < disk.total_inodes / 10 => Line::warn(&disk.path, words, mend),
            _ => Line::pass(&disk.path, words),
        }
    });
    let lines: Vec<Line> = judged.collect();
    if lines.is_empty() {
        return vec![Line::not_checkable("", "no file system that counts inodes can be looked at")];
    }
    lines
}

pub(super) fn memory(survey: &Survey) -> Vec<Line> {
    let mut lines = Vec::new();
    match survey.host.memory_available {
        None => lines.push(Line::not_checkable("", "the memory of the host cannot be seen")),
        Some(free) if free < ENOUGH_MEMORY => {
            let words = format!("{} are available", bytes(free));
            lines.push(Line::warn("", words, "stop something, or give the host more memory"));
        }
        Some(free) => lines.push(Line::pass("", format!("{} are available", bytes(free)))),
    }
    let limits: u64 = survey.projects.iter().map(|project| project.memory_limits.0).sum();
    let without: usize = survey.projects.iter().map(|project| project.memory_limits.1).sum();
    let total = survey.engine.as_ref().and_then(|engine| engine.mem_total);
    let words = format!("limits add up to {}, {without} services have none", bytes(limits));
    lines.push(match total {
        Some(total) if limits > total => Line::warn(
            "",
            format!("{words}, the host has {}", bytes(total)),
            "lower the limits, or expect the kernel to choose whom it kills when all are used",
        ),
        _ => Line::pass("", words),
    });
    lines
}

pub(super) fn inotify(survey: &Survey) -> Vec<Line> {
    let Some(limits) = survey.host.inotify else {
        return vec![Line::not_checkable("", "the limits of inotify cannot be seen")];
    };
    let words = format!("{} watches, {} instances for each user", limits.watches, limits.instances);
    if limits.watches < ENOUGH_WATCHES || limits.instances < ENOUGH_INSTANCES {
        return vec![Line::warn(
            "",
            words,
            "raise `fs.inotify.max_user_watches` to 524288 and `max_user_instances` to 512 with sysctl",
        )];
    }
    vec![Line::pass("", words)]
}

pub(super) fn dns(survey: &Survey) -> Vec<Line> {
    let servers = &survey.host.name_servers;
    let mend = "name a server in /etc/resolv.conf, or `dns` in /etc/docker/daemon.json";
    if servers.is_empty() {
        return vec![Line::fail("", "the host has no name server", mend)];
    }
    let words = servers.join(", ");
    let is_local = |server: &String| server.starts_with("127.") || server == "::1";
    if servers.iter().all(is_local) {
        return vec![Line::pass(
            "",
            format!(
                "{words}; local, so that the engine gives containers the servers behind it, or public ones"
            ),
        )];
    }
    vec![Line::pass("", words)]
}

pub(super) fn registry(survey: &Survey) -> Vec<Line> {
    let judged = survey.registries.iter().map(|one| {
        if one.error.is_empty() {
            return Line::pass(&one.reference, "its registry answers");
        }
        Line::fail(
            &one.reference,
            one.error.clone(),
            "look at name, login (`docker login`), DNS and proxy; or load the image by hand",
        )
    });
    or_pass(judged.collect(), "every image is here: no registry was asked")
}

fn bytes(count: u64) -> String {
    const GIB: u64 = 1 << 30;
    if count >= 10 * GIB { format!("{} GiB", count >> 30) } else { format!("{} MiB", count >> 20) }
}
