#!/bin/sh
# The web server migrates, creates the administrator and collects static files first; workers start as they are.
set -eu
if [ "${1:-}" = gunicorn ]; then
  trap 'exit 143' TERM INT
  python manage.py migrate --noinput
  python manage.py ensure_admin
  python manage.py collectstatic --noinput --verbosity 1
  trap - TERM INT
fi
exec "$@"
