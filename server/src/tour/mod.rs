//! `tidegate demo --tour`: a day of the sample campaign, a day in a minute, told as it happens.

mod clock;
mod day;
mod guide;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use tidegate_engine::Millis;

use crate::cli::DemoArgs;
use crate::demo::{Interruption, print_addresses};
use crate::inside::Server;

use clock::TourClock;
use guide::Guide;

/// The campaign, in the binary, so that the tour runs wherever it is copied to.
const CAMPAIGN: &str = include_str!("../../../config/campaign.toml");

/// The day that has everything: the console is launched at noon.
const MIDNIGHT: &str = "2027-01-15T00:00:00Z";

/// When the doors open, in milliseconds after midnight.
const OPENING: u64 = 8 * 3_600_000;

/// A day in a minute.
const SPEED: u32 = 24 * 60;

/// Plays the day and prints it, and fails if anything is not as it should be.
///
/// # Errors
/// If the sale can't be held, or something is answered that should not be.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let midnight: Timestamp = MIDNIGHT.parse().context("the tour's day")?;
    let midnight = Millis(u64::try_from(midnight.as_millisecond()).unwrap_or(0));
    // Whole and at least one: a clock that stands still arrives nowhere.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a float converts to the nearest
    let speed = args.speed.map_or(SPEED, |speed| (speed as u32).max(1));
    let clock = Arc::new(TourClock::new(midnight.plus(OPENING), speed));

    let directory = tempfile::Builder::new().prefix("tidegate-tour-").tempdir()?;
    let campaign = directory.path().join("campaign.toml");
    std::fs::write(&campaign, CAMPAIGN)?;
    let interruption = Interruption::watch(directory.path())?;
    let server = Server::start(Arc::clone(&clock), &directory.path().join("data"), |config| {
        config.campaigns.push(campaign);
    })?;
    println!(
        "A day at the autumn fair (config/campaign.toml), {speed} times as fast as it happens, over TCP to a real server.\n\
         Amounts in answers are in cents, times in epoch milliseconds."
    );
    let mut guide = Guide::new(server.addresses.tcp, clock, midnight)?;
    day::play(&mut guide)?;
    if args.keep {
        print_addresses(server.addresses, directory.path());
        interruption.wait();
    }
    server.stop()?;
    Ok(ExitCode::SUCCESS)
}
