#!/bin/sh
# Waits for the database, migrates, creates the administrator, collects static files; then the server takes over.
set -eu
mkdir -p "$PROMETHEUS_MULTIPROC_DIR"
rm -f "$PROMETHEUS_MULTIPROC_DIR"/*.db
if [ "${1:-}" = gunicorn ]; then
  trap 'exit 143' TERM INT
  python manage.py prepare
  trap - TERM INT
fi
exec "$@"
