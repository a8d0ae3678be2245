//! What a server says that it is, beside what the file says.
//!
//! A connection string leads wherever it leads. So the file's word is believed only where the server says the same, and
//! what the target says is never passed over in silence: somebody made it say so for a reason.
//!
//! What stands there may be anything, if the configuration names another column than it means: only what could be a label
//! is ever shown.

use wire::{Connection, Conninfo, quote_ident};

use crate::config::{Config, EnvironmentFrom, Problem, Server, is_label, table_name};
use crate::error::Error;
use crate::sql;

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Production.
    Source,
    /// Staging.
    Target,
}

impl Side {
    /// The section of the file.
    pub fn section(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Target => "target",
        }
    }

    fn of(self, config: &Config) -> &Server {
        match self {
            Side::Source => &config.source,
            Side::Target => &config.target,
        }
    }

    fn failed(self, source: wire::Error) -> Error {
        match self {
            Side::Source => Error::Production { action: "look at what the server says that it is".into(), source },
            Side::Target => Error::Target(source.into()),
        }
    }
}

/// What a server says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Says {
    /// This.
    Label(String),
    /// There is no such table.
    NoTable,
    /// The role may not read it.
    NoRight,
    /// No row, or NULL.
    NoRow,
    /// Something that helps nobody.
    Unclear(String),
}

/// Asks it.
pub async fn says(db: &mut Connection, from: Option<&EnvironmentFrom>) -> Result<Says, wire::Error> {
    let (schema, name) = from.map_or(("sluice", "environment"), |f| (&f.table.0, &f.table.1));
    // not by to_regclass, which is an error where the schema may not be used
    let there = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1::text AND c.relname = $2::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
    match db.query(there, &[Some(schema), Some(name)]).await?.get(0, 0) {
        None => return Ok(Says::NoTable),
        Some("t") => {}
        Some(_) => return Ok(Says::NoRight),
    }
    let column = quote_ident(from.map_or("name", |f| &f.column));
    let only = from.and_then(|f| f.only.as_ref()).map_or(String::new(), |only| format!(" WHERE {}", only.sql()));
    let table = format!("{}.{}", quote_ident(schema), quote_ident(name));
    let sql = format!("SELECT {column}::pg_catalog.text FROM {table}{only} LIMIT 2");
    let rows = match db.query_on_rows(&sql, &[]).await {
        Ok(rows) => rows,
        // a column or a type that is another; row security
        Err(e) if !db.is_broken() && e.sqlstate().is_some_and(|s| s.starts_with("22") || s.starts_with("42")) => {
            return Ok(match e.sqlstate() {
                Some("42501") => Says::NoRight,
                state => Says::Unclear(format!("it cannot be read: {}", state.unwrap_or_default())),
            });
        }
        Err(e) => return Err(e),
    };
    Ok(match (rows.len(), rows.get(0, 0)) {
        (2.., _) => Says::Unclear("it has more than one row".to_owned()),
        (_, None) => Says::NoRow,
        (_, Some(label)) if is_label(label) => Says::Label(label.to_owned()),
        (_, Some(_)) => Says::Unclear("what stands there is no label".to_owned()),
    })
}

/// How that stands to what the file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The server says the same.
    Fits(String),
    /// The file asks for nothing, and nothing depends on it.
    Unasked(Option<String>),
    /// The file asks, and the server does not say.
    Unconfirmed(Finding),
    /// It is not what the file says, or wants to be asked.
    Another(Finding),
}

/// What is wrong, and what mends it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What the file says, and what the server.
    pub what: String,
    /// In words, before the SQL.
    pub hint: String,
    /// To be run on that server by whoever answers for it.
    pub sql: Option<String>,
}

impl Finding {
    /// The words, and the SQL below them.
    fn mend(&self) -> String {
        let sql = self.sql.as_ref().map_or(String::new(), |sql| format!(":\n{}", sql.trim_end()));
        format!("{}{sql}", self.hint)
    }
}

