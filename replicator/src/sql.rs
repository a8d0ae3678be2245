//! The SQL that `init` prints: two roles that may do what sluice does, and nothing else.
//!
//! Pure: nothing here is run by us. Who runs it is said in each part, for a managed server has no superuser.

use std::fmt::Write;

use wire::{quote_ident, quote_literal};

/// Schema and name, unquoted.
pub type TableName = (String, String);

/// What production's part is made for.
#[derive(Clone, Copy, Debug)]
pub struct Production<'a> {
    /// Names slot and publications.
    pub pipeline: &'a str,
    /// The role to be made.
    pub role: &'a str,
    /// The database.
    pub database: &'a str,
    /// What it says that it is.
    pub environment: &'a str,
    /// Replicated tables whose rows have an identity.
    pub tables: &'a [TableName],
    /// Replicated tables whose rows have none: only their inserts can be published without hurting production.
    pub without_identity: &'a [TableName],
    /// The sequences that their columns draw from.
    pub sequences: &'a [TableName],
}

/// What the target's part is made for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The role to be made.
    pub role: &'a str,
    /// The database.
    pub database: &'a str,
    /// The tables that are written, and no others.
    pub tables: &'a [TableName],
    /// The sequences behind their columns, and no others.
    pub sequences: &'a [TableName],
    /// Tables of the target's own whose rows refer to theirs, with the columns that do.
    pub referring: &'a [(TableName, Vec<String>)],
}

/// On production: a role that reads, and publications that no statement of production can trip over.
pub fn production(p: &Production<'_>) -> String {
    let role = quote_ident(p.role);
    let all: Vec<TableName> = p.tables.iter().chain(p.without_identity).cloned().collect();
    let mut out = format!(
        "\
-- PRODUCTION, in the database {database}. As a superuser; on a managed server as its administrator.
-- The role reads the tables below and the stream of their changes. It can write nothing.
CREATE ROLE {role} LOGIN REPLICATION;
-- Amazon RDS and Aurora: CREATE ROLE {role} LOGIN; GRANT rds_replication TO {role};
-- Then set its password in psql, so that it stands in no log: \\password {role}
GRANT CONNECT ON DATABASE {database} TO {role};
",
        database = quote_ident(p.database),
    );
    usage(&mut out, all.iter().chain(p.sequences), &role);
    grant(&mut out, "SELECT", "TABLE", &all, &role);
    grant(&mut out, "SELECT", "SEQUENCE", p.sequences, &role);
    _ = write!(
        out,
        "-- Whatever it is granted later: it does not write unless somebody says so on purpose.
ALTER ROLE {role} SET default_transaction_read_only = on;
-- Where slot and stream are to be on a standby (source.primary_url, 16 and later): this on the primary, where it makes the slot sooner. On the
-- standby is nothing to be run: it has its primary's roles.
-- GRANT EXECUTE ON FUNCTION pg_catalog.pg_log_standby_snapshot() TO {role};

{SAYS}{}",
        environment(p.environment, p.role, false)
    );
    out.push_str(
        "
-- As the owner of the tables. Plain lists of tables: a column list, a row filter or FOR ALL TABLES can make an UPDATE
-- of production fail.
",
    );
    publication(&mut out, &format!("sluice_{}", p.pipeline), p.tables, "");
    out.push_str(
        "
-- Tables without a primary key and without REPLICA IDENTITY: published with updates, their own UPDATE and DELETE would
-- fail. So only inserts and truncates are published, and updates and deletes do not reach the target. What mends it is
--   ALTER TABLE … REPLICA IDENTITY FULL;   (or a primary key), and the table in the publication above
-- Even where there is none it is made now: one made later could not be read by the slot.
",
    );
    let publish = "publish = 'insert, truncate', ";
    publication(&mut out, &format!("sluice_{}_inserts", p.pipeline), p.without_identity, publish);
    out
}

/// Above [`environment`].
pub const SAYS: &str = "\
-- What this server is, and says to everybody who asks. The role only reads it: sluice refuses a server that says something
-- else than sluice.yaml. Where a table of yours says it already: environment_from in sluice.yaml, and none of this.
";

