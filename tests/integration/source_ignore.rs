//! `.dockerignore` as the engine reads it. The table was compared with `docker build` (command line 28.2,
//! engine 20.10): context sent, copied into an image, image listed.

use std::path::Path;

use composelet::source::IgnoreRules;
use proptest::prelude::*;

use super::support;

/// Patterns; paths that are left out; paths that are sent.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    ("", &[], &["a", ".dockerignore"]),
    ("*.log", &["a.log", ".log"], &["sub/a.log", "a.txt"]),
    ("**/*.log", &["a.log", "sub/a.log", "x/y/a.log"], &["a.txt"]),
    ("secret.txt", &["secret.txt"], &["sub/secret.txt"]),
    ("/secret.txt", &["secret.txt"], &["sub/secret.txt"]),
    ("./secret.txt", &["secret.txt"], &["sub/secret.txt"]),
    ("sub/../secret.txt", &["secret.txt"], &["sub/a.txt"]),
    ("sub", &["sub", "sub/a.txt", "sub/deep/a.txt"], &["subway", "x/sub"]),
    ("sub/", &["sub", "sub/a.txt"], &["subway"]),
    ("sub/*", &["sub/a.txt", "sub/deep/a.txt"], &["sub"]),
    ("sub/**", &["sub/a.txt", "sub/deep/a.txt"], &["sub"]),
    ("sub\n!sub/keep.me", &["sub", "sub/a.txt"], &["sub/keep.me"]),
    ("!sub/keep.me\nsub", &["sub/keep.me"], &[]),
    ("*\n!app\n!go.mod", &["README", "x/app"], &["app", "app/main.go", "go.mod"]),
    ("*\n!app\napp/*.tmp", &["app/x.tmp"], &["app/main.go"]),
    ("**\n!a.txt", &["b.txt", "sub/b.txt", "sub/a.txt"], &["a.txt"]),
    ("**/node_modules", &["node_modules", "x/node_modules/y"], &["node_modules2"]),
    ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["z", "a/b/zz"]),
    ("a?c", &["abc"], &["ac", "abbc", "a/c"]),
    ("f[0-9].txt", &["f1.txt"], &["fa.txt", "f10.txt"]),
    ("f[^0-9].txt", &["fa.txt"], &["f1.txt"]),
    ("f[!x].txt", &["f!.txt", "fx.txt"], &["fa.txt"]),
    ("{a,b}.txt", &["{a,b}.txt"], &["a.txt", "b.txt"]),
    ("a\\*b", &["a*b"], &["axb"]),
    ("# comment\n\n  x  \n", &["x"], &["# comment"]),
    ("a+b.(c)|$", &["a+b.(c)|$"], &["aab.(c)"]),
    ("foo**", &["foo", "foobar", "foo/x", "foobar/x"], &["xfoo", "fo"]),
    ("pre**post", &["prepost", "pre/x/post", "prex/post"], &["prexpost"]),
];

#[test]
fn patterns_match_as_the_engine_matches_them() {
    for (text, out, sent) in TABLE {
        let rules = IgnoreRules::parse(text).unwrap();
        for path in *out {
            assert!(rules.ignores(Path::new(path)), "{text:?} must leave out {path}");
        }
        for path in *sent {
            assert!(!rules.ignores(Path::new(path)), "{text:?} must send {path}");
        }
    }
}

#[test]
fn wrong_patterns_are_named_by_line() {
    for (text, message) in [
        ("a\n!\n", "line 2: `!`: `!` needs a pattern after it"),
        ("[a", "line 1: `[a`: the class `[` has no end"),
        ("[]a", "line 1: `[]a`: the class `[` is empty"),
        ("a\\", "line 1: `a\\`: the `\\` at its end escapes nothing"),
    ] {
        assert_eq!(IgnoreRules::parse(text).err().as_deref(), Some(message));
    }
}

#[test]
fn a_directory_is_walked_if_something_below_it_may_come_back() {
    let below = |text: &str, directory: &str| {
        let rules = IgnoreRules::parse(text).unwrap();
        rules.may_bring_back_below(Path::new(directory))
    };
    assert!(below("sub\n!sub/keep.me", "sub"));
    assert!(below("sub\n!sub/*/keep.me", "sub/deep"));
    assert!(below("sub\n!**/keep.me", "sub/deep"));
    assert!(!below("sub\n!other/keep.me", "sub"));
    assert!(!below("sub\n!README.md", "sub"));
    assert!(!below("sub", "sub"));
}

/// The engine's rule for one pattern, written down the slow way: every way to split is tried.
fn slow_match(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*'] | [b'*', b'*', b'/'] => true,
        [b'*', b'*', rest @ ..] => {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            slow_match(rest, path)
                || (0..path.len()).any(|at| path[at] == b'/' && slow_match(rest, &path[at + 1..]))
        }
        [b'*', rest @ ..] => (0..=path.len())
            .take_while(|at| !path[..*at].contains(&b'/'))
            .any(|at| slow_match(rest, &path[at..])),
        [b'?', rest @ ..] => {
            path.first().is_some_and(|byte| *byte != b'/') && slow_match(rest, &path[1..])
        }
        [byte, rest @ ..] => path.first() == Some(byte) && slow_match(rest, &path[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..support::cases(32) })]
    #[test]
    fn every_pattern_means_what_the_slow_matcher_says(
        pattern in "[ab]([ab*?]|/[ab*?]){0,6}|\\*\\*(/[ab*?]{1,3}){1,2}",
        path in "[ab]{1,3}(/[ab]{1,2}){0,3}",
    ) {
        // Three stars in a row are read differently by different engines.
        prop_assume!(!pattern.contains("***") && !pattern.ends_with('/'));
        let rules = IgnoreRules::parse(&pattern).unwrap();
        let expected = path
            .char_indices()
            .filter(|(_, letter)| *letter == '/')
            .map(|(at, _)| at)
            .chain([path.len()])
            .any(|end| slow_match(pattern.as_bytes(), &path.as_bytes()[..end]));
        prop_assert_eq!(rules.ignores(Path::new(&path)), expected, "{} {}", pattern, path);
    }
}
