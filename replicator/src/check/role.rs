//! What our role on production can do, and what of it it need not.
//!
//! It needs to log in, to stream, and to read what is replicated. Whatever else it can do, somebody who has its password can do
//! too; and so could we, by a mistake. Nothing here fails: a role that can do more works as well.

use wire::{Connection, quote_ident};

use super::{Area, Mend, Report, World};
use crate::error::{Doing, Error};
use crate::source::production;

const HERE: Area = Area::Production;
const NAME: &str = "role";

/// Tables that are named; the rest is counted.
const NAMED: usize = 5;

/// What a role has, beside REPLICATION and SELECT on what is replicated.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rights {
    /// SUPERUSER.
    superuser: bool,
    /// Attributes that it need not have: BYPASSRLS, CREATEROLE, CREATEDB.
    attributes: Vec<String>,
    /// Roles of the server's own that can do much, and of which it is a member.
    member: Vec<String>,
    /// Tables that it owns, by itself or as a member of their owner; quoted.
    owns: Vec<String>,
    /// Others that it may write; quoted.
    writes: Vec<String>,
    /// How many tables it may read that are not replicated.
    reads: usize,
    /// Are its transactions read-only where nobody says otherwise?
    read_only: bool,
}

/// Looks, and warns.
pub async fn all(report: &mut Report, world: &mut World<'_>) -> Result<(), Error> {
    let rights = rights(world).await?;
    let role = quote_ident(world.servers.data.user());
    let (needless, mend) = rights.needless(&role);
    if needless.is_empty() {
        let reads = match rights.reads {
            0 => "and no other".to_owned(),
            n => format!("and {n} that are not"),
        };
        let says = format!("{role} streams, reads the tables that are replicated {reads}, and is read-only by default");
        report.ok(HERE, NAME, says);
    } else {
        report.warn(HERE, NAME, format!("{role} can do what it need not: {}", needless.join("; ")), Some(mend));
    }
    Ok(())
}

impl Rights {
    /// Each thing that it need not be able to do, and what takes it away.
    fn needless(&self, role: &str) -> (Vec<String>, Mend) {
        let own = format!(
            "a role of its own: sluice init prints the SQL for one that reads and streams, and nothing else; {role} is more than that"
        );
        if self.superuser {
            return (vec!["superuser, so anything at all".to_owned()], Mend::hand(own));
        }
        let (mut needless, mut sql) = (Vec::new(), Vec::new());
        if !self.owns.is_empty() {
            needless.push(format!("owner of {}, so it can change and drop them", some(&self.owns)));
        }
        if !self.attributes.is_empty() {
            needless.push(self.attributes.join(", "));
            let no: Vec<String> = self.attributes.iter().map(|a| format!("NO{a}")).collect();
            sql.push(format!("ALTER ROLE {role} {};", no.join(" ")));
        }
        for member in &self.member {
            needless.push(format!("member of {member}"));
            sql.push(format!("REVOKE {} FROM {role};", quote_ident(member)));
        }
        if !self.writes.is_empty() {
            needless.push(format!("may write {}", some(&self.writes)));
            let tables = self.writes.join(", ");
            sql.push(format!(
                "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {tables} FROM {role};\n-- and from PUBLIC or a role that it is a member of, where it comes from there"
            ));
        }
        if !self.read_only {
            needless.push("its transactions are not read-only by default".to_owned());
            sql.push(format!("ALTER ROLE {role} SET default_transaction_read_only = on;"));
        }
        let mend = if self.owns.is_empty() {
            Mend::production(sql.join("\n"))
        } else {
            Mend::hand(format!("{own}. Its owner can make the publications; then run need not"))
        };
        (needless, mend)
    }
}

/// So many, and the first of them.
fn some(tables: &[String]) -> String {
    let named = tables[..tables.len().min(NAMED)].join(", ");
    match tables.len() {
        n if n > NAMED => format!("{n} tables ({named}, …)"),
        _ => named,
    }
}

