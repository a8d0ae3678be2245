//! Benches of one value, one row and one line.
fn main() {}
