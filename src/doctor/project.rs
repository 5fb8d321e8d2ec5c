//! Checks of the projects.

use crate::doctor::judge::or_pass;
use crate::doctor::line::Line;
use crate::doctor::survey::{Listener, PortWant, ProjectSurvey, Survey};

/// Age of a proven backup from which it is told, in seconds.
const OLD_BACKUP_S: u64 = 2 * 86_400;

/// One line for each text of each project.
fn told(
    survey: &Survey,
    texts: fn(&ProjectSurvey) -> &[String],
    line: impl Fn(&str, &str) -> Line,
) -> Vec<Line> {
    let all = survey.projects.iter().flat_map(|project| {
        texts(project).iter().map(move |text| (project.name.as_str(), text.as_str()))
    });
    all.map(|(name, text)| line(name, text)).collect()
}

pub(super) fn manifests(survey: &Survey) -> Vec<Line> {
    let mend = "`composelet validate` shows the place and what is allowed";
    let lines = told(survey, |one| &one.errors, |name, text| Line::fail(name, text, mend));
    or_pass(lines, &format!("{} projects load", survey.projects.len()))
}

pub(super) fn variables(survey: &Survey) -> Vec<Line> {
    let unset = "set it in the project's `.env`, or give it a default: `${NAME:-value}`";
    let unloaded = "name it under `env_file:`, or in COMPOSE_ENV_FILES of `.env`";
    let mut lines = told(survey, |one| &one.unset, |name, text| Line::fail(name, text, unset));
    lines.extend(told(survey, |one| &one.unloaded, |name, text| Line::warn(name, text, unloaded)));
    or_pass(lines, "all are set")
}

pub(super) fn ports(survey: &Survey) -> Vec<Line> {
    let wanted = survey
        .projects
        .iter()
        .flat_map(|project| project.ports.iter().map(move |port| (project.name.as_str(), port)));
    let mut lines = Vec::new();
    let mut free = 0;
    for (name, port) in wanted {
        match holder(survey, port) {
            None => free += 1,
            Some(holder) => lines.push(Line::fail(
                name,
                format!("port {} of {} is held by {holder}", port.port, port.service),
                "stop the holder (`systemctl stop UNIT`, `docker stop NAME`), or publish another port",
            )),
        }
    }
    if !survey.host.is_here {
        lines.push(Line::not_checkable(
            "",
            "services of another host cannot be seen, only its containers",
        ));
    }
    or_pass(lines, &format!("{free} published ports are free or ours"))
}

/// Who else has a port.
fn holder(survey: &Survey, port: &PortWant) -> Option<String> {
    if let Some(container) = &port.container {
        return Some(format!("container {container}"));
    }
    if port.ours {
        return None;
    }
    let listener = survey.host.listeners.iter().find(|listener| listener.port == port.port)?;
    Some(listener_text(listener))
}

fn listener_text(listener: &Listener) -> String {
    match (listener.program.as_str(), listener.unit.as_str()) {
        ("", "") => "a program of the host that this user may not look at".to_owned(),
        (program, "") => program.to_owned(),
        ("", unit) => unit.to_owned(),
        (program, unit) => format!("{program} ({unit})"),
    }
}

pub(super) fn paths(survey: &Survey) -> Vec<Line> {
    let all = survey
        .projects
        .iter()
        .flat_map(|project| project.binds.iter().map(move |bind| (project.name.as_str(), bind)));
    let judged = all.filter_map(|(name, bind)| {
        let what = format!("{} of {}", bind.path, bind.service);
        if bind.became_directory {
            let words = format!("{what} is an empty directory with the name of a file");
            return Some(Line::fail(name, words, "remove the directory and put the file there"));
        }
        bind.missing.then(|| {
            let mend = "make it with the owner that the container's user needs; else the engine makes a directory of root";
            Line::warn(name, format!("{what} is not there"), mend)
        })
    });
    or_pass(judged.collect(), "all are there")
}

