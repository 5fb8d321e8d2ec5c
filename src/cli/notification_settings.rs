//! `notifications` of the settings file: who is told of what happens, and how soon. Secrets are named here, never written.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_yaml::{Mapping, Value};

use crate::alerts::{
    Address, Channel, Filter, Mail, MailTls, Message, Pace, Severity, Template, Way, check_address,
};
use crate::cli::choices::texts;
use crate::cli::duration;
use crate::cli::secret_settings;
use crate::cli::settings_file::{text_of, unknown_key};
use crate::model::glob::Glob;
use crate::model::secret_place::SecretPlace;
use crate::webhook::SIGNATURE;

const KEYS: [&str; 4] = ["after", "channels", "remind", "steady"];
const COMMON: [&str; 6] = ["kind", "log_lines", "name", "projects", "severity", "template"];
const SLACK: [&str; 1] = ["url"];
const WEBHOOK: [&str; 3] = ["header", "secret", "url"];
const EMAIL: [&str; 8] = ["ca_file", "from", "password", "port", "server", "tls", "to", "user"];
/// Most lines of a log that a channel may have.
const MOST_LOG: u64 = 20;

/// Reads the section. Relative paths are those of `directory`.
///
/// # Errors
/// A key that is not known, or a value that cannot be used, with its place.
pub(super) fn parse(value: &Value, directory: &Path) -> Result<(Pace, Vec<Channel>), String> {
    let mapping = mapping_of("notifications", value)?;
    let (mut pace, mut channels) = (Pace::default(), Vec::new());
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        let field = format!("notifications.{key}");
        match key {
            "after" => pace.after = duration_of(&field, value)?,
            "steady" => pace.steady = duration_of(&field, value)?,
            "remind" => pace.remind = remind_of(&field, value)?,
            "channels" => {
                let list =
                    value.as_sequence().ok_or_else(|| format!("{field}: expected a list"))?;
                for (index, one) in list.iter().enumerate() {
                    channels.push(channel(&format!("{field}[{index}]"), one, directory)?);
                }
            }
            unknown => return Err(unknown_key(&field, unknown, &KEYS)),
        }
    }
    let mut names = BTreeSet::new();
    match channels.iter().find(|one: &&Channel| !names.insert(one.name.clone())) {
        _ if channels.is_empty() => {
            Err("notifications.channels: expected at least one channel".to_owned())
        }
        Some(twice) => Err(format!("notifications.channels: two are named `{}`", twice.name)),
        None => Ok((pace, channels)),
    }
}

fn mapping_of<'v>(field: &str, value: &'v Value) -> Result<&'v Mapping, String> {
    value.as_mapping().ok_or_else(|| format!("{field}: expected a mapping"))
}

fn duration_of(field: &str, value: &Value) -> Result<Duration, String> {
    let text = value.as_str().map(str::to_owned);
    let text = text.or_else(|| value.as_u64().map(|seconds| seconds.to_string()));
    let text = text.ok_or_else(|| format!("{field}: expected a duration such as 30s"))?;
    duration::parse(&text).map_err(|why| format!("{field}: {why}"))
}

/// `never`, or a time that is no flood.
fn remind_of(field: &str, value: &Value) -> Result<Duration, String> {
    if value.as_str() == Some("never") {
        return Ok(Duration::ZERO);
    }
    let remind = duration_of(field, value)?;
    if remind < Duration::from_secs(60) {
        return Err(format!("{field}: expected `never`, or at least 1m"));
    }
    Ok(remind)
}

