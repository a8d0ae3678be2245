//! The two ends, as verbs open them: by their connection strings, and recognised before anything is done there.
//!
//! Whoever writes the target or drops something on production opens it here, so none of them can forget to look. The sessions
//! that write and load rows later are opened by `sink-postgres`, for a checkpoint that was read here.

use sink_postgres::session;
use wire::{Connection, Conninfo, SslMode};

use super::environment::{self, Side, Standing};
use super::never;
use crate::config::{self, Config, Problem, Tls};
use crate::error::Error;
use crate::source::{Servers, production};

/// The connection strings, whatever they say.
pub fn parsed(config: &Config) -> Result<(Servers, Conninfo), Error> {
    let parse =
        |path, url: &config::Secret| Conninfo::parse(url.expose()).map_err(|source| Error::Conninfo { path, source });
    let source = parse("source.url", &config.source.url)?;
    let source = match &config.source.primary {
        None => Servers::one(source),
        Some(_) if source.hosts().count() > 1 => {
            let problem =
                Problem::new("source.url", "several hosts, and with source.primary_url the slot is on one standby");
            return Err(Error::Config(problem.hint("one host here; source.primary_url takes several").into()));
        }
        Some(primary) => Servers::two(source, parse("source.primary_url", primary)?),
    };
    Ok((source, parse("target.url", &config.target.url)?))
}

/// The connection strings. Refused is what the file alone shows to be unsafe: nobody is connected to, and no password is
/// sent.
pub fn conninfos(config: &Config) -> Result<(Servers, Conninfo), Error> {
    let (source, target) = parsed(config)?;
    for (key, server) in source.each() {
        verified(config, key, server)?;
    }
    never::as_written(config, &target)?;
    Ok((source, target))
}

/// Production alone, for who does nothing on a target.
pub fn production(config: &Config) -> Result<Servers, Error> {
    let (source, _) = parsed(config)?;
    for (key, server) in source.each() {
        verified(config, key, server)?;
    }
    Ok(source)
}

/// The target alone, for who has nothing to do with production.
pub fn target_alone(config: &Config) -> Result<Conninfo, Error> {
    let (_, target) = parsed(config)?;
    never::as_written(config, &target)?;
    Ok(target)
}

/// Must we be sure that it is production that we talk to, and are we? `key`: where it is named.
pub fn verified(config: &Config, key: &str, source: &Conninfo) -> Result<(), Error> {
    if config.source.tls == Tls::Unverified || source.is_local() || source.ssl_mode() == SslMode::VerifyFull {
        return Ok(());
    }
    Err(Error::Refused {
        what: format!(
            "{key}: sslmode is {}: whoever stands between could read production's rows, or play production",
            source.ssl_mode()
        ),
        hint: format!(
            "{key}: …?sslmode=verify-full&sslrootcert=ca.pem (or sslrootcert=system); or say aloud that you take less: source.tls: unverified"
        ),
    })
}

/// A session on production that reads, on either of its servers.
pub async fn source(config: &Config, info: &Conninfo, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    let mut db = production::reader(info, &config.pipeline, role, more).await?;
    environment::require(config, Side::Source, info, &mut db).await?;
    Ok(db)
}

/// A session on the target that may write.
pub async fn target(config: &Config, info: &Conninfo, role: &str, more: &[(&str, &str)]) -> Result<Connection, Error> {
    let mut db = session::open(info, &config.pipeline, role, false, more).await.map_err(|e| Error::Target(e.into()))?;
    writable(config, info, &mut db).await?;
    Ok(db)
}

/// May the target be written: is it one that can be, that must not never be, and that says it is what the file says?
pub async fn writable(config: &Config, info: &Conninfo, db: &mut Connection) -> Result<(), Error> {
    never::as_found(config, info, db).await?;
    primary(db).await?;
    environment::require(config, Side::Target, info, db).await
}

/// For who only looks: refuses what is known to be another server, and gives what the servers do not say.
pub async fn looked_at(
    config: &Config,
    (source_info, source): (&Conninfo, &mut Connection),
    (target_info, target): (&Conninfo, &mut Connection),
) -> Result<Vec<Problem>, Error> {
    never::as_found(config, target_info, target).await?;
    let mut problems = Vec::new();
    for (side, info, db) in [(Side::Source, source_info, source), (Side::Target, target_info, target)] {
        match environment::standing(config, side, info, db).await? {
            Standing::Fits(_) | Standing::Unasked(_) => {}
            Standing::Unconfirmed(finding) => problems.push(finding.into()),
            Standing::Another(finding) => return Err(finding.into()),
        }
    }
    Ok(problems)
}

async fn primary(db: &mut Connection) -> Result<(), Error> {
    let rows = db.query("SELECT pg_catalog.pg_is_in_recovery()", &[]).await.map_err(|e| Error::Target(e.into()))?;
    if rows.get(0, 0) == Some("t") {
        return Err(Error::Refused {
            what: "the target is in recovery: a standby cannot be written".into(),
            hint: "name the primary in target.url; target_session_attrs=read-write there waits for one to be promoted"
                .into(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, found) } else { found.push(path) }
        }
    }

    /// A verb that opens the target by itself has not looked at what it is. Those that do look in other ways, or only read.
    #[test]
    fn nobody_opens_the_target_by_himself() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        sources(&root, &mut found);
        let opens = ["session::open(", "session::writer("].map(|word| word.to_owned());
        let mut opening: Vec<String> = found
            .iter()
            .filter(|path| opens.iter().any(|word| std::fs::read_to_string(path).unwrap().contains(word)))
            .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
            .collect();
        opening.sort();
        let known = [
            "check/target.rs",       // looks, and tells
            "cli/audit.rs",          // read-only
            "cli/destroy.rs",        // goes on with one end where the other is away
            "cli/init.rs",           // read-only
            "cli/plan/gather.rs",    // read-only
            "cli/schema.rs",         // `diff`: read-only
            "cli/shadowed.rs",       // read-only
            "cli/status/gather.rs",  // read-only
            "cli/status/history.rs", // read-only
            "cli/tombstones.rs",     // read-only
            "source/production.rs",  // of production
            "start/ends.rs",
        ];
        assert_eq!(opening, known);
    }
}
