//! What a server answers when it refuses, in words that never hold a row's value.

use std::fmt;

use crate::sqlstate;

/// An [ErrorResponse], reduced to what can hold no value of a row.
///
/// MESSAGE, DETAIL, HINT and CONTEXT hold values (`Key (email)=(…) already exists`), so they are not kept; MESSAGE is,
/// for statements over catalogs, settings and what is ours ([`Connection::simple`](crate::Connection::simple) says which).
///
/// [ErrorResponse]: https://www.postgresql.org/docs/current/protocol-error-fields.html
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// Five characters: [Appendix A](https://www.postgresql.org/docs/current/errcodes-appendix.html).
    pub sqlstate: String,
    /// `ERROR`, `FATAL` or `PANIC`, not translated.
    pub severity: String,
    /// The text, only from [`Connection::connect`](crate::Connection::connect), `simple`, `query`, `execute` and the
    /// start of `copy_both`.
    pub message: Option<String>,
    /// Name of the schema.
    pub schema: Option<String>,
    /// Name of the table.
    pub table: Option<String>,
    /// Name of the column.
    pub column: Option<String>,
    /// Name of the data type.
    pub datatype: Option<String>,
    /// Name of the constraint.
    pub constraint: Option<String>,
    /// The server's function that raised it, as `ExecConstraints`: tells apart what shares a SQLSTATE.
    pub routine: Option<String>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse without its text.
    pub fn parse(body: &[u8]) -> ServerError {
        ServerError::read(body, false)
    }

    pub(crate) fn parse_with_message(body: &[u8]) -> ServerError {
        ServerError::read(body, true)
    }

    fn read(body: &[u8], keep_message: bool) -> ServerError {
        let mut e = ServerError::default();
        for (field, value) in fields(body) {
            let value = String::from_utf8_lossy(value).into_owned();
            match field {
                b'C' => e.sqlstate = value,
                b'V' => e.severity = value,
                b'S' if e.severity.is_empty() => e.severity = value,
                b'M' if keep_message => e.message = Some(value),
                b's' => e.schema = Some(value),
                b't' => e.table = Some(value),
                b'c' => e.column = Some(value),
                b'd' => e.datatype = Some(value),
                b'n' => e.constraint = Some(value),
                b'R' => e.routine = Some(value),
                _ => {}
            }
        }
        e
    }

    /// The condition name of the SQLSTATE, as `unique_violation`, where it is one of the common ones.
    pub fn condition(&self) -> Option<&'static str> {
        sqlstate::name(&self.sqlstate)
    }

    /// Whether the session is over.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// As [`Error::is_transient`](crate::Error::is_transient).
    pub fn is_transient(&self) -> bool {
        sqlstate::is_transient(&self.sqlstate)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sqlstate)?;
        if let Some(name) = self.condition() {
            write!(f, " {name}")?;
        }
        let names = [
            ("schema", &self.schema),
            ("table", &self.table),
            ("column", &self.column),
            ("type", &self.datatype),
            ("constraint", &self.constraint),
        ];
        for (what, name) in names {
            if let Some(name) = name {
                write!(f, " {what} \"{name}\"")?;
            }
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ServerError {}

/// The fields of an ErrorResponse or NoticeResponse: type and value.
fn fields(body: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    body.split(|b| *b == 0).map_while(|field| field.split_first()).map(|(kind, value)| (*kind, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"SFEHLER\0VERROR\0C23505\0Mduplicate key ann@example.com\0DKey (email)=(ann@example.com)\0\
        WCOPY users, line 1: ann@example.com\0spublic\0tusers\0nusers_email_key\0R_bt_check_unique\0\0";

    #[test]
    fn a_value_does_not_pass() {
        let e = ServerError::parse(BODY);
        assert_eq!(
            e.to_string(),
            r#"23505 unique_violation schema "public" table "users" constraint "users_email_key""#
        );
        assert!(!format!("{e:?}").contains("ann"));
        assert_eq!(e.sqlstate, "23505");
    }

    #[test]
    fn our_own_statement_keeps_its_message() {
        let e = ServerError::parse_with_message(b"VFATAL\0C3D000\0Mdatabase \"x\" does not exist\0\0");
        assert_eq!(e.to_string(), r#"3D000 invalid_catalog_name: database "x" does not exist"#);
        assert!(e.is_fatal() && !e.is_transient());
    }
}
