//! `tidegate-loadgen`: the command line of the load generator.

mod cli;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mimalloc::MiMalloc;
use serde::Serialize;
use tidegate_loadgen::Bar;
use tidegate_loadgen::convert::convert;
use tidegate_loadgen::replay::replay;
use tidegate_loadgen::run::run;
use tidegate_loadgen::show;
use tidegate_loadgen::trace::Trace;

use cli::{Cli, Command, ConvertArgs, ReplayArgs, RunArgs};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The sale does not add up.
const WRONG: u8 = 1;
/// It could not be done, or not be checked.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => run_command(&args),
        Command::Replay(args) => replay_command(&args),
        Command::Convert(args) => convert_command(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(WRONG),
        Err(error) => {
            eprintln!("tidegate-loadgen: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// Whether the sale adds up.
fn run_command(args: &RunArgs) -> anyhow::Result<bool> {
    let mut bar = Bar::new(args.output.no_progress);
    let result = run(&args.config()?, |progress| bar.run(progress))?;
    bar.finish();
    print!("{}", show::run_result(&result));
    write_json(args.output.json.as_deref(), &result)?;
    Ok(result.verdict.ok)
}

fn replay_command(args: &ReplayArgs) -> anyhow::Result<bool> {
    let trace = Arc::new(Trace::read(&args.trace)?);
    let mut bar = Bar::new(args.output.no_progress);
    let result = replay(&args.config(), &trace, |progress| bar.replay(progress))?;
    bar.finish();
    print!("{}", show::replay_result(&result));
    write_json(args.output.json.as_deref(), &result)?;
    Ok(result.verdict.ok)
}

fn convert_command(args: &ConvertArgs) -> anyhow::Result<bool> {
    let (trace, counts) = convert(&args.input, &args.config())?;
    trace.write(&args.output)?;
    print!("{}", show::convert_counts(&counts));
    println!(
        "{} SKUs on {} days with {} % of the demand in stock, written to {}",
        show::thousands(trace.skus.len() as u64),
        trace.days.len(),
        trace.stock_percent,
        args.output.display()
    );
    Ok(true)
}

fn write_json(path: Option<&Path>, result: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let mut text = serde_json::to_vec_pretty(result)?;
    text.push(b'\n');
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
