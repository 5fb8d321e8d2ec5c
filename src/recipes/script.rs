//! The command of each recipe. Paths and sizes are arguments, never part of a script's text; passwords are neither.

use crate::model::backup::{Format, Recipe};
use crate::model::secret::Secret;
use crate::recipes::{mysql, postgres, redis, sqlite};

/// Paths are relative to the root, and commands begin in the working directory of the image.
/// What older restores left beside the data is no part of it, where tar can leave something out.
const TAR_DUMP: &str = r#"set -eu
cd /
for path; do [ -e "$path" ] || { echo "there is no $path" >&2; exit 1; }; done
if tar --help 2>&1 | grep -q -- --exclude; then set -- --exclude '.composelet-before-*' "$@"; fi
code=0
tar -cf - "$@" || code=$?
# GNU tar says 1 for files that changed while they were read, busybox for everything.
if [ "$code" = 1 ] && tar --version 2>/dev/null | grep -q GNU; then code=0; fi
exit "$code"
"#;

/// What lies there is moved aside, within the same directory and so on the same file system; it stays until a person
/// removes it. A failure puts it back.
const TAR_RESTORE: &str = r#"set -eu
size="$1" mark="$2"
shift 2
aside=".composelet-before-$mark"
each() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$entry" ] || [ -L "$entry" ]; then
      case "$entry" in */.composelet-before-*) ;; *) mv "$entry" "$2/" ;; esac
    fi
  done
}
back() {
  for path; do
    [ -d "$path/$aside" ] || continue
    mkdir -p "$path/$aside.failed"
    each "$path" "$path/$aside.failed"
    for entry in "$path/$aside"/* "$path/$aside"/.[!.]* "$path/$aside"/..?*; do
      if [ -e "$entry" ] || [ -L "$entry" ]; then mv "$entry" "$path/"; fi
    done
    rmdir "$path/$aside"
    rm -rf "$path/$aside.failed"
  done
}
for path; do mkdir -p "$path/$aside"; each "$path" "$path/$aside"; done
if ! head -c "$size" | tar -xpf - -C /; then
  back "$@"
  exit 1
fi
"#;

/// MongoDB's tools take a password from a file or an argument; a file that only this user reads is neither log nor list.
const MONGO_LOGIN: &str = r#"set -eu
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
user="${MONGO_INITDB_ROOT_USERNAME:-}" password="${MONGO_INITDB_ROOT_PASSWORD:-}"
if [ -z "$user" ] && [ -n "${MONGO_INITDB_ROOT_USERNAME_FILE:-}" ]; then user="$(cat "$MONGO_INITDB_ROOT_USERNAME_FILE")"; fi
if [ -z "$password" ] && [ -n "${MONGO_INITDB_ROOT_PASSWORD_FILE:-}" ]; then password="$(cat "$MONGO_INITDB_ROOT_PASSWORD_FILE")"; fi
umask 077
quoted="$(printf %s "$password" | sed "s/'/''/g")"
printf "password: '%s'\n" "$quoted" >"$work/config"
set -- "$@"
login() { if [ -n "$user" ]; then "$@" --username "$user" --authenticationDatabase admin --config "$work/config"; else "$@"; fi; }
"#;

/// Program and arguments that print the data of `recipe`; `None` for what is left out.
pub fn dump(recipe: &Recipe) -> Option<Vec<Secret>> {
    let nothing: &[&str] = &[];
    Some(match recipe {
        Recipe::Nothing => return None,
        Recipe::Postgres => shell(&postgres::dump(), nothing),
        Recipe::Mysql => shell(&mysql::dump(), nothing),
        Recipe::Redis => shell(&redis::dump(), nothing),
        Recipe::Mongo => {
            shell(&format!("{MONGO_LOGIN}login mongodump --quiet --archive\n"), nothing)
        }
        Recipe::Sqlite { file } => shell(&sqlite::dump(), &[file]),
        Recipe::Files { paths } => shell(TAR_DUMP, &relative(paths)),
        Recipe::Command { dump, .. } => dump.clone(),
    })
}

/// Program and arguments that read `bytes` of data from standard input and put them in the place of what is there.
/// `own` is the command of the manifest; `None`: there is no way back.
pub fn restore(
    format: &Format,
    bytes: u64,
    id: &str,
    own: Option<&[Secret]>,
) -> Option<Vec<Secret>> {
    let size = bytes.to_string();
    Some(match format {
        Format::Postgres => shell(&postgres::restore(), &[&size]),
        Format::Mysql => shell(&mysql::restore(), &[&size]),
        Format::Redis => shell(&redis::restore(), &[&size]),
        Format::Mongo => {
            let line = "head -c \"$1\" | login mongorestore --quiet --archive --drop\n";
            shell(&format!("{MONGO_LOGIN}{line}"), &[&size])
        }
        Format::Sqlite { file } => shell(&sqlite::restore(), &[file, &size]),
        Format::Tar { paths } => {
            let arguments = [size, id.to_owned()];
            let all: Vec<&String> = arguments.iter().chain(paths).collect();
            shell(TAR_RESTORE, &all)
        }
        Format::Plain { .. } => own?.to_vec(),
    })
}

fn shell<T: AsRef<str>>(script: &str, arguments: &[T]) -> Vec<Secret> {
    let fixed = ["sh", "-c", script, "sh"].into_iter().map(Secret::from);
    fixed.chain(arguments.iter().map(|text| Secret::from(text.as_ref()))).collect()
}

/// Paths as `tar` takes them in the root: relative, and none that looks like an option.
fn relative(paths: &[String]) -> Vec<String> {
    paths.iter().map(|path| format!("./{}", path.trim_start_matches('/'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_arguments_and_no_script_holds_a_value() {
        let paths = vec!["/a b; rm -rf /".to_owned(), "/-x".to_owned()];
        let words = dump(&Recipe::Files { paths: paths.clone() }).unwrap();
        let texts: Vec<&str> = words.iter().map(Secret::expose).collect();
        assert_eq!(texts[4..], ["./a b; rm -rf /", "./-x"]);
        assert!(!texts[2].contains("a b"));
        let back = restore(&Format::Tar { paths }, 7, "id", None).unwrap();
        let texts: Vec<&str> = back.iter().map(Secret::expose).collect();
        assert_eq!(texts[4..], ["7", "id", "/a b; rm -rf /", "/-x"]);
    }

    #[test]
    fn a_command_without_a_way_back_has_none() {
        let plain = Format::Plain { ends_with: None };
        assert_eq!(restore(&plain, 1, "id", None), None);
        let own = [Secret::from("load")];
        assert_eq!(restore(&plain, 1, "id", Some(&own)), Some(own.to_vec()));
        assert_eq!(dump(&Recipe::Nothing), None);
    }
}