impl From<Finding> for Error {
    fn from(finding: Finding) -> Error {
        Error::Refused { hint: finding.mend(), what: finding.what }
    }
}

impl From<Finding> for Problem {
    fn from(finding: Finding) -> Problem {
        Problem::new("", finding.what.as_str()).hint(finding.mend())
    }
}

/// Asks a server, and compares.
pub async fn standing(config: &Config, side: Side, info: &Conninfo, db: &mut Connection) -> Result<Standing, Error> {
    let server = side.of(config);
    let says = says(db, server.environment_from.as_ref()).await.map_err(|e| side.failed(e))?;
    Ok(compare(side, key(config, side, info), server, info.user(), &says))
}

/// The key of the file that says where this server is: production may be two.
fn key(config: &Config, side: Side, info: &Conninfo) -> &'static str {
    let primary = config.source.primary.as_ref().and_then(|url| Conninfo::parse(url.expose()).ok());
    match side {
        Side::Target => "target.url",
        Side::Source if primary.is_some_and(|p| p.redacted() == info.redacted()) => "source.primary_url",
        Side::Source => "source.url",
    }
}

/// Refuses what does not fit.
pub async fn require(config: &Config, side: Side, info: &Conninfo, db: &mut Connection) -> Result<(), Error> {
    match standing(config, side, info, db).await? {
        Standing::Fits(_) | Standing::Unasked(_) => Ok(()),
        Standing::Unconfirmed(finding) | Standing::Another(finding) => Err(finding.into()),
    }
}

/// What does not fit, for who only tells.
pub async fn doubt(config: &Config, side: Side, info: &Conninfo, db: &mut Connection) -> Result<Option<String>, Error> {
    Ok(match standing(config, side, info, db).await? {
        Standing::Fits(_) | Standing::Unasked(_) => None,
        Standing::Unconfirmed(finding) | Standing::Another(finding) => Some(finding.what),
    })
}

