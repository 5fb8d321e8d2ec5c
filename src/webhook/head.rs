//! The first bytes of a body: all of it that is kept.

/// Bytes of a body that are kept until it is known to be authentic. With what the reader of HTTP reads ahead, which is as
/// much, 16 KiB of a body are in memory whatever is sent.
pub const HEAD_BYTES: usize = 8 * 1024;

/// The first [`HEAD_BYTES`] of a body, and how long it is.
#[derive(Debug)]
pub(super) struct Head {
    bytes: Box<[u8; HEAD_BYTES]>,
    kept: usize,
    length: u64,
}

impl Head {
    pub(super) fn new() -> Self {
        Self { bytes: Box::new([0; HEAD_BYTES]), kept: 0, length: 0 }
    }

    /// Takes the next bytes of the body, as far as there is room.
    pub(super) fn take(&mut self, chunk: &[u8]) {
        self.length = self.length.saturating_add(chunk.len() as u64);
        let room = self.bytes.get_mut(self.kept..).unwrap_or_default();
        let fits = room.len().min(chunk.len());
        if let (Some(room), Some(chunk)) = (room.get_mut(..fits), chunk.get(..fits)) {
            room.copy_from_slice(chunk);
            self.kept += fits;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.kept).unwrap_or_default()
    }

    /// Whether the body is longer than what is kept of it.
    pub(super) fn is_cut(&self) -> bool {
        self.length > self.kept as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_first_bytes_are_kept() {
        let mut head = Head::new();
        for byte in 0..=255_u8 {
            head.take(&[byte; 100]);
        }
        assert_eq!((head.bytes().len(), head.length), (HEAD_BYTES, 25_600));
        assert!(head.is_cut() && head.bytes()[8191] == 81);
        assert!(size_of::<Head>() <= 32, "the rest is one box of {HEAD_BYTES} bytes");
    }
}
