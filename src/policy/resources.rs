//! Limits that have to be there, devices, and what takes the host's memory or processors from others.

use serde_json::Value;

use crate::model::rulebook::{Level, RequiredLimit};
use crate::model::violation::Rule;
use crate::policy::judge::Judge;
use crate::policy::request::{entries, is_on, number, objects, text, texts};

/// Limits per process that give a program a place before others.
const PRIORITY_LIMITS: [&str; 3] = ["nice", "rtprio", "rttime"];

pub(super) fn judge(judge: &mut Judge<'_>, body: &Value) {
    required(judge, body);
    if !judge.holds(Level::Baseline) {
        return;
    }
    for device in objects(body, "/HostConfig/Devices") {
        judge.refuse(Rule::Devices, "devices", text(device, "/PathOnHost").unwrap_or_default());
    }
    for rule in texts(body, "/HostConfig/DeviceCgroupRules") {
        judge.refuse(Rule::Devices, "device_cgroup_rules", rule);
    }
    for request in objects(body, "/HostConfig/DeviceRequests") {
        judge.refuse(Rule::Devices, "gpus", text(request, "/Driver").unwrap_or_default());
    }
    if is_on(body, "/HostConfig/OomKillDisable") {
        judge.refuse(Rule::HostResources, "oom_kill_disable", "true");
    }
    if let Some(score) = number(body, "/HostConfig/OomScoreAdj").filter(|score| *score < 0) {
        judge.refuse(Rule::HostResources, "oom_score_adj", &score.to_string());
    }
    for limit in objects(body, "/HostConfig/Ulimits") {
        let name = text(limit, "/Name").unwrap_or_default();
        if PRIORITY_LIMITS.contains(&name) {
            judge.refuse(Rule::HostResources, "ulimits", name);
        }
    }
    for (option, _) in entries(body, "/HostConfig/StorageOpt").filter(|(name, _)| *name != "size") {
        judge.refuse(Rule::HostResources, "storage_opt", option);
    }
    real_time(judge, body, "/HostConfig");
}

/// Limits that change while a container runs.
pub(super) fn update(judge: &mut Judge<'_>, body: &Value) {
    if judge.holds(Level::Baseline) {
        real_time(judge, body, "");
    }
}

fn real_time(judge: &mut Judge<'_>, body: &Value, at: &str) {
    for (field, attribute) in
        [("CpuRealtimePeriod", "cpu_rt_period"), ("CpuRealtimeRuntime", "cpu_rt_runtime")]
    {
        if let Some(value) = number(body, &format!("{at}/{field}")).filter(|value| *value != 0) {
            judge.refuse(Rule::HostResources, attribute, &value.to_string());
        }
    }
}

fn required(judge: &mut Judge<'_>, body: &Value) {
    let positive =
        |field: &str| number(body, &format!("/HostConfig/{field}")).is_some_and(|n| n > 0);
    let missing: Vec<RequiredLimit> = judge
        .rules
        .require_limits
        .iter()
        .filter(|limit| match limit {
            RequiredLimit::Memory => !positive("Memory"),
            RequiredLimit::Pids => !positive("PidsLimit"),
            RequiredLimit::Cpu => !positive("NanoCpus") && !positive("CpuQuota"),
        })
        .copied()
        .collect();
    for limit in missing {
        let field = match limit {
            RequiredLimit::Memory => "no mem_limit",
            RequiredLimit::Pids => "no pids_limit",
            RequiredLimit::Cpu => "no cpus",
        };
        judge.refuse(Rule::RequiredLimits, field, "");
    }
}
