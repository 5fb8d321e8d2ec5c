//! Files of variables: `.env`, COMPOSE_ENV_FILES, `env_file` of an include.

use std::sync::Arc;

use crate::manifest::encrypted::{self, Variables};
use crate::manifest::environment::Environment;
use crate::manifest::files::Files;
use crate::manifest::normalise::mistake_place;
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Content;
use crate::manifest::{discovery, dotenv, parse};
use crate::model::files::FileContent;
use crate::model::path::LocalPath;

/// Reads one file into `values`, over what is there; `None` if it is lacking or wrong.
pub(crate) fn read(
    path: &LocalPath,
    required: bool,
    values: &mut dotenv::Assignments,
    files: &mut Files<'_>,
    environment: &mut Environment,
    report: &mut Report,
) -> Option<()> {
    let (bytes, content) = match files.get(path)? {
        FileContent::Bytes(bytes) => (&**bytes, Content::Variables),
        FileContent::Encrypted(file) => match encrypted::variables(path, file, "", report)? {
            Variables::Text(bytes) => (bytes, Content::Decrypted),
            Variables::Pairs(read) => {
                values.extend(read);
                return Some(());
            }
        },
        FileContent::Missing if !required => return Some(()),
        other => {
            report.add(
                Finding::error("env-file", "", discovery::describe(path, other))
                    .help("create it, or correct its name"),
            );
            return None;
        }
    };
    if !report.spend_bytes(bytes.len(), None) {
        return None;
    }
    let text = parse::decode(bytes, path, content, report).ok()?;
    let source = report.sources.add(path.clone(), Arc::clone(&text), content);
    let before = values.clone();
    let mut lookup = |name: &str| environment.get(name).or_else(|| before.get(name).cloned());
    match dotenv::parse(&text, &mut lookup) {
        Ok(read) => {
            encrypted::remember(content, &read, report);
            values.extend(read);
            Some(())
        }
        Err(mistake) => {
            let place = mistake_place(source, mistake.at);
            report.add(Finding::error("env-file", "", encrypted::mistake(content, mistake)).at(place).help(
                "NAME=value, one a line; quotes are closed on some later line at the latest",
            ));
            None
        }
    }
}
