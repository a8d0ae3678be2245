#!/usr/bin/env bash
# kafka.sh WORKLOAD...     e.g. SCALE=0.5 kafka.sh insert mixed wide
# What a topic between costs: the same backlog read by a reader that discards everything (recv_lazy), captured into a real broker on this machine,
# masked, and applied from there. One run each, in turn; seconds, and CPU seconds of each process. Uses the clusters of $BENCH_DIR, or its own.
# DEBEZIUM=1: Debezium's source connector reads the same backlog, too, into the same broker, which is then the one of peers/debezium
# (its worker is up and warm before the clock; the end is when its slot has been confirmed, to half a second).
# "nothing": the same with no change to read, which is what it takes to begin.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BENCH_HOME=$here SCALE=${SCALE:-1}
SLUICE_BIN=${SLUICE_BIN:-${CARGO_TARGET_DIR:-$root/target}/release/sluice}
own=
if [ -z "${BENCH_DIR:-}" ]; then BENCH_DIR=$(mktemp -d); own=1; "$here/clusters.sh" up "$BENCH_DIR"; fi
export BENCH_DIR
RUN_DIR=$(mktemp -d); export RUN_DIR
broker=
finish() {
  [ -z "$broker" ] || kill -TERM "$broker" 2>/dev/null || true
  [ -z "${DEBEZIUM:-}" ] || "$here/peers/debezium/up.sh" down "$DBZ"
  [ -z "$own" ] || { "$here/clusters.sh" down "$BENCH_DIR"; rm -rf "$BENCH_DIR"; }
  rm -rf "$RUN_DIR"; }
trap finish EXIT
. "$BENCH_DIR/env.sh"
export PATH=$PATH:$PGBIN
. "$here/lib.sh"
RUN_KIND=catchup
. "$here/peers/sluice_masked.sh"
mkdir -p "$RUN_DIR/kafka"
if [ -n "${DEBEZIUM:-}" ]; then
  DBZ=$RUN_DIR/debezium
  "$here/peers/debezium/up.sh" up "$DBZ"
  . "$DBZ/env.sh"
  port=${KAFKA##*:} data=$DBZ/kafka
  echo "$BROKER_PID" >"$RUN_DIR/kafka/pid"
else
  port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])') data=$RUN_DIR/kafka/data
  "$root/deploy/demo/broker.sh" "$RUN_DIR/kafka" "$port" & broker=$!
  until [ -e "$RUN_DIR/kafka/ready" ]; do kill -0 "$broker"; sleep 0.1; done
fi

ticks() { awk '{print ($14+$15)/100}' "/proc/$1/stat"; }
now()   { date +%s.%N; }
# timed NAME CMD...: wall and CPU seconds, and what the broker has used meanwhile
timed() { local name=$1 from b; shift; b=$(ticks "$(cat "$RUN_DIR/kafka/pid")"); from=$(now)
  /usr/bin/env python3 - "$@" >"$RUN_DIR/cpu" <<'PY'
import os, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=open(os.environ["RUN_DIR"] + "/peer.log", "a"))
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{use.ru_utime + use.ru_stime:.1f} {use.ru_maxrss // 1024}")
sys.exit(done.returncode)
PY
  awk -v w="$WORKLOAD" -v n="$name" -v a="$from" -v b="$(now)" -v cpu="$(cut -d' ' -f1 "$RUN_DIR/cpu")" -v rss="$(cut -d' ' -f2 "$RUN_DIR/cpu")" \
    -v k="$b" -v l="$(ticks "$(cat "$RUN_DIR/kafka/pid")")" 'BEGIN {printf "%-8s %-10s %6.1f s   %5.1f s of CPU, RSS %s MB, the broker %.1f s\n", w, n, b-a, cpu, rss, l-k}'; }

