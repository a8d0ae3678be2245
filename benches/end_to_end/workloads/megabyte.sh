# Rows of 1 MB, one a transaction: 1,000 inserts, so that rows/s are MB/s. The text does not compress, and is not tried.
KIND=catchup
wl_schema() { src <<'SQL'
create table document(id bigserial primary key, title text not null, body text not null);
alter table document alter column body set storage external;
create schema made;   -- not in the publication: what bodies are made of
create table made.leaf(body text);
alter table made.leaf alter column body set storage external;
insert into made.leaf select string_agg(md5(g::text), '') from generate_series(1, 1048576 / 32) g;
SQL
}
wl_load() { # each body is the leaf, turned: no two are the same
  cat > "$RUN_DIR/w.sql" <<'SQL'
\set at random(1, 1048576)
insert into document(title, body) select 'Title '||:at, right(body, -:at)||left(body, :at) from made.leaf;
SQL
  load -M simple -f "$RUN_DIR/w.sql" -t "$(n 250)"; }
