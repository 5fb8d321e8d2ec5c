//! PostgreSQL: every database as SQL, in a form that makes it again from nothing.

/// Who asks, from the variables of the official image. The password stays in the environment.
const LOGIN: &str = r#"set -eu
PGUSER="${POSTGRES_USER:-postgres}"
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
else PGPASSWORD="${POSTGRES_PASSWORD:-${PGPASSWORD:-}}"; fi
export PGUSER PGPASSWORD
"#;

/// Roles that exist already must not stop a restore; what follows must. The role that restores keeps its password.
const DUMP: &str = r#"names="$(psql -AtXq -d template1 -c "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1")"
roles="$(pg_dumpall --roles-only -l template1)"
echo '\set ON_ERROR_STOP off'
printf '%s\n' "$roles" | sed "/^\(CREATE\|ALTER\) ROLE \"\{0,1\}$PGUSER\"\{0,1\}[ ;]/d"
echo '\set ON_ERROR_STOP on'
count=0
while IFS= read -r name; do
  [ -n "$name" ] || continue
  pg_dump --create --clean --if-exists "--dbname=dbname='$(printf %s "$name" | sed "s/[\\\\']/\\\\&/g")'"
  count=$((count + 1))
done <<END
$names
END
[ "$count" -gt 0 ] || { echo "the server has no database" >&2; exit 1; }
echo "-- composelet: whole, $count"
"#;

const RESTORE: &str = r#"psql -AtXq -d template1 -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL" >/dev/null
head -c "$1" | psql -AtXq -v ON_ERROR_STOP=1 -d template1 -f - >/dev/null
"#;

/// Line that ends each database.
pub(super) const MARK: &str = "-- PostgreSQL database dump complete";

pub(super) fn dump() -> String {
    format!("{LOGIN}{DUMP}")
}

pub(super) fn restore() -> String {
    format!("{LOGIN}{RESTORE}")
}
