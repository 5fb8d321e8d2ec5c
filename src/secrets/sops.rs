//! Files of SOPS with age recipients: dotenv, YAML, JSON and binary, as `sops --decrypt` gives them.

use regex::Regex;
use sha2::{Digest, Sha512};

use crate::model::content::SecretBytes;
use crate::model::encrypted::{Opened, Values};
use crate::model::secret::Secret;
use crate::secrets::encoded::{Encoded, KEY, holds_value, shown};
use crate::secrets::failure::Failure;
use crate::secrets::keyring::Keyring;
use crate::secrets::plain::Plain;
use crate::secrets::tree::{self, Tree};
use crate::secrets::{age_file, dotenv, print};

/// What the code begins with if it is made of encrypted values alone: the SHA-256 of `sops`.
const ENCRYPTED_ONLY: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Keys that end so have plain values, unless the file says otherwise.
const SUFFIX: &str = "_unencrypted";

/// How a file is written.
enum Form {
    Dotenv(Vec<(String, Tree)>),
    Yaml(Vec<Tree>),
    Json(Tree),
    /// Any bytes, as the only value of a document of JSON.
    Binary(Tree),
}

/// Whether bytes are those of a file of SOPS: it holds an encrypted value, or the data of SOPS.
pub(super) fn is_sops(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if !text.contains("AES256_GCM") && !text.contains("sops") {
        return false;
    }
    let begins = |with: &str| text.lines().any(|line| line.starts_with(with));
    let own = text.contains("lastmodified")
        && text.contains("BEGIN AGE ENCRYPTED FILE")
        && (begins("sops:") || begins("[sops]") || text.contains("\"sops\""));
    own || holds_value(text) || dotenv::is_dotenv(text) && text.contains("lastmodified")
}

/// What such a file says.
pub(super) fn open(name: &str, bytes: &[u8], keys: &Keyring) -> Result<Opened, Failure> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Failure::Damaged("it is no text in UTF-8".to_owned()))?;
    let (mut form, own) = read(name, text)?;
    let own = Own::new(&own, keys)?;
    let mut opening = Opening { own: &own, code: Sha512::new() };
    if own.encrypted_only {
        opening.code.update(ENCRYPTED_ONLY);
    }
    match &mut form {
        Form::Dotenv(document) => opening.map(document, &mut Vec::new())?,
        Form::Yaml(documents) => {
            for document in documents {
                opening.tree(document, &mut Vec::new())?;
            }
        }
        Form::Json(document) | Form::Binary(document) => {
            opening.tree(document, &mut Vec::new())?;
        }
    }
    own.check(opening.code)?;
    Ok(opened(&form))
}

