//! What `init` says: the SQL on stdout, everything else on stderr.

use wire::Conninfo;

use super::super::args::Args;
use super::super::{print, table};
use super::sequences::Sequences;
use crate::config::{class_text, table_name};
use crate::error::Error;
use crate::propose::{self, Found, Names, Whole};
use crate::source::catalog::SourceTable;
use crate::sql;

/// The roles that the SQL makes.
const READER: &str = "sluice_reader";
const WRITER: &str = "sluice_writer";

/// The SQL for both servers.
pub fn sql(
    of: Names<'_>,
    (source, target): (&Conninfo, &Conninfo),
    copied: &[&SourceTable],
    sequences: &Sequences,
    referring: &[((String, String), Vec<String>)],
) -> Result<(), Error> {
    let names = |identified: Option<bool>| -> Vec<(String, String)> {
        copied.iter().filter(|t| identified.is_none_or(|yes| t.identified == yes)).map(|t| t.name()).collect()
    };
    let (tables, without_identity) = (names(Some(true)), names(Some(false)));
    print::data(sql::production(&sql::Production {
        pipeline: of.pipeline,
        role: READER,
        database: source.database(),
        environment: of.source,
        tables: &tables,
        without_identity: &without_identity,
        sequences: &sequences.production,
    }))?;
    print::data("\n")?;
    print::data(sql::target(&sql::Target {
        role: WRITER,
        database: target.database(),
        tables: &names(None),
        sequences: &sequences.target,
        referring,
    }))?;
    // a role without CREATE on the database cannot even say CREATE SCHEMA IF NOT EXISTS: its tables are made for it
    let role = wire::quote_ident(WRITER);
    print::data(format_args!(
        "\n-- What it keeps there. The same role needs no right to make anything else.\n{}{}\n\n{}{}",
        sink_postgres::schema::sql(),
        sink_postgres::schema::grants(&role),
        sql::SAYS,
        sql::environment(of.target, WRITER, true)
    ))
}

/// What there is to say.
pub struct Talk<'a> {
    /// The command line.
    pub args: &'a Args,
    /// The pipeline's name.
    pub pipeline: &'a str,
    /// Production.
    pub source: Conninfo,
    /// Staging.
    pub target: Conninfo,
    /// Production's tables.
    pub found: &'a [Found],
    /// The target's own.
    pub own: &'a [(String, String)],
    /// All of the target's.
    pub there: &'a [(String, String)],
    /// Those whose rows are copied.
    pub copied: Vec<&'a SourceTable>,
    /// Those whose rows could not be looked at.
    pub unread: &'a [(String, String)],
}

/// Says what was written, what to review, and what to type next.
pub fn talk(t: &Talk<'_>) {
    let lock = crate::config::Files::new(&t.args.config).lock();
    eprintln!(
        "\nwrote {} and {}, from the catalog and from what some rows look like; no value was kept",
        t.args.config.display(),
        lock.display()
    );
    let count =
        |which: fn(&Whole) -> bool| t.found.iter().filter(|f| which(&propose::whole(&f.table.name))).count() as u64;
    eprintln!(
        "pipeline {}: {} copied, {} as structure only, {} left out",
        t.pipeline,
        crate::figures::some(t.copied.len() as u64, "table", "tables"),
        count(|w| matches!(w, Whole::Structure(_))),
        count(|w| matches!(w, Whole::Exclude(_)))
    );
    undecided(t.found);
    list(
        "no row of these could be looked at (no right to, row security, or too slow): names and types alone decided",
        t.unread.iter().map(full).collect(),
    );
    list("no primary key and no replica identity: updates and deletes of these do not reach the target", {
        t.copied.iter().filter(|t| !t.identified).map(|t| full(&t.name())).collect()
    });
    list("not on the target yet: sluice schema apply makes them", {
        t.copied.iter().map(|t| t.name()).filter(|n| !t.there.contains(n)).map(|n| full(&n)).collect()
    });
    list("only on the target: if they are staging's own, protect them in the file", t.own.iter().map(full).collect());
    eprintln!("\nNext:");
    eprintln!("  1. read {} line by line: a wrong `keep` lets personal data out", t.args.config.display());
    eprintln!("  2. have the SQL above run, each part on its server, and set the two passwords");
    eprintln!("  3. in the shell that runs sluice (passwords in ~/.pgpass, or in the URLs):");
    eprintln!("       export SLUICE_SOURCE_URL='{}'", url(&t.source, READER));
    eprintln!("       export SLUICE_TARGET_URL='{}'", url(&t.target, WRITER));
    eprintln!(
        "       export SLUICE_MASK_KEY=\"$(openssl rand -base64 32)\"   # once; keep it safe: another key is another staging"
    );
    eprintln!("  4. sluice check, sluice plan, sluice run");
    let typed = |flag: &str| std::env::args().any(|a| a == flag || a.starts_with(&format!("{flag}=")));
    if [(&t.source, "--source"), (&t.target, "--target")]
        .iter()
        .any(|(c, f)| c.redacted().contains("password=***") && typed(f))
    {
        eprintln!(
            "\nA password on the command line can be seen by others in `ps`: next time export SLUICE_SOURCE_URL instead."
        );
    }
}

fn undecided(found: &[Found]) {
    let mut lines = Vec::new();
    for (found, proposals) in found.iter().zip(propose::proposals(found)) {
        if propose::whole(&found.table.name) != Whole::Copy {
            continue;
        }
        for (column, proposal) in found.table.columns.iter().zip(proposals).filter(|(_, p)| p.undecided) {
            let name = format!("{}.{}", found.table.full_name(), column.name);
            lines.push(vec![format!("  {name}"), class_text(&proposal.class), proposal.reason]);
        }
    }
    if !lines.is_empty() {
        eprintln!("\nundecided, on the safe side for now; look at each:");
        eprintln!("{}", table::table(&["  COLUMN", "FOR NOW", "WHY"], lines));
    }
}

fn list(what: &str, names: Vec<String>) {
    if !names.is_empty() {
        eprintln!("\n{what}:");
        names.iter().for_each(|n| eprintln!("  {n}"));
    }
}

fn full(name: &(String, String)) -> String {
    table_name(&name.0, &name.1)
}

/// A connection string for another role, without a password.
fn url(info: &Conninfo, role: &str) -> String {
    if info.hosts().any(|(host, _)| host.starts_with('/')) {
        let (hosts, ports): (Vec<&str>, Vec<String>) = info.hosts().map(|(h, p)| (h, p.to_string())).unzip();
        let (hosts, ports) = (hosts.join(","), ports.join(","));
        return format!("host={hosts} port={ports} user={role} dbname={}", info.database());
    }
    let place = |(host, port): (&str, u16)| match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let places = info.hosts().map(place).collect::<Vec<_>>().join(",");
    let mode = if info.is_local() { String::new() } else { "?sslmode=verify-full".to_owned() };
    let database: String = info.database().bytes().map(percent).collect();
    format!("postgres://{role}@{places}/{database}{mode}")
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_hosts_are_kept() {
        for (typed, shown) in [
            ("postgres://ann:pw@a,[::1]:7/x", "postgres://sluice@a:5432,[::1]:7/x?sslmode=verify-full"),
            ("host=/run/a,/run/b port=1,2 user=ann dbname=x", "host=/run/a,/run/b port=1,2 user=sluice dbname=x"),
            ("postgres://ann@localhost/x", "postgres://sluice@localhost:5432/x"),
        ] {
            assert_eq!(url(&Conninfo::parse(typed).unwrap(), "sluice"), shown);
        }
    }
}
