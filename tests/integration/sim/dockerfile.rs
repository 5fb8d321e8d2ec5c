//! Reads a Dockerfile as far as an image's configuration needs it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::images::{empty_config, member, push, set};

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Upper-case word.
    pub(crate) word: String,
    /// Everything after it.
    pub(crate) rest: String,
    /// As written.
    pub(crate) text: String,
}

/// Splits a Dockerfile into instructions.
///
/// # Errors
/// A text for people: empty file, unknown instruction.
pub(crate) fn parse(text: &str) -> Result<Vec<Instruction>, String> {
    const KNOWN: [&str; 18] = [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ];
    let mut found = Vec::new();
    let mut held = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            held.push_str(part);
            continue;
        }
        held.push_str(line);
        let text = std::mem::take(&mut held);
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
        let word = word.to_ascii_uppercase();
        if !KNOWN.contains(&word.as_str()) {
            let line = number + 1;
            return Err(format!("dockerfile parse error line {line}: unknown instruction: {word}"));
        }
        found.push(Instruction { word, rest: rest.trim().to_owned(), text: text.clone() });
    }
    if found.is_empty() {
        return Err("the Dockerfile (Dockerfile) cannot be empty".to_owned());
    }
    Ok(found)
}

/// The configuration at the end of the target stage (the last one without a target).
///
/// # Errors
/// A text for people: unknown base image, no `FROM`, unknown target.
pub(crate) fn configure(
    instructions: &[Instruction],
    arguments: &BTreeMap<String, String>,
    target: &str,
    base: impl Fn(&str) -> Option<Value>,
) -> Result<Value, String> {
    let mut variables = BTreeMap::new();
    let mut stages: Vec<(String, Value)> = Vec::new();
    for step in instructions {
        let rest = expand(&step.rest, &variables);
        if step.word == "ARG" {
            let (name, value) = rest.split_once('=').unwrap_or((&rest, ""));
            let value = arguments.get(name).cloned().unwrap_or_else(|| value.to_owned());
            variables.insert(name.to_owned(), value);
        } else if step.word == "FROM" {
            if stages.last().is_some_and(|(name, _)| !target.is_empty() && name == target) {
                break;
            }
            let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
            let image = words.next().unwrap_or("");
            let name = words.nth(1).unwrap_or("").to_owned();
            let earlier = stages.iter().find(|(name, _)| name == image).map(|(_, it)| it.clone());
            let config = earlier.or_else(|| base(image)).ok_or_else(|| {
                format!("pull access denied for {image}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied")
            })?;
            stages.push((name, config));
        } else {
            let stage = stages.last_mut();
            let (_, config) = stage.ok_or("no build stage in current context")?;
            apply(config, &step.word, &rest);
        }
    }
    let last = stages.pop().ok_or("no build stage in current context")?;
    if !target.is_empty() && last.0 != target {
        return Err(format!("failed to reach build target {target} in Dockerfile"));
    }
    Ok(last.1)
}

/// Whether there is a stage of this name.
pub(crate) fn has_stage(instructions: &[Instruction], name: &str) -> bool {
    let mut stages = instructions.iter().filter(|step| step.word == "FROM");
    stages.any(|step| step.rest.split_whitespace().next_back() == Some(name))
}

/// `$NAME` and `${NAME}` of build arguments.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    })
}

/// The words of the JSON form, or of the shell form.
pub(crate) fn shell_words(rest: &str) -> Value {
    match serde_json::from_str::<Vec<String>>(rest) {
        Ok(words) => json!(words),
        Err(_) => json!(["/bin/sh", "-c", rest]),
    }
}

/// `a=b c="d e"`, or the old form `a b`.
fn pairs(rest: &str) -> Vec<(String, String)> {
    let words = shlex::split(rest).unwrap_or_default();
    let first_has_value = words.first().is_some_and(|word| word.contains('='));
    if !first_has_value {
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        return vec![(name.to_owned(), value.trim().to_owned())];
    }
    let split = |word: &String| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    words.iter().filter_map(split).collect()
}

