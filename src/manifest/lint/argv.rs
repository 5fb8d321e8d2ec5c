//! Secrets in command lines: they stand in the manifest, in `docker inspect` and in the process list.

use crate::manifest::lint::literal::{may_be_secret, without_variables};
use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::Service;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;

/// Options that are followed by a secret, after a blank or `=`.
const OPTIONS: [&str; 10] = [
    "--requirepass",
    "--masterauth",
    "--password",
    "--pass",
    "--passwd",
    "--token",
    "--auth-token",
    "--api-key",
    "--secret",
    "--secret-key",
];

/// Variables that are set in front of a command.
const ASSIGNED: [&str; 4] = ["PGPASSWORD", "MYSQL_PWD", "REDISCLI_AUTH", "MYSQL_ROOT_PASSWORD"];

/// Programs whose `-p` is followed by a password without a blank.
const MYSQL: [&str; 6] =
    ["mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin", "mariadb-dump"];

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        for key in ["command", "entrypoint"] {
            words(service.words(key), &format!("{}.{key}", service.field), findings);
        }
        probe(service, findings);
    }
}

fn probe(service: &Service<'_>, findings: &mut Findings<'_>) {
    let test = service.node.at(&["healthcheck", "test"]).and_then(Node::as_list).unwrap_or(&[]);
    words(test, &format!("{}.healthcheck.test", service.field), findings);
}

/// A word of a list, or of a line for a shell, with the node in which it stands.
struct Word<'a> {
    text: &'a str,
    node: &'a Node,
}

fn words(list: &[Node], field: &str, findings: &mut Findings<'_>) {
    let words: Vec<Word<'_>> = list
        .iter()
        .flat_map(|node| {
            let parts = node.as_text().unwrap_or("").split_whitespace();
            parts.map(move |text| Word { text: text.trim_matches(['"', '\'']), node })
        })
        .collect();
    let mut mysql = false;
    for (index, word) in words.iter().enumerate() {
        mysql |= MYSQL.contains(&word.text.rsplit('/').next().unwrap_or(""));
        let (name, value) = word.text.split_once('=').unwrap_or((word.text, ""));
        let secret = if ASSIGNED.contains(&name) || OPTIONS.contains(&name) && !value.is_empty() {
            Some((name, value, word.node))
        } else if OPTIONS.contains(&name) {
            words.get(index + 1).map(|next| (name, next.text, next.node))
        } else if mysql && let Some(value) = word.text.strip_prefix("-p") {
            Some(("-p", value, word.node))
        } else {
            None
        };
        if let Some((name, value, node)) = secret {
            tell(name, value, node, field, findings);
        }
    }
}

fn tell(name: &str, value: &str, node: &Node, field: &str, findings: &mut Findings<'_>) {
    let shape = !value.starts_with(['-', '<', '>', '|', '&', ';']) && !value.contains('$');
    if !shape || !may_be_secret(value) {
        return;
    }
    if !without_variables(findings.raw(node.place)).contains(value) {
        return;
    }
    let message = format!("what follows {name} is a secret that everybody can read here");
    findings.add(
        Finding::warning("secret-in-manifest", field, message).at(node.place).hiding(name).help(
            "give it by the environment or a file: an argument also stands in docker inspect and in the process list; and \
             change it, for it is known",
        ),
    );
}
