//! Patterns of paths: `*` stands for any number of characters.

/// Whether the whole text is what the pattern says.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    text.char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .any(|at| text.get(at..).is_some_and(|text| fits(rest, text)))
}

#[test]
fn stars_stand_for_anything() {
    for (pattern, text) in [("/a", "/a"), ("*", ""), ("*", "/x"), ("/c/*/start", "/c/1/start")] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("/a", "/ab"), ("/c/*/start", "/c/1/stop"), ("/a*", "/b")] {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}
