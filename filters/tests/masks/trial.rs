//! A mask under trial, and what the tests of all masks share.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::BytesMut;
use filters::change::{Column, Identity, RowBuilder, Table, Value};
use filters::filter::{Compiled, Filter, FilterError};
use filters::key::MaskKey;
use filters::mask::{ColumnFacts, Injective, Mask, MaskError, MaskSpec, Outcome, Setting, Writes};
use filters::policy::{Class, Policy, TableRule, TableRules};
use filters::raw::RawRow;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

pub const INT8: u32 = 20;
pub const INT2: u32 = 21;
pub const INT4: u32 = 23;
pub const TEXT: u32 = 25;
pub const BPCHAR: u32 = 1042;
pub const VARCHAR: u32 = 1043;
pub const UUID: u32 = 2950;

/// A mask on a column, with values that it can read.
pub struct Trial {
    pub spec: MaskSpec,
    pub column: ColumnFacts,
    pub domain: Option<&'static str>,
    /// The file of its vectors in `tests/golden`, without `.txt`.
    pub golden: Option<&'static str>,
    /// Different readable values for different numbers.
    pub value: fn(u64) -> String,
    /// Values like those that it can read, and some that are not: a regular expression.
    pub like: &'static str,
    /// May a readable value come out as it was? Only where chance or a parameter can make it so.
    pub hides: Hides,
    /// How many values must stay apart, where the mask says that they do; [`many`] of them in `make soak`.
    pub apart: u64,
    /// How many different values there are.
    pub whole: u64,
    /// The columns beside it, where the mask looks at them.
    pub siblings: Vec<Sibling>,
}

