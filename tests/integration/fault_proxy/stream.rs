//! Streams of events that lie.

use crate::fault_proxy::faults::EventFault;

/// What happens to one stream.
#[derive(Debug)]
pub(super) struct Liar {
    fault: EventFault,
    kept: Vec<Vec<u8>>,
    sent: usize,
}

/// What the client gets after one more event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Lines, whole.
    pub(super) lines: Vec<Vec<u8>>,
    /// The stream ends here.
    pub(super) ends: bool,
}

impl Liar {
    /// At the beginning of a stream.
    pub(super) fn new(fault: EventFault) -> Self {
        Self { fault, kept: Vec::new(), sent: 0 }
    }

    /// Takes an event of the engine.
    pub(super) fn take(&mut self, line: Vec<u8>) -> Told {
        self.sent += 1;
        let mut ends = false;
        let lines = match self.fault {
            EventFault::DropAll => Vec::new(),
            EventFault::Duplicate => vec![line.clone(), line],
            EventFault::Reorder => {
                if let Some(earlier) = self.kept.pop() {
                    vec![line, earlier]
                } else {
                    self.kept.push(line);
                    Vec::new()
                }
            }
            EventFault::Replay(n) => {
                self.kept.push(line.clone());
                let again =
                    if self.kept.len() >= n { std::mem::take(&mut self.kept) } else { Vec::new() };
                [vec![line], again].concat()
            }
            EventFault::CloseEvery(n) => {
                ends = self.sent >= n;
                vec![line]
            }
        };
        Told { lines, ends }
    }
}

#[test]
fn events_are_dropped_doubled_turned_round_replayed_and_cut() {
    let run = |fault| {
        let mut liar = Liar::new(fault);
        let mut text = String::new();
        for event in ["a", "b", "c", "d"] {
            let told = liar.take(event.into());
            text.extend(told.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()));
            if told.ends {
                text.push('|');
            }
        }
        text
    };
    assert_eq!(run(EventFault::DropAll), "");
    assert_eq!(run(EventFault::Duplicate), "aabbccdd");
    assert_eq!(run(EventFault::Reorder), "badc");
    assert_eq!(run(EventFault::Replay(2)), "ababcdcd");
    assert_eq!(run(EventFault::CloseEvery(3)), "abc|d|");
}
