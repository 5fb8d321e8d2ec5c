#!/bin/sh
# backends.sh start: begins with every server that the engine's DNS knows, and becomes nginx.
# backends.sh: takes those that composelet names (on_endpoints_change), in a new configuration. Who is not named gets no new
# request, and ends what it has.
set -eu
list=/run/backends.conf
if [ "${1:-}" = start ]; then
  echo 'server web:8000;' >$list
  exec nginx -g 'daemon off;'
fi
for address in $COMPOSELET_ENDPOINTS_WEB; do
  echo "server $address:8000;"
done >$list.new
mv $list.new $list
nginx -t -q
until [ -s /run/nginx.pid ]; do sleep 0.1; done
nginx -s reload
