#!/bin/sh
# make-certificate.sh DIRECTORY: a self-signed certificate for SERVER_NAME, unless there is one that lasts another 30 days.
set -eu
cd "$1"
if [ -s privkey.pem ] && openssl x509 -in fullchain.pem -noout -checkend 2592000 >/dev/null 2>&1; then
  echo "the certificate stays"
  exit 0
fi
umask 077
openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=$SERVER_NAME" -addext "subjectAltName=DNS:$SERVER_NAME" \
  -keyout privkey.pem.new -out fullchain.pem.new 2>/dev/null
mv privkey.pem.new privkey.pem
mv fullchain.pem.new fullchain.pem
echo "made a certificate for $SERVER_NAME"
