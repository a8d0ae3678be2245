# TABLES tables (2,000) that share 200,000 rows: 50,000 transactions of 4 inserts into one of them and 4 updates by key of
# another, both drawn anew each time, so that whatever stretch of the stream is looked at has a few rows of each.
KIND=catchup
TABLES=${TABLES:-2000}
wl_schema() { src -v tables="$TABLES" -v rows="$(n 200000)" <<'SQL'
set synchronous_commit=off;
create sequence ids start 1000000001;
select format('create table t%s(id bigint primary key default nextval(''ids''), n int not null, name text not null, '
  'updated timestamptz not null, amount numeric(12,2) not null)', t) from generate_series(1,:tables) t \gexec
select format('insert into t%s select g, 0, ''Name ''||md5(g::text), ''2024-01-01'', 100 from generate_series(1,%s) g',
  t, greatest(4, :rows / :tables)) from generate_series(1,:tables) t \gexec
SQL
}
wl_load() { # client c owns the ids = c (mod 4), so clients never wait for each other
  cat > "$RUN_DIR/w.sql" <<'SQL'
\set a random(1, :tables)
\set b random(1, :tables)
\set r random(0, :per - 1)
begin;
insert into t:a(n,name,updated,amount) select g, 'Name '||md5(random()::text), clock_timestamp(), random()*10000 from generate_series(1,4) g;
update t:b set n = n+1, updated = clock_timestamp(), amount = amount + 1.25
 where id = any(array(select 4*((:r + g) % :per) + :client_id + 1 from generate_series(1,4) g));
commit;
SQL
  local rows; rows=$(( $(n 200000) / TABLES ))
  load -M simple -f "$RUN_DIR/w.sql" -D tables="$TABLES" -D per=$(( rows < 4 ? 1 : rows / 4 )) -t "$(n 12500)"; }
