#!/bin/sh
# Renders /etc/nginx/templates/*.template into conf.d with the environment, then becomes the server.
set -eu

if [ "${1:-}" = nginx ] && [ -d /etc/nginx/templates ]; then
  names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p')
  for template in /etc/nginx/templates/*.template; do
    [ -f "$template" ] || continue
    envsubst "$names" <"$template" >"/etc/nginx/conf.d/$(basename "$template" .template)"
  done
fi
exec "$@"
