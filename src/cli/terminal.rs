//! The terminal of a person, lent to a command inside a container.

use std::io::{IsTerminal, Read};

use bytes::Bytes;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc::{Receiver, channel};

/// Bytes that are read at a time.
const PIECE: usize = 8 * 1024;
/// Pieces that wait to be sent.
const BUFFER: usize = 16;

/// Whether a person sits at both ends.
pub(super) fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// The terminal passes every key on as it is, until this is dropped.
pub(super) struct Raw(Termios);

impl Raw {
    /// Changes the terminal of standard input.
    ///
    /// # Errors
    /// It is no terminal.
    pub(super) fn begin() -> std::io::Result<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that went away needs nothing back.
        tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0).ok();
    }
}

/// Rows and columns of the terminal.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// What comes on standard input. A thread of its own reads it, because a read of a terminal cannot be called off: the process
/// does not wait for that thread.
pub(super) fn typed() -> Receiver<Bytes> {
    let (sender, receiver) = channel(BUFFER);
    drop(std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut piece = vec![0; PIECE];
        while let Ok(length) = stdin.read(&mut piece) {
            let bytes = Bytes::copy_from_slice(piece.get(..length).unwrap_or_default());
            if length == 0 || sender.blocking_send(bytes).is_err() {
                return;
            }
        }
    }));
    receiver
}
