//! S11: how many calls there may be in a window of time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The window.
const WINDOW: Duration = Duration::from_secs(10);
/// Mutating calls of one kind on one object within it: a back-off of 100 ms × 2 gives seven, and a restart of the
/// controller or the engine begins it anew.
const SAME: usize = 24;
/// Mutating calls in all within it: a boot of eight projects is about half of that.
const ALL: usize = 600;

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Budget {
    all: VecDeque<Duration>,
    same: BTreeMap<String, VecDeque<Duration>>,
}

impl Budget {
    /// Takes a mutating call. Text if it is one too many.
    pub(super) fn call(&mut self, at: Duration, what: &str) -> Option<String> {
        let same = self.same.entry(what.to_owned()).or_default();
        if count(same, at) > SAME {
            same.clear();
            return Some(format!("more than {SAME} times within {WINDOW:?}: {what}"));
        }
        if count(&mut self.all, at) > ALL {
            self.all.clear();
            return Some(format!("more than {ALL} mutating calls within {WINDOW:?}"));
        }
        None
    }
}

fn count(times: &mut VecDeque<Duration>, at: Duration) -> usize {
    times.push_back(at);
    while times.front().is_some_and(|first| *first + WINDOW < at) {
        times.pop_front();
    }
    times.len()
}
