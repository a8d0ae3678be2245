# lib.sh - sourced by bench.py in front of every workload and peer script.
# Environment: see README.md ("Environment of a peer").
set -euo pipefail
P=(-h 127.0.0.1 -U postgres)
src()    { psql "${P[@]}" -p "$SRC_PORT" -d bench -XqAt -v ON_ERROR_STOP=1 "$@"; }
tgt()    { psql "${P[@]}" -p "$TGT_PORT" -d bench -XqAt -v ON_ERROR_STOP=1 "$@"; }
# Rows of a workload, scaled: n 2000000 -> 2000000 * $SCALE
n()      { python3 -c 'import os,sys; print(max(1,int(int(sys.argv[1])*float(os.environ.get("SCALE","1")))))' "$1"; }
# Backlog generation: pgbench against the source, 4 clients, no commit wait.
load()   { PGOPTIONS='-c synchronous_commit=off' "$PGBIN/pgbench" "${P[@]}" -p "$SRC_PORT" -n -c 4 -j 1 -M prepared "$@" bench >"$RUN_DIR/load.log" 2>&1 || { cat "$RUN_DIR/load.log" >&2; return 1; }; }

# restart_target: for peers that live inside the target server.
restart_target() { local a=(); [ "$(id -u)" = 0 ] && a=(runuser -u "$(stat -c %U "$TGT_PGDATA")" --)
  "${a[@]}" "$PGBIN/pg_ctl" -D "$TGT_PGDATA" -l "$TGT_PGDATA/server.log" -m fast -w restart >/dev/null; }

# --- slots -----------------------------------------------------------------
# One backlog serves every peer and every repeat: a peer's base slot is created
# before the backlog is written and each run works on a *copy* of it.
base_slot() { src -c "select pg_create_logical_replication_slot('$BASE_SLOT','$1')" >/dev/null; }
run_slot()  { src -c "select pg_copy_logical_replication_slot('$BASE_SLOT','${1:-$SLOT}')" >/dev/null; }
slot_lsn()  { src -c "select confirmed_flush_lsn from pg_replication_slots where slot_name='${1:-$SLOT}'"; }
drop_slot() { # waits for the walsender to let go of it, at most 20 s
  local s=${1:-$SLOT} i
  for i in $(seq 200); do
    src -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name='$s' and not active" >/dev/null 2>&1 || true
    [ "$(src -c "select count(*) from pg_replication_slots where slot_name='$s'")" = 0 ] && return 0
    [ "$i" = 50 ] && src -c "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name='$s' and active" >/dev/null
    sleep 0.1
  done; echo "slot $s is still in use" >&2; return 1; }

# --- external replicators ---------------------------------------------------
# spawn CMD...: start in the background, log to $RUN_DIR/peer.log, put the pid in
# $RUN_DIR/pids; bench.py counts the CPU and RSS of these pids and all descendants.
spawn()  { setsid "$@" >>"$RUN_DIR/peer.log" 2>&1 </dev/null & echo $! >>"$RUN_DIR/pids"; }
# reap: stop what spawn started (by pid, with its process group) and wait.
reap()   { local p i; [ -e "$RUN_DIR/pids" ] || return 0
  for p in $(cat "$RUN_DIR/pids"); do
    kill -TERM -- "-$p" 2>/dev/null || continue
    for i in $(seq 100); do kill -0 -- "-$p" 2>/dev/null || break; sleep 0.1; done
    kill -KILL -- "-$p" 2>/dev/null || true
  done; rm -f "$RUN_DIR/pids"; }