# captured LSN: by Debezium, from its slot on
captured() {
  local name=dbz_$WORKLOAD
  curl -sf -X POST -H 'Content-Type: application/json' "$REST/connectors" -d '{"name":"'"$name"'","config":{
    "connector.class":"io.debezium.connector.postgresql.PostgresConnector","plugin.name":"pgoutput",
    "database.hostname":"127.0.0.1","database.port":"'"$SRC_PORT"'","database.user":"postgres","database.password":"x","database.dbname":"bench",
    "topic.prefix":"'"$name"'","slot.name":"debezium","publication.name":"bench_pub","publication.autocreate.mode":"disabled",
    "snapshot.mode":"no_data","max.batch.size":"16384","max.queue.size":"65536","poll.interval.ms":"10",
    "transforms":"u","transforms.u.type":"io.debezium.transforms.ExtractNewRecordState","transforms.u.delete.tombstone.handling.mode":"tombstone",
    "producer.override.compression.type":"lz4","producer.override.batch.size":"524288","producer.override.linger.ms":"5",
    "producer.override.buffer.memory":"134217728","producer.override.max.request.size":"16000000"}}' >/dev/null
  until [ "$(src -c "select confirmed_flush_lsn >= '$1' from pg_replication_slots where slot_name='debezium'")" = t ]; do sleep 0.25; done; }
debezium() { local b=$(ticks "$BROKER_PID") c=$(ticks "$CONNECT_PID") from=$(now)
  captured "$1"
  awk -v w="$WORKLOAD" -v a="$from" -v b="$(now)" -v c="$c" -v d="$(ticks "$CONNECT_PID")" -v k="$b" -v l="$(ticks "$BROKER_PID")" -v rss="$(awk '/VmHWM/ {print int($2/1024)}' "/proc/$CONNECT_PID/status")" \
    'BEGIN {printf "%-8s %-10s %6.1f s   %5.1f s of CPU, RSS %s MB, the broker %.1f s\n", w, "debezium", b-a, d-c, rss, l-k}'
  curl -sf -X DELETE "$REST/connectors/dbz_$WORKLOAD" >/dev/null
  until src -c "select pg_drop_replication_slot('debezium')" >/dev/null 2>&1; do sleep 0.2; done; }

for WORKLOAD in "$@"; do
  export WORKLOAD
  . "$here/workloads/$WORKLOAD.sh"
  for port_of in "$SRC_PORT" "$TGT_PORT"; do
    psql "${P[@]}" -p "$port_of" -d postgres -Xq -c 'drop database if exists bench with (force)' -c 'create database bench'; done
  wl_schema
  src -c 'create table bench_sentinel(n int primary key)'
  pg_dump "${P[@]}" -p "$SRC_PORT" --schema-only bench | tgt >/dev/null
  SRC_URI=postgres://postgres@127.0.0.1:$SRC_PORT/bench TGT_URI=postgres://postgres@127.0.0.1:$TGT_PORT/bench
  config
  printf 'buffer: { kafka: { brokers: "127.0.0.1:%s", topic: bench_%s } }\n' "$port" "$WORKLOAD" >>"$RUN_DIR/sluice.yaml"
  sluice() { "$SLUICE_BIN" "$@" -c "$RUN_DIR/sluice.yaml"; }
  sluice run --until-caught-up 2>>"$RUN_DIR/peer.log" >/dev/null
  src -c "create publication bench_pub for all tables" >/dev/null
  src -c "select pg_copy_logical_replication_slot('sluice_bench', 'discards')" >/dev/null
  [ -z "${DEBEZIUM:-}" ] || src -c "select pg_copy_logical_replication_slot('sluice_bench', 'debezium')" >/dev/null
  timed nothing "$SLUICE_BIN" capture --until-caught-up -c "$RUN_DIR/sluice.yaml"
  wl_load
  end=$(src -c 'select pg_current_wal_lsn()')
  src -c 'insert into bench_sentinel values (1)'
  timed discards python3 "$here/peers/recv_lazy.py" "$SRC_PORT" bench discards bench_pub
  timed capture "$SLUICE_BIN" capture --until-caught-up -c "$RUN_DIR/sluice.yaml"
  timed apply "$SLUICE_BIN" apply --until-caught-up -c "$RUN_DIR/sluice.yaml"
  [ -z "${DEBEZIUM:-}" ] || debezium "$end"
  du -sk "$data/bench_$WORKLOAD-0" | awk -v w="$WORKLOAD" '{printf "%-8s %-10s %6.0f MB\n", w, "topic", $1/1024}'
  src -c "select pg_drop_replication_slot('discards')" >/dev/null
  sluice destroy --yes >>"$RUN_DIR/peer.log" 2>&1
done
