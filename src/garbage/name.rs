//! References of images in the form in which engines list names.

/// What a reference may be listed as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// `repository:tag`.
    Tag(String),
    /// `repository@sha256:…`.
    Digest(String),
    /// An image by its id, or the beginning of it.
    Id(String),
}

/// Fewest digits of an id that count as one: what the docker command line prints has twelve.
const ID_DIGITS: usize = 12;

/// The form of a reference in the lists of an engine: without the host and the folder that Docker implies, `latest` if it names
/// no tag, the digest alone if it names both. Digits that may be the beginning of an id are also one: two names come back.
pub fn listed_name(reference: &str) -> Vec<Name> {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(digits) = reference.strip_prefix("sha256:") {
        return vec![Name::Id(digits.to_owned())];
    }
    let name = ["docker.io/", "index.docker.io/"]
        .into_iter()
        .find_map(|host| reference.strip_prefix(host))
        .unwrap_or(reference);
    let name = name.strip_prefix("library/").unwrap_or(name);
    if let Some((name, digest)) = name.split_once('@') {
        let repository = tagged(name).map_or(name, |(repository, _)| repository);
        return vec![Name::Digest(format!("{repository}@{digest}"))];
    }
    let listed = match tagged(name) {
        Some(_) => name.to_owned(),
        None => format!("{name}:latest"),
    };
    let mut names = vec![Name::Tag(listed)];
    if name.len() >= ID_DIGITS && hex(name) {
        names.push(Name::Id(name.to_owned()));
    }
    names
}

/// Repository and tag, if there is a tag: a colon may also be that of a port.
fn tagged(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_listed_as_engines_list_them() {
        let tag = |text: &str| Name::Tag(text.to_owned());
        let table = [
            ("nginx", vec![tag("nginx:latest")]),
            ("docker.io/library/nginx:1.27", vec![tag("nginx:1.27")]),
            ("docker.io/acme/app:1", vec![tag("acme/app:1")]),
            ("localhost:5000/a", vec![tag("localhost:5000/a:latest")]),
            ("a:1@sha256:00", vec![Name::Digest("a@sha256:00".to_owned())]),
            ("sha256:00ff", vec![Name::Id("00ff".to_owned())]),
            ("00ff00ff00ff", vec![tag("00ff00ff00ff:latest"), Name::Id("00ff00ff00ff".to_owned())]),
        ];
        for (reference, names) in table {
            assert_eq!(listed_name(reference), names, "{reference}");
        }
    }
}
