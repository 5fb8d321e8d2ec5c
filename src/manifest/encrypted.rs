//! Encrypted files where values are read. Nothing of what they say reaches a message (invariant 17).

use std::sync::Arc;

use crate::manifest::dotenv::{Assignments, Mistake};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Content;
use crate::model::encrypted::{Encrypted, Opened, Values};
use crate::model::path::LocalPath;
use crate::model::secret::Secret;

/// What an encrypted file says as a file of variables.
pub(crate) enum Variables<'a> {
    /// A text that is still to be read.
    Text(&'a [u8]),
    /// The variables.
    Pairs(Assignments),
}

/// What a file says; `None` with an error if it cannot be opened.
pub(crate) fn opened<'a>(
    path: &LocalPath,
    file: &'a Encrypted,
    field: &str,
    report: &mut Report,
) -> Option<&'a Opened> {
    match &file.opened {
        Ok(plain) => Some(plain),
        Err(unopened) => {
            let message = format!("{} {}", path.display(), unopened.why);
            report.add(Finding::error("encrypted-file", field, message).help(&*unopened.help));
            None
        }
    }
}

/// The variables of a file; `None` with an error if it cannot be opened or holds none.
pub(crate) fn variables<'a>(
    path: &LocalPath,
    file: &'a Encrypted,
    field: &str,
    report: &mut Report,
) -> Option<Variables<'a>> {
    let plain = opened(path, file, field, report)?;
    match &plain.values {
        Values::Text => Some(Variables::Text(plain.bytes.expose())),
        Values::Pairs(pairs) => {
            let pair =
                |(name, value): (&String, &Secret)| (name.clone(), Arc::from(value.expose()));
            let read: Assignments = pairs.iter().map(pair).collect();
            remember(Content::Decrypted, &read, report);
            Some(Variables::Pairs(read))
        }
        Values::Nested => {
            let message =
                format!("{} holds lists, or mappings in mappings: no variables", path.display());
            let help = "a file of variables is dotenv, or one mapping of names to single values";
            report.add(Finding::error("encrypted-file", field, message).help(help));
            None
        }
    }
}

/// Notes the values of an encrypted file, for those who print a project.
pub(crate) fn remember(content: Content, values: &Assignments, report: &mut Report) {
    if content == Content::Decrypted {
        report.decrypted.extend(values.values().map(|value| Secret::new(&**value)));
    }
}

/// What is wrong with a line: of an encrypted file not even the names in it are told.
pub(crate) fn mistake(content: Content, mistake: Mistake) -> String {
    match content {
        Content::Decrypted => "a line of what is encrypted there cannot be read".to_owned(),
        Content::Manifest | Content::Variables => mistake.message,
    }
}

/// A Compose file that is encrypted.
pub(crate) fn of_manifest(path: &LocalPath) -> Finding {
    let message = format!("{} is encrypted, which a Compose file must not be", path.display());
    Finding::error("encrypted-manifest", "", message)
        .help("keep it plain, and put the values into an encrypted .env, env_file, or file of a secret or config")
}