fn compare(side: Side, key: &str, server: &Server, role: &str, says: &Says) -> Standing {
    let section = side.section();
    let own = server.environment_from.is_none();
    let from = server.environment_from.as_ref();
    let table = from.map_or("sluice.environment".to_owned(), |f| table_name(&f.table.0, &f.table.1));
    let quoted = from.map_or("sluice.environment".to_owned(), |f| {
        format!("{}.{}", quote_ident(&f.table.0), quote_ident(&f.table.1))
    });
    let Some(asked) = &server.environment else {
        return match (side, says) {
            (Side::Source, Says::Label(label)) => Standing::Unasked(Some(label.clone())),
            (Side::Source, _) | (_, Says::NoTable | Says::NoRow) => Standing::Unasked(None),
            (Side::Target, Says::Label(label)) => Standing::Another(Finding {
                what: format!(
                    "the target says that it is {label} ({table}), and sluice.yaml does not say what it must be"
                ),
                hint: format!(
                    "if target.url leads where it should, say so: target.environment: {label}; \
                     and where rows were masked already without it, masking.environment: '' keeps their key"
                ),
                sql: None,
            }),
            (Side::Target, Says::NoRight) => Standing::Another(Finding {
                what: format!("the target has a table {table} that says what it is, and {role} may not read it"),
                hint: "if target.url leads where it should, run on the target, as the owner of that table".to_owned(),
                sql: Some(sql::may_read(("sluice", "environment"), role)),
            }),
            (Side::Target, Says::Unclear(why)) => Standing::Another(Finding {
                what: format!("the target does not say clearly what it is: {table}: {why}"),
                hint: format!("have {table} say one label there"),
                sql: None,
            }),
        };
    };
    let means = format!("{section}.environment: {asked}");
    let unasked = match side {
        Side::Source => format!("or take {means} out of sluice.yaml: then nobody tells that it is"),
        Side::Target => {
            format!(
                "or say masking.environment: {asked} in its place, which keeps the masking key: then nobody tells what it is"
            )
        }
    };
    let silent = |why: String, who: &str, sql: Option<String>| {
        Standing::Unconfirmed(Finding {
            what: format!("{means}: the server does not say so: {why}"),
            hint: format!("if {key} leads where it should, {who}; {unasked}"),
            sql,
        })
    };
    let administrator = "have its administrator run there what follows";
    match says {
        Says::Label(label) if label == asked => Standing::Fits(label.clone()),
        Says::Label(label) => Standing::Another(Finding {
            what: format!("{means}: the server says that it is {label} ({table})"),
            hint: format!(
                "look where {key} leads. A copy of another server says what that one is, until its administrator says otherwise there{}",
                if own {
                    format!(": UPDATE sluice.environment SET name = {};", wire::quote_literal(asked))
                } else {
                    String::new()
                }
            ),
            sql: None,
        }),
        Says::NoTable if own => silent(
            format!("there is no table {table}"),
            administrator,
            Some(sql::environment(asked, role, side == Side::Target)),
        ),
        Says::NoTable => {
            silent(format!("there is no table {table}"), &format!("mend {section}.environment_from.table"), None)
        }
        Says::NoRight => {
            let name = from.map_or(("sluice", "environment"), |f| (f.table.0.as_str(), f.table.1.as_str()));
            silent(format!("{role} may not read {table}"), administrator, Some(sql::may_read(name, role)))
        }
        Says::NoRow if own => silent(
            format!("{table} has no row"),
            administrator,
            Some(format!("INSERT INTO {quoted} (name) VALUES ({});\n", wire::quote_literal(asked))),
        ),
        Says::NoRow => silent(
            format!("{table} has no row for it"),
            &format!("mend {section}.environment_from, or have the server say it there"),
            None,
        ),
        Says::Unclear(why) => silent(
            format!("{table}: {why}"),
            &format!(
                "have {table} say one label there{}",
                if own { String::new() } else { format!(", or mend {section}.environment_from") }
            ),
            None,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `more` of the source, and what a target without a word would be.
    fn servers(more: &str) -> [Server; 2] {
        let of = |source: &str, target: &str| {
            let yaml = format!(
                "pipeline: a\nsource: {{ url: postgres://r@a/a{source} }}\ntarget: {{ url: postgres://w@b/b{target} }}\ntables: {{ a.b: keep }}"
            );
            Config::parse(&yaml, &|_| None).unwrap_or_else(|e| panic!("{e}"))
        };
        [of(more, "").source, of("", more).target]
    }

    #[test]
    fn only_what_the_server_says_too_is_believed() {
        use Says::*;
        let label = |l: &str| Label(l.to_owned());
        let word = |side: Side, server: &Server, says: &Says| match compare(side, "source.url", server, "r", says) {
            Standing::Fits(_) => "fits",
            Standing::Unasked(_) => "unasked",
            Standing::Unconfirmed(_) => "unconfirmed",
            Standing::Another(_) => "another",
        };
        let unclear = Unclear("it has more than one row".to_owned());
        let says = [label("staging"), label("production"), NoTable, NoRight, NoRow, unclear];
        let all = |side, server: &Server| says.each_ref().map(|s| word(side, server, s));
        let [source, target] = servers("");
        assert_eq!(all(Side::Source, &source), ["unasked"; 6]);
        assert_eq!(all(Side::Target, &target), ["another", "another", "unasked", "another", "unasked", "another"]);
        let asked = ["fits", "another", "unconfirmed", "unconfirmed", "unconfirmed", "unconfirmed"];
        for from in ["", ", environment_from: { table: public.meta, column: v }"] {
            let [source, target] = servers(&format!(", environment: staging{from}"));
            assert_eq!(all(Side::Source, &source), asked, "{from}");
            assert_eq!(all(Side::Target, &target), asked, "{from}");
        }
    }
}
