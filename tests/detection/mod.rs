//! How well `sluice init` tells personal data from the rest: the corpus, values made up for it, and what is measured.

mod checks;
mod corpus;
mod measure;
mod page;
mod values;
mod words;
