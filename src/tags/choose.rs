//! Choosing among tags by version, number or alphabet.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

use crate::model::image_update::{ImageQuery, MOST_CANDIDATES, TagOrder, UpdatePolicy};

/// Largest compiled pattern, in bytes: patterns come from manifests.
const PATTERN_LIMIT: usize = 256 * 1024;
/// Longest pattern, in bytes.
const PATTERN_LENGTH: usize = 512;

/// What tags are compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Version(Version),
    Number(Digits),
    Text(String),
}

/// A whole number of any length, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits(String);

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The tags that are of interest, best first: none lower than the one that runs, which may itself be among them, for it may
/// have got another digest. At most [`MOST_CANDIDATES`].
pub fn candidates(tags: &[String], query: &ImageQuery) -> Vec<String> {
    if query.policy == UpdatePolicy::Digest {
        return vec![query.tag.clone()];
    }
    let Some(rule) = Rule::new(&query.policy) else { return Vec::new() };
    let present = rule.key(&query.tag);
    let mut found: Vec<(Key, &String)> = tags
        .iter()
        .filter_map(|tag| Some((rule.key(tag).filter(|key| rule.allows(key))?, tag)))
        .filter(|(key, _)| present.as_ref().is_none_or(|present| key >= present))
        .collect();
    // Of equal ones, such as 1.4.2 and v1.4.2, the one that is written as the present one comes first, then by text.
    found.sort_by(|(a, one), (b, other)| {
        b.cmp(a).then((*other == &query.tag).cmp(&(*one == &query.tag))).then(one.cmp(other))
    });
    found.dedup_by(|(later, _), (first, _)| later == first);
    found.into_iter().take(MOST_CANDIDATES).map(|(_, tag)| tag.clone()).collect()
}

/// The tag with the highest version of a range, none lower than `present`.
pub fn highest(tags: &[String], range: &str, present: Option<&str>) -> Option<String> {
    let policy = UpdatePolicy::Semver { range: range.to_owned(), pattern: None };
    let rule = Rule::new(&policy)?;
    let least = present.and_then(|tag| rule.key(tag));
    let keys =
        tags.iter().filter_map(|tag| Some((rule.key(tag).filter(|key| rule.allows(key))?, tag)));
    let high_enough = keys.filter(|(key, _)| least.as_ref().is_none_or(|least| key >= least));
    // Of equal ones the present one stays.
    let stays = |tag: &String| Some(tag.as_str()) == present;
    high_enough
        .max_by(|(a, one), (b, other)| a.cmp(b).then(stays(one).cmp(&stays(other))))
        .map(|(_, tag)| tag.clone())
}

struct Rule {
    pattern: Option<Regex>,
    order: Order,
}

enum Order {
    Version(VersionReq),
    Number,
    Text,
}

impl Rule {
    fn new(policy: &UpdatePolicy) -> Option<Self> {
        Some(match policy {
            UpdatePolicy::Digest | UpdatePolicy::Base => return None,
            UpdatePolicy::Semver { range, pattern } => Self {
                pattern: match pattern {
                    Some(pattern) => Some(compiled(pattern).ok()?),
                    None => None,
                },
                order: Order::Version(VersionReq::parse(range).ok()?),
            },
            UpdatePolicy::Pattern { pattern, order } => Self {
                pattern: Some(compiled(pattern).ok()?),
                order: match order {
                    TagOrder::Numerical => Order::Number,
                    TagOrder::Alphabetical => Order::Text,
                },
            },
        })
    }

    /// What a tag is compared by; `None`: it does not count.
    fn key(&self, tag: &str) -> Option<Key> {
        let part = match &self.pattern {
            None => tag,
            Some(pattern) => {
                let found = pattern.captures(tag)?;
                found.get(1).or_else(|| found.get(0))?.as_str()
            }
        };
        Some(match &self.order {
            Order::Version(_) => {
                Key::Version(Version::parse(part.strip_prefix('v').unwrap_or(part)).ok()?)
            }
            Order::Number => {
                let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                Key::Number(Digits(digits.then(|| part.trim_start_matches('0'))?.to_owned()))
            }
            Order::Text => Key::Text(part.to_owned()),
        })
    }

    fn allows(&self, key: &Key) -> bool {
        match (&self.order, key) {
            (Order::Version(range), Key::Version(version)) => range.matches(version),
            _ => true,
        }
    }
}

fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    if pattern.len() > PATTERN_LENGTH {
        return Err(regex::Error::CompiledTooBig(PATTERN_LENGTH));
    }
    RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT).build()
}

/// Checks a range of versions.
///
/// # Errors
/// What is wrong with it, and what is right.
pub fn check_range(text: &str) -> Result<(), (String, &'static str)> {
    match VersionReq::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err((
            format!("this is no range of versions: {error}"),
            "write a range such as ~1.4, ^2, 1.4.* or \">=1.2, <2\"",
        )),
    }
}

