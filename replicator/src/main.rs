//! The binary: parses the command line, runs one verb, exits.
fn main() {}
