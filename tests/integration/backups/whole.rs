//! A dump that is not whole is told from its bytes, however they arrive.

use composelet::model::backup::Format;
use composelet::recipes::Whole;
use proptest::prelude::*;

/// Reads a dump in pieces of this length.
fn read(format: &Format, bytes: &[u8], piece: usize) -> Result<u64, String> {
    let mut whole = Whole::of(format);
    for piece in bytes.chunks(piece) {
        whole.update(piece);
    }
    whole.end()
}

fn mysql() -> Vec<u8> {
    b"CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n-- Dump completed on 2026-11-28\n-- composelet: whole, 1 (3 databases)\n".to_vec()
}

fn postgres() -> Vec<u8> {
    let one = "CREATE TABLE a ();\n--\n-- PostgreSQL database dump complete\n--\n\n";
    format!("{one}{one}-- composelet: whole, 2\n").into_bytes()
}

/// A snapshot of an empty Redis 7.0: header, end and checksum as the server writes them.
fn redis() -> Vec<u8> {
    let mut bytes = b"REDIS0010\xff".to_vec();
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

/// CRC-64 of Jones, bit by bit: another way than the table of the source.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0_u64, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0x95ac_9329_ac4b_c9b5 } else { sum >> 1 }
        })
    })
}

fn sqlite() -> Vec<u8> {
    let mut bytes = vec![0; 3 * 4096];
    bytes[..16].copy_from_slice(b"SQLite format 3\0");
    bytes[16..18].copy_from_slice(&4096_u16.to_be_bytes());
    bytes[28..32].copy_from_slice(&3_u32.to_be_bytes());
    bytes
}

fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, size) in [("data/one", 1000_usize), ("data/two", 512), ("data/none", 0)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(size as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &vec![b'x'; size][..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn mongo() -> Vec<u8> {
    [&[0x6d, 0xe2, 0x99, 0x81][..], b"documents of all collections", &[0xff; 4]].concat()
}

/// One whole dump of each form.
fn dumps() -> Vec<(Format, Vec<u8>)> {
    let plain = Format::Plain { ends_with: Some("-- end".to_owned()) };
    vec![
        (Format::Mysql, mysql()),
        (Format::Postgres, postgres()),
        (Format::Redis, redis()),
        (Format::Mongo, mongo()),
        (Format::Sqlite { file: "/a".to_owned() }, sqlite()),
        (Format::Tar { paths: vec!["/data".to_owned()] }, archive()),
        (plain, b"one\ntwo\n-- end of all\n".to_vec()),
    ]
}

#[test]
fn whole_dumps_are_taken_whatever_the_size_of_the_pieces() {
    for (format, bytes) in dumps() {
        for piece in [1, 7, 511, 512, 513, 100_000] {
            assert_eq!(read(&format, &bytes, piece), Ok(bytes.len() as u64), "{format} by {piece}");
        }
    }
}

#[test]
fn nothing_is_never_a_dump() {
    for (format, _) in dumps() {
        assert_eq!(read(&format, b"", 1), Err("the dump is empty".to_owned()), "{format}");
    }
    let bare = Format::Plain { ends_with: None };
    assert!(read(&bare, b"", 1).is_err() && read(&bare, b"x", 1).is_ok());
}

#[test]
fn a_tool_that_ends_well_after_half_of_the_databases_is_found_out() {
    // The script ran to its end, the tool did not write its own end.
    let lying = b"CREATE TABLE a (b int);\n-- composelet: whole, 1 (3 databases)\n";
    assert!(read(&Format::Mysql, lying, 9).is_err());
    let one = b"-- PostgreSQL database dump complete\n-- composelet: whole, 2\n";
    let flaw = read(&Format::Postgres, one, 9).unwrap_err();
    assert_eq!(flaw, "1 of 2 databases end in the dump");
    assert!(read(&Format::Postgres, b"-- composelet: whole, 0\n", 9).is_err());
}

#[test]
fn damage_inside_is_found_where_the_form_has_a_checksum() {
    let mut bytes = redis();
    bytes[6] ^= 1;
    assert_eq!(
        read(&Format::Redis, &bytes, 5).unwrap_err(),
        "the checksum of the snapshot is wrong"
    );
    let mut bytes = archive();
    bytes[3] ^= 1;
    let tar = Format::Tar { paths: Vec::new() };
    assert_eq!(read(&tar, &bytes, 100).unwrap_err(), "a header of the archive is damaged");
    assert_eq!(read(&tar, &[0; 1024], 100).unwrap_err(), "the archive is empty");
}

proptest! {
    #[test]
    fn no_beginning_of_a_dump_is_whole(which in 0..7_usize, part in 0.0..1.0_f64, piece in 1..600_usize) {
        let (format, bytes) = dumps().remove(which);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a part of a small length")]
        let cut = (bytes.len() as f64 * part) as usize;
        // A line break at the very end is no loss; blocks of zeroes behind the end of an archive are padding.
        let text = cut + 1 == bytes.len() && bytes.ends_with(b"\n");
        let padded = matches!(format, Format::Tar { .. }) && cut.is_multiple_of(512) && cut + 512 >= bytes.len();
        // What is left of `-- end of all` still begins with what was asked for.
        let begun = matches!(format, Format::Plain { .. }) && cut >= bytes.len() - 8;
        // Numbers and names may be cut from the last line, as long as the number stands.
        let told = matches!(format, Format::Mysql) && cut >= bytes.len() - 15;
        prop_assume!(!text && !padded && !begun && !told);
        prop_assert!(read(&format, &bytes[..cut], piece).is_err(), "{format} cut at {cut} of {}", bytes.len());
    }
}