/// The document without the data of SOPS, and these.
fn read(name: &str, text: &str) -> Result<(Form, Tree), Failure> {
    if text.trim_start().starts_with('{') {
        let mut tree = tree::json(text)?;
        let own = take_own(&mut tree)?;
        let single = matches!(&tree, Tree::Map(entries) if entries.len() == 1)
            && tree.get("data").is_some_and(|data| data.text().is_some());
        let named = [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        let form = if single && !named { Form::Binary(tree) } else { Form::Json(tree) };
        return Ok((form, own));
    }
    if text.lines().any(|line| line.trim_end() == "[sops]") {
        return Failure::unsupported("it is an INI file of SOPS");
    }
    if dotenv::is_dotenv(text) {
        let document = dotenv::read(text);
        let (document, own) =
            document.ok_or_else(|| Failure::Damaged("a line of it is no NAME=value".to_owned()))?;
        return Ok((Form::Dotenv(document), own));
    }
    let mut documents = tree::yaml(text)?;
    let mut own = None;
    for document in &mut documents {
        let found = take_own(document)?;
        own.get_or_insert(found);
    }
    Ok((Form::Yaml(documents), own.unwrap_or_else(|| Tree::Map(Vec::new()))))
}

fn take_own(tree: &mut Tree) -> Result<Tree, Failure> {
    let lacking = || Failure::Damaged("it holds values of SOPS, but not the key `sops`".to_owned());
    let Tree::Map(entries) = tree else { return Err(lacking()) };
    let at = entries.iter().position(|(name, _)| name == "sops").ok_or_else(lacking)?;
    Ok(entries.remove(at).1)
}

/// The data of SOPS.
struct Own {
    key: [u8; KEY],
    code: String,
    changed: String,
    encrypted_only: bool,
    rule: Rule,
}

/// Which values are encrypted.
enum Rule {
    ButSuffix(String),
    Suffix(String),
    But(Regex),
    Only(Regex),
    /// Comments say so, which are not kept here: by the form of each value.
    ByForm,
}

impl Own {
    fn new(own: &Tree, keys: &Keyring) -> Result<Self, Failure> {
        let text = |key: &str| own.get(key).and_then(Tree::text).filter(|text| !text.is_empty());
        if matches!(own.get("key_groups"), Some(Tree::List(groups)) if !groups.is_empty()) {
            return Failure::unsupported("its data key is split over key groups");
        }
        let required = |key: &str| {
            text(key).ok_or_else(|| Failure::Damaged(format!("it lacks `{key}` of SOPS")))
        };
        let (code, changed) = (required("mac")?.to_owned(), required("lastmodified")?.to_owned());
        let only = own.get("mac_only_encrypted");
        let encrypted_only = only.is_some_and(|only| {
            only.text() == Some("true") || *only == Tree::Scalar(Plain::Bool(true))
        });
        let rule = Rule::new(text)?;
        Ok(Self { key: data_key(own, keys)?, code, changed, encrypted_only, rule })
    }

    /// Compares the message authentication code.
    fn check(&self, code: Sha512) -> Result<(), Failure> {
        let found: String = code.finalize().iter().map(|byte| format!("{byte:02X}")).collect();
        let wrong = "its values are not those that were encrypted (MAC)";
        let written = Encoded::parse(&self.code)
            .ok_or_else(|| Failure::Damaged(wrong.to_owned()))?
            .open(&self.key, &self.changed)
            .map_err(|_| Failure::Damaged(wrong.to_owned()))?;
        if written == Plain::Text(found.into_bytes()) { Ok(()) } else { Failure::damaged(wrong) }
    }
}

fn data_key(own: &Tree, keys: &Keyring) -> Result<[u8; KEY], Failure> {
    let entries = match own.get("age") {
        Some(Tree::List(entries)) if !entries.is_empty() => entries,
        _ => return Failure::unsupported("it has no age recipient"),
    };
    let (mut recipients, mut failure) = (Vec::new(), None);
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Tree::text).unwrap_or_default();
        recipients.push(text("recipient").escape_debug().take(100).collect::<String>());
        match age_file::open(text("enc").as_bytes(), keys) {
            Ok(key) => {
                let wrong = || Failure::Damaged("its data key has another length".to_owned());
                return key.try_into().map_err(|_| wrong());
            }
            Err(Failure::NoKey(_)) => {}
            Err(other) => failure = Some(other),
        }
    }
    Err(failure.unwrap_or_else(|| Failure::NoKey(recipients.join(", "))))
}

impl Rule {
    fn new<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Failure> {
        let regex = |pattern: &str| {
            let wrong = || Failure::Unsupported("its regular expression cannot be read".to_owned());
            Regex::new(pattern).map_err(|_| wrong())
        };
        if text("encrypted_comment_regex").or(text("unencrypted_comment_regex")).is_some() {
            return Ok(Self::ByForm);
        }
        Ok(if let Some(pattern) = text("encrypted_regex") {
            Self::Only(regex(pattern)?)
        } else if let Some(pattern) = text("unencrypted_regex") {
            Self::But(regex(pattern)?)
        } else if let Some(suffix) = text("encrypted_suffix") {
            Self::Suffix(suffix.to_owned())
        } else {
            Self::ButSuffix(text("unencrypted_suffix").unwrap_or(SUFFIX).to_owned())
        })
    }

