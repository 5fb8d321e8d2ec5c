#!/bin/sh
# A single server migrates its database first; replicas leave that to a job (MIGRATE_ON_START=no).
set -eu
case ${1:-} in
  gunicorn | flask) [ "${MIGRATE_ON_START:-yes}" = no ] || alembic upgrade head ;;
esac
exec "$@"
