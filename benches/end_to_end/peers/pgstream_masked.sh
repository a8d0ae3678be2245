# pgstream with deterministic masks on narrow text columns. The whole-row state differs by design, so the
# harness shows "-"; stop() compares what can be compared (compare_masked in lib.sh).
. "$BENCH_HOME/peers/pgstream.sh"
CHECK=0
masks() { local tc c; printf 'modifiers:\n  transformations:\n    validation_mode: relaxed\n    table_transformers:\n'
  for tc in $(masked); do printf '      - schema: public\n        table: %s\n        column_transformers:\n' "${tc%%:*}"
    for c in $(tr , ' ' <<<"${tc#*:}"); do
      printf '          %s: {name: greenmask_string, parameters: {generator: deterministic, min_length: 20, max_length: 20}}\n' "$c"; done; done; }
stop()    { reap; local rc=0
  [ "$RUN_KIND" = latency ] || compare_masked || rc=1
  [ "$RUN_KIND" = snapshot ] || drop_slot; return $rc; }
