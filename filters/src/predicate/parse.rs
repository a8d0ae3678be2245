//! From text to our own closed tree.
//!
//! The parser reads much more SQL than we can decide, of many servers; [`Reader`] takes over what is in the subset and
//! refuses the rest by name. What it takes is so little that a difference between the parser's grammar and PostgreSQL's
//! shows in a test, and even then both sides decide the same tree, because production gets [`super::sql`]'s text.
//!
//! Depth is bounded three times, since a tree is walked, and dropped, on the stack: the parser's own limit, a limit on
//! words (chains of `AND` grow to the left without nesting), and one on the depth of what is taken over.

mod foreign;
mod literal;

use sqlparser::ast::{BinaryOperator, Expr, Ident, InTarget, Spanned, UnaryOperator, Value};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};

use super::tree::{Is, Name, Op, Pattern, Tree};
use super::{Place, PredicateError, Problems};

/// Longer texts are not read. A list of a thousand uuids has 40 kB.
const LONGEST: usize = 256 * 1024;
/// Words, operators and parentheses; what separates the items of a list is not counted, nor are the items.
const MOST_WORDS: usize = 2000;
const DEEPEST: usize = 40;

/// Reads a predicate's text.
pub(super) fn parse(text: &str) -> Result<Tree, PredicateError> {
    let mut reader = Reader::default();
    let tree = reader.text(text);
    reader.problems.or(tree)
}

#[derive(Default)]
struct Reader {
    problems: Problems,
}

impl Reader {
    fn text(&mut self, text: &str) -> Option<Tree> {
        if text.len() > LONGEST {
            return self.refuse(None, format!("it is longer than {LONGEST} bytes"));
        }
        let dialect = PostgreSqlDialect {};
        let tokens = match Tokenizer::new(&dialect, text).tokenize_with_location() {
            Ok(tokens) => tokens,
            Err(e) => return self.refuse(place(e.location), format!("it cannot be read as SQL: {}", e.message)),
        };
        let item = |t: &Token| matches!(t, Token::Whitespace(_) | Token::Comma | Token::Number(..));
        let words = tokens.iter().filter(|t| !item(&t.token) && !matches!(t.token, Token::SingleQuotedString(_)));
        if words.count() > MOST_WORDS {
            return self.refuse(None, format!("it has more than {MOST_WORDS} words and operators"));
        }
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
        let expr = match parser.parse_expr() {
            Ok(expr) => expr,
            Err(ParserError::RecursionLimitExceeded) => return self.refuse(None, "it is nested too deeply"),
            Err(ParserError::TokenizerError(e) | ParserError::ParserError(e)) => {
                return self.refuse(None, format!("it cannot be read as SQL: {e}"));
            }
        };
        let next = parser.peek_token();
        if next.token != Token::EOF {
            return self
                .refuse(place(next.span.start), format!("it goes on with `{}` where it should end", next.token));
        }
        self.predicate(&expr, 0)
    }

