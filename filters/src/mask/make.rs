//! What a mask is given when it is made for a column, and what it gives back.

#![allow(dead_code, reason = "the offer to masks is whole, also where none takes it up as yet")]

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::Duration;

use super::facts::ColumnFacts;
use super::form::{Form, Sees};
use super::setting::{Decimal, Setting};
use super::spec::{Injective, MaskError, MaskSpec};
use super::{Mask, Masking};
use crate::key::{MaskKey, SubKey};
use crate::policy::Class;
use crate::predicate::Field;
use crate::raw::{Raw, RawRow};

/// A mask that is made.
pub(crate) struct Built {
    pub(crate) masking: Box<dyn Masking>,
    /// Do different values of this column stay different?
    pub(crate) injective: Injective,
    /// How much of a value it sees.
    pub(super) sees: Sees,
    /// What else it promises.
    pub(crate) writes: Writes,
}

impl Built {
    /// A mask, and what becomes of different values.
    pub(crate) fn new(masking: impl Masking + 'static, injective: Injective) -> Result<Built, MaskError> {
        Ok(Built { masking: Box::new(masking), injective, sees: Sees::Canonical, writes: Writes::default() })
    }

    /// The same of one that sees otherwise than most.
    pub(super) fn seeing(self, sees: Sees) -> Result<Built, MaskError> {
        Ok(Built { sees, ..self })
    }

    /// No letter that it writes is a capital.
    pub(crate) fn small(mut self) -> Built {
        self.writes.small = true;
        self
    }

    /// Values that differ in the case of letters only become one.
    pub(crate) fn folds(mut self) -> Built {
        self.writes.folds = true;
        self
    }

    /// Values of this form stay apart, and others may not.
    pub(crate) fn apart(mut self, form: &'static str) -> Built {
        self.writes.apart = Some(form);
        self
    }

    /// It never writes more characters than these.
    pub(crate) fn at_most(mut self, characters: usize) -> Built {
        self.writes.longest = Some(characters);
        self
    }
}

/// What a mask promises of all that it writes for a column, also where it cannot read the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Writes {
    /// No capital letter of ASCII: what differs still does behind `lower()`.
    pub small: bool,
    /// Values that it can read, and that differ in the case of letters only, become one.
    pub folds: bool,
    /// Values of this form stay apart, one to one; what has another is redacted, and may become one. `None`: as
    /// [`Injective`] says, of all values.
    pub apart: Option<&'static str>,
    /// At most so many characters; `None`: as many as the value, or as the column holds.
    pub longest: Option<usize>,
}

/// What becomes of a part of a value.
pub(crate) enum Inner {
    Keep,
    Drop,
    Mask(Mask),
}

/// Another column of the same row as the target will see it.
pub(crate) struct Sibling {
    /// Its place in [`RawRow`](crate::raw::RawRow).
    pub(crate) index: usize,
    /// `None` where it is kept as it is.
    pub(crate) mask: Option<Mask>,
}

/// Another column of the same row that says who is meant: its raw value, in its canonical form.
pub(crate) struct Mark {
    index: usize,
    form: Form,
}

impl Mark {
    pub(crate) fn of<'a>(&self, row: &RawRow<'a>) -> Raw<'a> {
        match row.get(self.index) {
            Raw::Text(Cow::Borrowed(text)) => Raw::Text(self.form.canonical(text)),
            Raw::Text(Cow::Owned(text)) => Raw::Text(Cow::Owned(self.form.canonical(&text).into_owned())),
            nothing => nothing,
        }
    }
}

/// The columns of the row that a mask works in.
pub(crate) trait Columns {
    /// The place of a column in the table.
    fn index(&self, name: &str) -> Option<usize>;
    /// What is known of a column.
    fn facts(&self, index: usize) -> Option<ColumnFacts>;
    /// All of them, for a predicate.
    fn fields(&self) -> Vec<Field>;
    /// What masks a column; `None` where it is kept. `Err` says why there is no value of it on the target.
    fn mask(&self, index: usize) -> Result<Option<Mask>, NoSibling>;
}

/// Why another column cannot be used.
pub(crate) enum NoSibling {
    Fault(&'static str),
    Own(MaskError),
}

/// A value by itself.
pub(crate) struct NoColumns;

impl Columns for NoColumns {
    fn index(&self, _name: &str) -> Option<usize> {
        None
    }

    fn facts(&self, _index: usize) -> Option<ColumnFacts> {
        None
    }

    fn fields(&self) -> Vec<Field> {
        Vec::new()
    }

    fn mask(&self, _index: usize) -> Result<Option<Mask>, NoSibling> {
        Ok(None)
    }
}

/// What a mask is made from: its parameters, its key, its column.
pub(crate) struct Make<'a> {
    pub(super) spec: &'a MaskSpec,
    pub(super) root: &'a MaskKey,
    /// The domain that the policy names, if it names one.
    pub(super) domain_name: Option<&'a str>,
    pub(super) domain: SubKey,
    pub(super) column: &'a ColumnFacts,
    pub(super) columns: &'a dyn Columns,
    /// The columns that it looks at.
    pub(super) uses: &'a RefCell<Vec<usize>>,
}