/// What a server says that it is, in a table that the role only reads. Nothing that stands there already is written over. On
/// the target the schema is one that the role makes its own tables in.
pub fn environment(label: &str, role: &str, target: bool) -> String {
    let rights = if target { "ALL" } else { "USAGE" };
    let role = quote_ident(role);
    format!(
        "\
CREATE SCHEMA IF NOT EXISTS sluice;
CREATE TABLE IF NOT EXISTS sluice.environment (
  name text NOT NULL,
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO sluice.environment (name) VALUES ({}) ON CONFLICT DO NOTHING;
GRANT {rights} ON SCHEMA sluice TO {role};
REVOKE ALL ON sluice.environment FROM {role};
GRANT SELECT ON sluice.environment TO {role};
",
        quote_literal(label)
    )
}

/// For a table that says it, and the role may not read.
pub fn may_read((schema, name): (&str, &str), role: &str) -> String {
    let (schema, name, role) = (quote_ident(schema), quote_ident(name), quote_ident(role));
    format!("GRANT USAGE ON SCHEMA {schema} TO {role};\nGRANT SELECT ON {schema}.{name} TO {role};\n")
}

/// On the target: a role that writes the listed tables, and a schema of its own for checkpoints.
pub fn target(t: &Target<'_>) -> String {
    let role = quote_ident(t.role);
    let mut out = format!(
        "\
-- TARGET, in the database {database}. As a superuser; on a managed server as its administrator.
-- The role writes the tables below. What protect.tables names is not among them: it could not write that if it tried.
CREATE ROLE {role} LOGIN;
-- Then set its password in psql, so that it stands in no log: \\password {role}
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role};
",
        database = quote_ident(t.database),
    );
    usage(&mut out, t.tables.iter().chain(t.sequences).chain(t.referring.iter().map(|(table, _)| table)), &role);
    grant(&mut out, "SELECT, INSERT, UPDATE, DELETE, TRUNCATE", "TABLE", t.tables, &role);
    grant(&mut out, "SELECT, UPDATE", "SEQUENCE", t.sequences, &role);
    if !t.referring.is_empty() {
        out.push_str(
            "-- Rows of these refer to rows of the tables above: before one goes that production has deleted, sluice looks whether
-- any does. (protect.on_referenced: with null it needs UPDATE of these columns too, with remove SELECT, UPDATE and DELETE.)
",
        );
    }
    for ((schema, name), columns) in t.referring {
        let columns = columns.iter().map(|c| quote_ident(c)).collect::<Vec<_>>().join(", ");
        _ = writeln!(out, "GRANT SELECT ({columns}) ON {}.{} TO {role};", quote_ident(schema), quote_ident(name));
    }
    _ = write!(
        out,
        "
-- Its own: the checkpoint, and what is still to be copied. Not for others.
-- Managed servers first want: GRANT {role} TO CURRENT_USER;
CREATE SCHEMA IF NOT EXISTS sluice AUTHORIZATION {role};
REVOKE ALL ON SCHEMA sluice FROM PUBLIC;

-- So that foreign keys, triggers and rules of the written tables keep quiet while rows arrive in production's order.
-- Not needed where they have none. As a superuser, or as whoever was granted it WITH GRANT OPTION:
GRANT SET ON PARAMETER session_replication_role TO {role};
-- Where even the administrator may not, a superuser's ALTER ROLE {role} SET session_replication_role = {replica} will do.
",
        replica = quote_literal("replica"),
    );
    out
}

fn usage<'a>(out: &mut String, of: impl Iterator<Item = &'a TableName>, role: &str) {
    let mut schemas: Vec<String> = of.map(|(schema, _)| quote_ident(schema)).collect();
    schemas.sort();
    schemas.dedup();
    if !schemas.is_empty() {
        _ = writeln!(out, "GRANT USAGE ON SCHEMA {} TO {role};", schemas.join(", "));
    }
}

fn grant(out: &mut String, rights: &str, on: &str, names: &[TableName], role: &str) {
    if !names.is_empty() {
        _ = writeln!(out, "GRANT {rights} ON {on}{}\n  TO {role};", list("", names));
    }
}

/// Without tables it is still made: more can be added by the tables' owner.
fn publication(out: &mut String, name: &str, tables: &[TableName], publish: &str) {
    let name = quote_ident(name);
    // ONLY: children by inheritance are tables of their own
    let tables = if tables.is_empty() { String::new() } else { format!(" FOR TABLE{}", list("ONLY ", tables)) };
    _ = writeln!(out, "CREATE PUBLICATION {name}{tables}\n  WITH ({publish}publish_via_partition_root = true);");
}

