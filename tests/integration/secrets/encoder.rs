//! An encoder of SOPS files that shares no code with the reader, after the public description of the format.

use std::fmt::Write as _;
use std::io::Write as _;
use std::str::FromStr;

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use age::x25519::{Identity, Recipient};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};

use super::fixture;

/// A document to encrypt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doc {
    Text(String),
    Int(i64),
    Bool(bool),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

pub(crate) fn text(value: &str) -> Doc {
    Doc::Text(value.to_owned())
}

pub(crate) fn map(entries: &[(&str, Doc)]) -> Doc {
    Doc::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// The public half of a key of the fixtures.
pub(crate) fn recipient(key: &str) -> Recipient {
    let text = String::from_utf8(fixture(key)).unwrap();
    let line = text.lines().find(|line| line.starts_with("AGE-")).unwrap();
    Identity::from_str(line).unwrap().to_public()
}

/// A file of age in armour.
pub(crate) fn age(plain: &[u8], keys: &[&str]) -> String {
    let recipients: Vec<Recipient> = keys.iter().map(|key| recipient(key)).collect();
    let recipients = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let mut out = Vec::new();
    let armour =
        age::armor::ArmoredWriter::wrap_output(&mut out, age::armor::Format::AsciiArmor).unwrap();
    let mut writer = encryptor.wrap_output(armour).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().and_then(age::armor::ArmoredWriter::finish).unwrap();
    String::from_utf8(out).unwrap()
}

/// How a document is encrypted.
pub(crate) struct Sops<'a> {
    /// Keys of the fixtures.
    pub(crate) keys: &'a [&'a str],
    /// Makes the data key and every initialisation vector others.
    pub(crate) seed: u8,
    /// `sops.mac_only_encrypted`.
    pub(crate) mac_only_encrypted: bool,
    /// Further lines of `sops`, such as `encrypted_regex`.
    pub(crate) rule: Option<(&'a str, &'a str)>,
    /// Keys whose values the rule leaves plain.
    pub(crate) plain: &'a [&'a str],
}

impl Sops<'_> {
    pub(crate) fn new(seed: u8) -> Sops<'static> {
        Sops { keys: &["one.key"], seed, mac_only_encrypted: false, rule: None, plain: &[] }
    }
}

const CHANGED: &str = "2026-01-02T03:04:05Z";

/// Names with their values.
type Pairs = Vec<(String, String)>;

struct Work<'a> {
    sops: &'a Sops<'a>,
    code: Sha512,
    count: u32,
}

impl Work<'_> {
    fn seal(&mut self, kind: &str, plain: &[u8], place: &str) -> String {
        self.count += 1;
        let mut iv = [self.sops.seed; 32];
        iv[..4].copy_from_slice(&self.count.to_be_bytes());
        let cipher =
            aes_gcm::AesGcm::<Aes256, U32>::new(GenericArray::from_slice(&[self.sops.seed; 32]));
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let sealed = cipher.encrypt(GenericArray::from_slice(&iv), payload).unwrap();
        let (data, tag) = sealed.split_at(sealed.len() - 16);
        format!(
            "ENC[AES256_GCM,data:{},iv:{},tag:{},type:{kind}]",
            STANDARD.encode(data),
            STANDARD.encode(iv),
            STANDARD.encode(tag)
        )
    }

    fn doc(&mut self, doc: &Doc, path: &[String]) -> Doc {
        let (kind, bytes) = match doc {
            Doc::List(items) => {
                return Doc::List(items.iter().map(|item| self.doc(item, path)).collect());
            }
            Doc::Map(entries) => {
                let entry = |(name, value): &(String, Doc)| {
                    let path = [path, std::slice::from_ref(name)].concat();
                    (name.clone(), self.doc(value, &path))
                };
                return Doc::Map(entries.iter().map(entry).collect());
            }
            Doc::Text(text) => ("str", text.clone()),
            Doc::Int(number) => ("int", number.to_string()),
            Doc::Bool(true) => ("bool", "True".to_owned()),
            Doc::Bool(false) => ("bool", "False".to_owned()),
        };
        let stays = path.iter().any(|part| self.sops.plain.contains(&part.as_str()));
        if !stays || !self.sops.mac_only_encrypted {
            self.code.update(bytes.as_bytes());
        }
        if stays || bytes.is_empty() {
            return doc.clone();
        }
        let place: String = path.iter().map(|part| format!("{part}:")).collect();
        Doc::Text(self.seal(kind, bytes.as_bytes(), &place))
    }
}

