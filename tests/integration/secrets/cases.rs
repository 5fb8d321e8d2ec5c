//! Single files: vectors of age, and of SOPS as the encoder makes them.

use composelet::model::encrypted::Values;

use super::encoder::{Doc, Sops, age, map, text};
use super::{fixture, opened, plain};

const PLAIN: &str = "PASSWORD=canary-9f2c\n";

#[test]
fn files_of_age_are_opened_in_both_forms() {
    for name in ["binary.age", "armoured.age", "both.age"] {
        assert_eq!(plain(name, &fixture(name)).as_deref(), Ok(PLAIN), "{name}");
    }
    let second = opened("x", &fixture("both.age"), &["two.key"]).unwrap();
    assert!(second.opened.is_ok(), "each recipient has a key of its own");
    let spaced = [b"\n\n".as_slice(), &fixture("armoured.age")].concat();
    assert_eq!(plain("x", &spaced).as_deref(), Ok(PLAIN));
    assert_eq!(opened("x", b"PASSWORD=1\n", &["one.key"]), None);
    assert_eq!(opened("x", b"", &["one.key"]), None);
}

/// What a person reads, and what is to be done.
#[test]
fn what_cannot_be_opened_says_for_whom_it_is_and_what_to_do() {
    let failure = |bytes: &[u8], keys: &[&str]| {
        let unopened = opened("x", bytes, keys).unwrap().opened.unwrap_err();
        format!("{}\n{}", unopened.why, unopened.help)
    };
    let none = failure(&fixture("both.age"), &[]);
    assert!(none.contains("for 2 recipients (X25519, X25519)"), "{none}");
    assert!(none.contains("there is no key") && none.contains("secrets: {age_keys:"), "{none}");
    let wrong = failure(&fixture("binary.age"), &["two.key"]);
    assert!(wrong.contains("none of the keys opens it; they are those of age1"), "{wrong}");
    let sops = Sops::new(1).dotenv(&[("PASSWORD", "canary-9f2c")]);
    let wrong = failure(sops.as_bytes(), &["two.key"]);
    let recipient = super::encoder::recipient("one.key").to_string();
    assert!(wrong.contains(&format!("is encrypted for {recipient}, and none")), "{wrong}");
    let mut damaged = fixture("binary.age");
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = failure(&damaged, &["one.key"]);
    assert!(damaged.contains("not what was encrypted"), "{damaged}");
    let newer = failure(b"age-encryption.org/v9\n", &["one.key"]);
    assert!(newer.contains("cannot be decrypted"), "{newer}");
    for text in [none, wrong, damaged] {
        assert!(!text.contains("canary"), "{text}");
    }
}

fn document() -> Doc {
    map(&[
        ("user", text("shop")),
        ("password", text("canary-9f2c")),
        ("port", Doc::Int(5432)),
        ("tls", Doc::Bool(true)),
        ("empty", text("")),
        ("deep", map(&[("hosts", Doc::List(vec![text("a"), map(&[("b", text("no"))])]))])),
        ("lines", text("one\ntwo\n")),
    ])
}

#[test]
fn a_document_is_printed_as_sops_prints_it() {
    let sops = Sops::new(2);
    let yaml = "user: shop\npassword: canary-9f2c\nport: 5432\ntls: true\nempty: \"\"\ndeep:\n    hosts:\n        - a\n        \
                - b: \"no\"\nlines: |\n    one\n    two\n";
    assert_eq!(plain("app.yaml", sops.yaml(&document()).as_bytes()).as_deref(), Ok(yaml));
    let json = "{\n\t\"user\": \"shop\",\n\t\"password\": \"canary-9f2c\",\n\t\"port\": 5432,\n\t\"tls\": true,\n\t\"empty\": \"\",\n\t\
                \"deep\": {\n\t\t\"hosts\": [\n\t\t\t\"a\",\n\t\t\t{\n\t\t\t\t\"b\": \"no\"\n\t\t\t}\n\t\t]\n\t},\n\t\"lines\": \
                \"one\\ntwo\\n\"\n}\n";
    assert_eq!(plain("app.json", sops.json(&document()).as_bytes()).as_deref(), Ok(json));
    let dotenv = sops.dotenv(&[("A", "1"), ("B", "two words"), ("C", "x\ny"), ("D", "")]);
    let expected = "A=1\nB=two words\nC=x\\ny\nD=\n";
    assert_eq!(plain("app.env", dotenv.as_bytes()).as_deref(), Ok(expected));
    let binary = sops.json(&map(&[("data", text("any\0bytes"))]));
    assert_eq!(plain("token", binary.as_bytes()).as_deref(), Ok("any\0bytes"));
    let named = plain("token.json", binary.as_bytes()).unwrap();
    assert!(named.starts_with("{\n\t\"data\": "), "{named}");
}

