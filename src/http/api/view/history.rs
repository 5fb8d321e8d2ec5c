//! What was done, and why.

use serde::Serialize;

use crate::controller::HistoryRecord;
use crate::model::status::ActionRecord;
use crate::model::time::Timestamp;

/// One pass that did something, or what a person did.
#[derive(Debug, Serialize)]
pub(in crate::http::api) struct HistoryView<'a> {
    at: Timestamp,
    generation: u64,
    actions: &'a [ActionRecord],
}

impl<'a> HistoryView<'a> {
    pub(in crate::http::api) fn of(record: &'a HistoryRecord) -> Self {
        Self { at: record.at, generation: record.generation, actions: &record.actions }
    }
}
