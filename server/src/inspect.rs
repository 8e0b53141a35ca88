//! `tidegate inspect`: what is in a data directory, for operators.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

/// Verifies and prints what `data_dir` holds; changes nothing. Fails, after printing all it can, if anything is
/// damaged.
///
/// # Errors
/// If the directory can't be read, or a server is using it.
pub fn run(data_dir: &Path) -> anyhow::Result<ExitCode> {
    let inspection = tidegate_persistence::inspect(data_dir)
        .with_context(|| format!("cannot inspect {}", data_dir.display()))?;
    print!("{inspection}");
    Ok(if inspection.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
