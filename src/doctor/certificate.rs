//! Certificates in files that containers are given: whom they are for, and from when to when they hold (RFC 5280).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::OctetString;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use crate::doctor::judge::or_pass;
use crate::doctor::line::Line;
use crate::doctor::survey::Survey;
use crate::model::time::Timestamp;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// A file with more is a store of authorities, which the distribution looks after.
const MOST: usize = 10;
/// Names of one certificate that are told.
const MOST_NAMES: usize = 3;
/// What is to be done about one that ends.
const RENEW: &str = "renew it, and let what has it read it again";
const DAY_MS: i64 = 86_400_000;
/// Days before its end from which a certificate is told: what renews by itself does so earlier.
const SOON_DAYS: i64 = 14;

/// A file that may hold certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFile {
    /// Path of the host, or the field of the manifest.
    pub path: String,
    /// Services that have it.
    pub services: Vec<String>,
    /// What it holds, or why that cannot be told.
    pub found: Found,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Certificates.
    Certificates(Vec<Certified>),
    /// What is named so and cannot be parsed; the text says why.
    Broken(String),
    /// It may not be read; the text says why.
    Unreadable(String),
}

impl Default for Found {
    fn default() -> Self {
        Self::Certificates(Vec::new())
    }
}

/// One certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certified {
    /// Its alternative names, or its subject where it has none.
    pub names: Vec<String>,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

/// What a file of these bytes holds; `None`: no certificate, or a store of many. Nothing of a private key is looked at.
pub fn certificates_in(bytes: &[u8]) -> Option<Found> {
    let ders = match std::str::from_utf8(bytes) {
        Ok(text) => blocks(text),
        // A sequence in DER.
        Err(_) if bytes.starts_with(&[0x30]) => vec![Ok(bytes.to_vec())],
        Err(_) => return None,
    };
    if ders.is_empty() || ders.len() > MOST {
        return None;
    }
    let read = |der: Result<Vec<u8>, String>| {
        let certificate = Certificate::from_der(&der?).map_err(|error| error.to_string())?;
        Ok(certified(&certificate))
    };
    let all: Result<Vec<Certified>, String> = ders.into_iter().map(read).collect();
    Some(all.map_or_else(Found::Broken, Found::Certificates))
}

/// The bodies of the blocks of a PEM file (RFC 7468) that are certificates.
fn blocks(text: &str) -> Vec<Result<Vec<u8>, String>> {
    let bodies = text.split(BEGIN).skip(1);
    let decoded = bodies.map(|rest| {
        let (body, _) = rest.split_once(END).ok_or("a certificate has no end")?;
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).map_err(|error| error.to_string())
    });
    decoded.collect()
}

fn certified(certificate: &Certificate) -> Certified {
    let tbs = &certificate.tbs_certificate;
    let names = alternative_names(certificate);
    let subject = || vec![printable(&tbs.subject.to_string())];
    Certified {
        names: if names.is_empty() { subject() } else { names },
        not_before: timestamp(tbs.validity.not_before),
        not_after: timestamp(tbs.validity.not_after),
    }
}

fn alternative_names(certificate: &Certificate) -> Vec<String> {
    let found = certificate.tbs_certificate.get::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = found else { return Vec::new() };
    let name = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => Some(printable(name.as_str())),
        GeneralName::IpAddress(address) => ip(address),
        _ => None,
    };
    names.iter().filter_map(name).collect()
}

fn ip(address: &OctetString) -> Option<String> {
    let bytes = address.as_bytes();
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|all| std::net::Ipv6Addr::from(all).to_string())
}

/// Whoever made the certificate chose its names.
fn printable(name: &str) -> String {
    name.chars().filter(|one| !one.is_control()).take(100).collect()
}

fn timestamp(time: Time) -> Timestamp {
    let millis = i64::try_from(time.to_unix_duration().as_millis());
    Timestamp::from_millis(millis.unwrap_or(i64::MAX))
}

/// The check.
pub(super) fn certificates(survey: &Survey) -> Vec<Line> {
    if !survey.host.is_here {
        return vec![Line::not_checkable("", "the files of another host cannot be read")];
    }
    let mut lines = Vec::new();
    let mut good: Vec<&Certified> = Vec::new();
    for project in &survey.projects {
        for file in &project.certificates {
            let of = format!("{} (of {})", file.path, file.services.join(", "));
            match &file.found {
                Found::Unreadable(why) => {
                    lines.push(Line::not_checkable(&project.name, format!("{of}: {why}")));
                }
                Found::Broken(why) => lines.push(Line::warn(
                    &project.name,
                    format!("{of}: the certificate cannot be parsed: {why}"),
                    "put the whole file in its place; `openssl x509 -noout -text -in FILE` says what is in it",
                )),
                Found::Certificates(all) => {
                    for one in all {
                        match judged((&project.name, &of), one, survey.now) {
                            None => good.push(one),
                            Some(line) => lines.push(line),
                        }
                    }
                }
            }
        }
    }
    let words = good.iter().min_by_key(|one| one.not_after).map(|next| {
        let (count, day) = (good.len(), day(next.not_after));
        format!(
            "{count} mounted certificates hold; the next one to end is that of {}, on {day}",
            told(next)
        )
    });
    or_pass(lines, &words.unwrap_or_else(|| "no certificate is mounted from a file".to_owned()))
}

/// What is wrong with a certificate of this file, if anything is.
fn judged((about, file): (&str, &str), one: &Certified, now: Timestamp) -> Option<Line> {
    let days = |from: Timestamp, to: Timestamp| (to.as_millis() - from.as_millis()) / DAY_MS;
    let words = |what: String| format!("{file}: {}: {what}", told(one));
    let end = day(one.not_after);
    if now > one.not_after {
        let what = format!("expired on {end}, {} days ago", days(one.not_after, now));
        return Some(Line::fail(about, words(what), RENEW));
    }
    if now < one.not_before {
        let what = format!("not valid before {}", one.not_before);
        let mend = "look at the clock of this host, and of the one that made it";
        return Some(Line::fail(about, words(what), mend));
    }
    let left = days(now, one.not_after);
    let what = || format!("expires on {end}, in {left} days");
    (left < SOON_DAYS).then(|| Line::warn(about, words(what()), RENEW))
}

/// Whom it is for.
fn told(one: &Certified) -> String {
    let names = one.names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    match one.names.len().saturating_sub(MOST_NAMES) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
