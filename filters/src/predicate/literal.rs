//! The value that a literal has against a column.
//!
//! Here each literal gets the type that PostgreSQL's rules give it
//! (<https://www.postgresql.org/docs/current/typeconv-oper.html>): a literal in quotes is of its column's type, one that names
//! its type is of that, a number is a number. The rules matter where a value is rounded on the way: against a `real` a number is
//! `double precision` (and 0.1 equals no `real`), but in an IN list of several it is `real`.

use super::field::Kind;
use super::tree::{Constant, Type};
use crate::scalar::{self, Calendar, Owned, OwnedDecimal};

/// Why a literal cannot stand against a column.
pub(super) enum Misfit {
    /// The server has no such comparison, or one that we do not know.
    Kind,
    /// It is none of the type's values, or not in the form that we read.
    Text(&'static str),
}

const DATE: Misfit = Misfit::Text("a date as '2026-01-31', in range, or 'infinity'");
const TIMESTAMP: Misfit =
    Misfit::Text("a timestamp as '2026-01-31 12:34:56.789', in range and without a zone, or 'infinity'");
const TIMESTAMPTZ: Misfit = Misfit::Text("a timestamp as '2026-01-31 12:34:56.789+02', in range, or 'infinity'");
const FLOAT: Misfit = Misfit::Text("a number in its range, or 'NaN' or 'Infinity'");

/// The value that the server takes a literal for against a column of this kind; `several` if it is one of more in a list.
pub(super) fn value(kind: &Kind, literal: &Constant, several: bool) -> Result<Owned, Misfit> {
    let integer = |text: &str, least: i64, most: i64| {
        let number: Option<i64> = text.parse().ok();
        let number = number.filter(|n| (least..=most).contains(n)).and_then(|_| OwnedDecimal::literal(text, false));
        number.map(Owned::Decimal).ok_or(Misfit::Text("an integer in its range"))
    };
    let number = |text: &str, words| {
        let number = OwnedDecimal::literal(text, words).map(Owned::Decimal);
        number.ok_or(Misfit::Text("a decimal number of at most 1000 digits"))
    };
    Ok(match (kind, literal) {
        (Kind::Smallint | Kind::Integer | Kind::Bigint | Kind::Numeric, Constant::Number(n)) => number(n, false)?,
        (Kind::Smallint, Constant::Text(t)) => integer(t, i16::MIN.into(), i16::MAX.into())?,
        (Kind::Integer, Constant::Text(t)) => integer(t, i32::MIN.into(), i32::MAX.into())?,
        (Kind::Bigint, Constant::Text(t)) => integer(t, i64::MIN, i64::MAX)?,
        (Kind::Numeric, Constant::Text(t)) => number(t, true)?,
        // a number against a real is taken as double precision, but in a list it becomes real
        (Kind::Real, Constant::Number(n)) if several => float(n, false, true).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Real | Kind::Double, Constant::Number(n)) => float(n, false, false).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Real, Constant::Text(t)) => float(t, true, true).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Double, Constant::Text(t)) => float(t, true, false).map(Owned::Float).ok_or(FLOAT)?,
        (Kind::Boolean, Constant::Bool(b)) => Owned::Bool(*b),
        (Kind::Boolean, Constant::Text(t)) => Owned::Bool(match t.to_ascii_lowercase().as_str() {
            "t" | "true" => true,
            "f" | "false" => false,
            _ => return Err(Misfit::Text("TRUE or FALSE")),
        }),
        (Kind::Date, Constant::Text(t)) => moment(Calendar::Date, t, DATE)?,
        (Kind::Timestamp, Constant::Text(t)) => moment(Calendar::Timestamp, t, TIMESTAMP)?,
        (Kind::TimestampTz, Constant::Text(t)) => moment(Calendar::TimestampTz, t, TIMESTAMPTZ)?,
        (Kind::Date | Kind::Timestamp | Kind::TimestampTz, Constant::Typed(ty, t)) => match ty {
            Type::Date => moment(Calendar::Date, t, DATE)?,
            Type::Timestamp => moment(Calendar::Timestamp, t, TIMESTAMP)?,
            Type::TimestampTz => moment(Calendar::TimestampTz, t, TIMESTAMPTZ)?,
            Type::Uuid => return Err(Misfit::Kind),
        },
        (Kind::Uuid, Constant::Text(t) | Constant::Typed(Type::Uuid, t)) => {
            let uuid = scalar::uuid(t.as_bytes()).map(Owned::Uuid);
            uuid.ok_or(Misfit::Text("a uuid as '00000000-0000-0000-0000-000000000000'"))?
        }
        (Kind::Text(_), Constant::Text(t)) => Owned::Bytes(t.as_bytes().into()),
        (Kind::Padded(_), Constant::Text(t)) => Owned::Bytes(scalar::unpadded(t.as_bytes()).into()),
        (Kind::Enum(labels), Constant::Text(t)) => match labels.contains(t) {
            true => Owned::Bytes(t.as_bytes().into()),
            false => return Err(Misfit::Text("one of its labels")),
        },
        _ => return Err(Misfit::Kind),
    })
}

fn moment(ty: Calendar, text: &str, misfit: Misfit) -> Result<Owned, Misfit> {
    scalar::moment(ty, text).map(Owned::Moment).ok_or(misfit)
}

/// The nearest number of the type, as the server rounds; `None` where it would say "out of range".
fn float(text: &str, words: bool, single: bool) -> Option<f64> {
    OwnedDecimal::literal(text, words)?; // the form; Rust reads some that the server does not
    let number = if single { f64::from(text.parse::<f32>().ok()?) } else { text.parse::<f64>().ok()? };
    let written = text.strip_prefix(['+', '-']).unwrap_or(text);
    if written.starts_with(['i', 'I', 'n', 'N']) {
        return Some(number);
    }
    let mantissa = written.split(['e', 'E']).next().unwrap_or_default();
    let zero = !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    (number.is_finite() && (number != 0.0) != zero).then_some(number)
}
