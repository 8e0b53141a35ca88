//! The command line: what may be typed, nothing of what it does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Flags, Sources};

/// Sells a limited stock to a crowd, over the Redis protocol, and loses nothing when it is killed.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `tidegate` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the data directory and serve until SIGTERM or SIGINT
    Serve(ServeArgs),
    /// Run a whole sale on this machine, on real purchases, and prove that it adds up
    Demo(DemoArgs),
    /// Check a configuration file and print the settings that `serve` would run with
    CheckConfig(CheckConfigArgs),
    /// Verify a data directory and print what is in its journal and snapshots; changes nothing
    Inspect(InspectArgs),
    /// Read a secret from the terminal or stdin and print its hash, for a user's `secret_hash`
    HashSecret,
    /// Print a buyer's token, for trials
    Token(TokenArgs),
}

/// `tidegate serve`. Flags win over variables (`TIDEGATE_…`), variables over the file, the file over the
/// defaults.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Configuration file (TOML); none is read unless named
    #[arg(long, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Directory of the journal and its snapshots
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Address and port of the Redis protocol
    #[arg(long, value_name = "ADDR")]
    pub tcp_listen: Option<String>,
    /// Address and port of health, status and metrics
    #[arg(long, value_name = "ADDR")]
    pub http_listen: Option<String>,
    /// Campaign file (TOML or JSON) to load; may be given several times
    #[arg(long = "campaign", value_name = "FILE")]
    pub campaigns: Vec<PathBuf>,
}

impl ServeArgs {
    /// The layers of the configuration, with this process's environment.
    pub fn sources(&self) -> Sources {
        let flags = Flags {
            data_dir: self.data_dir.clone(),
            tcp_listen: self.tcp_listen.clone(),
            http_listen: self.http_listen.clone(),
            campaigns: self.campaigns.clone(),
        };
        Sources::from_process(self.config.clone(), flags)
    }
}

/// `tidegate demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Play a day of the sample campaign instead, a day in a minute, and print what happens: prices that step down, a
    /// group-buy, a coupon window, a cart, codes and serial numbers, stores
    #[arg(long)]
    pub tour: bool,
    /// Leave the server running afterwards and print its addresses
    #[arg(long)]
    pub keep: bool,
    /// Go X times as fast as it happened [default: as fast as the server answers; the tour 1440]
    #[arg(long, value_name = "X", value_parser = speed)]
    pub speed: Option<f64>,
    /// Print no live progress
    #[arg(long)]
    pub no_progress: bool,
}

/// `tidegate check-config`.
#[derive(Debug, Clone, Args)]
pub struct CheckConfigArgs {
    /// Configuration file (TOML)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `tidegate inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// Data directory of a server that is not running
    #[arg(value_name = "DATA_DIR")]
    pub data_dir: PathBuf,
}

/// `tidegate token`.
#[derive(Debug, Clone, Args)]
pub struct TokenArgs {
    /// Configuration file (TOML), with its [tokens]
    #[arg(long, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The buyer that the token stands for
    #[arg(long, value_name = "BUYER")]
    pub buyer: String,
    /// Seconds that it lives
    #[arg(long, value_name = "S", default_value_t = 600)]
    pub ttl: u64,
    /// The issuer's private key (PEM), for EdDSA
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("must be a number above 0, such as 60 for a minute in a second".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_every_flag_and_several_campaigns() {
        let typed = "tidegate serve --config a.toml --data-dir d --tcp-listen 127.0.0.1:1 --http-listen [::1]:2 \
                     --campaign one.toml --campaign two.json";
        let Command::Serve(args) = Cli::parse_from(typed.split_whitespace()).command else {
            panic!("serve was typed");
        };
        let sources = args.sources();
        assert_eq!(sources.file, Some(PathBuf::from("a.toml")));
        assert_eq!(
            sources.flags,
            Flags {
                data_dir: Some("d".to_owned()),
                tcp_listen: Some("127.0.0.1:1".to_owned()),
                http_listen: Some("[::1]:2".to_owned()),
                campaigns: vec![PathBuf::from("one.toml"), PathBuf::from("two.json")],
            }
        );
    }

    #[test]
    fn a_speed_that_is_no_speed_is_refused() {
        for bad in ["0", "-1", "inf", "NaN", "fast"] {
            let typed = ["tidegate", "demo", &format!("--speed={bad}")].map(str::to_owned);
            assert!(Cli::try_parse_from(typed).is_err(), "{bad}");
        }
        assert!(Cli::try_parse_from(["tidegate", "demo", "--speed=0.5"]).is_ok());
    }
}