/// One table a line, in one order.
fn list(word: &str, tables: &[TableName]) -> String {
    let line = |(schema, name): &TableName| format!("\n    {word}{}.{}", quote_ident(schema), quote_ident(name));
    let mut names: Vec<String> = tables.iter().map(line).collect();
    names.sort();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(names: &[&str]) -> Vec<TableName> {
        names.iter().map(|n| n.split_once('.').unwrap()).map(|(s, n)| (s.to_owned(), n.to_owned())).collect()
    }

    fn statements(sql: &str) -> String {
        sql.lines().filter(|l| !l.starts_with("--") && !l.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn production_is_read_and_published() {
        let sql = production(&Production {
            pipeline: "shop",
            role: "sluice_reader",
            database: "Shop",
            environment: "production",
            tables: &tables(&["public.guests", "public.cruises"]),
            without_identity: &tables(&["log.Clicks\"; DROP"]),
            sequences: &tables(&["public.guests_id_seq"]),
        });
        assert_eq!(
            statements(&sql),
            "\
CREATE ROLE \"sluice_reader\" LOGIN REPLICATION;
GRANT CONNECT ON DATABASE \"Shop\" TO \"sluice_reader\";
GRANT USAGE ON SCHEMA \"log\", \"public\" TO \"sluice_reader\";
GRANT SELECT ON TABLE
    \"log\".\"Clicks\"\"; DROP\",
    \"public\".\"cruises\",
    \"public\".\"guests\"
  TO \"sluice_reader\";
GRANT SELECT ON SEQUENCE
    \"public\".\"guests_id_seq\"
  TO \"sluice_reader\";
ALTER ROLE \"sluice_reader\" SET default_transaction_read_only = on;
CREATE SCHEMA IF NOT EXISTS sluice;
CREATE TABLE IF NOT EXISTS sluice.environment (
  name text NOT NULL,
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO sluice.environment (name) VALUES ('production') ON CONFLICT DO NOTHING;
GRANT USAGE ON SCHEMA sluice TO \"sluice_reader\";
REVOKE ALL ON sluice.environment FROM \"sluice_reader\";
GRANT SELECT ON sluice.environment TO \"sluice_reader\";
CREATE PUBLICATION \"sluice_shop\" FOR TABLE
    ONLY \"public\".\"cruises\",
    ONLY \"public\".\"guests\"
  WITH (publish_via_partition_root = true);
CREATE PUBLICATION \"sluice_shop_inserts\" FOR TABLE
    ONLY \"log\".\"Clicks\"\"; DROP\"
  WITH (publish = 'insert, truncate', publish_via_partition_root = true);"
        );
    }

    #[test]
    fn the_target_is_written_and_no_more() {
        let sql = target(&Target {
            role: "sluice_writer",
            database: "staging",
            tables: &tables(&["public.guests"]),
            sequences: &tables(&["ids.guests"]),
            referring: &[(("own".to_owned(), "quotes".to_owned()), vec!["guest".to_owned(), "Ship".to_owned()])],
        });
        assert_eq!(
            statements(&sql),
            "\
CREATE ROLE \"sluice_writer\" LOGIN;
GRANT CONNECT, TEMPORARY ON DATABASE \"staging\" TO \"sluice_writer\";
GRANT USAGE ON SCHEMA \"ids\", \"own\", \"public\" TO \"sluice_writer\";
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLE
    \"public\".\"guests\"
  TO \"sluice_writer\";
GRANT SELECT, UPDATE ON SEQUENCE
    \"ids\".\"guests\"
  TO \"sluice_writer\";
GRANT SELECT (\"guest\", \"Ship\") ON \"own\".\"quotes\" TO \"sluice_writer\";
CREATE SCHEMA IF NOT EXISTS sluice AUTHORIZATION \"sluice_writer\";
REVOKE ALL ON SCHEMA sluice FROM PUBLIC;
GRANT SET ON PARAMETER session_replication_role TO \"sluice_writer\";"
        );
    }

    #[test]
    fn without_tables_it_is_still_sql() {
        let sql = production(&Production {
            pipeline: "a",
            role: "r",
            database: "d",
            environment: "e",
            tables: &[],
            without_identity: &[],
            sequences: &[],
        });
        assert!(statements(&sql).ends_with(
            "CREATE PUBLICATION \"sluice_a\"\n  WITH (publish_via_partition_root = true);\n\
             CREATE PUBLICATION \"sluice_a_inserts\"\n  WITH (publish = 'insert, truncate', publish_via_partition_root = true);"
        ));
        assert!(!sql.contains("ON TABLE") && !sql.contains("ON SEQUENCE") && !sql.contains("ONLY"));
    }
}