    fn is_encrypted(&self, path: &[String], text: &str) -> bool {
        let mut parts = path.iter();
        match self {
            Self::ButSuffix(suffix) => !parts.any(|part| part.ends_with(suffix.as_str())),
            Self::Suffix(suffix) => parts.any(|part| part.ends_with(suffix.as_str())),
            Self::But(pattern) => !parts.any(|part| pattern.is_match(part)),
            Self::Only(pattern) => parts.any(|part| pattern.is_match(part)),
            Self::ByForm => Encoded::parse(text).is_some(),
        }
    }
}

/// A walk over a document, in its order.
struct Opening<'a> {
    own: &'a Own,
    code: Sha512,
}

impl Opening<'_> {
    fn tree(&mut self, tree: &mut Tree, path: &mut Vec<String>) -> Result<(), Failure> {
        match tree {
            Tree::Scalar(plain) => self.scalar(plain, path),
            // The place of an item in its list is no part of its path.
            Tree::List(items) => items.iter_mut().try_for_each(|item| self.tree(item, path)),
            Tree::Map(entries) => self.map(entries, path),
        }
    }

    fn map(
        &mut self,
        entries: &mut [(String, Tree)],
        path: &mut Vec<String>,
    ) -> Result<(), Failure> {
        for (name, value) in entries {
            if let Tree::Scalar(Plain::Comment(text)) = value {
                self.comment(text, path);
                continue;
            }
            path.push(name.clone());
            self.tree(value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn scalar(&mut self, plain: &mut Plain, path: &[String]) -> Result<(), Failure> {
        let text = match plain {
            Plain::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let encrypted = *plain != Plain::Null && self.own.rule.is_encrypted(path, &text);
        // An empty text is never encrypted.
        if encrypted && *plain != Plain::Text(Vec::new()) {
            let place: String = path.iter().map(|part| format!("{part}:")).collect();
            let value = Encoded::parse(&text).ok_or_else(|| {
                Failure::Damaged(format!("the value of {} is not encrypted", shown(&place)))
            })?;
            *plain = value.open(&self.own.key, &place)?;
        }
        if let Some(bytes) = plain.counted()
            && (encrypted || !self.own.encrypted_only)
        {
            self.code.update(bytes);
        }
        Ok(())
    }

    /// A comment takes no part in the code; one that is no encrypted value was never encrypted.
    fn comment(&self, text: &mut Vec<u8>, path: &[String]) {
        let place = path.join(":") + ":";
        let written = String::from_utf8_lossy(text).into_owned();
        let opened = Encoded::parse(&written).map(|value| value.open(&self.own.key, &place));
        if let Some(Ok(Plain::Comment(plain))) = opened {
            *text = plain;
        }
    }
}

fn opened(form: &Form) -> Opened {
    let (bytes, values) = match form {
        Form::Dotenv(document) => (dotenv::print(document), Values::Text),
        Form::Yaml(documents) => {
            let values = match documents.as_slice() {
                [document] => pairs(document),
                _ => Values::Nested,
            };
            (print::yaml(documents).into_bytes(), values)
        }
        Form::Json(document) => (print::json(document).into_bytes(), pairs(document)),
        Form::Binary(document) => match document.get("data") {
            Some(Tree::Scalar(Plain::Text(bytes))) => (bytes.clone(), Values::Text),
            _ => (Vec::new(), Values::Text),
        },
    };
    Opened { bytes: SecretBytes::new(bytes), values }
}

/// The values of a mapping of scalars.
fn pairs(document: &Tree) -> Values {
    let Tree::Map(entries) = document else { return Values::Nested };
    let pair = |(name, value): &(String, Tree)| match value {
        Tree::Scalar(plain) => Some((name.clone(), Secret::new(plain.variable()))),
        Tree::List(_) | Tree::Map(_) => None,
    };
    entries.iter().map(pair).collect::<Option<_>>().map_or(Values::Nested, Values::Pairs)
}
