#!/usr/bin/env bash
# clusters.sh up|down DIR
# Two throw-away PostgreSQL clusters on 127.0.0.1 (trust auth, free ports):
#   DIR/source  wal_level=logical      DIR/target  wal_level=replica
# `up` writes DIR/env.sh (SRC_PORT, TGT_PORT, PGBIN ...), which run.sh and the
# peers read. `down` stops them (pg_ctl, by data directory) and leaves DIR.
# postgres does not run as root: as root the servers run as $BENCH_OSUSER
# (default postgres), otherwise as the caller.
set -euo pipefail
cmd=${1:?up|down}; dir=${2:?DIR}
mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
PGBIN=${PGBIN:-$(pg_config --bindir 2>/dev/null || true)}
[ -x "${PGBIN:-}/postgres" ] || PGBIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -x "$PGBIN/postgres" ] || { echo "no PostgreSQL here. It comes by:  apt-get install postgresql   (or PGBIN=DIR)" >&2; exit 1; }
os=${BENCH_OSUSER:-postgres}
as() { if [ "$(id -u)" = 0 ]; then runuser -u "$os" -- "$@"; else "$@"; fi; }

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

up_one() { # NAME PORT WAL_LEVEL
  local d=$dir/$1 preload=
  [ -s "$d/PG_VERSION" ] && { echo "$d exists" >&2; exit 1; }
  mkdir -p "$d" "$dir/sock"
  [ "$(id -u)" = 0 ] && chown "$os" "$d" "$dir/sock" && chmod 755 "$dir"
  as "$PGBIN/initdb" -D "$d" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
  # pglogical wants to be preloaded on both sides; only where it is installed.
  [ -e "$("$PGBIN/pg_config" --pkglibdir 2>/dev/null || echo "$PGBIN/../lib")/pglogical.so" ] && preload=pglogical
  cat >> "$d/postgresql.conf" <<CONF
cluster_name = 'bench_$1'
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = '$dir/sock'
max_connections = 100
shared_preload_libraries = '$preload'
# --- the same on both -------------------------------------------------
shared_buffers = 1GB
work_mem = 32MB
maintenance_work_mem = 512MB
max_wal_size = 8GB
min_wal_size = 2GB
checkpoint_timeout = 30min        # no timed checkpoint inside a run
fsync = on                        # on BOTH sides, also on the target
synchronous_commit = on           # the default; the load generator turns it off for itself
max_wal_senders = 32
max_replication_slots = 64
max_worker_processes = 24
max_logical_replication_workers = 12
wal_level = $3
wal_retrieve_retry_interval = 200ms # the launcher starts at most one worker per interval (default 5s)
autovacuum = off                  # less noise; every base state is VACUUM ANALYZEd
jit = off
log_checkpoints = on
CONF
  as "$PGBIN/pg_ctl" -D "$d" -l "$d/server.log" -w start >/dev/null
}

case $cmd in
up)
  sp=$(free_port); tp=$(free_port)
  up_one source "$sp" logical
  up_one target "$tp" "${TARGET_WAL_LEVEL:-replica}"
  cat > "$dir/env.sh" <<ENV
export PGBIN='$PGBIN' BENCH_DIR='$dir' SRC_PORT=$sp TGT_PORT=$tp
export SRC_PGDATA='$dir/source' TGT_PGDATA='$dir/target'
ENV
  echo "source 127.0.0.1:$sp target 127.0.0.1:$tp in $dir" ;;
down)
  for n in target source; do
    [ -e "$dir/$n/postmaster.pid" ] && as "$PGBIN/pg_ctl" -D "$dir/$n" -m fast -w stop >/dev/null
  done; rm -f "$dir/env.sh"; echo "stopped" ;;
*) echo "usage: $0 up|down DIR" >&2; exit 2 ;;
esac
