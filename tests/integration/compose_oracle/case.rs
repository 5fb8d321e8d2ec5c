//! Cases as text: many small projects in one file, `tests/oracle/cases/<topic>.txt`.
//!
//! ```text
//! === name of a case
//! ports: ["80"]              keys of a service `a` with an image; or a whole file, if a line begins with `services:`
//! --- top                    more lines at the top level of that file
//! --- over                   the same for compose.override.yaml
//! --- .env                   any other word is the name of a file
//! --- env                    variables of the process, NAME=value
//! --- directory              the name of the project's directory, `p` if it is not said
//! --- each                   one case for each of these lines, which stands wherever @@ is written
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use composelet::model::secret::sha256_hex;

/// A project to be read by both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    /// `topic/name`, unique.
    pub(crate) name: String,
    /// Files by their path below the project's directory.
    pub(crate) files: BTreeMap<String, String>,
    /// Variables of the process.
    pub(crate) environment: BTreeMap<String, String>,
    /// Name of the project's directory.
    pub(crate) directory: String,
}

impl Case {
    /// A case with these files.
    pub(crate) fn new(name: String, files: BTreeMap<String, String>) -> Self {
        Self { name, files, environment: BTreeMap::new(), directory: "p".to_owned() }
    }

    /// What tells it from all others: the same for the same content, whatever its name is.
    pub(crate) fn digest(&self) -> String {
        let text = format!("{:?}", (&self.files, &self.environment, &self.directory));
        sha256_hex([text])[..24].to_owned()
    }

    /// Writes its files below `root`, in a place of its own; the project's directory.
    pub(crate) fn write(&self, root: &Path) -> PathBuf {
        let directory = root.join(self.digest()).join(&self.directory);
        fs::create_dir_all(&directory).unwrap();
        for (name, text) in &self.files {
            let path = directory.join(name);
            if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
                continue;
            }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }
}

/// Every case of a file.
pub(crate) fn read(path: &Path) -> Vec<Case> {
    let topic = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let mut cases = Vec::new();
    for part in format!("\n{text}").split("\n=== ").skip(1) {
        let (name, body) = part.split_once('\n').unwrap_or((part, ""));
        cases.extend(parse(&format!("{topic}/{}", name.trim()), body));
    }
    cases
}

fn parse(name: &str, body: &str) -> Vec<Case> {
    let mut sections: Vec<(&str, String)> = vec![("", String::new())];
    for line in body.split_terminator('\n') {
        if let Some(section) = line.strip_prefix("--- ") {
            sections.push((section.trim(), String::new()));
        } else {
            let (_, text) = sections.last_mut().unwrap();
            text.push_str(line);
            text.push('\n');
        }
    }
    let each: Vec<String> = sections
        .iter()
        .filter(|(section, _)| *section == "each")
        .flat_map(|(_, text)| text.lines().filter(|line| !line.is_empty()).map(str::to_owned))
        .collect();
    if each.is_empty() {
        return vec![build(name, &sections, "@@")];
    }
    each.iter().map(|line| build(&format!("{name}: {line}"), &sections, line)).collect()
}

fn build(name: &str, sections: &[(&str, String)], each: &str) -> Case {
    let mut case = Case::new(name.to_owned(), BTreeMap::new());
    let top = sections.iter().find(|(section, _)| *section == "top");
    let top = top.map_or("", |(_, text)| text).replace("@@", each);
    for (section, text) in sections {
        let text = text.replace("@@", each);
        match *section {
            "each" | "top" => {}
            "" if text.trim().is_empty() => {}
            "" => {
                let whole = manifest(&text, true) + &top;
                case.files.insert("compose.yaml".to_owned(), whole);
            }
            "over" => {
                case.files.insert("compose.override.yaml".to_owned(), manifest(&text, false));
            }
            "env" => {
                let pairs = text.lines().filter_map(|line| line.split_once('='));
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                case.environment.extend(pairs);
            }
            "directory" => text.trim().clone_into(&mut case.directory),
            file => {
                case.files.insert(file.to_owned(), text);
            }
        }
    }
    case
}

/// A whole file as it is; the keys of a service become one.
fn manifest(text: &str, with_image: bool) -> String {
    let begins = |key: &str| text.lines().any(|line| line.starts_with(key));
    if begins("services:") || begins("include:") {
        return text.to_owned();
    }
    let image = if with_image && !begins("image:") { "    image: i\n" } else { "" };
    let lines = text.split_terminator('\n').map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    });
    format!("services:\n  a:\n{image}{}", lines.collect::<String>())
}
