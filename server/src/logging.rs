//! Structured logs on stderr, for a person or for a collector.

use std::io::{IsTerminal, stderr};
use std::panic::{PanicHookInfo, set_hook};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter isn't one. The configuration refuses such a filter before it gets here.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something in this process logs already; [`init`] may be called once.
    #[error("logging is set up already: {0}")]
    AlreadySet(#[from] TryInitError),
}

/// Sends everything that passes `settings.filter` to stderr, also what libraries log and what a panic says.
/// Stdout stays free for what a command prints. Once per process.
///
/// # Errors
/// A filter that doesn't parse, or a second call.
pub fn init(settings: &Log) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let lines = match settings.format {
        LogFormat::Human => fmt::layer().with_writer(stderr).with_ansi(colours_wanted()).boxed(),
        LogFormat::Json => fmt::layer().with_writer(stderr).json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines).with(filter).try_init()?;
    set_hook(Box::new(log_panic));
    Ok(())
}

/// On a terminal, unless NO_COLOR (no-color.org) says otherwise.
fn colours_wanted() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A panic inside an actor's turn is caught and the sale goes on, so this line is all that tells of it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = panic.location().map(ToString::to_string);
    let payload = panic.payload();
    let reason = payload.downcast_ref::<&str>().copied();
    let reason = reason.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        place = place.as_deref().unwrap_or("unknown"),
        reason = reason.unwrap_or("unknown"),
        %backtrace,
        "panic"
    );
}
