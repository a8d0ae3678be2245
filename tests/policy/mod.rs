//! Policy on real servers: what a mask does to keys, references and columns that nobody has classified.

mod approve;
mod documents;
mod filtered;
mod histories;
mod overlay;
mod predicates;
mod references;
mod rows;
mod structure;
mod withheld;