async fn rights(world: &mut World<'_>) -> Result<Rights, Error> {
    let replicated: Vec<String> = world.tables.iter().map(|(t, _)| t.shape.oid.to_string()).collect();
    let db = &mut world.source;
    let found = db.query(ROLE, &[]).await.doing("look at the role")?;
    let yes = |at: usize| found.get(0, at) == Some("t");
    let hides = db.query(HIDES, &[]).await.doing("look at row security")?;
    // where row security hides replicated rows, only BYPASSRLS reads them all
    let hidden = hides.iter().any(|r| r.get(0).is_some_and(|oid| replicated.iter().any(|of| of == oid)));
    let attributes = [(yes(1) && !hidden, "BYPASSRLS"), (yes(2), "CREATEROLE"), (yes(3), "CREATEDB")];
    let mut rights = Rights {
        superuser: yes(0),
        attributes: attributes.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned()).collect(),
        member: sink_postgres::catalog::list(found.get(0, 4)),
        ..Rights::default()
    };
    if rights.superuser {
        return Ok(rights);
    }
    let tables = db.query(TABLES, &[]).await.doing("look at the role's rights")?;
    for table in tables.iter() {
        let text = |at: usize| table.get(at).unwrap_or_default();
        let name = format!("{}.{}", quote_ident(text(1)), quote_ident(text(2)));
        match (text(3), text(4)) {
            ("t", _) => rights.owns.push(name),
            (_, "t") => rights.writes.push(name),
            _ => {}
        }
        // sluice.environment is there to be read
        if text(5) == "t" && text(1) != "sluice" && !replicated.iter().any(|oid| oid == text(0)) {
            rights.reads += 1;
        }
    }
    // our own sessions that read are read-only anyhow: one without settings tells
    let mut plain = production::writer(&world.servers.data, &world.config.pipeline, "check", &[]).await?;
    rights.read_only = read_only(&mut plain).await?;
    plain.close().await;
    Ok(rights)
}

async fn read_only(plain: &mut Connection) -> Result<bool, Error> {
    let found = plain.query("SHOW default_transaction_read_only", &[]).await.doing("read a setting")?;
    Ok(found.get(0, 0) == Some("on"))
}

/// Attributes, and membership in what can do much: the server's own, and those of managed servers.
const ROLE: &str = "
SELECT r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb,
  (SELECT pg_catalog.json_agg(m.rolname ORDER BY m.rolname) FROM pg_catalog.pg_roles m
   WHERE NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER') AND m.rolname IN (
     'pg_write_all_data', 'pg_read_all_data', 'pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program',
     'pg_signal_backend', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription', 'pg_use_reserved_connections',
     'rds_superuser', 'cloudsqlsuperuser', 'alloydbsuperuser', 'azure_pg_admin'))
FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER";

const HIDES: &str = "SELECT oid FROM pg_catalog.pg_class WHERE relrowsecurity";

/// Of each table: its number, its name, is it ours, may we write it, may we read it.
const TABLES: &str = "
SELECT c.oid, n.nspname, c.relname, pg_catalog.pg_has_role(c.relowner, 'USAGE'),
  pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
  pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 2, 3";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_need_not_is_named_and_taken_away() {
        let least = || Rights { read_only: true, ..Rights::default() };
        assert_eq!(least().needless("r").0, [""; 0]);
        let names = |n: usize| (0..n).map(|i| format!("a.t{i}")).collect::<Vec<_>>();
        let more = Rights {
            attributes: vec!["CREATEDB".to_owned()],
            member: vec!["pg_write_all_data".to_owned()],
            writes: names(7),
            read_only: false,
            ..least()
        };
        let (needless, mend) = more.needless("r");
        assert_eq!(
            needless,
            [
                "CREATEDB",
                "member of pg_write_all_data",
                "may write 7 tables (a.t0, a.t1, a.t2, a.t3, a.t4, …)",
                "its transactions are not read-only by default"
            ]
        );
        for sql in [
            "ALTER ROLE r NOCREATEDB;",
            "REVOKE \"pg_write_all_data\" FROM r;",
            "ON a.t0, a.t1, a.t2, a.t3, a.t4, a.t5, a.t6 FROM r;",
            "ALTER ROLE r SET default_transaction_read_only = on;",
        ] {
            assert!(mend.at == "production" && mend.text.contains(sql), "{sql} in {}", mend.text);
        }
        let owner = Rights { owns: names(1), ..least() };
        assert_eq!(owner.needless("r").0, ["owner of a.t0, so it can change and drop them"]);
        let superuser = Rights { superuser: true, ..owner };
        assert_eq!(superuser.needless("r").0, ["superuser, so anything at all"]);
        assert_eq!(superuser.needless("r").1.at, "by hand");
    }
}
