//! A command as it may be written down: without what is a secret by its name.

use crate::manifest::is_secret_name;
use crate::model::secret::password_of_address;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// Options of a secret whose names do not end like one.
const OPTIONS: [&str; 4] = ["--requirepass", "--masterauth", "--pass", "--auth"];
/// Programs whose `-p` is followed by a password without a blank.
const MYSQL: [&str; 6] =
    ["mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin", "mariadb-dump"];

/// The words as one line for a shell.
pub(super) fn shown<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let (mut parts, mut hide_next, mut mysql) = (Vec::new(), false, false);
    for word in words {
        // What is one word here may be a line for a shell inside.
        let inner = word.split(' ').map(|piece| {
            mysql |= MYSQL.contains(&piece.rsplit('/').next().unwrap_or_default());
            let is_option = piece.starts_with('-');
            let hidden = hide_next && !is_option;
            hide_next = is_option && is_secret_option(piece);
            if hidden { HIDDEN.to_owned() } else { without_secret(piece, mysql) }
        });
        let word: Vec<String> = inner.collect();
        parts.push(quoted(&word.join(" ")));
    }
    parts.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = word.trim_matches('*');
    let plain = if plain.is_empty() { "x" } else { plain };
    let needs = shlex::try_quote(plain).is_ok_and(|quoted| quoted != plain);
    if needs || word.is_empty() {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        word.to_owned()
    }
}

fn is_secret_option(piece: &str) -> bool {
    OPTIONS.contains(&piece) || (!piece.contains('=') && is_secret(piece))
}

/// Whether an option or a variable of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').trim_start_matches(['"', '\'']).replace('-', "_");
    is_secret_name(&format!("_{name}")) || name.ends_with("PWD") || name.ends_with("_AUTH")
}

fn without_secret(piece: &str, mysql: bool) -> String {
    if let Some((name, _)) = piece
        .split_once('=')
        .filter(|(name, value)| !value.is_empty() && (is_secret(name) || OPTIONS.contains(name)))
    {
        return format!("{name}={HIDDEN}");
    }
    if mysql && piece.starts_with("-p") && piece.len() > 2 {
        return format!("-p{HIDDEN}");
    }
    match password_of_address(piece) {
        Some(password) => piece.replacen(&format!(":{password}@"), &format!(":{HIDDEN}@"), 1),
        None => piece.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        let cases: &[(&[&str], &str)] = &[
            (&["ls", "-l", "a b"], "ls -l 'a b'"),
            (&["redis-cli", "--pass", "hunter2", "ping"], "redis-cli --pass *** ping"),
            (&["redis-server", "--requirepass", "hunter2"], "redis-server --requirepass ***"),
            (&["mysql", "-uroot", "-phunter2", "-p"], "mysql -uroot -p*** -p"),
            (&["tool", "--db-password=hunter2"], "tool '--db-password=***'"),
            (&["tool", "--password", "--force"], "tool --password --force"),
            (
                &["sh", "-c", "PGPASSWORD=hunter2 psql postgres://me:hunter2@db/x"],
                "sh -c 'PGPASSWORD=*** psql postgres://me:***@db/x'",
            ),
            (&["env", "PRIMARY_KEY=id", ""], "env PRIMARY_KEY=id ''"),
        ];
        for (words, line) in cases {
            let shown = shown(words.iter().copied());
            assert_eq!(shown.replace('\'', ""), line.replace('\'', ""), "{words:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(shown(["ls", "a b", "it's", ""]), "ls 'a b' 'it'\\''s' ''");
    }
}
