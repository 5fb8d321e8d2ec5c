//! The paths by which a manifest becomes requests: what is written on each of them.

/// A path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) name: &'static str,
    /// What is written of the service beside what is hostile.
    pub(super) more: &'static str,
    /// Services beside it.
    pub(super) others: &'static str,
    pub(super) before: Before,
}

/// What ran before the hostile manifest came under the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// The benign manifest, under the policy.
    Benign,
    /// The hostile manifest without a policy; the policy comes while it runs, and then an edit.
    Hostile,
    /// The hostile manifest without a policy, then the benign one; the policy comes, and a person asks for the way back.
    HostileThenBenign,
}

pub(super) const ROUTES: [Route; 11] = [
    Route { name: "create", more: "", others: "", before: Before::Nothing },
    Route { name: "recreate after an edit", more: "", others: "", before: Before::Benign },
    Route {
        name: "live update with an edit",
        more: "mem_limit: 128m",
        others: "",
        before: Before::Benign,
    },
    Route {
        name: "edit of what ran before the policy",
        more: "environment: {EDITED: '1'}",
        others: "",
        before: Before::Hostile,
    },
    Route { name: "rollback", more: "", others: "", before: Before::HostileThenBenign },
    Route {
        name: "job",
        more: "restart: 'no', x-composelet: {job: {once: revision}}",
        others: "",
        before: Before::Nothing,
    },
    Route {
        name: "schedule, a fresh container",
        more: "x-composelet: {schedule: {cron: '* * * * *'}}",
        others: "",
        before: Before::Nothing,
    },
    Route {
        name: "step before the start",
        more: "pre_start: [{image: app, command: [step], privileged: false}]",
        others: "",
        before: Before::Nothing,
    },
    Route {
        name: "check before",
        more: "x-composelet: {checks: {before: [{command: [check], image: app}]}}",
        others: "",
        before: Before::Nothing,
    },
    Route {
        name: "companion of a check before",
        more: "",
        others: "front: {image: app, x-composelet: {checks: {before: [{command: [check], with: [app]}]}}}",
        before: Before::Nothing,
    },
    Route {
        name: "check after, a container of its own",
        more: "x-composelet: {checks: {after: [{run: {image: app, command: [check]}}]}}",
        others: "",
        before: Before::Nothing,
    },
];
