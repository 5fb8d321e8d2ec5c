#!/bin/sh
# Whom nginx passes requests to.
#
# backends.sh start: whoever the engine's DNS knows, asked again and again; then becomes nginx.
# backends.sh: those that composelet names (on_endpoints_change), with their weights. Who is not named gets no new request, and
# ends what it has.
set -eu
file=/run/backends.conf
if [ "${1:-}" = start ]; then
  echo 'resolver 127.0.0.11 valid=2s ipv6=off; map $host $backend { default web:8000; }' >$file
  exec nginx -g 'daemon off;'
fi
{
  echo 'upstream backend {'
  for one in $COMPOSELET_WEIGHTS_WEB; do
    echo "  server ${one%=*}:8000 weight=${one#*=};"
  done
  echo '}'
  echo 'map $host $backend { default backend; }'
} >$file.new
mv $file.new $file
nginx -t -q
until [ -s /run/nginx.pid ]; do sleep 0.1; done
nginx -s reload
