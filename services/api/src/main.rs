//! `tenantry-api`: without arguments it serves; see `tenantry-api help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantry_api::cli::main()
}