impl Sops<'_> {
    fn begin(&self) -> Work<'_> {
        let mut code = Sha512::new();
        if self.mac_only_encrypted {
            code.update(<sha2::Sha256 as Digest>::digest(b"sops"));
        }
        Work { sops: self, code, count: 0 }
    }

    /// The data of SOPS: recipients with their data keys, and single entries.
    fn own(&self, mut work: Work<'_>) -> (Pairs, Pairs) {
        let code = work.code.clone().finalize();
        let code = code.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02X}").unwrap();
            text
        });
        let mac = work.seal("str", code.as_bytes(), CHANGED);
        let keys =
            self.keys.iter().map(|key| (recipient(key).to_string(), age(&[self.seed; 32], &[key])));
        let mut single = vec![
            ("lastmodified".to_owned(), CHANGED.to_owned()),
            ("mac".to_owned(), mac),
            ("version".to_owned(), "3.9.0".to_owned()),
        ];
        if self.mac_only_encrypted {
            single.push(("mac_only_encrypted".to_owned(), "true".to_owned()));
        }
        single.extend(self.rule.map(|(name, value)| (name.to_owned(), value.to_owned())));
        (keys.collect(), single)
    }

    pub(crate) fn dotenv(&self, lines: &[(&str, &str)]) -> String {
        let mut work = self.begin();
        let mut out = String::new();
        for (name, value) in lines {
            let Doc::Text(value) = work.doc(&text(value), &[(*name).to_owned()]) else { panic!() };
            writeln!(out, "{name}={}", value.replace('\n', "\\n")).unwrap();
        }
        let (keys, single) = self.own(work);
        for (index, (recipient, enc)) in keys.iter().enumerate() {
            let enc = enc.replace('\n', "\\n");
            writeln!(out, "sops_age__list_{index}__map_enc={enc}").unwrap();
            writeln!(out, "sops_age__list_{index}__map_recipient={recipient}").unwrap();
        }
        for (name, value) in single {
            writeln!(out, "sops_{name}={value}").unwrap();
        }
        out
    }

    fn whole(&self, doc: &Doc) -> Doc {
        let mut work = self.begin();
        let Doc::Map(mut entries) = work.doc(doc, &[]) else { panic!("a mapping") };
        let (keys, single) = self.own(work);
        let keys =
            keys.iter().map(|(name, enc)| map(&[("recipient", text(name)), ("enc", text(enc))]));
        let mut own = vec![("age".to_owned(), Doc::List(keys.collect()))];
        own.extend(single.into_iter().map(|(name, value)| match value.as_str() {
            "true" => (name, Doc::Bool(true)),
            value => (name, text(value)),
        }));
        entries.push(("sops".to_owned(), Doc::Map(own)));
        Doc::Map(entries)
    }

    pub(crate) fn json(&self, doc: &Doc) -> String {
        json(&self.whole(doc))
    }

    /// YAML in block style, each text between double quotes.
    pub(crate) fn yaml(&self, doc: &Doc) -> String {
        let mut out = String::new();
        yaml(&self.whole(doc), 0, &mut out);
        out
    }
}

fn json(doc: &Doc) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match doc {
        Doc::Text(text) => serde_json::to_string(text).unwrap(),
        Doc::Int(number) => number.to_string(),
        Doc::Bool(value) => value.to_string(),
        Doc::List(items) => format!("[{}]", join(items.iter().map(json).collect())),
        Doc::Map(entries) => {
            let entry = |(name, value): &(String, Doc)| {
                format!("{}: {}", serde_json::to_string(name).unwrap(), json(value))
            };
            format!("{{{}}}", join(entries.iter().map(entry).collect()))
        }
    }
}

fn yaml(doc: &Doc, indent: usize, out: &mut String) {
    let blanks = " ".repeat(indent);
    let mut entry = |head: String, value: &Doc| match value {
        Doc::List(items) if !items.is_empty() => {
            writeln!(out, "{head}").unwrap();
            yaml(value, indent + 2, out);
        }
        Doc::Map(entries) if !entries.is_empty() => {
            writeln!(out, "{head}").unwrap();
            yaml(value, indent + 2, out);
        }
        other => writeln!(out, "{head} {}", json(other)).unwrap(),
    };
    match doc {
        Doc::List(items) => items.iter().for_each(|item| entry(format!("{blanks}-"), item)),
        Doc::Map(entries) => {
            for (name, value) in entries {
                entry(
                    format!(
                        "{blanks}{}:",
                        if name == "sops" {
                            name.clone()
                        } else {
                            serde_json::to_string(name).unwrap()
                        }
                    ),
                    value,
                );
            }
        }
        _ => panic!("a list or mapping"),
    }
}
