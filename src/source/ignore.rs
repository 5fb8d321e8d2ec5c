//! `.dockerignore`: which files of a build context are left out.
//!
//! The rules are those of the engine (moby/patternmatcher), which are not those of `.gitignore`: patterns are rooted in the
//! context, the last one that matches a path or one of its parents wins, and `!` brings back files below a directory that is
//! left out.

use std::iter::Peekable;
use std::path::{Component, Path, PathBuf};
use std::str::Chars;

use globset::{GlobBuilder, GlobMatcher};

use crate::model::path::clean;

/// The patterns of one `.dockerignore`, in order.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// Begins with `!`.
    brings_back: bool,
    pattern: String,
    glob: GlobMatcher,
}

impl IgnoreRules {
    /// Reads the text of a `.dockerignore`. Lines that begin with `#` and empty lines say nothing.
    ///
    /// # Errors
    /// A sentence with the line, if a pattern cannot be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let rule = Rule::parse(line.trim())
                .map_err(|why| format!("line {}: `{}`: {why}", index + 1, shown(line)))?;
            rules.push(rule);
        }
        Ok(Self { rules })
    }

    /// Whether a path, relative to the context, is left out.
    pub fn ignores(&self, path: &Path) -> bool {
        let prefixes = prefixes(path);
        self.rules
            .iter()
            .rev()
            .find(|rule| prefixes.iter().any(|prefix| rule.glob.is_match(prefix)))
            .is_some_and(|rule| !rule.brings_back)
    }

    /// Whether a file below a directory that is left out may be brought back. `true` may be wrong, `false` is not.
    pub fn may_bring_back_below(&self, directory: &Path) -> bool {
        self.rules.iter().any(|rule| rule.brings_back && rule.reaches_below(directory))
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Self, String> {
        let (brings_back, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if pattern.is_empty() {
            return Err("`!` needs a pattern after it".to_owned());
        }
        let pattern = rooted(pattern);
        let glob = GlobBuilder::new(&translate(&pattern)?)
            .literal_separator(true)
            .backslash_escape(true)
            .empty_alternates(true)
            .build()
            .map_err(|error| error.kind().to_string())?
            .compile_matcher();
        Ok(Self { brings_back, pattern, glob })
    }

    fn reaches_below(&self, directory: &Path) -> bool {
        let mut names = directory.components();
        for part in self.pattern.split('/') {
            if part.contains("**") {
                return true;
            }
            let Some(name) = names.next() else {
                return true;
            };
            let plain = !part.contains(['*', '?', '[', '\\']);
            if plain && name.as_os_str() != part {
                return false;
            }
        }
        // The pattern ends at the directory or above it: then it had its say on the directory itself.
        false
    }
}

/// The pattern without `.`, `..`, doubled and leading slashes, as Go's `filepath.Clean` leaves it.
fn rooted(pattern: &str) -> String {
    let cleaned = clean(Path::new(pattern));
    let cleaned: PathBuf =
        cleaned.components().filter(|part| !matches!(part, Component::RootDir)).collect();
    cleaned.to_string_lossy().into_owned()
}

/// The path and its parents, the path last.
fn prefixes(path: &Path) -> Vec<PathBuf> {
    let mut prefix = PathBuf::new();
    path.components()
        .map(|part| {
            prefix.push(part);
            prefix.clone()
        })
        .collect()
}

/// The pattern in the words of `globset`. The engine reads `**` anywhere as "any number of directories, or none", and at the
/// end as "anything"; `globset` knows `**` only as a whole component. Braces mean nothing to the engine.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                stars(&mut out, &mut rest);
            }
            '\\' => {
                let escaped = rest.next().ok_or("the `\\` at its end escapes nothing")?;
                out.extend(['\\', escaped]);
            }
            '{' | '}' => out.extend(['\\', letter]),
            '[' => class(&mut out, &mut rest)?,
            other => out.push(other),
        }
    }
    Ok(out)
}

/// `**`, which was read already.
fn stars(out: &mut String, rest: &mut Peekable<Chars<'_>>) {
    let begins = out.is_empty() || out.ends_with('/');
    rest.next_if_eq(&'/');
    let ends = rest.peek().is_none();
    out.push_str(match (begins, ends) {
        (true, true) => "**",
        (true, false) => "**/",
        (false, true) => "{*,*/**}",
        (false, false) => "{,*/**/}",
    });
}

/// A class such as `[a-z]`, whose `[` was read already. A leading `!` is an ordinary member for the engine.
fn class(out: &mut String, rest: &mut Peekable<Chars<'_>>) -> Result<(), String> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut members = String::new();
    loop {
        match rest.next() {
            None => return Err("the class `[` has no end".to_owned()),
            Some(']') if members.is_empty() => return Err("the class `[` is empty".to_owned()),
            Some(']') => break,
            Some(member) => members.push(member),
        }
    }
    let members = match members.strip_prefix('!') {
        // In front it would negate for `globset`; at the end it does not.
        Some(others) if !negated => format!("{others}!"),
        _ => members,
    };
    let sign = if negated { "^" } else { "" };
    for part in ["[", sign, &members, "]"] {
        out.push_str(part);
    }
    Ok(())
}

/// A line as it can be shown: control characters would move the cursor.
fn shown(line: &str) -> String {
    line.trim().replace(char::is_control, "\u{fffd}")
}