fn words(rest: &str) -> Vec<String> {
    serde_json::from_str(rest).unwrap_or_else(|_| shlex::split(rest).unwrap_or_default())
}

fn apply(config: &mut Value, word: &str, rest: &str) {
    match word {
        "CMD" => set(config, "Cmd", shell_words(rest)),
        "ENTRYPOINT" => {
            set(config, "Entrypoint", shell_words(rest));
            set(config, "Cmd", Value::Null);
        }
        "ENV" => {
            for (name, value) in pairs(rest) {
                push(config, "Env", json!(format!("{name}={value}")));
            }
        }
        "LABEL" => {
            for (name, value) in pairs(rest) {
                member(config, "Labels", &name, json!(value));
            }
        }
        "EXPOSE" => {
            for port in words(rest) {
                let port = if port.contains('/') { port } else { format!("{port}/tcp") };
                member(config, "ExposedPorts", &port, json!({}));
            }
        }
        "VOLUME" => {
            for path in words(rest) {
                member(config, "Volumes", &path, json!({}));
            }
        }
        "WORKDIR" => set(config, "WorkingDir", json!(rest)),
        "USER" => set(config, "User", json!(rest)),
        "STOPSIGNAL" => set(config, "StopSignal", json!(rest)),
        "SHELL" => set(config, "Shell", shell_words(rest)),
        "HEALTHCHECK" => set(config, "Healthcheck", health_check(rest)),
        _ => {}
    }
}

fn health_check(rest: &str) -> Value {
    let mut check = json!({});
    let mut rest = rest;
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, tail) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        match name {
            "interval" => set(&mut check, "Interval", json!(nanos(value))),
            "timeout" => set(&mut check, "Timeout", json!(nanos(value))),
            "start-period" => set(&mut check, "StartPeriod", json!(nanos(value))),
            "retries" => set(&mut check, "Retries", json!(value.parse::<i64>().unwrap_or(0))),
            _ => {}
        }
        rest = tail.trim_start();
    }
    let test = match rest.strip_prefix("CMD").map(str::trim) {
        None => json!(["NONE"]),
        Some(text) => match serde_json::from_str::<Vec<String>>(text) {
            Ok(words) => json!(std::iter::once("CMD".to_owned()).chain(words).collect::<Vec<_>>()),
            Err(_) => json!(["CMD-SHELL", text]),
        },
    };
    set(&mut check, "Test", test);
    check
}

/// `30s`, `1m`, `500ms` in nanoseconds.
fn nanos(text: &str) -> u64 {
    let units = [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000)];
    let parsed = units.iter().find_map(|(unit, factor)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    });
    parsed.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_becomes_a_configuration() {
        let text = "# c\nARG V=1\nFROM scratch AS a\nENV A=$V\nFROM a\nLABEL x=\"y z\"\nCMD [\"/b\"]\n\
                    HEALTHCHECK --interval=5s --retries=2 CMD curl -f localhost \\\n  || exit 1\n";
        let steps = parse(text).unwrap();
        let base = |name: &str| (name == "scratch").then(empty_config);
        let config = configure(&steps, &BTreeMap::new(), "", base).unwrap();
        assert_eq!(config["Env"], json!(["A=1"]));
        assert_eq!(config["Labels"], json!({"x": "y z"}));
        assert_eq!(config["Cmd"], json!(["/b"]));
        assert_eq!(config["Healthcheck"]["Interval"], json!(5_000_000_000_u64));
        assert_eq!(
            config["Healthcheck"]["Test"],
            json!(["CMD-SHELL", "curl -f localhost || exit 1"])
        );
        assert!(configure(&steps, &BTreeMap::new(), "nope", base).is_err());
        assert!(parse("FORM x").is_err());
    }
}
