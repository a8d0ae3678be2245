#!/usr/bin/env bash
# make demo: two PostgreSQL servers on this machine, a replicator between them, and what becomes of it. README.md tells more.
#
#   run.sh         the demo; DEMO_SECONDS=30 is about how long it lasts once built
#   KAFKA=1 run.sh the same with a Kafka topic between, and a broker that is killed as well
#   DEMO_PROFILE=dev run.sh   with the build for debugging, where that is there already and the one for use is minutes away
#   run.sh look    starts the two servers again on what the demo left, until Ctrl-C
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=$PWD/demo-out
profile=${DEMO_PROFILE:-release}
built=${CARGO_TARGET_DIR:-$PWD/target}/${profile/#dev/debug}
export DEMO_OUT=$out DEMO_SECONDS=${DEMO_SECONDS:-30} DEMO_SQL=$PWD/deploy/demo/sql
export DEMO_SLUICE=$built/sluice DEMO_CONFIG=$out/sluice.yaml
[[ $DEMO_SECONDS =~ ^[0-9]+$ ]] && [ "$DEMO_SECONDS" -ge 5 ] || { echo "DEMO_SECONDS is a whole number, 5 at least" >&2; exit 2; }

# Servers refuse to run as root: there they get another account, and a place that it can enter.
as=()
if [ "$(id -u)" = 0 ]; then
  account=postgres; id "$account" >/dev/null 2>&1 || account=nobody
  as=(setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups)
fi
data=$out/data

pids=()
cleanup() {
  trap '' INT TERM HUP
  [ -z "${broker:-}" ] || kill -TERM "$broker" 2>/dev/null || true
  for pid in "${pids[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do :; done
  echo "$port"
}

# serve NAME BIN PORT: a server on the data directory of that name
serve() {
  "${as[@]}" "$2/bin/postgres" -D "$data/$1" -k "" -p "$3" -c listen_addresses=127.0.0.1 -c wal_level=logical -c fsync=off \
    -c max_slot_wal_keep_size=4GB -c shared_buffers=128MB -c max_wal_size=2GB -c log_min_messages=fatal >>"$out/$1.log" 2>&1 &
  pids+=($!)
  for _ in {1..300}; do
    grep -qs '^ready' "$data/$1/postmaster.pid" && return
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "demo: FAILED: the $1 server does not start:" >&2; tail -5 "$out/$1.log" >&2; exit 1
}

# make NAME BIN: an empty cluster
make_cluster() {
  "${as[@]}" "$2/bin/initdb" -U postgres -A trust -E UTF8 --locale=C --no-sync -D "$data/$1" >"$out/$1.log" 2>&1 ||
    { echo "demo: FAILED: initdb for $1:" >&2; tail -5 "$out/$1.log" >&2; exit 1; }
}

start_both() {
  local p s
  p=$(free_port); s=$(free_port)
  while [ "$s" = "$p" ]; do s=$(free_port); done
  serve production "$old" "$p"; serve staging "$new" "$s"
  # the key of a demo is no secret: with a fixed one every run masks alike
  cat >"$out/env" <<END
export SLUICE_SOURCE_URL='postgres://postgres@127.0.0.1:$p/postgres'
export SLUICE_TARGET_URL='postgres://postgres@127.0.0.1:$s/postgres'
export SLUICE_MASK_KEY='dGhpcyBkZW1vIGtleSBpcyBubyBzZWNyZXQgYXQgYWxs'
END
  . "$out/env"
}

# As the servers see it: a link inside a directory that their account cannot enter is no way in.
[ ! -e "$data" ] || data=$(readlink -f "$data")
old=$(tests/testbed/servers.sh pg 15); new=$(tests/testbed/servers.sh pg 18)
for name in production staging; do
  if pid=$(head -1 "$data/$name/postmaster.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null; then
    echo "demo: the servers of an earlier one still run (pid $pid, $data/$name): end it first" >&2; exit 1
  fi
done

if [ "${1:-}" = look ]; then
  [ -d "$data/staging" ] || { echo "there is nothing to look at yet: make demo" >&2; exit 1; }
  start_both
  cat <<END
production  psql '$SLUICE_SOURCE_URL'
staging     psql '$SLUICE_TARGET_URL'
sluice      . demo-out/env; $built/sluice -c demo-out/sluice.yaml run
Both servers run until you press Ctrl-C.
END
  wait
  exit
fi

cargo build --profile "$profile" --bin sluice --bin demo
rm -rf "$data" "$out"
data=$out/data
mkdir -p "$out"
cp deploy/demo/sluice.yaml "$out"   # its lock will lie beside it
if [ "${#as[@]}" = 0 ]; then
  mkdir "$data"
else
  if "${as[@]}" test -x "$out"; then mkdir "$data"; else ln -s "$(mktemp -d /var/tmp/sluice-demo.XXXXXX)" "$data"; fi
  data=$(readlink -f "$data")
  chown "$account" "$data"
fi
make_cluster production "$old" & pids+=($!)
make_cluster staging "$new"
wait "${pids[0]}"
start_both
if [ -n "${KAFKA:-}" ]; then
  k=$(free_port)
  deploy/demo/broker.sh "$out/kafka" "$k" & broker=$!
  printf '\nbuffer:\n  kafka: { brokers: "127.0.0.1:%s", topic: sluice.agency }\n' "$k" >>"$out/sluice.yaml"
  for _ in {1..600}; do [ ! -e "$out/kafka/ready" ] || break; kill -0 "$broker" 2>/dev/null || break; sleep 0.1; done
  [ -e "$out/kafka/ready" ] || { echo "demo: FAILED: the broker does not start:" >&2; tail -5 "$out/kafka/log" >&2; exit 1; }
  export DEMO_BROKER=$out/kafka/pid
fi
"$built/demo" &
pids+=($!)
wait $! && done=0 || done=$?
[ "$done" != 0 ] || cat <<END

All of it is in demo-out: raw.txt, staging.dump/, sluice.log, the databases. deploy/demo/run.sh look starts the two servers again.
END
exit "$done"