impl Make<'_> {
    /// A key for one use within the domain: no two algorithms share one.
    pub(crate) fn key(&self, purpose: &'static str) -> SubKey {
        self.domain.for_use(purpose)
    }

    /// The column.
    pub(crate) fn column(&self) -> &ColumnFacts {
        self.column
    }

    /// The type of the column under all domains: `pg_type.oid`.
    pub(crate) fn type_oid(&self) -> u32 {
        self.column.base().type_oid
    }

    /// The characters that the column can hold; `usize::MAX` where its type sets no limit.
    pub(crate) fn room(&self) -> usize {
        self.column.room().unwrap_or(usize::MAX)
    }

    /// Refuses the column unless `fits`.
    pub(crate) fn wants(&self, wants: &'static str, fits: bool) -> Result<(), MaskError> {
        let (mask, type_oid) = (self.spec.name(), self.column.type_oid);
        if fits { Ok(()) } else { Err(MaskError::Type { mask, wants, type_oid }) }
    }

    /// Refuses a column that is not text.
    pub(crate) fn wants_text(&self) -> Result<(), MaskError> {
        self.wants("text, varchar or char", self.column.is_text())
    }

    /// Refuses a column with room for fewer characters.
    pub(crate) fn needs(&self, needs: usize) -> Result<(), MaskError> {
        let (mask, holds) = (self.spec.name(), self.room());
        if needs <= holds { Ok(()) } else { Err(MaskError::Narrow { mask, needs, holds }) }
    }

    /// Something is wrong with a parameter, or with two of them together. Say nothing of their content.
    pub(crate) fn fault(&self, problem: impl Into<String>) -> MaskError {
        MaskError::Parameter { mask: self.spec.name(), problem: problem.into() }
    }

    /// A parameter that is a [`What::Flag`](super::What::Flag).
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.spec.setting(name), Some(Setting::Flag(true)))
    }

    /// A parameter that is a [`What::Number`](super::What::Number).
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.spec.setting(name)? {
            Setting::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The same where it cannot be negative.
    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        usize::try_from(self.number(name)?).ok()
    }

    /// A parameter that is a [`What::Decimal`](super::What::Decimal).
    pub(crate) fn decimal(&self, name: &str) -> Option<Decimal> {
        match self.spec.setting(name)? {
            Setting::Decimal(n) => Some(*n),
            _ => None,
        }
    }

    /// A parameter that is a [`What::Time`](super::What::Time).
    pub(crate) fn time(&self, name: &str) -> Option<Duration> {
        match self.spec.setting(name)? {
            Setting::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// A parameter that is a [`What::Text`](super::What::Text) or a [`What::Word`](super::What::Word).
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.spec.setting(name)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A parameter that is a [`What::Texts`](super::What::Texts).
    pub(crate) fn texts(&self, name: &str) -> &[String] {
        match self.spec.setting(name) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// A parameter that is a [`What::Class`](super::What::Class).
    pub(crate) fn class(&self, name: &str) -> Option<&Class> {
        match self.spec.setting(name)? {
            Setting::Class(class) => Some(class),
            _ => None,
        }
    }

    /// A parameter that is a [`What::Classes`](super::What::Classes).
    pub(crate) fn classes(&self, name: &str) -> &[(String, Class)] {
        match self.spec.setting(name) {
            Some(Setting::Classes(classes)) => classes,
            _ => &[],
        }
    }

    /// Makes what a class says for a part of the value that is of type `part`: a field of a document, an element of an
    /// array. It is the mask that a column of that class has, so equal values come out equal. Drop what is withheld.
    pub(crate) fn inner(&self, class: &Class, part: &ColumnFacts) -> Result<Inner, MaskError> {
        Ok(match class {
            Class::Keep => Inner::Keep,
            Class::Drop | Class::Withheld => Inner::Drop,
            Class::Mask { spec, domain } => {
                Inner::Mask(Mask::within(spec, self.root, domain.as_deref(), part, self.columns, self.uses)?)
            }
        })
    }

    /// The place of another column of the row, whose raw value the mask will look at.
    pub(crate) fn raw(&self, column: &str) -> Result<usize, MaskError> {
        let index =
            self.columns.index(column).ok_or_else(|| self.no_sibling(column, "the table has no such column"))?;
        self.uses.borrow_mut().push(index);
        Ok(index)
    }

    /// A column of the row that says who is meant, if a parameter names one.
    pub(crate) fn mark(&self, parameter: &str) -> Result<Option<Mark>, MaskError> {
        let Some(column) = self.text(parameter) else { return Ok(None) };
        let index = self.raw(column)?;
        let form = self.columns.facts(index).map_or(Form::Printed, |facts| Form::of(&facts, Sees::Identity));
        Ok(Some(Mark { index, form }))
    }

    /// Another column of the row with its own mask.
    pub(crate) fn masked(&self, column: &str) -> Result<Sibling, MaskError> {
        let index = self.raw(column)?;
        match self.columns.mask(index) {
            Ok(mask) => {
                // what it looks at, we look at
                let theirs = mask.as_ref().map_or(&[][..], Mask::uses);
                self.uses.borrow_mut().extend_from_slice(theirs);
                Ok(Sibling { index, mask })
            }
            Err(NoSibling::Fault(problem)) => Err(self.no_sibling(column, problem)),
            Err(NoSibling::Own(error)) => Err(error),
        }
    }

    fn no_sibling(&self, column: &str, problem: &'static str) -> MaskError {
        MaskError::Sibling { mask: self.spec.name(), column: column.to_owned(), problem }
    }
}
