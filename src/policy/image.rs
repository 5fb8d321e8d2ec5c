//! Where images come from, and whether they are named so that they cannot move.

use crate::model::glob::Glob;
use crate::model::violation::Rule;
use crate::policy::judge::Judge;

/// What names without a registry are short for.
const DOCKER_HUB: &str = "docker.io";

/// An image by reference, as a container runs it or as it is pulled.
pub(super) fn judge(judge: &mut Judge<'_>, reference: &str) {
    // An id names what is there already, and cannot move.
    let by_id = reference.starts_with("sha256:");
    if let Some(allowed) = &judge.rules.registries {
        let repository = repository(reference);
        if by_id || !allowed.iter().any(|pattern| full(pattern).matches(&repository)) {
            judge.refuse(Rule::Registry, "image", reference);
        }
    }
    if judge.rules.require_digest && !by_id && !reference.contains("@sha256:") {
        judge.refuse(Rule::Digest, "image", reference);
    }
}

/// `registry/repository` without tag and digest, nothing left out: `nginx:1` is `docker.io/library/nginx`.
fn repository(reference: &str) -> String {
    let named = reference.split_once('@').map_or(reference, |(name, _)| name);
    let named = match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => named,
    };
    complete(named)
}

fn full(pattern: &Glob) -> Glob {
    let text = pattern.as_str();
    if text.starts_with('*') { pattern.clone() } else { Glob::new(complete(text)) }
}

fn complete(name: &str) -> String {
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "index.docker.io" | "registry-1.docker.io" | DOCKER_HUB if !rest.contains('/') => {
                format!("{DOCKER_HUB}/library/{rest}")
            }
            "index.docker.io" | "registry-1.docker.io" => format!("{DOCKER_HUB}/{rest}"),
            _ => name.to_owned(),
        },
        Some(_) => format!("{DOCKER_HUB}/{name}"),
        None => format!("{DOCKER_HUB}/library/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_those_of_docker_hub() {
        for (reference, repository_) in [
            ("nginx:1.27", "docker.io/library/nginx"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx@sha256:00", "docker.io/library/nginx"),
            ("grafana/loki", "docker.io/grafana/loki"),
            ("localhost:5000/a/b:c", "localhost:5000/a/b"),
            ("r.example.org:443/x", "r.example.org:443/x"),
        ] {
            assert_eq!(repository(reference), repository_, "{reference}");
        }
    }

    #[test]
    fn patterns_are_completed_as_names_are() {
        assert!(full(&Glob::new("nginx")).matches(&repository("nginx:1")));
        assert!(full(&Glob::new("grafana/*")).matches(&repository("docker.io/grafana/loki")));
        assert!(!full(&Glob::new("r.example.org/shop/*")).matches(&repository("shop/web")));
    }
}
