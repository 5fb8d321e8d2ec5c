//! `deploy.update_config`, `deploy.rollback_config` and the words of `x-composelet` that go with them.

use super::spec;
use crate::manifest::strategy::Replacement;
use crate::manifest::units;
use crate::model::update::{FailureAction, UpdateConfig, UpdateOrder};

/// How an update goes, if anything is said about it; `strategy: recreate` stops all before it starts one.
pub(super) fn update(spec: &spec::Service, strategy: Option<&Replacement>) -> Option<UpdateConfig> {
    let declared = spec.deploy.as_ref().and_then(|deploy| deploy.update_config.as_ref());
    let declared = declared.map(config);
    if strategy != Some(&Replacement::Recreate) {
        return declared;
    }
    let update = declared.unwrap_or_default();
    Some(UpdateConfig { parallelism: 0, order: UpdateOrder::StopFirst, ..update })
}

/// How the way back goes, if anything is said about it.
pub(super) fn rollback(spec: &spec::Service) -> Option<UpdateConfig> {
    let declared = spec.deploy.as_ref().and_then(|deploy| deploy.rollback_config.as_ref());
    declared.map(config)
}

fn config(declared: &spec::UpdateConfig) -> UpdateConfig {
    let standard = UpdateConfig::default();
    let time = |text: &Option<String>| text.as_deref().and_then(units::duration);
    UpdateConfig {
        parallelism: declared.parallelism.unwrap_or(standard.parallelism),
        delay: time(&declared.delay).unwrap_or(standard.delay),
        order: match declared.order.as_deref() {
            Some("start-first") => UpdateOrder::StartFirst,
            Some("stop-first") => UpdateOrder::StopFirst,
            _ => standard.order,
        },
        monitor: time(&declared.monitor).unwrap_or(standard.monitor),
        failure_action: match declared.failure_action.as_deref() {
            Some("pause") => FailureAction::Pause,
            Some("continue") => FailureAction::Continue,
            _ => standard.failure_action,
        },
        max_failure_permille: permille(declared.max_failure_ratio),
    }
}

/// A ratio in thousandths, between none and all.
fn permille(ratio: Option<f64>) -> u32 {
    let thousandths = (ratio.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0).round();
    (0..=1000).find(|n| f64::from(*n) >= thousandths).unwrap_or(0)
}
