#!/usr/bin/env bash
# run.sh PEER... -- WORKLOAD...      e.g. run.sh native pglogical recvlogical -- insert mixed
# run.sh report FILE...              the table of earlier runs (results.jsonl)
# Uses the clusters of $BENCH_DIR; without BENCH_DIR makes its own in a mktemp
# directory and removes them afterwards. Knobs: REPEAT=3 SCALE=1 RUN_TIMEOUT=180
# LAT_SECS=60 LAT_RATES="200 1000" LAT_REPEAT=1 LAT_GRACE=30 RESULTS=file
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" = report ]; then BENCH_DIR=. PGBIN=. SRC_PORT=0 TGT_PORT=0 exec python3 "$here/bench.py" "$@"; fi
command -v python3 >/dev/null || { echo "missing: python3. It comes by:  apt-get install python3" >&2; exit 1; }
case " $* " in *" -- "*) ;; *) sed -n 2,6p "$0"; exit 2;; esac
if [ -z "${BENCH_DIR:-}" ]; then   # own clusters, removed at the end; the results stay
  BENCH_DIR=$(mktemp -d); export RESULTS=${RESULTS:-$(mktemp --suffix=.jsonl)}
  trap '"$here/clusters.sh" down "$BENCH_DIR"; rm -rf "$BENCH_DIR"; echo "results: $RESULTS"' EXIT
  "$here/clusters.sh" up "$BENCH_DIR"
elif [ ! -e "$BENCH_DIR/env.sh" ]; then echo "no clusters in $BENCH_DIR: run clusters.sh up first" >&2; exit 2
fi
. "$BENCH_DIR/env.sh"
export PATH=$PATH:$PGBIN
for tool in psql pg_dump pgbench; do   # the servers that the tests fetch come without them
  command -v $tool >/dev/null || { echo "missing: $tool. It comes by:  apt-get install postgresql   (or PGBIN=DIR)" >&2; exit 1; }; done
python3 "$here/bench.py" "$@"