fn channel(place: &str, value: &Value, directory: &Path) -> Result<Channel, String> {
    let fields = Fields { place, mapping: mapping_of(place, value)?, directory };
    let kind = fields.text("kind")?;
    let (own, way): (&[&str], Way) = match kind.as_str() {
        "slack" => (&SLACK, Way::Slack { url: fields.secret_url()? }),
        "webhook" => (&WEBHOOK, fields.webhook()?),
        "email" => (&EMAIL, Way::Email(fields.mail()?)),
        other => {
            return Err(format!("{place}.kind: `{other}` is not one of slack, webhook, email"));
        }
    };
    fields.check_keys(own)?;
    let severity = match fields.get("severity") {
        None => Severity::Info,
        Some(value) => {
            let word = text_of(&fields.place("severity"), value)?;
            Severity::parse(&word).ok_or_else(|| {
                format!("{place}.severity: `{word}` is not one of info, warning, error")
            })?
        }
    };
    let projects = match fields.get("projects") {
        None => Vec::new(),
        Some(value) => texts(&fields.place("projects"), value)?,
    };
    let template = fields.optional("template")?;
    let template = template.map(|text| Template::new(text, &Message::example())).transpose();
    Ok(Channel {
        name: fields.text("name")?,
        filter: Filter { severity, projects: projects.into_iter().map(Glob::new).collect() },
        template: template.map_err(|why| format!("{place}.template: {why}"))?,
        log_lines: fields.log_lines()?,
        way,
    })
}

/// One channel as it is written.
struct Fields<'a> {
    place: &'a str,
    mapping: &'a Mapping,
    directory: &'a Path,
}

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.mapping.get(key)
    }

    fn place(&self, key: &str) -> String {
        format!("{}.{key}", self.place)
    }

    fn check_keys(&self, own: &[&str]) -> Result<(), String> {
        let known: Vec<&str> = COMMON.iter().chain(own).copied().collect();
        let mut keys = self.mapping.keys().map(|key| key.as_str().unwrap_or_default());
        match keys.find(|key| !known.contains(key)) {
            Some(key) => Err(unknown_key(&self.place(key), key, &known)),
            None => Ok(()),
        }
    }

    fn optional(&self, key: &str) -> Result<Option<String>, String> {
        self.get(key).map(|value| text_of(&self.place(key), value)).transpose()
    }

    fn text(&self, key: &str) -> Result<String, String> {
        self.optional(key)?.ok_or_else(|| format!("{}: is missing", self.place(key)))
    }

    fn secret(&self, key: &str) -> Result<Option<SecretPlace>, String> {
        let place = |value| secret_settings::place(&self.place(key), value, self.directory);
        self.get(key).map(place).transpose()
    }

    fn log_lines(&self) -> Result<usize, String> {
        let Some(value) = self.get("log_lines") else { return Ok(0) };
        let lines = value.as_u64().filter(|lines| *lines <= MOST_LOG);
        let lines = lines.and_then(|lines| usize::try_from(lines).ok());
        lines.ok_or_else(|| format!("{}: expected 0 to {MOST_LOG}", self.place("log_lines")))
    }

    /// Whoever knows such an address may post: it is a secret.
    fn secret_url(&self) -> Result<SecretPlace, String> {
        let missing = || format!("{}: is missing", self.place("url"));
        self.secret("url")?.ok_or_else(missing)
    }

    fn webhook(&self) -> Result<Way, String> {
        let place = self.place("url");
        let url = match self.get("url") {
            None => return Err(format!("{place}: is missing")),
            Some(Value::String(url)) if is_web(url) => Address::Plain(url.clone()),
            Some(Value::String(_)) => {
                return Err(format!("{place}: expected an address with http:// or https://"));
            }
            Some(_) => Address::Kept(self.secret_url()?),
        };
        let header = self.optional("header")?.unwrap_or_else(|| SIGNATURE.to_owned());
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !header.bytes().all(is_name) {
            return Err(format!("{}: expected the name of a header", self.place("header")));
        }
        Ok(Way::Webhook { url, secret: self.secret("secret")?, header })
    }

    fn mail(&self) -> Result<Mail, String> {
        let (tls, usual) = match self.optional("tls")?.as_deref() {
            None | Some("starttls") => (MailTls::StartTls, 587),
            Some("implicit") => (MailTls::Implicit, 465),
            Some("none") => (MailTls::None, 25),
            Some(_) => {
                let place = self.place("tls");
                return Err(format!("{place}: expected one of starttls, implicit, none"));
            }
        };
        let port = match self.get("port") {
            None => usual,
            Some(value) => {
                let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
                port.ok_or_else(|| format!("{}: expected a port", self.place("port")))?
            }
        };
        let login = match (self.optional("user")?, self.secret("password")?) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            _ => return Err(format!("{}: `user` and `password` belong together", self.place)),
        };
        let server = self.text("server")?;
        let local = matches!(server.as_str(), "localhost" | "127.0.0.1" | "::1");
        if tls == MailTls::None && (login.is_some() || !local) {
            let why = "without TLS mail goes to a server of this host only, and without a password";
            return Err(format!("{}: {why}", self.place("tls")));
        }
        let (from, to) = (self.text("from")?, self.recipients()?);
        for (key, address) in to.iter().map(|to| ("to", to)).chain([("from", &from)]) {
            check_address(address)
                .map_err(|why| format!("{}: `{address}`: {why}", self.place(key)))?;
        }
        let ca_file = self.optional("ca_file")?.map(|path| self.directory.join(path));
        Ok(Mail { server, port, tls, ca_file, login, from, to })
    }

    fn recipients(&self) -> Result<Vec<String>, String> {
        let place = self.place("to");
        let to = self.get("to").map(|value| texts(&place, value)).transpose()?.unwrap_or_default();
        if to.is_empty() { Err(format!("{place}: expected a list of addresses")) } else { Ok(to) }
    }
}

