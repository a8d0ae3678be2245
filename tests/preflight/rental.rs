//! `init` on a schema like pagila's, written anew: a film rental with domains, an enum, arrays, a search index, bytes, and
//! payments in partitions. What it proposes must be a plan after three lines were changed, and no value may show.

use std::fs;

use super::psql;
use crate::servers::{Cluster, scratch_dir};
use crate::sluice::Sluice;

majors!(init_on_a_film_rental_proposes_what_plan_accepts);

const SCHEMA: &str = "
    CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
    CREATE DOMAIN mail_address AS text CHECK (VALUE LIKE '%@%');
    CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'R');
    CREATE TABLE country (country_id int PRIMARY KEY, country text NOT NULL);
    CREATE TABLE city (city_id int PRIMARY KEY, city text NOT NULL, country_id int NOT NULL REFERENCES country);
    CREATE TABLE address (address_id int PRIMARY KEY, address text NOT NULL, district text, city_id int NOT NULL REFERENCES city,
        postal_code text, phone text NOT NULL);
    CREATE TABLE store (store_id int PRIMARY KEY, manager_staff_id int NOT NULL, address_id int NOT NULL REFERENCES address);
    CREATE TABLE staff (staff_id int PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, address_id int REFERENCES address,
        email mail_address, store_id int REFERENCES store, username text NOT NULL UNIQUE, password text, picture bytea);
    CREATE TABLE customer (customer_id int PRIMARY KEY, store_id int REFERENCES store, first_name text NOT NULL, last_name text NOT NULL,
        email text, address_id int REFERENCES address, active boolean NOT NULL DEFAULT true, birth date NOT NULL, x1 text, x2 text,
        remarks text NOT NULL, profile jsonb NOT NULL, secretly text);
    CREATE TABLE actor (actor_id int PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL);
    CREATE TABLE language (language_id int PRIMARY KEY, name char(20) NOT NULL);
    CREATE TABLE film (film_id int PRIMARY KEY, title text NOT NULL, description text, release_year year, language_id int REFERENCES language,
        rental_rate numeric(4,2) NOT NULL, length smallint, rating mpaa_rating, special_features text[], fulltext tsvector NOT NULL);
    CREATE TABLE film_actor (actor_id int REFERENCES actor, film_id int REFERENCES film, PRIMARY KEY (actor_id, film_id));
    CREATE TABLE inventory (inventory_id int PRIMARY KEY, film_id int REFERENCES film, store_id int REFERENCES store);
    CREATE TABLE rental (rental_id int PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id int REFERENCES inventory,
        customer_id int REFERENCES customer, return_date timestamptz);
    CREATE TABLE payment (payment_id int, customer_id int, amount numeric(5,2), payment_date date NOT NULL, PRIMARY KEY (payment_date, payment_id))
        PARTITION BY RANGE (payment_date);
    CREATE TABLE payment_01 PARTITION OF payment FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
    CREATE TABLE payment_02 PARTITION OF payment FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
    CREATE TABLE hidden (hidden_id int PRIMARY KEY, z1 text);
    CREATE TABLE big (big_id int PRIMARY KEY, z2 text);
    COMMENT ON COLUMN customer.x2 IS 'phone number, if known'";

/// `canary` stands in whatever is sampled.
const ROWS: &str = "
    INSERT INTO country VALUES (1, 'Norway');
    INSERT INTO city VALUES (1, 'Bergen', 1);
    INSERT INTO address SELECT g, g || ' canary Road', 'Vest', 1, lpad(g::text, 5, '0'), '4755500' || g FROM generate_series(1, 40) g;
    INSERT INTO store VALUES (1, 1, 1);
    INSERT INTO staff VALUES (1, 'Mike', 'Canary', 1, 'canary@example.org', 1, 'canary', 'canary', '\\x00');
    INSERT INTO customer SELECT g, 1, 'Mary', 'Smith', 'canary' || g || '@example.org', g, true, '1980-01-01', 'canary.' || g || '@example.net', NULL,
        'canary', '{\"a\": \"canary\"}', 'canary' FROM generate_series(1, 40) g;
    INSERT INTO actor VALUES (1, 'Penelope', 'Guiness');
    INSERT INTO language VALUES (1, 'English');
    INSERT INTO film VALUES (1, 'Academy Dinosaur', 'A documentary', 2006, 1, 0.99, 86, 'PG', '{Trailers}', to_tsvector('dinosaur'));
    INSERT INTO payment SELECT g, 1, 1.99, '2025-01-15'::date + g % 30 FROM generate_series(1, 40) g;
    INSERT INTO hidden SELECT g, 'canary' || g || '@example.org' FROM generate_series(1, 40) g;
    INSERT INTO big SELECT g, 'canary' || g || '@example.org' FROM generate_series(1, 20000) g;
    ANALYZE;
    ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
    CREATE ROLE looker LOGIN;
    GRANT USAGE ON SCHEMA public TO looker;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker;
    SET allow_system_table_mods = on;
    INSERT INTO pg_catalog.pg_seclabel SELECT 'public.customer'::regclass, 'pg_class'::regclass, attnum, 'anon',
        CASE attname WHEN 'active' THEN 'MASKED WITH VALUE false' ELSE 'NOT MASKED' END
        FROM pg_attribute WHERE attrelid = 'public.customer'::regclass AND attname IN ('active', 'secretly')";

