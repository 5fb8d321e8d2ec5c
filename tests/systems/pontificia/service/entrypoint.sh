#!/bin/sh
# Waits for the database, migrates, creates the administrator, collects static files; then the server takes over.
set -eu
mkdir -p "$PROMETHEUS_MULTIPROC_DIR"
rm -f "$PROMETHEUS_MULTIPROC_DIR"/*.db
if [ "${1:-}" = gunicorn ]; then
  # In the background: a shell that waits hears TERM, one with a child in front of it does not.
  trap 'kill "$child" 2>/dev/null; exit 143' TERM INT
  python manage.py prepare &
  child=$!
  wait "$child"
  trap - TERM INT
fi
exec "$@"
