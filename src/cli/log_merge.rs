//! Many logs become one in order of time: exactly, where all of them are there; within a small window, where they go on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::BoxStream;

use crate::cli::exit::CliError;
use crate::model::log::LogLine;
use crate::model::outcome::Failure;

/// How long a line of a followed log waits for earlier ones of others.
const WINDOW: Duration = Duration::from_millis(200);
/// Most lines that wait; beyond it the oldest go out early.
const MOST_WAITING: usize = 10_000;

/// Lines of one container, as they come.
pub(super) type Lines = BoxStream<'static, Result<LogLine, Failure>>;

/// Merges logs that have an end. One line of each is held at a time. `line` gets what comes next and says whether anybody
/// still reads; `failed` gets what a log broke off with, and the others go on.
///
/// # Errors
/// That of `line`.
pub(super) async fn merge<K: Copy + Ord>(
    logs: Vec<(K, Lines)>,
    mut line: impl FnMut(K, &LogLine) -> Result<bool, CliError>,
    mut failed: impl FnMut(K, &Failure),
) -> Result<bool, CliError> {
    let first = logs.into_iter().map(|(key, mut lines)| async move {
        let first = lines.next().await;
        (key, lines, first)
    });
    let mut rest: BTreeMap<K, Lines> = BTreeMap::new();
    let mut heads: BTreeMap<(i64, K), LogLine> = BTreeMap::new();
    for (key, lines, first) in join_all(first).await {
        match first {
            Some(Ok(head)) => {
                heads.insert((head.at_ns, key), head);
                rest.insert(key, lines);
            }
            Some(Err(failure)) => failed(key, &failure),
            None => {}
        }
    }
    while let Some(((_, key), head)) = heads.pop_first() {
        if !line(key, &head)? {
            return Ok(false);
        }
        let Some(lines) = rest.get_mut(&key) else { continue };
        match lines.next().await {
            Some(Ok(next)) => drop(heads.insert((next.at_ns, key), next)),
            Some(Err(failure)) => failed(key, &failure),
            None => {}
        }
    }
    Ok(true)
}

/// Lines of followed logs that wait a little for earlier ones.
#[derive(Debug)]
pub(super) struct Window<K> {
    /// By time of the line, then by order of arrival; with the time of arrival.
    waiting: BTreeMap<(i64, u64), (Duration, K, LogLine)>,
    arrivals: u64,
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), arrivals: 0 }
    }
}

impl<K> Window<K> {
    /// A line came at `now`, counted from whatever begin.
    pub(super) fn push(&mut self, now: Duration, key: K, line: LogLine) {
        self.arrivals += 1;
        self.waiting.insert((line.at_ns, self.arrivals), (now, key, line));
    }

    /// What need not wait any longer at `now`, in order: lines that waited long enough, whatever is earlier than those, and
    /// what there is no room for.
    pub(super) fn ripe(&mut self, now: Duration) -> Vec<(K, LogLine)> {
        let waited = |(_, (came, ..)): &(&(i64, u64), &(Duration, K, LogLine))| {
            now.saturating_sub(*came) >= WINDOW
        };
        let until = self.waiting.iter().rfind(waited).map(|(place, _)| *place);
        let surplus = self.waiting.len().saturating_sub(MOST_WAITING);
        let mut ripe = Vec::new();
        while let Some(entry) = self.waiting.first_entry() {
            let is_ripe = until.is_some_and(|until| *entry.key() <= until);
            if !is_ripe && ripe.len() >= surplus {
                break;
            }
            let (_, key, line) = entry.remove();
            ripe.push((key, line));
        }
        ripe
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use proptest::prelude::*;

    use super::*;
    use crate::model::outcome::FailureClass;

    fn line(at_ns: i64, text: &str) -> LogLine {
        LogLine { at_ns, text: text.to_owned() }
    }

    async fn merged(logs: Vec<Vec<Result<LogLine, Failure>>>) -> (Vec<i64>, Vec<usize>) {
        let logs =
            logs.into_iter().enumerate().map(|(key, lines)| (key, stream::iter(lines).boxed()));
        let (mut seen, mut broken) = (Vec::new(), Vec::new());
        let take = |_, line: &LogLine| {
            seen.push(line.at_ns);
            Ok(true)
        };
        merge(logs.collect(), take, |key, _| broken.push(key)).await.unwrap();
        (seen, broken)
    }

    #[tokio::test]
    async fn a_log_that_breaks_off_keeps_nothing_from_the_others() {
        let broken = Failure { class: FailureClass::Engine, message: "no reader".to_owned() };
        let (seen, failed) = merged(vec![
            vec![Ok(line(1, "a")), Ok(line(4, "b"))],
            vec![Err(broken.clone())],
            vec![Ok(line(2, "c")), Err(broken), Ok(line(3, "never"))],
        ])
        .await;
        assert_eq!((seen, failed), (vec![1, 2, 4], vec![1, 2]));
    }

    #[tokio::test]
    async fn a_reader_that_went_away_ends_it() {
        let endless = stream::iter(0..).map(|at| Ok(line(at, "x"))).boxed();
        let went = merge(vec![(0, endless)], |_, line| Ok(line.at_ns < 5), |_, _| ()).await;
        assert_eq!(went, Ok(false));
    }

    proptest! {
        #[test]
        fn the_merge_is_in_order_and_loses_nothing(logs in prop::collection::vec(
            prop::collection::vec(0_i64..1000, 0..30), 0..6,
        )) {
            let sorted = |mut log: Vec<i64>| { log.sort_unstable(); log };
            let logs: Vec<Vec<i64>> = logs.into_iter().map(sorted).collect();
            let all = sorted(logs.concat());
            let lines = |log: &Vec<i64>| log.iter().map(|at| Ok(line(*at, ""))).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (seen, _) = runtime.block_on(merged(logs.iter().map(lines).collect()));
            prop_assert_eq!(seen, all);
        }

        #[test]
        fn the_window_orders_what_comes_within_it_and_loses_nothing(
            late in prop::collection::vec(0_u64..199, 1..60),
        ) {
            // Line i is of instant i and comes up to 199 ms late.
            let step = Duration::from_millis(1);
            let mut arrivals: Vec<(u64, i64)> = late.iter().zip(0_i64..)
                .map(|(late, at)| (late + u64::try_from(at).unwrap(), at)).collect();
            arrivals.sort_unstable();
            let (mut window, mut seen) = (Window::default(), Vec::new());
            for ms in 0..600 {
                let now = step * ms;
                let here = arrivals.iter().filter(|(came, _)| *came == u64::from(ms));
                here.for_each(|(_, at)| window.push(now, (), line(*at, "")));
                seen.extend(window.ripe(now).into_iter().map(|((), line)| line.at_ns));
            }
            let expected: Vec<i64> = (0_i64..).take(late.len()).collect();
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn what_there_is_no_room_for_goes_out_early() {
        let mut window = Window::default();
        for at in 0..=i64::try_from(MOST_WAITING).unwrap() {
            window.push(Duration::ZERO, (), line(at, ""));
        }
        let ripe = window.ripe(Duration::ZERO);
        assert_eq!(ripe.len(), 1);
        assert_eq!(ripe[0].1.at_ns, 0);
    }
}
