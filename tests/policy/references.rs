//! Foreign keys between masked keys hold on the target: proved by the target's own VALIDATE.

use crate::shapes::Flow;
use crate::shapes::flow::{number, text};

majors!(masked_keys_stay_joined, two_ends_that_do_not_fit, keys_that_are_masked_in_part, two_that_differ_in_case);

const SCHEMA: &str = "
    CREATE TABLE customers (mail text PRIMARY KEY, referrer text REFERENCES customers, full_name text);
    CREATE TABLE cabins (ship int, code text, PRIMARY KEY (ship, code));
    CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL REFERENCES customers ON UPDATE CASCADE ON DELETE CASCADE, UNIQUE (id, customer));
    CREATE TABLE notes (id int PRIMARY KEY, order_id int, customer text, ship int, cabin text,
        FOREIGN KEY (order_id, customer) REFERENCES orders (id, customer) ON UPDATE CASCADE ON DELETE CASCADE,
        FOREIGN KEY (ship, cabin) REFERENCES cabins) PARTITION BY RANGE (id);
    CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM (0) TO (50);
    CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM (50) TO (1000);
";

const ROWS: &str = "
    INSERT INTO customers SELECT 'raw' || g || '@example.org', CASE WHEN g > 1 THEN 'raw' || g - 1 || '@example.org' END, 'n' FROM generate_series(1, 100) g;
    INSERT INTO cabins SELECT g % 3, 'raw' || g FROM generate_series(1, 100) g;
    INSERT INTO orders SELECT g, 'raw' || g || '@example.org' FROM generate_series(1, 100) g;
    INSERT INTO notes SELECT g, g, 'raw' || g || '@example.org', g % 3, 'raw' || g FROM generate_series(1, 100) g;
";

const CHANGES: &str = "
    UPDATE customers SET referrer = NULL WHERE referrer IN ('raw7@example.org', 'raw8@example.org');
    UPDATE customers SET mail = 'raw-' || mail WHERE mail IN ('raw7@example.org', 'raw8@example.org');
    UPDATE customers SET referrer = NULL WHERE referrer = 'raw50@example.org';
    DELETE FROM customers WHERE mail = 'raw50@example.org';
    INSERT INTO customers VALUES ('raw101@example.org', 'raw100@example.org', 'n');
    INSERT INTO orders VALUES (101, 'raw101@example.org');
    INSERT INTO notes VALUES (101, 101, 'raw101@example.org', NULL, NULL);
    UPDATE notes SET ship = 0, cabin = 'raw3' WHERE id = 101;
";

/// Makes each foreign key anew: the server reads every row.
const VALIDATE: &str = "DO $$ DECLARE f record; BEGIN
    FOR f IN SELECT conrelid::regclass AS t, conname, pg_get_constraintdef(oid) AS def FROM pg_constraint
        WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'public'::regnamespace ORDER BY conname LOOP
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I; ALTER TABLE %1$s ADD CONSTRAINT %2$I %3$s', f.t, f.conname, f.def);
    END LOOP; END $$";

async fn masked_keys_stay_joined(major: u32) {
    let yaml = "tables: { \"public.*\": keep, public.customers: { columns: { mail: email } }, public.cabins: { columns: { code: hash } } }";
    let flow = Flow::with(major, "referring", yaml).await;
    flow.both(SCHEMA).await;
    flow.source(ROWS).await;
    for changes in ["", CHANGES] {
        flow.source(changes).await;
        flow.catch_up().await;
        flow.target(VALIDATE).await;
        for table in ["customers", "cabins", "orders", "notes"] {
            let rows = format!("SELECT count(*) FROM {table}");
            assert_eq!(number(&flow.s, &rows).await, number(&flow.t, &rows).await, "{table}");
            let raw = format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%raw%'");
            assert_eq!(number(&flow.t, &raw).await, 0, "{table}");
        }
        let joined = "SELECT count(*) FROM notes JOIN orders ON (orders.id, orders.customer) = (order_id, notes.customer)
            JOIN customers ON mail = orders.customer LEFT JOIN cabins ON (cabins.ship, code) = (notes.ship, cabin) WHERE code IS NOT NULL OR cabin IS NULL";
        assert_eq!(number(&flow.s, joined).await, number(&flow.t, joined).await);
        assert!(number(&flow.t, joined).await > 90);
    }
    assert_eq!(flow.divergences().await, 0);
}

async fn two_ends_that_do_not_fit(major: u32) {
    let yaml = "tables: { \"public.*\": keep, public.customers: { columns: { mail: email } }, public.orders: { columns: { customer: hash } } }";
    let flow = Flow::with(major, "referring_odd", yaml).await;
    flow.both(SCHEMA).await;
    let refused = flow.sluice.run(&["run", "--until-caught-up"]).await;
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let told = "tables.public.orders.columns.customer: public.orders.customer is hash, and refers by orders_customer_fkey to public.customers.mail, which is email";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
}

