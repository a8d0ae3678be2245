//! Foreign keys between masked keys hold on the target: proved by the target's own VALIDATE.

use crate::shapes::Flow;
use crate::shapes::flow::number;

majors!(masked_keys_stay_joined, two_ends_that_do_not_fit);

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
