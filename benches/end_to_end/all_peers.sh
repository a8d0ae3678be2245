#!/usr/bin/env bash
# all_peers.sh     one run of every workload with every peer of the field, on clusters of its own: the first table of benches/README.md
# Wants what run.sh wants, and the peers: apt-get install postgresql-15-pglogical pgcopydb; Java 17 and Maven for Debezium (its jars come
# by themselves, 125 files). Some 25 minutes on two cores at SCALE=0.5. RESULTS=file keeps what was measured.
set -euo pipefail
cd "$(dirname "$0")"
SCALE=${SCALE:-0.5} REPEAT=${REPEAT:-1} RUN_TIMEOUT=${RUN_TIMEOUT:-100} RESULTS=${RESULTS:-$(mktemp --suffix=.jsonl)}
BENCH_DIR=$(mktemp -d) DBZ_LIB=${DBZ_LIB:-$BENCH_DIR/dbzlib}
export SCALE REPEAT RUN_TIMEOUT RESULTS BENCH_DIR DBZ_LIB
trap './clusters.sh down "$BENCH_DIR"; rm -rf "$BENCH_DIR"; echo "results: $RESULTS"' EXIT
[ -d "$DBZ_LIB" ] || mvn -q -f peers/debezium/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$DBZ_LIB"
./clusters.sh up "$BENCH_DIR"
./run.sh native pglogical recv_lazy sluice sluice_masked debezium -- insert oltp update mixed bigtx wide
# it streams at 5,000 rows a second and less: one workload shows it, and six would take an hour
./run.sh pgcopydb -- update
SCALE=$(python3 -c "print($SCALE * 0.6)") ./run.sh native copy pgcopydb sluice sluice_masked -- snapshot
LAT_SECS=${LAT_SECS:-12} LAT_REPEAT=${LAT_REPEAT:-3} ./run.sh native sluice -- latency
./run.sh report "$RESULTS"
