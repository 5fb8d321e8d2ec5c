//! MySQL and MariaDB: every database but those of the server itself as SQL, at one point of time.

/// Who asks, from the variables of the official images. The password stays in the environment.
const LOGIN: &str = r#"set -eu
value() {
  eval "value=\"\${$1:-}\" file=\"\${${1}_FILE:-}\""
  if [ -z "$value" ] && [ -n "$file" ]; then value="$(cat "$file")"; fi
  printf %s "$value"
}
user=root
MYSQL_PWD="$(value MYSQL_ROOT_PASSWORD)"
[ -n "$MYSQL_PWD" ] || MYSQL_PWD="$(value MARIADB_ROOT_PASSWORD)"
if [ -z "$MYSQL_PWD" ] && [ -z "${MYSQL_ALLOW_EMPTY_PASSWORD:-}${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}" ]; then
  user="$(value MYSQL_USER)" MYSQL_PWD="$(value MYSQL_PASSWORD)"
  [ -n "$user" ] || { user="$(value MARIADB_USER)"; MYSQL_PWD="$(value MARIADB_PASSWORD)"; }
fi
export MYSQL_PWD
client="$(command -v mariadb || command -v mysql)"
"#;

const DUMP: &str = r#"dump="$(command -v mariadb-dump || command -v mysqldump)"
all="$("$client" -u"$user" -N -B -e 'SHOW DATABASES')"
names="$(printf '%s\n' "$all" | grep -v -x -E 'information_schema|performance_schema|mysql|sys')" \
  || { echo "the server has no database that $user may see" >&2; exit 1; }
more=
if "$dump" --help 2>/dev/null | grep -q -- --set-gtid-purged; then more=--set-gtid-purged=OFF; fi
count="$(printf '%s\n' "$names" | wc -l)"
IFS='
'
set -f
"$dump" -u"$user" --single-transaction --quick --routines --events --triggers --hex-blob \
  --default-character-set=utf8mb4 $more --add-drop-database --databases $names
echo "-- composelet: whole, 1 ($count databases)"
"#;

const RESTORE: &str = r#"head -c "$1" | "$client" -u"$user" --default-character-set=utf8mb4
"#;

/// What the script says of a server in which nothing is left.
pub const NO_DATABASE: &str = "the server has no database";

/// Line that ends the dump.
pub(super) const MARK: &str = "-- Dump completed";

pub(super) fn dump() -> String {
    format!("{LOGIN}{DUMP}")
}

pub(super) fn restore() -> String {
    format!("{LOGIN}{RESTORE}")
}