/// A column beside the one under trial: name, class, and a value for each number.
type Sibling = (&'static str, Class, fn(u64) -> String);

/// A mask that is made: by itself, or in a row with others.
pub enum Made {
    Mask(Mask),
    Row(Box<Filter>, Arc<Compiled>, Vec<fn(u64) -> String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hides {
    /// Never.
    Always,
    /// By chance, of a thousand values a few.
    Mostly,
    /// It promises nothing of the kind.
    No,
}

/// How many values FF1 has to keep apart. It is a permutation by construction and slow without optimisation: the whole
/// number is for `cargo test --release`.
pub const FF1_VALUES: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };

impl Trial {
    /// A mask on a `text` column.
    #[track_caller]
    pub fn new(name: &str, settings: &[(&str, Setting)], value: fn(u64) -> String, like: &'static str) -> Trial {
        Trial {
            spec: MaskSpec::of(name, settings),
            column: ColumnFacts::TEXT,
            domain: None,
            golden: None,
            value,
            like,
            hides: Hides::Always,
            apart: 100_000,
            whole: u64::MAX,
            siblings: Vec::new(),
        }
    }

    /// A column beside it.
    pub fn beside(mut self, name: &'static str, class: Class, value: fn(u64) -> String) -> Trial {
        self.siblings.push((name, class, value));
        self
    }

    pub fn golden(self, file: &'static str) -> Trial {
        Trial { golden: Some(file), ..self }
    }

    pub fn on(self, type_oid: u32, type_modifier: i32) -> Trial {
        Trial { column: ColumnFacts::new(type_oid, type_modifier), ..self }
    }

    pub fn domain(self, domain: &'static str) -> Trial {
        Trial { domain: Some(domain), ..self }
    }

    pub fn hides(self, hides: Hides) -> Trial {
        Trial { hides, ..self }
    }

    pub fn apart(self, apart: u64) -> Trial {
        Trial { apart, ..self }
    }

    /// Its type has no more values than these.
    pub fn whole(self, whole: u64) -> Trial {
        Trial { whole, ..self }
    }

    /// The mask, made.
    #[track_caller]
    pub fn made(&self) -> Made {
        self.made_for(&self.column, &key(1), self.domain).unwrap()
    }

    /// A mask that looks at no other column, made.
    #[track_caller]
    pub fn mask(&self) -> Mask {
        Mask::new(&self.spec, &key(1), self.domain, &self.column).unwrap()
    }

    /// The mask, made for another column, key or domain.
    pub fn made_for(&self, column: &ColumnFacts, key: &MaskKey, domain: Option<&str>) -> Result<Made, MaskError> {
        if self.siblings.is_empty() {
            return Mask::new(&self.spec, key, domain, column).map(Made::Mask);
        }
        let own = Class::Mask { spec: self.spec.clone(), domain: domain.map(str::to_owned) };
        let (mut columns, mut classes) = (Vec::new(), BTreeMap::new());
        let mut add = |name: &str, type_oid, type_modifier, class: &Class| {
            columns.push(Column { name: name.into(), type_oid, type_modifier, key: false });
            classes.insert(name.to_owned(), class.clone());
        };
        add("own", column.type_oid, column.type_modifier, &own);
        self.siblings.iter().for_each(|(name, class, _)| add(name, TEXT, -1, class));
        let table = Table { oid: 1, schema: "s".into(), name: "t".into(), identity: Identity::Default, columns };
        let rule = TableRule::Copy(TableRules::new(classes, Class::Withheld));
        let policy = Policy { tables: BTreeMap::from([(("s".to_owned(), "t".to_owned()), rule)]) };
        let filter = Filter::new(policy, key.clone());
        let values = self.siblings.iter().map(|(.., value)| *value).collect();
        match filter.compile(&Arc::new(table)) {
            Ok(compiled) => Ok(Made::Row(Box::new(filter), compiled.unwrap(), values)),
            Err(FilterError::Mask { source, .. }) => Err(source),
            Err(e) => panic!("{e}"),
        }
    }

    /// Does what it makes depend on the key?
    pub fn is_keyed(&self) -> bool {
        let keyed = |class: &Class| matches!(class, Class::Mask { spec, .. } if spec.is_keyed());
        self.spec.is_keyed() || self.siblings.iter().any(|(_, class, _)| keyed(class))
    }

    /// Does the column set no limit, so that another may be tried?
    pub fn is_on_text(&self) -> bool {
        self.column == ColumnFacts::TEXT
    }
}

/// Is this `make soak`?
pub fn soaks() -> bool {
    std::env::var_os("SLUICE_SOAK").is_some()
}

/// How many values to try: so many, and ten million in `make soak`.
pub fn many(usual: u64) -> u64 {
    if soaks() { 10_000_000 } else { usual }
}

/// The same cases in every run, so that a failure is the code's. `PROPTEST_RNG_SEED` tries others. A hundred times as many in
/// `make soak`.
pub fn config(cases: u32) -> ProptestConfig {
    let cases = if soaks() { cases * 100 } else { cases };
    let mut config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_global_rejects: 1024 + cases,
        ..ProptestConfig::default()
    };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

pub fn key(seed: u8) -> MaskKey {
    MaskKey::new(&[seed; 32]).unwrap()
}

#[track_caller]
pub fn mask_of(spec: &MaskSpec, type_oid: u32, type_modifier: i32) -> Mask {
    Mask::new(spec, &key(1), None, &ColumnFacts::new(type_oid, type_modifier)).unwrap()
}

impl Made {
    /// What comes out; `None` for NULL. `i` says which values stand beside it.
    #[track_caller]
    pub fn outcome(&self, value: &[u8], i: u64) -> Option<Vec<u8>> {
        match self {
            Made::Mask(mask) => outcome(mask, value),
            Made::Row(_, compiled, values) => {
                let mut b = RowBuilder::new();
                b.push(Value::Text(value));
                values.iter().for_each(|value| b.push(Value::Text(value(i).as_bytes())));
                let row = b.finish();
                match compiled.row(&row, &mut b).unwrap().get(0) {
                    Value::Text(text) => Some(text.to_vec()),
                    _ => None,
                }
            }
        }
    }

    /// How many values it could not read.
    pub fn unparsable(&self) -> u64 {
        match self {
            Made::Mask(mask) => mask.unparsable(),
            Made::Row(filter, ..) => filter.unparsable(),
        }
    }

    /// What it promises of all that it writes; `None` where it stands among others.
    pub fn writes(&self) -> Option<Writes> {
        match self {
            Made::Mask(mask) => Some(mask.writes()),
            Made::Row(..) => None,
        }
    }

    pub fn injective(&self) -> Injective {
        match self {
            Made::Mask(mask) => mask.injective(),
            Made::Row(_, compiled, _) => compiled.injective(0).unwrap(),
        }
    }
}

/// What comes out; `None` for NULL.
#[track_caller]
pub fn outcome(mask: &Mask, value: &[u8]) -> Option<Vec<u8>> {
    // something stands before it, as in a row: a mask may only append
    let mut out = BytesMut::from(&b"before"[..]);
    let outcome = mask.apply(value, &RawRow::ALONE, &mut out);
    assert_eq!(&out[..6], b"before");
    match outcome {
        Outcome::Masked | Outcome::Redacted => Some(out[6..].to_vec()),
        Outcome::Null => None,
        Outcome::NeedsRow => panic!("it needs a row, and has none"),
    }
}

/// What comes out of a mask that makes no NULL.
#[track_caller]
pub fn masked(mask: &Mask, value: &[u8]) -> Vec<u8> {
    outcome(mask, value).expect("not NULL")
}

pub fn characters(text: &[u8]) -> usize {
    String::from_utf8_lossy(text).chars().count()
}

/// What came out, and of which value.
#[derive(Default)]
pub struct Apart(Vec<(u128, u64)>);

impl Apart {
    pub fn add(&mut self, i: u64, out: &Option<Vec<u8>>) {
        // 128 bits instead of the text: ten million of them are to fit
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, out).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        self.0.push((half(0) << 64 | half(1), i));
    }

    /// Two different values that became one.
    pub fn meet(mut self, value: impl Fn(u64) -> String) -> Option<(String, String)> {
        self.0.sort_unstable();
        let met = self.0.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        met.map(|pair| (value(pair[0].1), value(pair[1].1))).find(|(a, b)| a != b)
    }
}

/// Do so many values stay apart, all of them readable?
#[track_caller]
pub fn all_different(mask: &Mask, count: u64, value: impl Fn(u64) -> String) {
    let mut apart = Apart::default();
    for i in 0..many(count) {
        apart.add(i, &outcome(mask, value(i).as_bytes()));
    }
    assert_eq!(apart.meet(value), None, "two values became one");
    assert_eq!(mask.unparsable(), 0);
}
