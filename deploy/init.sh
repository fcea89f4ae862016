#!/bin/sh
# Makes the organisation and every secret, once, and hands each service what it alone may read. What is there already
# stays as it is, so it may run at each start; what is about to expire is signed anew.
#   BULLA_HOME   the folder of the organisation's owner
#   SERVICES     a folder with one folder for each service, each a volume that no other service has
#   ORGANISATION, VAULT_URL, RESPONDER_URL
set -eu
umask 077

if [ ! -e "$BULLA_HOME/profile.json" ] && [ -e "$SERVICES/responder/pin" ]; then
  echo 'init: the keys of the organisation are kept elsewhere, and every service has its own: nothing to do' >&2
  exit 0
fi

bulla init --production --org "$ORGANISATION" --vault-url "$VAULT_URL" --responder-url "$RESPONDER_URL"

# A file by temporary file and rename. $1 mode, $2 path; its text from standard input.
put() {
  cat >"$2.new"
  chmod "$1" "$2.new"
  mv "$2.new" "$2"
}

# The password called $1, made of 24 random bytes the first time; its characters need no escape in a URL or in SQL.
password() {
  file="$BULLA_HOME/passwords/$1"
  [ -s "$file" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | put 600 "$file"
  cat "$file"
}

mkdir -p "$BULLA_HOME/passwords"
postgres=$(password postgres)
redis=$(password redis)

for service in vault responder; do
  database=$(password "$service-database")
  # What sets the folder of marks up comes with the key that it was made for, once, and lies nowhere else afterwards: a folder
  # that was lost is not set up again, so the service does not take it for one that signed nothing.
  setup="$BULLA_HOME/audit/$service/log.json"
  if [ -e "$setup" ]; then
    mkdir -p "$SERVICES/$service-marks/audit-marks"
    put 600 "$SERVICES/$service-marks/audit-marks/log.json" <"$setup"
    rm "$setup"
  fi
  # A file that came into the place of the service's later, as for new keys, is newer than the copy here: it stays.
  own="$BULLA_HOME/services/$service.keys.json"
  if [ ! -e "$SERVICES/$service/keys.json" ] || [ "$own" -nt "$SERVICES/$service/keys.json" ]; then
    put 600 "$SERVICES/$service/keys.json" <"$own"
  fi
  echo "postgresql://$service:$database@postgres:5432/$service" | put 600 "$SERVICES/$service/database.url"
  echo "redis://:$redis@redis:6379" | put 600 "$SERVICES/$service/redis.url"
  # One role and one database each: neither service can look into the other's.
  echo "CREATE ROLE $service LOGIN PASSWORD '$database';"
  echo "CREATE DATABASE $service OWNER $service;"
  echo "REVOKE CONNECT ON DATABASE $service FROM PUBLIC;"
done | put 644 "$SERVICES/postgres/services.sql"
put 600 "$SERVICES/vault/bootstrap.secret" <"$BULLA_HOME/bootstrap.secret"
# What is managed opens with this key alone: it lies where no backup of the database comes, and is never made a second time.
if [ ! -e "$SERVICES/vault/root.key" ]; then
  [ -e "$BULLA_HOME/vault-root.key" ] || bulla keys generate --root "$BULLA_HOME/vault-root.key"
  put 600 "$SERVICES/vault/root.key" <"$BULLA_HOME/vault-root.key"
fi

# The renewer has a home of its own. Its keys are handed over each time, as there may be newer ones; what it remembers once,
# and kept nowhere else: memory that it has lost is given back by a person alone (bulla trust renew --adopt).
renew="$SERVICES/renew"
if [ -e "$BULLA_HOME/services/renewer.keys.json" ]; then
  mkdir -p "$renew/services"
  put 600 "$renew/profile.json" <"$BULLA_HOME/profile.json"
  put 600 "$renew/services/renewer.keys.json" <"$BULLA_HOME/services/renewer.keys.json"
  memory=services/renewer.trust.json
  if [ -e "$BULLA_HOME/$memory" ]; then
    [ -e "$renew/$memory" ] || put 600 "$renew/$memory" <"$BULLA_HOME/$memory"
    rm "$BULLA_HOME/$memory"
  fi
fi

# PostgreSQL and Redis run as users of their own: nobody else has the volumes that these lie in.
echo "$postgres" | put 644 "$SERVICES/postgres/password"
echo "$redis" | put 644 "$SERVICES/redis/password"
echo "requirepass $redis" | put 644 "$SERVICES/redis/redis.conf"

# Last, since it says that all the rest is there.
bulla trust pin | put 600 "$SERVICES/responder/pin"