    fn predicate(&mut self, expr: &Expr, depth: usize) -> Option<Tree> {
        if depth > DEEPEST {
            return self.refuse(None, "it is nested too deeply");
        }
        let depth = depth + 1;
        match expr {
            Expr::Nested(inner) => self.predicate(inner, depth),
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => self.chain(expr, op, depth),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                self.predicate(expr, depth).map(|tree| Tree::Not(Box::new(tree)))
            }
            Expr::IsTrue(of) => self.is(of, Is::True, false, depth),
            Expr::IsNotTrue(of) => self.is(of, Is::True, true, depth),
            Expr::IsFalse(of) => self.is(of, Is::False, false, depth),
            Expr::IsNotFalse(of) => self.is(of, Is::False, true, depth),
            Expr::IsUnknown(of) => self.is(of, Is::Unknown, false, depth),
            Expr::IsNotUnknown(of) => self.is(of, Is::Unknown, true, depth),
            Expr::IsNull(of) => self.is_null(of, false, depth),
            Expr::IsNotNull(of) => self.is_null(of, true, depth),
            Expr::Identifier(_) => self.column(expr).map(Tree::Column),
            Expr::Value(value) => match value.value {
                Value::Boolean(b) => Some(Tree::Constant(Some(b))),
                Value::Null => Some(Tree::Constant(None)),
                _ => self.refuse(place(value.span.start), "a literal by itself is no predicate"),
            },
            Expr::BinaryOp { left, op, right } => self.compare(left, op, right),
            Expr::Between { expr, negated, low, high } => {
                let (name, low, high) = (self.column(expr), self.compared(low), self.compared(high));
                Some(Tree::Between(name?, *negated, low?, high?))
            }
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                let name = self.column(expr);
                let list: Option<Vec<_>> =
                    list.iter().map(|item| self.literal(item)).collect::<Vec<_>>().into_iter().collect();
                let (name, list) = (name?, list?);
                if list.is_empty() {
                    return self.refuse(name.at, "IN wants at least one value");
                }
                Some(Tree::In(name, *negated, list))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(*negated, expr, pattern, escape_char.as_deref())
            }
            other => self.foreign(other),
        }
    }

    /// `a AND b AND c`, which comes leaning to the left, however long.
    fn chain(&mut self, expr: &Expr, chained: &BinaryOperator, depth: usize) -> Option<Tree> {
        let mut parts = Vec::new();
        let mut rest = expr;
        while let Expr::BinaryOp { left, op, right } = rest {
            if op != chained {
                break;
            }
            parts.push(&**right);
            rest = left;
        }
        parts.push(rest);
        let trees: Vec<Option<Tree>> = parts.into_iter().rev().map(|part| self.predicate(part, depth)).collect();
        let trees: Option<Vec<Tree>> = trees.into_iter().collect();
        trees.map(|trees| if *chained == BinaryOperator::And { Tree::All(trees) } else { Tree::Any(trees) })
    }

    fn is(&mut self, of: &Expr, what: Is, negated: bool, depth: usize) -> Option<Tree> {
        self.predicate(of, depth).map(|of| Tree::Is(Box::new(of), what, negated))
    }

    /// Of a column it asks for the value, of a predicate for its truth.
    fn is_null(&mut self, of: &Expr, negated: bool, depth: usize) -> Option<Tree> {
        let mut inner = of;
        while let Expr::Nested(nested) = inner {
            inner = nested;
        }
        match inner {
            Expr::Identifier(_) => self.column(inner).map(|name| Tree::Null(name, negated)),
            _ => self.is(of, Is::Unknown, negated, depth),
        }
    }

    fn compare(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Tree> {
        let op = match op {
            BinaryOperator::Eq => Op::Eq,
            BinaryOperator::NotEq => Op::Ne,
            BinaryOperator::Lt => Op::Lt,
            BinaryOperator::LtEq => Op::Le,
            BinaryOperator::Gt => Op::Gt,
            BinaryOperator::GtEq => Op::Ge,
            other => return self.outside(left, format!("operator {other}")),
        };
        let (column, op, literal) =
            if is_column(right) && !is_column(left) { (right, op.swapped(), left) } else { (left, op, right) };
        if is_column(column) && is_column(literal) {
            return self.outside(left, "a column against a column");
        }
        let (name, literal) = (self.column(column), self.compared(literal));
        Some(Tree::Compare(name?, op, literal?))
    }

    fn like(&mut self, negated: bool, expr: &Expr, pattern: &Expr, escape: Option<&Expr>) -> Option<Tree> {
        let (name, at) = (self.column(expr), place_of(pattern));
        let mut quoted = |expr: &Expr, what: &str| match expr {
            Expr::Value(v) => match &v.value {
                Value::SingleQuotedString(text) => Some(text.clone()),
                _ => self.refuse(place_of(expr), format!("{what} must be a text in single quotes")),
            },
            _ => self.refuse(place_of(expr), format!("{what} must be a text in single quotes")),
        };
        let text = quoted(pattern, "the pattern of LIKE");
        let escape = escape.map(|e| quoted(e, "the character of ESCAPE"));
        let escape = match escape {
            None => None,
            Some(given) => Some(given?.into_boxed_str()),
        };
        if escape.as_ref().is_some_and(|e| e.chars().count() > 1) {
            return self.refuse(at, "ESCAPE wants one character, or none");
        }
        let text = self.no_zero(text?, at)?;
        Some(Tree::Like(name?, negated, Pattern { text, escape, at }))
    }

    /// A column, and nothing but a column.
    fn column(&mut self, expr: &Expr) -> Option<Name> {
        match expr {
            Expr::Nested(inner) => self.column(inner),
            Expr::Identifier(ident) => self.name(ident),
            Expr::CompoundIdentifier(parts) => {
                let at = parts.first().and_then(|p| place(p.span.start));
                let last = parts.last().map_or("", |p| p.value.as_str());
                self.problems.hint(
                    at,
                    "a name with a dot in it: not in the subset a filter can decide",
                    format!("there is one table here: write {last} alone, or in double quotes if the dot is part of its name"),
                );
                None
            }
            Expr::Value(_) | Expr::TypedString(_) => self.outside(expr, "a literal against a literal"),
            other => self.foreign(other),
        }
    }

    fn name(&mut self, ident: &Ident) -> Option<Name> {
        let at = place(ident.span.start);
        let text = match ident.quote_style {
            None => ident.value.to_ascii_lowercase(),
            Some('"') => ident.value.clone(),
            Some(quote) => return self.refuse(at, format!("a name goes in double quotes, not in {quote}")),
        };
        Some(Name { text: text.into(), at })
    }

    fn outside<T>(&mut self, expr: &Expr, what: impl std::fmt::Display) -> Option<T> {
        self.refuse(place_of(expr), format!("{what}: not in the subset a filter can decide"))
    }

    fn refuse<T>(&mut self, at: Option<Place>, what: impl Into<String>) -> Option<T> {
        self.problems.add(at, what);
        None
    }
}

fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_column(inner),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        _ => false,
    }
}

fn place(at: Location) -> Option<Place> {
    (at.line > 0).then_some(Place { line: at.line, column: at.column })
}

fn place_of(expr: &Expr) -> Option<Place> {
    let Span { start, .. } = expr.span();
    place(start)
}
