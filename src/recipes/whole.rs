//! Whether a dump is whole, told from its bytes alone as they pass by: a tool that ends with 0 may have written half of it.

use crate::model::backup::Format;
use crate::recipes::tar_walk::TarWalk;
use crate::recipes::{crc64, mysql, postgres};

/// Bytes of a line that are looked at.
const LINE: usize = 256;
/// Bytes of the beginning that are looked at: the header of SQLite.
const HEAD: usize = 100;
/// Line that ends a dump of several commands: what comes before it, and how many marks must have passed.
const WHOLE: &str = "-- composelet: whole, ";
/// First bytes of an archive of MongoDB (mongo-tools, common/archive: 0x8199e26d, little endian), and its last ones.
const MONGO_MAGIC: [u8; 4] = [0x6d, 0xe2, 0x99, 0x81];
const MONGO_END: [u8; 4] = [0xff; 4];

/// Reads a dump as it passes by.
#[derive(Debug)]
pub struct Whole {
    format: Format,
    bytes: u64,
    head: Vec<u8>,
    /// The last bytes, of which the checksum is not yet: a snapshot of Redis ends with its own.
    tail: Vec<u8>,
    sum: u64,
    lines: Lines,
    tar: TarWalk,
}

/// Counts lines that begin with a mark, and keeps the last one.
#[derive(Debug, Default)]
struct Lines {
    mark: Option<&'static str>,
    current: Vec<u8>,
    last: Vec<u8>,
    marks: u64,
}

impl Lines {
    fn update(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = LINE.saturating_sub(self.current.len());
            self.current.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if pieces.peek().is_some() {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if self.mark.is_some_and(|mark| self.current.starts_with(mark.as_bytes())) {
            self.marks += 1;
        }
        if !self.current.trim_ascii().is_empty() {
            self.last.clone_from(&self.current);
        }
        self.current.clear();
    }
}

impl Whole {
    /// Nothing has passed yet.
    pub fn of(format: &Format) -> Self {
        let mark = match format {
            Format::Postgres => Some(postgres::MARK),
            Format::Mysql => Some(mysql::MARK),
            _ => None,
        };
        Self {
            format: format.clone(),
            bytes: 0,
            head: Vec::new(),
            tail: Vec::new(),
            sum: 0,
            lines: Lines { mark, ..Lines::default() },
            tar: TarWalk::default(),
        }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        match self.format {
            Format::Postgres | Format::Mysql | Format::Plain { .. } => self.lines.update(bytes),
            Format::Tar { .. } => self.tar.update(bytes),
            Format::Redis | Format::Mongo => self.pass(bytes),
            Format::Sqlite { .. } => {}
        }
    }

    /// All but the last eight bytes go into the checksum.
    fn pass(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let passed = self.tail.len().saturating_sub(8);
        let body: Vec<u8> = self.tail.drain(..passed).collect();
        if self.format == Format::Redis {
            self.sum = crc64::continued(self.sum, &body);
        }
    }

    /// How many bytes there were.
    ///
    /// # Errors
    /// What shows that the dump is not whole.
    pub fn end(mut self) -> Result<u64, String> {
        if self.bytes == 0 {
            return Err("the dump is empty".to_owned());
        }
        self.lines.close();
        let flaw = match &self.format {
            Format::Postgres | Format::Mysql => self.sql(),
            Format::Plain { ends_with } => self.plain(ends_with.as_deref()),
            Format::Tar { .. } => self.tar.flaw().map(str::to_owned),
            Format::Redis => self.redis().map(str::to_owned),
            Format::Mongo => self.mongo().map(str::to_owned),
            Format::Sqlite { .. } => self.sqlite(),
        };
        flaw.map_or(Ok(self.bytes), Err)
    }

    fn sql(&self) -> Option<String> {
        let last = String::from_utf8_lossy(&self.lines.last);
        let number = last.strip_prefix(WHOLE).and_then(|rest| rest.split(' ').next());
        match number.and_then(|number| number.trim().parse::<u64>().ok()) {
            None => Some("the end of the dump is missing".to_owned()),
            Some(wanted) if wanted == 0 || self.lines.marks < wanted => {
                Some(format!("{} of {wanted} databases end in the dump", self.lines.marks))
            }
            Some(_) => None,
        }
    }

    fn plain(&self, ends_with: Option<&str>) -> Option<String> {
        let wanted = ends_with?;
        (!self.lines.last.starts_with(wanted.as_bytes()))
            .then(|| "its last line is not what ends_with says".to_owned())
    }

    fn redis(&self) -> Option<&'static str> {
        if !self.head.starts_with(b"REDIS0") && !self.head.starts_with(b"VALKEY") {
            return Some("this is no snapshot of Redis");
        }
        let Some(sum) = self.tail.first_chunk::<8>() else {
            return Some("the end of the snapshot is missing");
        };
        let sum = u64::from_le_bytes(*sum);
        // A server without `rdbchecksum` writes zeroes; then only the end of the file can be told.
        (sum != 0 && sum != self.sum).then_some("the checksum of the snapshot is wrong")
    }

    fn mongo(&self) -> Option<&'static str> {
        if !self.head.starts_with(&MONGO_MAGIC) {
            return Some("this is no archive of MongoDB");
        }
        (!self.tail.ends_with(&MONGO_END)).then_some("the end of the archive is missing")
    }

    /// The file is as long as its header says (sqlite.org/fileformat2.html §1.3).
    fn sqlite(&self) -> Option<String> {
        let number = |at: usize| {
            let bytes = self.head.get(at..at + 4)?.first_chunk::<4>()?;
            Some(u64::from(u32::from_be_bytes(*bytes)))
        };
        let header = self.head.get(16..18).and_then(<[u8]>::first_chunk::<2>);
        let (Some(size), Some(pages), true) =
            (header, number(28), self.head.starts_with(b"SQLite format 3\0"))
        else {
            return Some("this is no database of SQLite".to_owned());
        };
        let size = match u16::from_be_bytes(*size) {
            1 => 65_536,
            size => u64::from(size),
        };
        let wanted = size * pages;
        (wanted != self.bytes)
            .then(|| format!("the database has {} bytes, its header says {wanted}", self.bytes))
    }
}
