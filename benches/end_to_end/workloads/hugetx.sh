# One transaction of 10,000,000 inserts: does memory stay bounded, and is the end as fast as the beginning?
. "$BENCH_HOME/workloads/bigtx.sh"
wl_load() { src -v rows="$(n 10000000)" <<'SQL'
set synchronous_commit=off;
insert into big select g, (random()*1e6)::int, 'Name '||substr(md5(g::text),1,15), substr(md5((g+1)::text),1,13)||'@example.com',
  clock_timestamp(), (random()*10000)::numeric(12,2), g%2=0, jsonb_build_object('k',g%100) from generate_series(1,:rows) g;
SQL
}
