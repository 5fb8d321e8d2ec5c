#!/bin/bash
# Behaves like the entry point of mysql:8.0.
#
# First boot: initialises the data directory, runs a temporary server that listens on the socket only, creates
# the accounts, runs /docker-entrypoint-initdb.d/*, stops that server and then execs the real one on port 3306.
# So `mysqladmin ping` over the socket succeeds once too early, which is what a controller must see through.
# As there, a first boot that is cut short leaves a data directory that is never initialised again.
#
# Environment: MYSQL_ROOT_PASSWORD (or MYSQL_ALLOW_EMPTY_PASSWORD), MYSQL_ROOT_HOST, MYSQL_DATABASE, MYSQL_USER,
# MYSQL_PASSWORD; each also as NAME_FILE. Passwords never become arguments of a process.
set -euo pipefail

readonly datadir=/var/lib/mysql
readonly socket=/run/mysqld/mysqld.sock
server_pid=

note() { printf '%s [Note] [Entrypoint]: %s\n' "$(date -u +%FT%TZ)" "$*"; }
fail() { printf '%s [ERROR] [Entrypoint]: %s\n' "$(date -u +%FT%TZ)" "$*" >&2; exit 1; }

# Takes the value of NAME from the file NAME_FILE, as for secrets.
from_file() {
  local name=$1 file_name=${1}_FILE
  [ -n "${!file_name:-}" ] || return 0
  [ -z "${!name:-}" ] || fail "both $name and $file_name are set"
  export "$name=$(<"${!file_name}")"
}

# A string as an SQL literal.
literal() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

# The client on the socket as root; the password travels in the environment of the client alone.
client() { MYSQL_PWD=${client_password:-} mysql --protocol=socket --socket="$socket" -uroot "$@"; }

stop_temporary_server() {
  [ -n "$server_pid" ] || return 0
  kill "$server_pid" 2>/dev/null || true
  wait "$server_pid" || true
  server_pid=
}

start_temporary_server() {
  mysqld --skip-networking --socket="$socket" "$@" &
  server_pid=$!
  local tries=0
  until client -e 'SELECT 1' >/dev/null 2>&1; do
    kill -0 "$server_pid" 2>/dev/null || fail "the temporary server ended; its messages stand above"
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || fail "the temporary server does not answer"
    sleep 0.1
  done
}

create_accounts() {
  local root_password=${MYSQL_ROOT_PASSWORD:-} root_host=${MYSQL_ROOT_HOST:-%}
  client <<SQL
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');
DROP DATABASE IF EXISTS test;
FLUSH PRIVILEGES;
ALTER USER root@localhost IDENTIFIED BY $(literal "$root_password");
CREATE USER IF NOT EXISTS root@$(literal "$root_host") IDENTIFIED BY $(literal "$root_password");
GRANT ALL ON *.* TO root@$(literal "$root_host") WITH GRANT OPTION;
SQL
  client_password=$root_password
  if [ -n "${MYSQL_DATABASE:-}" ]; then
    note "Creating database $MYSQL_DATABASE"
    client <<<"CREATE DATABASE IF NOT EXISTS \`${MYSQL_DATABASE//\`/\`\`}\`;"
  fi
  if [ -n "${MYSQL_USER:-}" ] && [ -n "${MYSQL_PASSWORD:-}" ]; then
    note "Creating user $MYSQL_USER"
    client <<<"CREATE USER $(literal "$MYSQL_USER")@'%' IDENTIFIED BY $(literal "$MYSQL_PASSWORD");"
    if [ -n "${MYSQL_DATABASE:-}" ]; then
      client <<<"GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO $(literal "$MYSQL_USER")@'%';"
    fi
  fi
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) note "running $file"; bash "$file" ;;
      *.sql) note "running $file"; client ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} <"$file" ;;
      *.sql.gz) note "running $file"; gunzip -c "$file" | client ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} ;;
      '/docker-entrypoint-initdb.d/*') ;;
      *) note "ignoring $file" ;;
    esac
  done
}

first_boot() {
  if [ -z "${MYSQL_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    fail "Database is uninitialized and password option is not specified: set MYSQL_ROOT_PASSWORD"
  fi
  [ "${MYSQL_USER:-}" != root ] || fail "MYSQL_USER=root: the root account has MYSQL_ROOT_PASSWORD"
  # A server that is still starting may miss a TERM; what is cut short here is lost anyway.
  trap '[ -z "$server_pid" ] || kill -KILL "$server_pid"; exit 143' TERM INT
  note "Initializing database files"
  mysql_install_db --datadir="$datadir" --auth-root-authentication-method=normal --skip-test-db --cross-bootstrap >/dev/null
  note "Starting temporary server"
  start_temporary_server "$@"
  create_accounts
  run_init_files
  note "Stopping temporary server"
  stop_temporary_server
  trap - TERM INT
  note "MySQL init process done. Ready for start up."
}

case ${1:-} in -*) set -- mysqld "$@" ;; esac
if [ "${1:-}" = mysqld ]; then
  if [ "$(id -u)" = 0 ]; then
    find "$datadir" /run/mysqld ! -user mysql -exec chown mysql:mysql {} +
    exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
  fi
  shift
  options=()
  for option in "$@"; do
    case $option in
      # Options of MySQL 8 that files in the field carry and MariaDB does not know.
      --default-authentication-plugin=* | --authentication-policy=* | --mysqlx=* | --skip-mysqlx) ;;
      *) options+=("$option") ;;
    esac
  done
  for name in ROOT_PASSWORD ROOT_HOST DATABASE USER PASSWORD; do from_file "MYSQL_$name"; done
  [ -d "$datadir/mysql" ] || first_boot "${options[@]}"
  set -- mysqld "${options[@]}"
fi
exec "$@"