pub(super) fn images(survey: &Survey) -> Vec<Line> {
    if survey.engine.is_none() {
        return vec![super::engine::unknown()];
    }
    let missing = survey.projects.iter().flat_map(|project| {
        let images = project.images.iter().filter(|image| !image.present && !image.built);
        images.map(move |image| {
            Line::warn(
                &project.name,
                format!("{} is not here yet", image.reference),
                "it is pulled when it is needed; see the check `registry`",
            )
        })
    });
    or_pass(missing.collect(), "all are here or are built")
}

pub(super) fn policy(survey: &Survey) -> Vec<Line> {
    let mend = "change the manifest, or let whoever keeps the policy grant an exception";
    let lines = told(survey, |one| &one.refused, |name, text| Line::fail(name, text, mend));
    or_pass(lines, "nothing is refused")
}

pub(super) fn health(survey: &Survey) -> Vec<Line> {
    let mend = "let the check ask what matters and fail when it must (`curl -f`, no `|| true`)";
    let lines = told(survey, |one| &one.weak_checks, |name, text| Line::warn(name, text, mend));
    or_pass(lines, "all can fail")
}

pub(super) fn readiness(survey: &Survey) -> Vec<Line> {
    let judged = survey.projects.iter().map(|project| match project.ready {
        Some(true) => Line::pass(&project.name, "ready"),
        Some(false) => {
            Line::fail(&project.name, "not ready", "`composelet diagnose PROJECT` names the cause")
        }
        None => Line::not_checkable(&project.name, "no controller has published anything about it"),
    });
    or_pass(judged.collect(), "there is no project")
}

pub(super) fn logs(survey: &Survey) -> Vec<Line> {
    let mend = "set `logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}`, or the daemon's `log-opts`";
    let lines = told(survey, |one| &one.unrotated_logs, |name, text| Line::warn(name, text, mend));
    or_pass(lines, "all are rotated or sent elsewhere")
}

pub(super) fn exposure(survey: &Survey) -> Vec<Line> {
    let open: Vec<(&str, &PortWant)> = survey
        .projects
        .iter()
        .flat_map(|project| project.ports.iter().map(|port| (project.name.as_str(), port)))
        .filter(|(_, port)| port.ip.is_empty() || port.ip == "0.0.0.0" || port.ip == "::")
        .collect();
    let Some(firewall) = &survey.host.firewall else {
        let words =
            format!("no firewall was seen; {} ports are published to the world", open.len());
        return vec![Line::not_checkable("", words)];
    };
    let judged = open.iter().filter(|(_, port)| ![80, 443].contains(&port.port)).map(|(name, port)| {
        let words = format!("port {} of {} is reachable whatever {firewall} says", port.port, port.service);
        Line::warn(name, words, "publish it on 127.0.0.1, or filter in the chain DOCKER-USER: Docker's rules come before those of the firewall")
    });
    or_pass(judged.collect(), "only 80 and 443 are published to the world")
}

pub(super) fn backups(survey: &Survey) -> Vec<Line> {
    let mut lines = Vec::new();
    for project in &survey.projects {
        let declared = |service: &String| project.backups.iter().find(|(name, _)| name == service);
        for service in &project.with_data {
            match declared(service) {
                None => lines.push(Line::warn(
                    &project.name,
                    format!("{service} keeps data, and no backup of it is known"),
                    "run `composelet backup create` every night, to another disk, and try `composelet restore`",
                )),
                Some((_, Some(age))) if *age <= OLD_BACKUP_S => {}
                Some(_) => lines.push(Line::fail(
                    &project.name,
                    format!("{service} has no verified backup of the last two days"),
                    "`composelet backup list` shows what failed; run `composelet backup create`",
                )),
            }
        }
    }
    or_pass(
        lines,
        "no named volume is written to, or all of them are backed up; bound directories are not looked at",
    )
}
