#!/bin/sh
# Runs `redis-server` as user redis; any other command as it stands.
# Options or a configuration file alone mean `redis-server`, as in the official image.
set -eu

case ${1:-} in
  -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ]; then
  if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis {} +
    exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
  fi
  umask 0077
  shift
  # Debian's server refuses clients from other hosts while it has no password; the official image does not.
  # A configuration file must stay the first argument; a single `--version` and the like must stay alone.
  case ${1:-} in
    --version | -v | --help | -h | --test-memory | --check-system) set -- redis-server "$@" ;;
    '' | -*) set -- redis-server --protected-mode no "$@" ;;
    *) file=$1; shift; set -- redis-server "$file" --protected-mode no "$@" ;;
  esac
fi
exec "$@"
