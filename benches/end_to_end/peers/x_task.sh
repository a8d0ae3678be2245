SLUICE_BIN=/tmp/sl_task
# sluice, this repository's release build (SLUICE_BIN for another). One pipeline `bench`, every table kept as it is.
# Catch-up and latency start from a copy of the base slot, like every other peer: sluice makes its own slot and copies
# the tables first, so `adopt` (untimed) tells it that this slot is its own and that the tables are done at the slot's
# position. The snapshot is the ordinary `run --until-caught-up`: slot, publication, copy, stream.
SLOT=sluice_bench
tables()  { echo '  "public.*": keep'; }      # sluice_masked.sh: the masks
config()  { cat > "$RUN_DIR/sluice.yaml" <<YAML
pipeline: bench
source: {url: "$SRC_URI?sslmode=disable"}
target: {url: "$TGT_URI?sslmode=disable"}
masking: {key: "YmVuY2htYXJrcyBvbmx5LCB0aGlydHktdHdvIGJ5dGU="}
limits: {max_slot_wal_keep_size: ignore}
tables:
$(tables)
YAML
}
verb()    { "$SLUICE_BIN" "$@" -c "$RUN_DIR/sluice.yaml" >>"$RUN_DIR/peer.log" 2>&1 || { tail -c 600 "$RUN_DIR/peer.log" >&2; return 1; }; }
setup()   { base_slot pgoutput; }
prepare() { config; [ "$RUN_KIND" = snapshot ] && return; run_slot; verb adopt --slot "$SLOT" --publication "$PUB"; }
start()   { spawn "$SLUICE_BIN" run -c "$RUN_DIR/sluice.yaml"; }
snapshot() { spawn "$SLUICE_BIN" run --until-caught-up -c "$RUN_DIR/sluice.yaml"; while alive; do sleep 0.02; done; }
stop()    { reap; drop_slot; src -c "drop publication if exists sluice_bench, sluice_bench_inserts" 2>/dev/null; }
