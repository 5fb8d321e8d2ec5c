#!/bin/bash
# Behaves like the entry point of postgres:15.
#
# First boot: initdb, then a temporary server that listens on its socket only, the database, everything in
# /docker-entrypoint-initdb.d, that server is stopped, and the real one is exec'd on port 5432. So `pg_isready` over the
# socket succeeds once too early. A first boot that is cut short after initdb is never repeated, as there.
#
# Environment: POSTGRES_PASSWORD (mandatory unless POSTGRES_HOST_AUTH_METHOD=trust), POSTGRES_USER, POSTGRES_DB,
# POSTGRES_INITDB_ARGS; the first three also as NAME_FILE. Passwords never become arguments of a process.
set -euo pipefail

note() { printf '%s [entrypoint] %s\n' "$(date -u +%FT%TZ)" "$*"; }
fail() { printf '%s [entrypoint] Error: %s\n' "$(date -u +%FT%TZ)" "$*" >&2; exit 1; }

# Takes the value of NAME from the file NAME_FILE, as for secrets.
from_file() {
  local name=$1 file_name=${1}_FILE
  [ -n "${!file_name:-}" ] || return 0
  [ -z "${!name:-}" ] || fail "both $name and $file_name are set"
  export "$name=$(<"${!file_name}")"
}

# The client on the socket, as the superuser.
client() { PGHOST= PGPASSWORD="$POSTGRES_PASSWORD" psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" "$@"; }

initialise() {
  local auth=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$auth" != trust ]; then
    fail "Database is uninitialized and superuser password is not specified: set POSTGRES_PASSWORD to a non-empty value"
  fi
  # initdb takes the password from a file; this one is a pipe that no other process can open.
  # shellcheck disable=SC2086 # the arguments are meant to be split
  initdb --username="$POSTGRES_USER" ${POSTGRES_PASSWORD:+--pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")} \
    ${POSTGRES_INITDB_ARGS:-} >/dev/null
  printf '\nhost all all all %s\n' "$auth" >>"$PGDATA/pg_hba.conf"
}

create_database() {
  [ "$POSTGRES_DB" = postgres ] && return
  client --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) note "running $file"; bash "$file" ;;
      *.sql) note "running $file"; client --dbname "$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) note "running $file"; gunzip -c "$file" | client --dbname "$POSTGRES_DB" ;;
      '/docker-entrypoint-initdb.d/*') ;;
      *) note "ignoring $file" ;;
    esac
  done
}

first_boot() {
  initialise
  note "starting the temporary server"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start >/dev/null
  create_database
  run_init_files
  pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
  note "PostgreSQL init process complete; ready for start up."
}

case ${1:-} in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
  fi
  for name in USER PASSWORD DB; do from_file "POSTGRES_$name"; done
  export POSTGRES_USER=${POSTGRES_USER:-postgres} POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-}
  export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
  [ -s "$PGDATA/PG_VERSION" ] || first_boot
  unset POSTGRES_PASSWORD
  shift
  # initdb leaves the server on loopback; the official image listens everywhere.
  set -- postgres -c listen_addresses='*' "$@"
fi
exec "$@"
