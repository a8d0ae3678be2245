//! The binary: parses the command line, runs one verb, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    replicator::cli::main()
}
