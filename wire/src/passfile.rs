//! [The Password File](https://www.postgresql.org/docs/current/libpq-pgpass.html): `host:port:database:user:password`.

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use crate::Conninfo;

/// The password for `info`: its own, else the first match of its passfile, else of `~/.pgpass`.
pub(crate) fn password(info: &Conninfo) -> Option<String> {
    if info.password.is_some() {
        return info.password.clone();
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
    let path = info.passfile.clone().or_else(home)?;
    let mode = std::fs::metadata(&path).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "password file not used: others may read it, run chmod 0600");
        return None;
    }
    lookup(&std::fs::read_to_string(path).ok()?, info)
}

fn lookup(text: &str, info: &Conninfo) -> Option<String> {
    let host = if info.socket_path().is_some() { "localhost" } else { info.host() };
    let port = info.port().to_string();
    let wanted = [host, port.as_str(), info.database(), info.user()];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = split(line).into_iter();
        let matches = wanted.iter().all(|want| fields.next().is_some_and(|(f, raw)| raw == "*" || f == *want));
        fields.next().filter(|_| matches).map(|(password, _)| password)
    })
}

/// The fields of a line: unescaped, and as written (an escaped star is no wildcard).
fn split(line: &str) -> Vec<(String, String)> {
    let mut fields = vec![(String::new(), String::new())];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == ':' {
            fields.push(Default::default());
            continue;
        }
        let taken = if c == '\\' { chars.next() } else { Some(c) };
        if let (Some((value, raw)), Some(taken)) = (fields.last_mut(), taken) {
            value.push(taken);
            raw.extend((c == '\\').then_some(c));
            raw.push(taken);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_counts() {
        let info = Conninfo::parse("host=db user=ann dbname=shop").unwrap();
        let check = |text: &str, expect: Option<&str>| assert_eq!(lookup(text, &info).as_deref(), expect, "{text}");
        check("db:5432:shop:ann:one\n*:*:*:*:two", Some("one"));
        check("db:5433:shop:ann:one\n*:*:*:*:two", Some("two"));
        check("# db:5432:shop:ann:one", None);
        let odd = Conninfo::parse("host='#db' user=ann dbname=shop").unwrap();
        assert_eq!(lookup("#db:5432:shop:ann:one", &odd), None, "a comment, whatever it looks like");
        check("d\\b:*:*:*:a\\:b\\\\c", Some("a:b\\c"));
        check("\\*:*:*:*:no", None);
        check("db:5432:shop", None);
        let info = Conninfo::parse("host=/tmp user=ann").unwrap();
        assert_eq!(lookup("localhost:5432:ann:ann:x", &info).as_deref(), Some("x"));
    }
}