#[test]
fn flat_documents_are_variables_and_others_are_not() {
    let values =
        |bytes: &str| opened("x", bytes.as_bytes(), &["one.key"]).unwrap().opened.unwrap().values;
    let flat = map(&[("A", text("$x 'y'")), ("B", Doc::Int(7)), ("C", Doc::Bool(false))]);
    for file in [Sops::new(3).yaml(&flat), Sops::new(3).json(&flat)] {
        let Values::Pairs(pairs) = values(&file) else { panic!("{file}") };
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(pairs, [("A", "$x 'y'"), ("B", "7"), ("C", "false")]);
    }
    assert_eq!(values(&Sops::new(3).yaml(&document())), Values::Nested);
    assert_eq!(values(&Sops::new(3).dotenv(&[("A", "1")])), Values::Text);
}

/// Which values are encrypted is part of what is checked: a plain one in the place of an encrypted one is no value.
#[test]
fn the_rules_of_sops_hold() {
    let document = map(&[("public", text("a")), ("secret", text("canary-9f2c"))]);
    let regex = Some(("encrypted_regex", "^sec"));
    let suffix = Some(("unencrypted_suffix", "lic"));
    for (rule, mac_only_encrypted) in
        [(regex, false), (regex, true), (suffix, false), (suffix, true)]
    {
        let sops = Sops { rule, mac_only_encrypted, plain: &["public"], ..Sops::new(4) };
        let file = sops.yaml(&document);
        let text = "public: a\nsecret: canary-9f2c\n";
        assert_eq!(plain("x.yaml", file.as_bytes()).as_deref(), Ok(text), "{rule:?}");
        let (before, after) = (file.find("\"secret\":").unwrap(), file.find("\nsops:").unwrap());
        let replaced = format!("{}\"secret\": \"other\"{}", &file[..before], &file[after..]);
        let error = plain("x.yaml", replaced.as_bytes()).unwrap_err();
        assert!(error.contains("secret is not encrypted"), "{error}");
        let other = file.replace("\"a\"", "\"b\"");
        assert_eq!(plain("x.yaml", other.as_bytes()).is_ok(), mac_only_encrypted);
    }
}

#[test]
fn what_is_moved_left_out_or_stripped_is_an_error() {
    let sops = Sops::new(5);
    let file = sops.dotenv(&[("A", "one"), ("B", "two"), ("C", "three")]);
    let lines: Vec<&str> = file.lines().collect();
    let value = |line: &str| line.split_once('=').unwrap().1.to_owned();
    let swapped = file
        .replace(lines[0], &format!("A={}", value(lines[1])))
        .replace(lines[1], &format!("B={}", value(lines[0])));
    let without = |part: &str| -> String {
        file.lines().filter(|line| !line.contains(part)).map(|line| format!("{line}\n")).collect()
    };
    let turned = [&[lines[1], lines[0]], &lines[2..]].concat().join("\n");
    let cases = [
        swapped,
        turned,
        without("B=ENC"),
        without("sops_"),
        without("sops_mac"),
        without("lastmodified"),
    ];
    for (index, case) in cases.iter().enumerate() {
        assert!(plain("x", case.as_bytes()).is_err(), "case {index}:\n{case}");
    }
    let ini =
        "[default]\na = ENC[AES256_GCM,data:QQ==,iv:QQ==,tag:QQ==,type:str]\n[sops]\nmac = x\n";
    assert!(plain("x", ini.as_bytes()).unwrap_err().contains("INI"));
    let groups = "a: ENC[AES256_GCM,data:QQ==,iv:QQ==,tag:QQ==,type:str]\nsops: {key_groups: [{age: []}], mac: x}\n";
    assert!(plain("x", groups.as_bytes()).unwrap_err().contains("key groups"));
    let others = "a: ENC[AES256_GCM,data:QQ==,iv:QQ==,tag:QQ==,type:str]\nsops: {age: [], pgp: [{fp: a}], mac: x, lastmodified: y}\n";
    assert!(plain("x", others.as_bytes()).unwrap_err().contains("no age recipient"));
}

#[test]
fn keys_are_lines_and_what_is_none_is_told_without_its_text() {
    use composelet::model::secret::Secret;
    use composelet::secrets::Keyring;
    let mut keys = Keyring::default();
    keys.add("$KEYS", &Secret::new("# a comment\n\nAGE-SECRET-KEY-1CANARY\n"));
    keys.add("/etc/key", &Secret::new("\n"));
    let file = composelet::secrets::open("x", &fixture("binary.age").into(), || keys.clone());
    let why = file.unwrap().opened.unwrap_err().why;
    assert!(why.contains("line 3 of $KEYS is no key of age"), "{why}");
    assert!(!why.contains("CANARY") && !format!("{keys:?}").contains("CANARY"));
    assert!(age(b"x", &["one.key"]).starts_with("-----BEGIN AGE"));
}