async fn init_on_a_film_rental_proposes_what_plan_accepts(major: u32) {
    let (source, target) = (Cluster::start(major), Cluster::start(major));
    for cluster in [&source, &target] {
        cluster.client("postgres").await.batch_execute("CREATE DATABASE rental").await.expect("create a database");
        cluster.client("rental").await.batch_execute(SCHEMA).await.expect("create the schema");
    }
    source.client("rental").await.batch_execute(ROWS).await.expect("fill production");

    let sluice = Sluice::new(scratch_dir("rental"), "");
    fs::remove_file(sluice.dir.join("sluice.yaml")).expect("remove it");
    let (from, to) = (source.url_as("looker", "rental"), target.url("rental"));
    let said = sluice.ok(&["init", "--source", from.as_str(), "--target", to.as_str(), "-v"]).await;
    let yaml = fs::read_to_string(sluice.dir.join("sluice.yaml")).expect("it is written");
    let lock = fs::read_to_string(sluice.dir.join("sluice.lock")).expect("it is written");
    for text in [&yaml, &lock, &said.stdout, &said.stderr] {
        let shown = text.lines().find(|line| line.to_lowercase().contains("canary") || line.contains("Penelope"));
        assert_eq!(shown, None, "no value of a row is shown or stored");
    }

    // one line for each kind of evidence
    for (line, why) in [
        ("      email: email ", "name"),
        ("      x1: email ", "an email address (values)"),
        ("      x2: { mask: phone, keep_country: true } ", "a phone number (comment)"),
        ("      z2: email ", "a large table is sampled"),
        ("      phone: { mask: phone, keep_country: true } ", "name"),
        ("      username: username ", "unique: a mask that keeps it so"),
        ("      password: drop ", "a password"),
        ("      picture: drop ", "a picture of a person"),
        ("      fulltext: ", "a document: it may hold anything (type)"),
        ("      active: { mask: constant, value: ", "labelled so for PostgreSQL Anonymizer"),
        ("      secretly: keep ", "labelled so for PostgreSQL Anonymizer"),
        ("      birth: { mask: constant, value: ", "must have a value"),
        ("      remarks: { mask: constant, value: \"\" }", "undecided: free text"),
        ("      z1: drop ", "undecided: row security hides it"),
    ] {
        assert!(yaml.lines().any(|l| l.starts_with(line)), "{line} {why}\n{yaml}");
    }
    for line in [
        "  public.city: keep",
        "  public.country: keep",
        "  public.film_actor: keep",
        "  public.payment: keep",
        "  public.language: keep",
    ] {
        assert!(yaml.lines().any(|l| l == line), "{line}\n{yaml}");
    }
    assert!(said.stderr.contains("names and types alone decided:\n  public.hidden"), "{}", said.stderr);

    let sluice = sluice.env("SLUICE_SOURCE_URL", &source.url("rental")).env("SLUICE_TARGET_URL", &to);
    let (for_production, for_target) = said.stdout.split_once("-- TARGET").expect("two parts");
    psql(&source.client("rental").await, for_production).await;
    psql(&target.client("rental").await, &format!("-- {for_target}")).await;
    let plan = sluice.run(&["plan"]).await;
    assert_eq!(plan.code, 0, "{}{}\n{yaml}", plan.stdout, plan.stderr);
    sluice.ok(&["run", "--until-caught-up"]).await;
    let count = "SELECT (SELECT count(*) FROM customer WHERE email LIKE '%@example.com' AND x1 LIKE '%@example.com' AND remarks = ''),
        (SELECT count(*) FROM payment), (SELECT count(*) FROM big WHERE z2 LIKE '%@example.com'),
        (SELECT count(*) FROM address WHERE address LIKE '%canary%'), (SELECT count(*) FROM customer WHERE secretly = 'canary' AND NOT active)";
    let row = target.client("rental").await.query_one(count, &[]).await.expect("count");
    let counts: Vec<i64> = (0..5).map(|i| row.get(i)).collect();
    assert_eq!(counts, [40, 40, 20_000, 0, 40]);
}
