//! The images that a Dockerfile builds upon.

use std::collections::BTreeMap;

use crate::model::build::Build;

/// References of the base images of `text`, sorted, each once: those of `FROM` whose variables have values, without
/// `scratch`, earlier stages, further contexts and what is fixed by digest (Dockerfile reference, `FROM` and `ARG`).
pub fn bases(text: &str, build: &Build) -> Vec<String> {
    let mut arguments = BTreeMap::new();
    let mut stages: Vec<String> = build.contexts.keys().map(|name| name.to_lowercase()).collect();
    let mut found = Vec::new();
    for line in instructions(text) {
        let mut words = line.split_whitespace();
        let keyword = words.next().unwrap_or_default();
        if keyword.eq_ignore_ascii_case("ARG") && found.is_empty() {
            for word in words {
                arguments.extend(argument(word, build, &arguments));
            }
        } else if keyword.eq_ignore_ascii_case("FROM") {
            let mut words = words.filter(|word| !word.starts_with("--"));
            let Some(image) = words.next().and_then(|word| filled(word, &arguments)) else {
                continue;
            };
            let known = stages.contains(&image.to_lowercase());
            if !known && image != "scratch" && !image.contains('@') {
                found.push(image);
            }
            stages.extend(words.nth(1).map(str::to_lowercase));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Lines that a backslash joins, without comments.
fn instructions(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut open = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if let Some(part) = line.trim_end().strip_suffix('\\') {
            open.push_str(part);
            continue;
        }
        open.push_str(line);
        all.push(std::mem::take(&mut open));
    }
    all.push(open);
    all
}

/// `NAME` or `NAME=default`, where the build may say another value.
fn argument(
    word: &str,
    build: &Build,
    earlier: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let (name, default) = match word.split_once('=') {
        Some((name, default)) => (name, Some(default.trim_matches(['"', '\'']))),
        None => (word, None),
    };
    let given = build.args.get(name).map(|value| value.expose().to_owned());
    let value = given.or_else(|| filled(default?, earlier))?;
    Some((name.to_owned(), value))
}

/// A word with the values of its variables; `None` if one has none.
fn filled(word: &str, arguments: &BTreeMap<String, String>) -> Option<String> {
    let mut parts = word.split('$');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = if let Some(part) = part.strip_prefix('{') {
            part.split_once('}')?
        } else {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            part.split_at(end.unwrap_or(part.len()))
        };
        let (name, default) = name.split_once(":-").map_or((name, None), |(n, d)| (n, Some(d)));
        let value = arguments.get(name).map(String::as_str).filter(|value| !value.is_empty());
        text.push_str(value.or(default)?);
        text.push_str(rest);
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build::{ContextRoot, NamedContext};

    fn of(text: &str, arguments: &[(&str, &str)]) -> Vec<String> {
        let mut build = Build::of(ContextRoot::Remote("unused".to_owned()));
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        build.args = arguments.collect();
        build.contexts = [("shared".to_owned(), NamedContext::Image("x".to_owned()))].into();
        bases(text, &build)
    }

    #[test]
    fn what_is_built_upon_is_found() {
        let text = "# FROM nobody\nfrom --platform=linux/amd64 python:3.12 \\\n  as Build\nFROM build\nFROM shared\nFROM scratch\nFROM x@sha256:1\nFROM nginx\nFROM nginx AS a\n";
        assert_eq!(of(text, &[]), ["nginx", "python:3.12"]);
    }

    #[test]
    fn variables_count_as_far_as_they_have_values() {
        let text = "ARG TAG=3.12\nARG NAME\nARG FULL=\"python:$TAG\"\nFROM python:${TAG}-slim\nFROM $FULL\nFROM ${NAME:-redis}:7\nFROM $NAME\nARG TAG=2\n";
        assert_eq!(of(text, &[]), ["python:3.12", "python:3.12-slim", "redis:7"]);
        let given = [("TAG", "3.13"), ("NAME", "valkey")];
        assert_eq!(of(text, &given), ["python:3.13", "python:3.13-slim", "valkey", "valkey:7"]);
    }
}
