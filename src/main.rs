//! The `comity` binary: parses and dispatches.

use std::process::ExitCode;

fn main() -> ExitCode {
    comity::cli::main()
}
