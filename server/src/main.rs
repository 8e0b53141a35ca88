//! The binary `tidegate`.

use std::process::ExitCode;

use clap::Parser as _;
use tidegate_server::cli::{Cli, Command, ServeArgs};
use tidegate_server::config::{self, Config};
use tidegate_server::shutdown::Shutdown;
use tidegate_server::{credentials, demo, inspect, logging, serve};

/// The sale allocates and frees small things on many threads; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_pages_small();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Asks for no huge pages. A SKU grows by a few KiB at a time; when the kernel clears two MiB for that, a turn takes
/// over a millisecond (327 of five million reservations did, 9 without), and a tenth more memory stays resident.
fn keep_pages_small() {
    // A kernel that knows no such switch makes no such pages.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve_until_stopped(&args)?,
        Command::Demo(args) => return demo::run(&args),
        Command::CheckConfig(args) => print!("{}", config::check_file(&args.file)?),
        Command::HashSecret => println!("{}", credentials::hash_secret()?),
        Command::Token(args) => println!("{}", credentials::token(&args)?),
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
