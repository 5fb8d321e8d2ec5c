//! What a source file names, read from its tokens, so that comments and texts do not count.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Every path that a file names outside of its tests, as `a::b::c`, with groups of `use` spread out. Comments and
/// texts are not read.
pub(crate) fn named_paths(text: &str) -> BTreeSet<String> {
    let tokens: TokenStream = text.parse().expect("the file was parsed before");
    let mut paths = BTreeSet::new();
    collect(tokens, "", &mut paths);
    paths
}

fn collect(tokens: TokenStream, prefix: &str, paths: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut path, mut at) = (prefix.to_owned(), 0);
    while at < tokens.len() {
        if let Some(end) = end_of_test_item(&tokens, at) {
            at = end;
            continue;
        }
        match &tokens[at] {
            TokenTree::Ident(word) => {
                path.push_str(&word.to_string());
                paths.insert(path.clone());
                if !followed_by_colons(&tokens, at + 1) {
                    prefix.clone_into(&mut path);
                }
            }
            TokenTree::Group(group) if path.ends_with("::") => {
                collect(group.stream(), &path, paths);
                prefix.clone_into(&mut path);
            }
            TokenTree::Group(group) => collect(group.stream(), "", paths),
            TokenTree::Punct(punct)
                if punct.as_char() == ':' && followed_by_colons(&tokens, at) =>
            {
                if !path.is_empty() && !path.ends_with("::") {
                    path.push_str("::");
                }
                at += 1;
            }
            _ => prefix.clone_into(&mut path),
        }
        at += 1;
    }
}

fn followed_by_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// If an item for tests only begins here, the position after it.
fn end_of_test_item(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let TokenTree::Group(attribute) = tokens.get(at + 1)? else {
        return None;
    };
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    if tokens[at].to_string() != "#" || text != "cfg(test)" {
        return None;
    }
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    let length = tokens.get(at + 2..)?.iter().position(ends)?;
    Some(at + 3 + length)
}

/// Whether a path names it, at whatever place.
pub(crate) fn names(paths: &BTreeSet<String>, name: &str) -> bool {
    let prefix = format!("{name}::");
    let suffix = format!("::{name}");
    paths.iter().any(|path| {
        path == name
            || path.starts_with(&prefix)
            || path.ends_with(&suffix)
            || path.contains(&format!("{suffix}::"))
    })
}

/// Whether the crate of that name is used, not merely a variable called so.
pub(crate) fn names_crate(paths: &BTreeSet<String>, name: &str) -> bool {
    paths.iter().any(|path| path.starts_with(&format!("{name}::")))
}

#[test]
fn groups_are_spread_and_tests_left_out() {
    let text = "use std::{fs, env::{self, vars}}; /* tokio::x */ const A: &str = \"notify::b\"; \
        #[cfg(test)] mod tests { use bollard::Docker; } fn f() { crate::model::id::x(); }";
    let paths = named_paths(text);
    for name in ["std::fs", "std::env::self", "std::env::vars", "crate::model::id::x"] {
        assert!(paths.contains(name), "{name} in {paths:?}");
    }
    assert!(names(&paths, "std::fs") && names(&paths, "std::env"));
    for name in ["tokio", "notify", "bollard"] {
        assert!(!names_crate(&paths, name), "{name} in {paths:?}");
    }
}
