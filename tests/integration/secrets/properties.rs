//! Whatever is done to an encrypted file, it says what was encrypted, or nothing.

use proptest::prelude::*;

use super::encoder::{Doc, Sops, map, text};
use super::{fixture, opened, plain};

#[test]
fn every_changed_byte_of_an_age_file_is_an_error() {
    let file = fixture("binary.age");
    for at in 0..file.len() {
        for bit in [1, 0x20, 0x80] {
            let mut other = file.clone();
            other[at] ^= bit;
            assert!(plain("x", &other).is_err(), "byte {at} with {bit:x}");
        }
    }
    for length in 0..file.len() {
        assert!(plain("x", &file[..length]).is_err(), "cut at {length}");
    }
}

/// What names recipients for people is not protected, and changes nothing; all else is an error. In no case is another
/// value read, or an encrypted one taken for a plain file.
#[test]
fn no_changed_byte_of_a_sops_file_changes_what_it_says() {
    let sops = Sops::new(6);
    let document = map(&[("a", text("one")), ("b", Doc::List(vec![text("two"), Doc::Int(3)]))]);
    let files = [
        ("x.env", sops.dotenv(&[("A", "one"), ("B", "two")])),
        ("x.yaml", sops.yaml(&document)),
        ("x.json", sops.json(&document)),
    ];
    for (name, file) in files {
        let says = plain(name, file.as_bytes()).unwrap();
        for at in 0..file.len() {
            let mut other = file.clone().into_bytes();
            other[at] ^= 1;
            match plain(name, &other) {
                Ok(read) => assert_eq!(read, says, "{name}: byte {at}"),
                Err(why) => assert_ne!(why, "it is not encrypted", "{name}: byte {at}"),
            }
        }
    }
}

fn docs() -> impl Strategy<Value = Doc> {
    let scalar = prop_oneof![
        "[ -~äé\n\t#:'\"{}]{0,12}".prop_map(Doc::Text),
        any::<i32>().prop_map(|number| Doc::Int(number.into())),
        any::<bool>().prop_map(Doc::Bool),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Doc::List),
            prop::collection::btree_map("[a-zA-Z_ :#-]{1,6}", inner, 0..4)
                .prop_map(|entries| Doc::Map(entries.into_iter().collect())),
        ]
    })
}

fn of_json(value: &serde_json::Value) -> Doc {
    use serde_json::Value;
    match value {
        Value::String(text) => Doc::Text(text.clone()),
        Value::Number(number) => Doc::Int(number.as_i64().unwrap()),
        Value::Bool(value) => Doc::Bool(*value),
        Value::Array(items) => Doc::List(items.iter().map(of_json).collect()),
        Value::Object(map) => {
            Doc::Map(map.iter().map(|(key, value)| (key.clone(), of_json(value))).collect())
        }
        Value::Null => panic!("nothing was written so"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_encrypted_is_what_is_read(entries in prop::collection::btree_map("[a-zA-Z_]{1,6}", docs(), 1..5)) {
        prop_assume!(!entries.contains_key("sops"));
        let document = Doc::Map(entries.into_iter().collect());
        let sops = Sops::new(7);
        let encoded = sops.json(&document);
        if encoded.contains("AES256_GCM,data") {
            let json = plain("x.json", encoded.as_bytes()).unwrap();
            prop_assert_eq!(&of_json(&serde_json::from_str(&json).unwrap()), &document);
            let yaml = plain("x.yaml", sops.yaml(&document).as_bytes()).unwrap();
            let value: serde_json::Value = serde_yaml::from_str(&yaml)
                .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            prop_assert_eq!(&of_json(&value), &document, "{}", yaml);
        }
    }

    #[test]
    fn nothing_panics(name in "[a-z.]{0,8}", piece in 0..6_usize, tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let heads: [&[u8]; 6] = [
            b"", b"age-encryption.org/v1\n-> X25519 ", b"-----BEGIN AGE ENCRYPTED FILE-----\n",
            b"sops_mac=ENC[AES256_GCM,data:", b"{\"sops\": {\"mac\": \"ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\", ",
            b"a: ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\nsops:\n  lastmodified: ",
        ];
        let bytes = [heads[piece], &tail].concat();
        let _file = opened(&name, &bytes, &["one.key"]);
    }
}
