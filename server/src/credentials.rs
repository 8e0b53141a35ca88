//! `tidegate hash-secret` and `tidegate token`: what an operator needs to let somebody in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::cli::TokenArgs;
use crate::config::{Config, Flags, Sources};
use crate::security::{SecretHash, mint};

/// Reads a secret, one line, and hashes it. On a terminal it is asked for and not shown.
///
/// # Errors
/// There is none, it is too long, or the terminal can't be read.
pub fn hash_secret() -> anyhow::Result<String> {
    let secret = if io::stdin().is_terminal() { ask()? } else { line()? };
    Ok(SecretHash::of(&secret)?.to_phc().to_owned())
}

fn ask() -> anyhow::Result<String> {
    eprint!("Secret: ");
    io::stderr().flush()?;
    let stdin = io::stdin();
    let as_it_was = tcgetattr(&stdin)?;
    let mut silent = as_it_was.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let secret = line();
    tcsetattr(&stdin, OptionalActions::Flush, &as_it_was)?;
    eprintln!();
    secret
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Makes a buyer's token with the key that the configuration names.
///
/// # Errors
/// The configuration is wrong or takes no tokens, or this one would not be taken.
pub fn token(args: &TokenArgs) -> anyhow::Result<String> {
    let loaded = Config::load(&Sources::from_process(args.config.clone(), Flags::default()))?;
    mint(&loaded.config.tokens, args.key.as_deref(), &args.buyer, Duration::from_secs(args.ttl))
}
