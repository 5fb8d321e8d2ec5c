//! Redis and Valkey: a snapshot that was made for this backup, and one that is taken over by a server that runs.

/// Whom to ask, and with which password: a variable, or an option of the server. It stays in the environment of one command.
const LOGIN: &str = r#"set -eu
password="${REDIS_PASSWORD:-${REDISCLI_AUTH:-${VALKEY_PASSWORD:-}}}"
if [ -z "$password" ] && [ -n "${REDIS_PASSWORD_FILE:-}" ]; then password="$(cat "$REDIS_PASSWORD_FILE")"; fi
if [ -z "$password" ]; then
  password="$(tr '\0' '\n' </proc/1/cmdline 2>/dev/null | sed -n '/^--requirepass$/{n;p;q;}')" || true
fi
unset REDISCLI_AUTH
tool="$(command -v redis-cli || command -v valkey-cli)"
cli() {
  if [ -n "$password" ]; then REDISCLI_AUTH="$password" "$tool" "$@"; else "$tool" "$@"; fi
}
info() { tr -d '\r' | sed -n "s/^$1://p"; }
answer="$(cli PING 2>&1)" || true
[ "$answer" = PONG ] || { echo "the server does not answer: $answer" >&2; exit 1; }
"#;

/// The time of the last save counts seconds: a save in the same second as the one before would not be seen.
const DUMP: &str = r#"while [ "$(cli INFO persistence | info rdb_bgsave_in_progress)" != 0 ]; do sleep 1; done
while [ "$(cli TIME | head -n 1)" -le "$(cli LASTSAVE)" ]; do sleep 1; done
before="$(cli LASTSAVE)"
tries=0
until answer="$(cli BGSAVE)" && case "$answer" in Background*) true ;; *) false ;; esac; do
  tries=$((tries + 1))
  [ "$tries" -lt 120 ] || { echo "BGSAVE: $answer" >&2; exit 1; }
  sleep 1
done
while :; do
  state="$(cli INFO persistence)"
  if [ "$(printf '%s\n' "$state" | info rdb_bgsave_in_progress)" = 0 ]; then
    status="$(printf '%s\n' "$state" | info rdb_last_bgsave_status)"
    [ "$status" = ok ] || { echo "the save ended with $status" >&2; exit 1; }
    [ "$(cli LASTSAVE)" = "$before" ] || break
  fi
  sleep 0.2 2>/dev/null || sleep 1
done
directory="$(cli CONFIG GET dir | sed -n 2p)" name="$(cli CONFIG GET dbfilename | sed -n 2p)"
cat "$directory/$name"
"#;

/// A server with an append-only file ignores a snapshot at its start. So a second server loads the snapshot, the first one
/// becomes its replica for a moment, which rewrites the append-only file too, and the number of keys is compared.
const RESTORE: &str = r#"work="$(mktemp -d)"
server="$(command -v redis-server || command -v valkey-server)"
port=16399
new() { "$tool" -p "$port" "$@"; }
keys() { tr -d '\r' | sed -n 's/^db[0-9]*:keys=\([0-9]*\),.*/\1/p' | { sum=0; while read -r n; do sum=$((sum + n)); done; echo "$sum"; }; }
end() { cli REPLICAOF NO ONE >/dev/null 2>&1 || true; new SHUTDOWN NOSAVE >/dev/null 2>&1 || true; rm -rf "$work"; }
trap end EXIT
head -c "$1" >"$work/dump.rdb"
[ "$(wc -c <"$work/dump.rdb")" -eq "$1" ] || { echo "the snapshot did not arrive whole" >&2; exit 1; }
"$server" --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" --dbfilename dump.rdb --daemonize yes --logfile "$work/log" >/dev/null
tries=0
until [ "$(new PING 2>/dev/null)" = PONG ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || { tail -n 3 "$work/log" >&2; exit 1; }
  sleep 1
done
wanted="$(new INFO keyspace | keys)"
[ "$(cli REPLICAOF 127.0.0.1 "$port")" = OK ] || { echo "the server does not take REPLICAOF" >&2; exit 1; }
tries=0
until [ "$(cli INFO replication | info master_link_status)" = up ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || { echo "the snapshot was not taken over" >&2; exit 1; }
  sleep 1
done
found="$(cli INFO keyspace | keys)"
[ "$found" = "$wanted" ] || { echo "$found keys after the restore, $wanted in the snapshot" >&2; exit 1; }
cli REPLICAOF NO ONE >/dev/null
tries=0
while state="$(cli INFO persistence)" \
  && [ "$(printf '%s\n' "$state" | info aof_rewrite_in_progress)$(printf '%s\n' "$state" | info aof_rewrite_scheduled)$(printf '%s\n' "$state" | info rdb_bgsave_in_progress)" != 000 ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || { echo "the append-only file is not rewritten" >&2; exit 1; }
  sleep 1
done
[ "$(cli INFO persistence | info aof_last_bgrewrite_status)" = ok ] || { echo "the append-only file could not be rewritten" >&2; exit 1; }
answer="$(cli SAVE)"
[ "$answer" = OK ] || { echo "SAVE: $answer" >&2; exit 1; }
echo "$found keys" >&2
"#;

pub(super) fn dump() -> String {
    format!("{LOGIN}{DUMP}")
}

pub(super) fn restore() -> String {
    format!("{LOGIN}{RESTORE}")
}
