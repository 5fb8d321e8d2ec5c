#!/bin/bash
# Dumps the database every BACKUP_EVERY_SECONDS and keeps the last BACKUP_KEEP dumps. `check`: is there one, and is it
# young enough? PGHOST, PGDATABASE, PGUSER and PGPASSWORD say which database.
set -euo pipefail
cd /backups

newest() { find . -name '*.dump' -printf '%T@ %p\n' | sort -rn | head -n 1 | cut -d' ' -f2-; }

if [ "${1:-}" = check ]; then
  last=$(newest)
  [ -n "$last" ] || { echo "no backup yet"; exit 1; }
  age=$(($(date +%s) - $(stat -c %Y "$last")))
  [ "$age" -le $((2 * BACKUP_EVERY_SECONDS)) ] || { echo "the last backup is $age s old"; exit 1; }
  echo "$last is $age s old"
  exit 0
fi

trap 'exit 0' TERM INT
rm -f ./*.new
while true; do
  name=$PGDATABASE-$(date -u +%Y%m%dT%H%M%SZ).dump
  # Written aside and read back: what has the final name is whole.
  if pg_dump --format=custom --file="$name.new" && pg_restore --list "$name.new" >/dev/null; then
    mv "$name.new" "$name"
    echo "wrote $name"
    find . -name '*.dump' -printf '%T@ %p\n' | sort -rn | tail -n +$((BACKUP_KEEP + 1)) | cut -d' ' -f2- | xargs -r rm -f --
  else
    echo "the backup failed" >&2
  fi
  sleep "$BACKUP_EVERY_SECONDS" &
  wait $!
done
