//! What the parser knows and the subset does not, by name.

use sqlparser::ast::Expr;

use super::Reader;

impl Reader {
    /// Refuses by name what the parser knows and the subset does not.
    pub(super) fn foreign<T>(&mut self, expr: &Expr) -> Option<T> {
        let what = match expr {
            Expr::Function(f) => format!("function {}()", f.name),
            Expr::Extract { .. } => "function extract()".into(),
            Expr::Substring { .. } => "function substring()".into(),
            Expr::Trim { .. } => "function trim()".into(),
            Expr::Position { .. } => "function position()".into(),
            Expr::Overlay { .. } => "function overlay()".into(),
            Expr::Ceil { .. } => "function ceil()".into(),
            Expr::Floor { .. } => "function floor()".into(),
            Expr::UnaryOp { op, .. } => format!("operator {op}"),
            Expr::BinaryOp { op, .. } => format!("a comparison or an operator ({op}) where a column should be"),
            Expr::ILike { .. } => "ILIKE".into(),
            Expr::SimilarTo { .. } => "SIMILAR TO".into(),
            Expr::Like { .. } => "LIKE ANY".into(),
            Expr::AnyOp { compare_op, .. } => format!("{compare_op} ANY"),
            Expr::AllOp { compare_op, .. } => format!("{compare_op} ALL"),
            Expr::IsDistinctFrom(..) => "IS DISTINCT FROM".into(),
            Expr::IsNotDistinctFrom(..) => "IS NOT DISTINCT FROM".into(),
            Expr::Cast { data_type, .. } => format!("a cast to {data_type}"),
            Expr::AtTimeZone { .. } => "AT TIME ZONE".into(),
            Expr::Collate { collation, .. } => format!("COLLATE {collation}"),
            Expr::Interval(_) => "an interval".into(),
            Expr::Case { .. } => "CASE".into(),
            Expr::Exists { .. } | Expr::Subquery(_) | Expr::In { .. } => "a subquery".into(),
            Expr::Tuple(_) => "a row of several values".into(),
            Expr::Array(_) => "an array".into(),
            Expr::JsonAccess { .. } | Expr::CompoundFieldAccess { .. } => "a field or an element of a column".into(),
            Expr::CompoundIdentifier(_) => "a name with a dot in it".into(),
            Expr::Value(_) | Expr::TypedString(_) => "a literal here".into(),
            _ => "this expression".into(),
        };
        self.outside(expr, what)
    }
}
