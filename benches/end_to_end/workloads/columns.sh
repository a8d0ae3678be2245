# A table of 1,000 columns: 5,000 inserts and 10,000 updates by key of three columns (10 a transaction) of 5,000 rows.
KIND=catchup
cols=$(for i in $(seq 1 333); do printf 'i%d int, t%d text, d%d timestamptz, ' $i $i $i; done)   # 999 columns
vals=$(for i in $(seq 1 333); do printf "g+%d, 'v'||(g*%d)%%10000, '2024-01-01'::timestamptz + g*interval '%d s', " $i $i $i; done)
wl_schema() { src -v rows="$(n 5000)" <<SQL
create table columns(id bigserial primary key, ${cols%, });
insert into columns select g, ${vals%, } from generate_series(1,:rows) g;
select setval('columns_id_seq', :rows);
SQL
}
wl_load() {
  cat > "$RUN_DIR/u.sql" <<'SQL'
\set b random(0, :per - 1)
update columns set i1=i1+1, t3='c'||:b, d333=clock_timestamp()
 where id = any(array(select 4*((:b + g*7919::bigint) % :per) + :client_id + 1 from generate_series(1,10) g));
SQL
  cat > "$RUN_DIR/i.sql" <<SQL
insert into columns select nextval('columns_id_seq'), ${vals%, } from generate_series(1,10) g;
SQL
  load -f "$RUN_DIR/u.sql@2" -f "$RUN_DIR/i.sql@1" -D per=$(( $(n 5000) / 4 )) -t "$(n 375)"; }
