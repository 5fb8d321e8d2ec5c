//! Lists of tags come in pages; a `Link` header tells the next (OCI distribution, "Content Discovery"; RFC 8288).

use serde::Deserialize;

/// One page of the list of tags.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TagList {
    /// Absent or null for a repository that lost its last tag.
    pub(super) tags: Option<Vec<String>>,
}

/// Path and query of the next page, if there is one on the registry `authority`.
pub(super) fn next(link: &str, authority: &str) -> Option<String> {
    let mut rest = link;
    while let Some((_, tail)) = rest.split_once('<') {
        let (target, tail) = tail.split_once('>')?;
        let end = tail.find('<').unwrap_or(tail.len());
        let (parameters, tail) = tail.split_at_checked(end)?;
        if parameters.split([';', ',']).any(is_next) {
            return on(target, authority);
        }
        rest = tail;
    }
    None
}

fn is_next(parameter: &str) -> bool {
    let Some((key, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_whitespace();
    key.trim().eq_ignore_ascii_case("rel") && relations.any(|one| one.eq_ignore_ascii_case("next"))
}

/// A path on the registry; a page elsewhere is not read.
fn on(target: &str, authority: &str) -> Option<String> {
    if target.starts_with('/') && !target.starts_with("//") {
        return Some(target.to_owned());
    }
    let (_, rest) = target.split_once("://")?;
    let path = rest.strip_prefix(authority)?;
    path.starts_with('/').then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn next_pages() {
        let table = [
            ("</v2/a/tags/list?last=b&n=2>; rel=\"next\"", Some("/v2/a/tags/list?last=b&n=2")),
            ("<https://reg.test/v2/a/tags/list?n=2>;rel=next", Some("/v2/a/tags/list?n=2")),
            ("</first>; rel=\"prev\", </third>; title=\"a\"; rel=\"last next\"", Some("/third")),
            ("<https://evil.test/v2/a>; rel=\"next\"", None),
            ("<https://reg.test.evil.test/v2/a>; rel=\"next\"", None),
            ("<//evil.test/v2/a>; rel=\"next\"", None),
            ("</v2/a>; rel=\"prev\"", None),
            ("<", None),
            ("", None),
        ];
        for (link, expected) in table {
            assert_eq!(next(link, "reg.test").as_deref(), expected, "{link}");
        }
    }

    proptest! {
        /// Whatever the header holds, what comes out is a path, and a path that went in comes out.
        #[test]
        fn only_paths_come_out(link in "[ -~]{0,60}", path in "/[a-z0-9/?=&%.]{0,30}") {
            if let Some(found) = next(&link, "reg.test") {
                prop_assert!(found.starts_with('/'));
            }
            let link = format!("<{path}>; rel=\"next\"");
            let expected = (!path.starts_with("//")).then_some(path);
            prop_assert_eq!(next(&link, "reg.test"), expected);
        }
    }
}
