//! What time it is, for ages and expiries. Commands read the wall clock once and pass it on.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::time::Timestamp;

/// Now, by the wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a command is a moment: it asks once, and no test pauses it"
)]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