fn is_web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(channels: &str) -> Result<(Pace, Vec<Channel>), String> {
        let text = format!("{{remind: 2h, channels: [{channels}]}}");
        parse(&serde_yaml::from_str(&text).unwrap(), Path::new("/etc/composelet"))
    }

    #[test]
    fn channels_of_each_kind() {
        let (pace, channels) = parsed(
            "{name: ops, kind: slack, url: {env: HOOK}, severity: warning, projects: ['shop*']}, \
             {name: hub, kind: webhook, url: 'https://hub.test/x', secret: {file: hub}}, \
             {name: mail, kind: email, server: smtp.test, user: me, password: {env: P}, \
              from: a@shop.test, to: [Ana <ana@shop.test>], template: '{{ title }}', log_lines: 5}",
        )
        .unwrap();
        assert_eq!(pace.remind, Duration::from_secs(7200));
        assert_eq!(channels[0].filter.severity, Severity::Warning);
        assert!(channels[0].filter.projects[0].matches("shop-eu"));
        let Way::Webhook { header, .. } = &channels[1].way else { panic!() };
        assert_eq!(header, "X-Signature");
        let Way::Email(mail) = &channels[2].way else { panic!() };
        assert_eq!((mail.port, mail.tls, channels[2].log_lines), (587, MailTls::StartTls, 5));
    }

    #[test]
    fn mistakes_have_a_place_and_a_way_out() {
        let mail = "kind: email, server: smtp.test, from: a@b.test, to: [c@d.test]";
        for (channel, said) in [
            ("{name: a, kind: slak, url: {env: X}}", "`slak` is not one of slack"),
            ("{name: a, kind: slack, ulr: {env: X}, url: {env: X}}", "did you mean `url`?"),
            (
                "{name: a, kind: slack, url: 'https://hooks.slack.com/hunter2'}",
                "no secret stands in this file",
            ),
            ("{kind: slack, url: {env: X}}", "channels[0].name: is missing"),
            ("{name: a, kind: slack, url: {env: X}, severity: loud}", "info, warning, error"),
            (
                "{name: a, kind: slack, url: {env: X}, template: '{{ titel }}'}",
                "template: line 1: undefined value",
            ),
            ("{name: a, kind: slack, url: {env: X}, log_lines: 99}", "expected 0 to 20"),
            ("{name: a, kind: webhook, url: 'ftp://x'}", "http:// or https://"),
            (&format!("{{name: a, {mail}, tls: none}}"), "a server of this host only"),
            (&format!("{{name: a, {mail}, user: me}}"), "belong together"),
            ("{name: a, kind: email, server: s, from: a@b.test, to: [x]}", ".to: `x`"),
            ("{name: a, kind: slack, url: {env: X}}, {name: a, kind: slack, url: {env: X}}", "two"),
        ] {
            let error = parsed(channel).unwrap_err();
            assert!(error.contains(said), "{channel}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(parsed("").unwrap_err().contains("at least one"));
    }
}
