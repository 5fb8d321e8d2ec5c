//! Walks over an archive as it passes by: every header fits its checksum, and the end is there (POSIX.1-2017, pax, ustar).

const BLOCK: usize = 512;

/// Where the walk is.
#[derive(Debug, Default)]
pub(super) struct TarWalk {
    /// The block that is being collected.
    block: Vec<u8>,
    /// Bytes of content, with their padding, before the next header.
    skip: u64,
    /// Headers so far.
    entries: u64,
    /// Blocks of zeroes at the end so far.
    zeroes: u32,
    /// What was wrong first.
    flaw: Option<&'static str>,
}

impl TarWalk {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.flaw.is_none() {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let taken = (BLOCK - self.block.len()).min(bytes.len());
            let (part, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            self.block.extend_from_slice(part);
            bytes = rest;
            if self.block.len() == BLOCK {
                self.take_block();
                self.block.clear();
            }
        }
    }

    fn take_block(&mut self) {
        if self.block.iter().all(|byte| *byte == 0) {
            self.zeroes += 1;
            return;
        }
        if self.zeroes > 0 {
            self.flaw = Some("something stands behind the end of the archive");
            return;
        }
        match (field_sum(&self.block), size(&self.block)) {
            (true, Some(size)) => {
                self.entries += 1;
                self.skip = size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64);
            }
            _ => self.flaw = Some("a header of the archive is damaged"),
        }
    }

    /// What is wrong with the archive, if this was all of it.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        if self.flaw.is_some() {
            return self.flaw;
        }
        if self.entries == 0 {
            return Some("the archive is empty");
        }
        let whole = self.zeroes >= 2 && self.skip == 0 && self.block.is_empty();
        (!whole).then_some("the end of the archive is missing")
    }
}

/// Whether the checksum of a header is that of its bytes, the checksum itself taken as spaces.
fn field_sum(block: &[u8]) -> bool {
    let sum = block.iter().enumerate().map(|(at, byte)| {
        if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(*byte) }
    });
    block.get(148..156).and_then(octal) == Some(sum.sum())
}

/// Size of the content: octal, or base 256 where it does not fit (GNU).
fn size(block: &[u8]) -> Option<u64> {
    // Links and directories may state a size and have no content, but none of the common tools does so.
    let field = block.get(124..136)?;
    match field.first()? {
        0x80 => field
            .get(4..)?
            .iter()
            .try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}
