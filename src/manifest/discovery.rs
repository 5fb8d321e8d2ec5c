//! Which files make up a project, and what it is called (DESIGN §5, identity and files; compose-spec reference §2.2).

use crate::manifest::environment::Environment;
use crate::manifest::files::Files;
use crate::manifest::layers::MOST_FILES;
use crate::manifest::report::{Finding, Report};
use crate::model::files::Entry;
use crate::model::files::FileContent;
use crate::model::path::LocalPath;

const MAIN: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDE: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The Compose files of `entry` in merge order; `None` if there is none (reported), or if files are still lacking.
pub(crate) fn compose_files(
    entry: &Entry,
    environment: &mut Environment,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Option<Vec<LocalPath>> {
    let directory = match entry {
        Entry::File(path) => return Some(vec![path.clone()]),
        Entry::Directory(path) => path,
    };
    let names = match files.get(directory)? {
        FileContent::Directory(names) => names,
        other => {
            report.add(Finding::error("no-directory", "", describe(directory, other)));
            return None;
        }
    };
    if let Some(listed) = environment.get("COMPOSE_FILE").filter(|text| !text.is_empty()) {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").filter(|text| !text.is_empty());
        let separator = separator.as_deref().unwrap_or(":");
        // One more than may be read: that there are too many is told where files are read.
        let paths = listed.split(separator).filter(|part| !part.is_empty()).take(MOST_FILES + 1);
        return Some(paths.map(|part| directory.join(part)).collect());
    }
    let found = by_default_name(directory, names, report)
        .or_else(|| only_variant(directory, names, report));
    if found.is_none() && report.errors() == 0 {
        report.add(
            Finding::error(
                "no-compose-file",
                "",
                format!("{} holds no Compose file", directory.display()),
            )
            .help("name it compose.yaml, or set COMPOSE_FILE in the .env beside it"),
        );
    }
    found
}

fn by_default_name(
    directory: &LocalPath,
    names: &[String],
    report: &mut Report,
) -> Option<Vec<LocalPath>> {
    let present = |known: &[&str]| -> Vec<String> {
        let known = known.iter().filter(|name| names.iter().any(|other| other == *name));
        known.map(ToString::to_string).collect()
    };
    let mains = present(&MAIN);
    let main = mains.first()?;
    let overrides = present(&OVERRIDE);
    for (chosen, group) in [(Some(main), &mains), (overrides.first(), &overrides)] {
        if let (Some(chosen), true) = (chosen, group.len() > 1) {
            let message = format!("{} are here; {chosen} is used", group.join(", "));
            report.add(Finding::warning("several-files", "", message).help("keep one of them"));
        }
    }
    let chosen = std::iter::once(main).chain(overrides.first());
    Some(chosen.map(|name| directory.join(name)).collect())
}

/// `docker-compose.prod.yml`, if it is the only one of its kind.
fn only_variant(
    directory: &LocalPath,
    names: &[String],
    report: &mut Report,
) -> Option<Vec<LocalPath>> {
    let variants: Vec<&String> = names.iter().filter(|name| is_variant(name)).collect();
    match variants.as_slice() {
        [] => None,
        [only] => {
            let message = format!("{only} is used, because it is the only Compose file here");
            report.add(
                Finding::note("variant-file", "", message)
                    .help("docker compose needs -f for it; COMPOSE_FILE in the .env serves both"),
            );
            Some(vec![directory.join(only)])
        }
        several => {
            let list: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            let message = format!("which of {} is meant?", list.join(", "));
            report.add(
                Finding::error("several-variants", "", message)
                    .help("set COMPOSE_FILE in the .env beside them"),
            );
            None
        }
    }
}

fn is_variant(name: &str) -> bool {
    let tail = name.strip_prefix("docker-compose.").or_else(|| name.strip_prefix("compose."));
    let middle =
        tail.and_then(|tail| tail.strip_suffix(".yml").or_else(|| tail.strip_suffix(".yaml")));
    middle.is_some_and(|middle| !middle.is_empty() && !middle.starts_with("override"))
}

/// What is wrong with something that should be there and readable.
pub(crate) fn describe(path: &LocalPath, content: &FileContent) -> String {
    let path = path.display();
    match content {
        FileContent::Missing => format!("{path} does not exist"),
        FileContent::Directory(_) => format!("{path} is a directory"),
        FileContent::NotRegular(what) => format!("{path} is not a regular file but a {what}"),
        FileContent::TooLarge(size) => format!("{path} has {size} bytes, more than the limit"),
        FileContent::Unreadable(why) => format!("{path} cannot be read: {why}"),
        FileContent::Bytes(_) => format!("{path} is a file"),
        FileContent::Encrypted(_) => {
            format!("{path} is encrypted, and only files of values may be")
        }
    }
}

/// Lower-case letters, digits, `_` and `-` of `text`, without `_` and `-` in front.
pub(crate) fn normalise_name(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .chars()
        .filter(|symbol| matches!(symbol, 'a'..='z' | '0'..='9' | '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}
