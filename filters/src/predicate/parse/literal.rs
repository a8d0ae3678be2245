//! Literals: numbers, texts in single quotes, texts that name their type.

use sqlparser::ast::{CastKind, DataType, Expr, TimezoneInfo, TypedString, UnaryOperator, Value};

use super::{Reader, place_of};
use crate::predicate::Place;
use crate::predicate::tree::{Constant, Literal, Type};

impl Reader {
    /// A literal of a comparison: NULL would make it unknown for every row.
    pub(super) fn compared(&mut self, expr: &Expr) -> Option<Literal> {
        let literal = self.literal(expr)?;
        if matches!(literal.what, Constant::Null) {
            self.problems.hint(
                literal.at,
                "a comparison with NULL is true for no row",
                "write IS NULL, or IS NOT NULL",
            );
            return None;
        }
        Some(literal)
    }

    pub(super) fn literal(&mut self, expr: &Expr) -> Option<Literal> {
        let at = place_of(expr);
        let what = match expr {
            Expr::Nested(inner) => return self.literal(inner),
            Expr::Value(v) => self.constant(&v.value, at)?,
            Expr::UnaryOp { op: sign @ (UnaryOperator::Minus | UnaryOperator::Plus), expr: of } => match &**of {
                Expr::Value(v) if matches!(v.value, Value::Number(..)) => match self.constant(&v.value, at)? {
                    Constant::Number(n) if *sign == UnaryOperator::Minus => Constant::Number(format!("-{n}").into()),
                    number => number,
                },
                _ => return self.outside(of, "a sign before anything but a number"),
            },
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false }) => {
                self.typed(data_type, &value.value, at)?
            }
            Expr::Cast { kind: CastKind::DoubleColon | CastKind::Cast, expr: of, data_type, format: None } => {
                match &**of {
                    Expr::Value(v) => self.typed(data_type, &v.value, at)?,
                    _ => return self.outside(of, "a cast of anything but a text in quotes"),
                }
            }
            Expr::Identifier(_) => return self.outside(expr, "a column where a literal should be"),
            other => return self.foreign(other),
        };
        Some(Literal { what, at })
    }

    fn constant(&mut self, value: &Value, at: Option<Place>) -> Option<Constant> {
        Some(match value {
            Value::Number(text, false) if plain_number(text) => Constant::Number(text.as_str().into()),
            Value::Number(..) => return self.refuse(at, "a number must be decimal: digits, a point, an exponent"),
            Value::SingleQuotedString(text) => Constant::Text(self.no_zero(text.clone(), at)?),
            Value::Boolean(b) => Constant::Bool(*b),
            Value::Null => Constant::Null,
            Value::Placeholder(name) => {
                return self.refuse(at, format!("parameter {name}: not in the subset a filter can decide"));
            }
            _ => return self.refuse(at, "a text must be in single quotes, without a prefix"),
        })
    }

    fn typed(&mut self, data_type: &DataType, value: &Value, at: Option<Place>) -> Option<Constant> {
        let ty = match data_type {
            DataType::Date => Type::Date,
            DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::Timestamp,
            DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => Type::TimestampTz,
            DataType::Uuid => Type::Uuid,
            other => {
                return self.refuse(at, format!("a literal of type {other}: not in the subset a filter can decide"));
            }
        };
        match value {
            Value::SingleQuotedString(text) => Some(Constant::Typed(ty, self.no_zero(text.clone(), at)?)),
            _ => self.refuse(at, "a text must be in single quotes, without a prefix"),
        }
    }

    pub(super) fn no_zero(&mut self, text: String, at: Option<Place>) -> Option<Box<str>> {
        if text.contains('\0') {
            return self.refuse(at, "PostgreSQL has no text with a zero byte");
        }
        Some(text.into())
    }
}

/// Digits, a point, an exponent: what every version of PostgreSQL reads alike.
fn plain_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0 && exponent
}