const KEYS: &str = "
    CREATE TABLE logins (id int PRIMARY KEY, mail text, nick text);
    CREATE UNIQUE INDEX ON logins (lower(mail));
    CREATE TABLE berths (ship int, code text, note text, PRIMARY KEY (ship, code));
";

/// Rows are found, moved and deleted by a key of which one half is masked; and what is unique whatever its case stays so.
async fn keys_that_are_masked_in_part(major: u32) {
    let yaml = "tables: { public.logins: { columns: { mail: email, nick: username } }, public.berths: { columns: { code: hash } } }";
    let flow = Flow::with(major, "referring_half", yaml).await;
    flow.both("CREATE EXTENSION citext").await;
    flow.both(KEYS).await;
    flow.both("ALTER TABLE logins ALTER nick TYPE citext, ADD UNIQUE (nick)").await;
    flow.source(
        "INSERT INTO logins SELECT g, 'Raw' || g || '@X.org', 'RawNick' || g FROM generate_series(1, 50) g;
         INSERT INTO berths SELECT g % 3, 'raw' || g, 'n' FROM generate_series(1, 60) g",
    )
    .await;
    let same = "SELECT string_agg(concat_ws(' ', ship, note, count), ', ' ORDER BY ship, note) FROM (SELECT ship, note, count(*) FROM berths GROUP BY 1, 2) n";
    let folded =
        "SELECT string_agg(mail || nick::text, ' ' ORDER BY id % 100) FROM logins WHERE id % 100 < 10 OR id % 100 = 20";
    let mut before = None;
    for changes in [
        "SELECT 1",
        "UPDATE berths SET note = 'kept half' WHERE ship = 1; DELETE FROM berths WHERE code LIKE '%7'",
        "UPDATE berths SET ship = 9 WHERE code = 'raw1'; UPDATE berths SET code = 'rawer' || code WHERE code LIKE '%2'; UPDATE berths SET ship = 8, code = 'raw!' WHERE code = 'raw3'",
        // the same value in another case, in one statement and by a swap
        "UPDATE logins SET mail = upper(mail), nick = upper(nick::text) WHERE id < 10; DELETE FROM logins WHERE id = 20;
         INSERT INTO logins VALUES (120, 'RAW20@x.ORG', 'RAWNICK20'); DELETE FROM logins WHERE nick = 'rawnick30'",
    ] {
        flow.source(changes).await;
        flow.catch_up().await;
        assert_eq!(text(&flow.s, same).await, text(&flow.t, same).await, "after {changes}");
        let keys = "SELECT (SELECT count(DISTINCT lower(mail)) + count(DISTINCT nick) FROM logins) + (SELECT count(DISTINCT (ship, code)) FROM berths)";
        assert_eq!(number(&flow.s, keys).await, number(&flow.t, keys).await, "after {changes}");
        assert_eq!(flow.divergences().await, 0, "after {changes}");
        let now = text(&flow.t, folded).await;
        assert_eq!(*before.get_or_insert(now.clone()), now, "in any case the same, after {changes}");
    }
    let raw = "SELECT (SELECT count(*) FROM logins l WHERE l::text ILIKE '%raw%') + (SELECT count(*) FROM berths b WHERE b::text ILIKE '%raw%')";
    assert_eq!(number(&flow.t, raw).await, 0);
}

/// A unique column in which production keeps apart what a mask takes for one: said, by a copy and in the stream, and not
/// tried for ever.
async fn two_that_differ_in_case(major: u32) {
    let yaml = "tables: { public.logins: { columns: { mail: email, nick: drop } } }";
    let flow = Flow::with(major, "referring_case", yaml).await;
    flow.both("CREATE TABLE logins (id int PRIMARY KEY, mail text UNIQUE, nick text)").await;
    flow.source("INSERT INTO logins VALUES (1, 'jane@x.org', 'n'), (3, 'ann@x.org', 'n')").await;
    flow.catch_up().await;
    flow.source("INSERT INTO logins VALUES (2, 'Jane@x.org', 'n')").await;
    let stopped = ["run", "--until-caught-up", "--exit-on-stop"];
    let out = flow.sluice.run(&stopped).await;
    assert_eq!(out.code, 6, "{}", out.stderr);
    let told = "public.logins: two rows of production have one value in \"mail\" on staging, and only one of them can be there\nhint: production keeps apart what is one on staging";
    assert!(out.stderr.contains(told), "{}", out.stderr);
    assert!(flow.divergences().await < 6, "not for ever");

    flow.sluice.ok(&["resync", "logins"]).await;
    let out = flow.sluice.run(&stopped).await;
    assert_eq!(out.code, 6, "{}", out.stderr);
    assert!(out.stderr.contains("23505 unique_violation schema \"public\" table \"logins\" constraint \"logins_mail_key\"\nhint: production keeps apart"), "{}", out.stderr);
    flow.target("ALTER TABLE logins DROP CONSTRAINT logins_mail_key").await;
    flow.catch_up().await;
    assert_eq!(number(&flow.t, "SELECT count(*) FROM logins WHERE mail LIKE '%@example.com'").await, 3);
}
