#!/usr/bin/env bash
# Installs, builds and starts the shop on loopback with private servers and data, plays one scenario against it, stops everything.
#
#   ./run.sh            the smoke scenario
#   ./run.sh provoke    makes the planted problems happen and shows what they leave behind
#   ./run.sh measure    prints latency and processor time of one request at a time
#   ./run.sh stay       keeps the shop running until Ctrl-C
#
# Needs Node.js 20, PostgreSQL, Redis, RabbitMQ and nginx (Debian: apt-get install postgresql redis-server rabbitmq-server nginx-light);
# none of them has to be running, and those that are running are left alone.
set -euo pipefail
cd "$(dirname "$0")"

mode=${1:-smoke}
case $mode in smoke | provoke | measure | stay) ;; *)
  echo "run.sh: '$mode' is none of smoke, provoke, measure, stay" >&2
  exit 2
  ;;
esac

postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
PATH="$PATH:/usr/sbin:/sbin:$postgres_bin"
rabbitmq_server=/usr/lib/rabbitmq/bin/rabbitmq-server # the one in /usr/sbin insists on the user rabbitmq
[ -x "$rabbitmq_server" ] || rabbitmq_server=$(command -v rabbitmq-server || true)

missing=()
for tool in node npm psql initdb redis-server epmd nginx; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[ -n "$rabbitmq_server" ] || missing+=(rabbitmq-server)
if [ ${#missing[@]} -gt 0 ]; then
  echo "run.sh: not found: ${missing[*]}" >&2
  echo "On Debian: apt-get install nodejs npm postgresql redis-server rabbitmq-server nginx-light" >&2
  exit 3
fi

state=$(mktemp -d "${TMPDIR:-/tmp}/shop.XXXXXX")
logs=$state/logs
mkdir "$logs"
chmod 711 "$state"
pids=()

stop() {
  status=$?
  trap - EXIT INT TERM
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "${pids[i]}" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "${pids[i]}" 2>/dev/null || true
  done
  if [ "$status" -eq 0 ] || [ "$status" -eq 130 ]; then rm -rf "$state"; else echo "run.sh: failed; the logs are in $logs" >&2; fi
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

# start NAME COMMAND...: runs a server in the background, its output in a log of its own
start() {
  local name=$1
  shift
  "$@" >"$logs/$name.log" 2>&1 &
  pids+=($!)
  echo "$name $!" >>"$state/pids"
}

# ready NAME PORT: waits until the server listens, for at most a minute
ready() {
  for _ in $(seq 300); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return; fi
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.2
  done
  echo "run.sh: $1 does not listen on port $2; the end of its log:" >&2
  tail -20 "$logs/$1.log" >&2
  exit 1
}

if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  echo "installing the packages"
  npm ci --no-audit --no-fund --loglevel=error
fi
echo "building the services"
npm run --silent build

read -r postgres redis rabbitmq epmd dist gateway catalogue cart orders payment inventory providers < <(node scripts/free-ports.mjs 12)

echo "starting PostgreSQL, Redis and RabbitMQ"
as_postgres=()
mkdir "$state/postgres" "$state/redis" "$state/rabbitmq" "$state/nginx"
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses to run as root
  as_postgres=(runuser -u postgres --)
  chown postgres "$state/postgres"
fi
"${as_postgres[@]}" "$(command -v initdb)" -D "$state/postgres/data" -U shop --auth=trust -E UTF8 --no-sync >"$logs/initdb.log"
start postgres "${as_postgres[@]}" "$(command -v postgres)" -D "$state/postgres/data" -p "$postgres" -h 127.0.0.1 -k "$state/postgres"
start redis redis-server --port "$redis" --bind 127.0.0.1 --dir "$state/redis" \
  --save "" --appendonly no --maxmemory 64mb --maxmemory-policy allkeys-lru
ready redis "$redis"

cat >"$state/rabbitmq/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$rabbitmq
default_user = shop
default_pass = shop
CONF
touch "$state/rabbitmq/enabled_plugins"
export ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1
start epmd epmd
start rabbitmq env HOME="$state/rabbitmq" RABBITMQ_NODENAME="shop@localhost" RABBITMQ_DIST_PORT="$dist" \
  RABBITMQ_CONFIG_FILE="$state/rabbitmq/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$state/rabbitmq/enabled_plugins" \
  RABBITMQ_MNESIA_BASE="$state/rabbitmq" RABBITMQ_LOG_BASE="$state/rabbitmq" RABBITMQ_PID_FILE="$state/rabbitmq/pid" \
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" "$rabbitmq_server"
ready rabbitmq "$rabbitmq"

database=postgres://shop:shop@127.0.0.1:$postgres
until pg_isready -q -d "$database/postgres"; do sleep 0.1; done
psql -q -d "$database/postgres" -c 'CREATE DATABASE shop'
cat sql/*.sql | psql -q -v ON_ERROR_STOP=1 -d "$database/shop" >"$logs/schema.log"

echo "starting the services"
set -a
# shellcheck source=/dev/null
. env/common.env && . env/payment.env
set +a
export RABBITMQ_URL=amqp://shop:shop@127.0.0.1:$rabbitmq
url=http://127.0.0.1
start providers env PORT="$providers" CARD_DELAY_MS="${CARD_DELAY_MS:-120}" node services/providers
start catalogue env PORT="$catalogue" DATABASE_URL="$database/catalogue" REDIS_URL="redis://127.0.0.1:$redis/0" node services/catalogue
start cart env PORT="$cart" REDIS_URL="redis://127.0.0.1:$redis/1" node services/cart
start payment env PORT="$payment" DATABASE_URL="$database/payment" CARD_GATEWAY_URL="$url:$providers" node services/payment
start inventory env PORT="$inventory" DATABASE_URL="$database/shop" node services/inventory
start notifications env DATABASE_URL="$database/shop" MAIL_API_URL="$url:$providers" node services/notifications
start orders env PORT="$orders" DATABASE_URL="$database/shop" CATALOGUE_URL="$url:$catalogue" CART_URL="$url:$cart" \
  PAYMENT_URL="$url:$payment" INVENTORY_URL="$url:$inventory" node services/orders
for service in providers catalogue cart payment inventory orders; do ready "$service" "${!service}"; done

sed -e "s|\${GATEWAY_LISTEN}|127.0.0.1:$gateway|" -e "s|\${CATALOGUE_ADDR}|127.0.0.1:$catalogue|" -e "s|\${CART_ADDR}|127.0.0.1:$cart|" \
  -e "s|\${ORDERS_ADDR}|127.0.0.1:$orders|" -e "s|\${INVENTORY_ADDR}|127.0.0.1:$inventory|" \
  gateway/shop.conf.template >"$state/nginx/shop.conf"
cat >"$state/nginx/nginx.conf" <<CONF
daemon off;
pid $state/nginx/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $state/nginx/body;
  proxy_temp_path $state/nginx/proxy;
  fastcgi_temp_path $state/nginx/fastcgi;
  uwsgi_temp_path $state/nginx/uwsgi;
  scgi_temp_path $state/nginx/scgi;
  include $state/nginx/shop.conf;
}
CONF
start gateway nginx -p "$state/nginx" -e stderr -c "$state/nginx/nginx.conf"
ready gateway "$gateway"

export GATEWAY_URL=$url:$gateway PROVIDERS_URL=$url:$providers DATABASE_URL=$database REDIS_PORT=$redis SERVICE_PIDS=$state/pids
export CATALOGUE_URL=$url:$catalogue CART_URL=$url:$cart ORDERS_URL=$url:$orders PAYMENT_URL=$url:$payment INVENTORY_URL=$url:$inventory
if [ "$mode" = stay ]; then
  echo "the shop is at $GATEWAY_URL/api/products; PostgreSQL at $DATABASE_URL; logs in $logs; Ctrl-C stops it"
  while sleep 3600; do :; done
fi
node "scripts/$mode.mjs"