/// Checks a pattern of tags.
///
/// # Errors
/// What is wrong with it, and what is right.
pub fn check_pattern(text: &str) -> Result<(), (String, &'static str)> {
    const HELP: &str = "write a regular expression such as '^build-(?<n>\\d+)$'; look-around and back-references are not taken";
    match compiled(text) {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => Err(("the pattern is too large".to_owned(), HELP)),
        // The first line of a syntax error is a heading, the last says what is wrong.
        Err(error) => {
            let text = error.to_string();
            let why =
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err((format!("this is no pattern: {why}"), HELP))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(policy: UpdatePolicy, tag: &str) -> ImageQuery {
        ImageQuery {
            build: None,
            image: format!("app:{tag}"),
            policy,
            tag: tag.to_owned(),
            platform: None,
            ages: false,
        }
    }

    fn semver(range: &str) -> UpdatePolicy {
        UpdatePolicy::Semver { range: range.to_owned(), pattern: None }
    }

    fn chosen(tags: &[&str], policy: UpdatePolicy, tag: &str) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        candidates(&tags, &query(policy, tag))
    }

    #[test]
    fn versions_in_a_range_highest_first() {
        let tags = ["1.4.2", "1.4.10", "v1.4.3", "1.5.0", "1.4.11-rc.1", "latest", "1.4", "1.4.1"];
        assert_eq!(chosen(&tags, semver("~1.4"), "1.4.2"), ["1.4.10", "v1.4.3", "1.4.2"]);
        assert_eq!(chosen(&tags, semver("1"), "latest")[0], "1.5.0");
        assert_eq!(chosen(&tags, semver(">=1.4.11-rc.0, <1.5"), "1.4.2"), ["1.4.11-rc.1"]);
        assert_eq!(chosen(&tags, semver("~1.4"), "1.6.0"), [""; 0], "nothing lower");
        assert_eq!(chosen(&["v1.0.0", "1.0.0"], semver("1"), "v1.0.0"), ["v1.0.0"]);
    }

    #[test]
    fn a_variant_is_found_by_its_pattern() {
        let pattern = Some("^(.+)-alpine$".to_owned());
        let policy = UpdatePolicy::Semver { range: "~1.4".to_owned(), pattern };
        let tags = ["1.4.2-alpine", "1.4.9", "1.4.3-alpine"];
        assert_eq!(chosen(&tags, policy, "1.4.2-alpine"), ["1.4.3-alpine", "1.4.2-alpine"]);
    }

    #[test]
    fn numbers_are_no_texts() {
        let by = |order| UpdatePolicy::Pattern { pattern: r"^build-(?<n>\d+)$".to_owned(), order };
        let tags = ["build-9", "build-10", "build-x", "release-11", "build-0008"];
        let numbers = chosen(&tags, by(TagOrder::Numerical), "build-9");
        assert_eq!(numbers, ["build-10", "build-9"]);
        assert_eq!(chosen(&tags, by(TagOrder::Alphabetical), "build-10"), ["build-9", "build-10"]);
        assert_eq!(chosen(&tags, UpdatePolicy::Digest, "build-9"), ["build-9"]);
    }

    #[test]
    fn mistakes_say_what_is_right() {
        assert!(check_range("~1.4").is_ok() && check_pattern("^a$").is_ok());
        let (why, help) = check_range("newest").unwrap_err();
        assert!(why.starts_with("this is no range") && help.contains("~1.4"), "{why}");
        let (why, _) = check_pattern("(a").unwrap_err();
        assert_eq!(why, "this is no pattern: unclosed group");
        assert!(check_pattern("(?=a)").is_err());
        assert!(check_pattern("(a{1000}){1000}").is_err());
    }

    proptest! {
        /// Whatever order a registry lists tags in, the same are chosen; all are allowed, none is lower than the present.
        #[test]
        fn the_choice_does_not_depend_on_the_order(
            mut versions in prop::collection::vec((0_u64..4, 0_u64..4, 0_u64..20), 0..30),
            present in (0_u64..4, 0_u64..4, 0_u64..20),
        ) {
            let text = |(a, b, c): &(u64, u64, u64)| format!("{a}.{b}.{c}");
            let tags: Vec<String> = versions.iter().map(text).collect();
            let query = query(semver("^1"), &text(&present));
            let found = candidates(&tags, &query);
            let reversed: Vec<String> = tags.iter().rev().cloned().collect();
            prop_assert_eq!(&found, &candidates(&reversed, &query));
            versions.retain(|one| one.0 == 1 && *one >= present);
            versions.sort_unstable();
            versions.dedup();
            let best: Vec<String> = versions.iter().rev().take(MOST_CANDIDATES).map(text).collect();
            prop_assert_eq!(found, best);
        }
    }
}
