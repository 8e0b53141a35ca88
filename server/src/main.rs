//! The binary `tidegate`.

use std::process::ExitCode;

use clap::Parser as _;
use tidegate_server::cli::{Cli, Command, ServeArgs};
use tidegate_server::config::{self, Config};
use tidegate_server::shutdown::Shutdown;
use tidegate_server::{demo, inspect, logging, serve};

/// The sale allocates and frees small things on many threads; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve_until_stopped(&args)?,
        Command::Demo(args) => return demo::run(&args),
        Command::CheckConfig(args) => print!("{}", config::check_file(&args.file)?),
        Command::Inspect(args) => return inspect::run(&args.data_dir),
    }
    Ok(ExitCode::SUCCESS)
}

fn serve_until_stopped(args: &ServeArgs) -> anyhow::Result<()> {
    let loaded = Config::load(&args.sources())?;
    logging::init(&loaded.config.log)?;
    for variable in &loaded.unused_variables {
        tracing::warn!(variable, "is set but is no setting");
    }
    serve::run(&loaded.config, Shutdown::on_signals()?, |_| {})
}