# alive: is any of them running? (a zombie that init has not reaped is not)
alive()  { local p s; for p in $(cat "$RUN_DIR/pids"); do
    s=$(cat "/proc/$p/stat" 2>/dev/null) || continue; s=${s##*) }; [ "${s%% *}" = Z ] || return 0; done; return 1; }

# --- a server that is far away -------------------------------------------------
# far PORT: a port behind which that one is, 5 ms there and back (DELAY=0.0025 each way). What the wire itself costs is nobody's CPU
# in the table, but it is the machine's.
far()    { rm -f "$RUN_DIR/far.port"; setsid python3 "$BENCH_HOME/distance.py" "$1" "$RUN_DIR/far.port" >>"$RUN_DIR/far.log" 2>&1 </dev/null & echo $! >"$RUN_DIR/far.pid"
  until [ -s "$RUN_DIR/far.port" ]; do sleep 0.01; done; cat "$RUN_DIR/far.port"; }
near()   { [ ! -e "$RUN_DIR/far.pid" ] || kill "$(cat "$RUN_DIR/far.pid")" 2>/dev/null || true; rm -f "$RUN_DIR/far.pid"; }

# Defaults; a peer overrides what it needs.
KINDS="catchup snapshot latency"   # which kinds of workload the peer takes part in
REPL_TITLE=                        # regex: target-side processes that ARE the replicator
CHECK=1                            # 0: no state comparison (it writes nothing)
setup()    { :; }
prepare()  { :; }
start()    { echo "start not defined" >&2; return 1; }
wait_done() { return 99; }         # 99 = "poll the sentinel row for me"
stop()     { reap; drop_slot; }
teardown() { drop_slot "$BASE_SLOT"; }

# --- masked peers -------------------------------------------------------------
# With masks whole rows differ by design (CHECK=0, the table shows "-"): what can be compared is compared in stop().
# masked: the text columns that a masked peer masks, "table:column,... ..." of each workload
masked() { case ${WORKLOAD%%_*} in
  insert)       echo narrow:name,email ;;
  update)       echo acct:name,email ;;
  oltp|latency) echo pgbench_accounts:filler ;;
  mixed)        echo customer:email,phone payment:iban review:body ;;
  wide)         echo wide:t1,t2,t3,t4 ;;
  bigtx|hugetx) echo big:name,email ;;
  tables)       seq -f 't%.0f:name' "${TABLES:-2000}" ;;
  tables10)     seq -f 't%.0f:name' 10 ;;
  columns)      echo columns:t1,t2,t333 ;;
  megabyte)     echo document:title ;;
  snapshot)     echo narrow:name,email wide:t1,t2,t3,t4 ;;
  esac; }
masked_of() { local tc; for tc in $(masked); do [ "${tc%%:*}" != "$1" ] || echo "${tc#*:}"; done; }
# unmasked_state src|tgt: count and checksum of every table without its masked columns
unmasked_state() { local t q=; for t in $("$1" -c "select tablename from pg_tables where schemaname='public' and tablename <> 'bench_lat' order by 1"); do
    q="${q}select '$t', count(*), coalesce(sum(hashtextextended((to_jsonb(x) - '{$(masked_of "$t")}'::text[])::text,0)::numeric),0) from $t x;"; done; "$1" -c "$q"; }
# masked_values src|tgt: a checksum of each masked column that holds more than blanks (pgbench pads with nothing else,
# and a mask leaves what is empty empty)
masked_values() { local tc c q=; for tc in $(masked); do for c in $(tr , ' ' <<<"${tc#*:}"); do
    q="${q}select '${tc%%:*}.$c', sum(hashtextextended($c::text,0)::numeric) from ${tc%%:*} having count(*) filter (where btrim($c::text) <> '') > 0;"; done; done; "$1" -c "$q"; }
# compare_masked: equal outside the masks, and nothing left as it was inside them
compare_masked() { local same
  diff <(unmasked_state src) <(unmasked_state tgt) >"$RUN_DIR/state.diff" || { echo "DIFF outside the masks: $(head -c 200 "$RUN_DIR/state.diff")" >&2; return 1; }
  same=$(comm -12 <(masked_values src | sort) <(masked_values tgt | sort)); [ -z "$same" ] || { echo "NOT MASKED: $same" >&2; return 1; }; }
