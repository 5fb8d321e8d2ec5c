//! Counting the answers to one probe until a threshold is reached. Pure.

use crate::model::host_probe::HostProbe;
use crate::model::verdict::ProbeState;

/// What a question came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Good.
    Good,
    /// Bad, or none in time; the text says how.
    Failed(String),
    /// It could not be asked, which says nothing about the container (as the kubelet has it).
    Unasked(String),
}

/// What is known from one probe in one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) state: ProbeState,
    /// The last failure since it was good; empty if there was none.
    pub(crate) error: String,
    /// Good answers in a row.
    pub(crate) good: u32,
    /// Failures in a row.
    bad: u32,
}

/// Whether a failure counts towards its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A period has passed since the last one that did.
    Counts,
    /// It was asked early, to find it ready as soon as it is.
    Early,
}

impl Tally {
    /// A tally that goes on from a verdict, with its counts anew.
    pub(crate) fn from(state: ProbeState) -> Self {
        Self { state, ..Self::default() }
    }

    /// Takes an answer.
    pub(crate) fn note(&mut self, answer: Answer, weight: Weight, probe: &HostProbe) {
        match answer {
            Answer::Good => {
                self.error.clear();
                self.bad = 0;
                self.good = self.good.saturating_add(1);
                if self.good >= probe.success_threshold {
                    self.state = ProbeState::Passing;
                }
            }
            Answer::Failed(error) => {
                self.error = error;
                self.good = 0;
                if weight == Weight::Counts {
                    self.bad = self.bad.saturating_add(1);
                }
                if self.bad >= probe.failure_threshold
                    && !matches!(self.state, ProbeState::Failing { .. })
                {
                    self.state = ProbeState::Failing { streak: self.bad };
                }
            }
            Answer::Unasked(error) => self.error = format!("it could not be asked: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::host_probe::Handler;

    fn after(answers: &str) -> Vec<ProbeState> {
        let mut probe = HostProbe::of(Handler::Tcp { port: 80 });
        probe.success_threshold = 2;
        let mut tally = Tally::default();
        let states = answers.chars().map(|answer| {
            let (answer, weight) = match answer {
                '+' => (Answer::Good, Weight::Counts),
                '-' => (Answer::Failed("no".to_owned()), Weight::Counts),
                'e' => (Answer::Failed("no".to_owned()), Weight::Early),
                _ => (Answer::Unasked("engine".to_owned()), Weight::Counts),
            };
            tally.note(answer, weight, &probe);
            tally.state
        });
        states.collect()
    }

    #[test]
    fn thresholds_count_answers_in_a_row() {
        let last = |answers| after(answers).pop().unwrap();
        let failing = ProbeState::Failing { streak: 3 };
        assert_eq!(last("+"), ProbeState::Pending);
        assert_eq!(last("++"), ProbeState::Passing);
        assert_eq!(last("+-+"), ProbeState::Pending);
        assert_eq!(last("++--"), ProbeState::Passing);
        assert_eq!(last("++---"), failing);
        assert_eq!(last("++--+--"), ProbeState::Passing);
        assert_eq!(last("++---+"), failing);
        assert_eq!(last("++---++"), ProbeState::Passing);
        assert_eq!(last("++--?-"), failing, "what could not be asked says nothing");
        assert_eq!(last("++--??"), ProbeState::Passing);
        assert_eq!(last("eeee--"), ProbeState::Pending);
        assert_eq!(last("eeee---"), failing);
        assert_eq!(last("-----"), failing, "the streak is that of the moment");
    }
}
