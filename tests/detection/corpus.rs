//! The labelled corpus in `tests/corpus`, read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which half of the corpus a schema stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// To develop against.
    Seen,
    /// To measure with.
    HeldBack,
}

impl Half {
    fn folder(self) -> &'static str {
        match self {
            Half::Seen => "seen",
            Half::HeldBack => "held_back",
        }
    }

    /// Decided by the schema's name alone, so that a schema is never cut in two: FNV-1a of 64 bits, one remainder of
    /// three held back.
    pub fn of(schema: &str) -> Half {
        let hash =
            schema.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        if hash % 3 == 0 { Half::HeldBack } else { Half::Seen }
    }
}

/// One labelled column.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The project, or what was made up.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// As `format_type()` says it.
    pub type_name: String,
    /// What it holds; `not_personal` where it may be kept.
    pub label: String,
    /// The generator of its values; empty where the table is taken to be empty.
    pub values: String,
    /// The column's comment; mostly empty.
    pub comment: String,
}

impl Labelled {
    /// Must it not be kept by default?
    pub fn personal(&self) -> bool {
        self.label != "not_personal"
    }

    /// `schema.table.column`.
    pub fn path(&self) -> String {
        format!("{}.{}.{}", self.schema, self.table, self.column)
    }
}

/// Every kind of a label, as the README explains them.
pub const LABELS: &[&str] = &[
    "not_personal",
    "email",
    "phone",
    "full_name",
    "first_name",
    "last_name",
    "name",
    "username",
    "company",
    "street",
    "city",
    "postcode",
    "birth_date",
    "gender",
    "national_id",
    "tax_id",
    "passport",
    "external_id",
    "iban",
    "card",
    "ip",
    "mac",
    "geo",
    "url",
    "url_with_token",
    "device_id",
    "vehicle_plate",
    "password_hash",
    "secret",
    "token",
    "free_text",
    "document",
    "binary",
    "photo",
    "health",
    "religion",
    "ethnicity",
    "salary",
];

/// The columns of one half, in the order of their files.
pub fn half(half: Half) -> Vec<Labelled> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(half.folder()))
        .expect("tests/corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")
}

fn read(file: &Path) -> Vec<Labelled> {
    let schema = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(file).expect("a file of the corpus");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("table\tcolumn\ttype\tlabel\tvalues\tcomment"), "{schema}: the heading");
    lines
        .map(|line| {
            let mut parts = line.split('\t').map(str::to_owned);
            let mut next = || parts.next().unwrap_or_default();
            Labelled {
                schema: schema.clone(),
                table: next(),
                column: next(),
                type_name: next(),
                label: next(),
                values: next(),
                comment: next(),
            }
        })
        .collect()
}

#[test]
fn stands_where_its_hash_says() {
    for which in [Half::Seen, Half::HeldBack] {
        let schemas: BTreeSet<String> = half(which).into_iter().map(|c| c.schema).collect();
        for schema in schemas {
            assert_eq!(Half::of(&schema), which, "{schema}");
        }
    }
}

#[test]
fn is_large_enough_and_says_only_what_it_explains() {
    let (seen, held_back) = (half(Half::Seen), half(Half::HeldBack));
    let all: Vec<&Labelled> = seen.iter().chain(&held_back).collect();
    let personal = all.iter().filter(|c| c.personal()).count();
    assert!(all.len() >= 1_500 && personal >= 500 && all.len() - personal >= 500, "{} {personal}", all.len());
    assert!(held_back.iter().filter(|c| c.personal()).count() >= 300);
    assert!(all.iter().filter(|c| !c.comment.is_empty()).count() >= 40);
    assert!(all.iter().filter(|c| !c.values.is_empty()).count() >= 1_500);
    let mut paths = BTreeSet::new();
    for column in all {
        assert!(LABELS.contains(&column.label.as_str()), "{}: {}", column.path(), column.label);
        assert!(!column.type_name.is_empty() && paths.insert(column.path()), "{}", column.path());
        if !column.values.is_empty() {
            let values = super::values::values(&column.values, &column.path(), 3);
            assert!(values.is_some_and(|v| v.len() == 3 && !v[0].is_empty()), "{}: {}", column.path(), column.values);
        }
    }
}

#[test]
fn its_explanation_names_every_label() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    for label in LABELS {
        assert!(readme.contains(&format!("`{label}`")), "{label} is not explained");
    }
}
