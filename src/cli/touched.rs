//! What people did inside of containers that are still there: it goes with them.

use crate::cli::output::{DIM, append, styled};
use crate::cli::{sections, view};
use crate::ledger::HistoryRecord;
use crate::model::status::{ActionRecord, ContainerStatus};
use crate::model::time::Timestamp;

/// Deeds that are shown.
const SHOWN: usize = 5;
/// Records of the history that are looked through.
pub(super) const LOOKED_THROUGH: usize = 500;

/// The last commands of people in these containers since those began to run, and what becomes of what they changed.
pub(super) fn section<'a>(
    containers: impl IntoIterator<Item = &'a ContainerStatus>,
    history: &[HistoryRecord],
    now: Timestamp,
) -> String {
    let containers: Vec<&ContainerStatus> = containers.into_iter().collect();
    let inside = |action: &&ActionRecord| {
        // Each has a second record of its end.
        action.reason == "ByHand" && action.outcome != "begun" && {
            let mut here = containers.iter().filter(|one| one.name == action.object);
            here.any(|one| one.since.is_none_or(|since| since <= action.at))
        }
    };
    let deeds: Vec<&ActionRecord> =
        history.iter().flat_map(|record| &record.actions).filter(inside).collect();
    let mut text = String::new();
    for deed in deeds.iter().skip(deeds.len().saturating_sub(SHOWN)) {
        let age = format!("{:>7} ago", view::age(now, Some(deed.at)));
        append(&mut text, &format!("{}  {}\n", styled(DIM, &age), view::action(deed)));
    }
    if !text.is_empty() {
        append(
            &mut text,
            "What was changed inside, outside of volumes, is lost when the container is replaced.\n",
        );
    }
    sections::section("By hand, inside (newest last)", text.is_empty(), &text)
}
