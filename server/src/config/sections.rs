//! Every setting: its default as written in a file, the values it may have, what it means and its unit.
//! `docs/OPERATIONS.md` and `config/tidegate.toml` say the same to the operator; a test holds them together.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::problem::Problems;
use super::section::{LoopbackAddress, Rule, Setting, SettingInfo, Within, section};

const KIB: i64 = 1 << 10;
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;
const TIB: i64 = 1 << 40;
const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;

section! {
    /// The Redis protocol's listener.
    Tcp / RawTcp {
        /// Address and port; port 0 takes any free one.
        listen: SocketAddr = "127.0.0.1:7878".to_owned(), LoopbackAddress;
    }
}

section! {
    /// The listener for health, status and metrics.
    Http / RawHttp {
        /// Address and port; port 0 takes any free one.
        listen: SocketAddr = "127.0.0.1:7879".to_owned(), LoopbackAddress;
        /// Connections served at once; further ones wait in the listen queue.
        max_connections: usize = 256, Within(1, 65_536);
        /// Milliseconds a client has to send the head of its request. The HTTP library's clock ticks twice a second, so
        /// less than a second could end a request that has only just begun.
        request_timeout_ms: Duration = 5_000, Within(SECOND_MS, 60 * SECOND_MS);
        /// Milliseconds a connection may stay open with nothing asked.
        keep_alive_ms: Duration = 15_000, Within(1_000, HOUR_MS);
    }
}

section! {
    /// What one client, one SKU and the whole server may use. Over a limit there is a clear refusal, never
    /// growth.
    Limits / RawLimits {
        /// TCP connections open at once; one more is told so and closed.
        max_connections: usize = 10_000, Within(1, 1_000_000);
        /// Bytes of one command on the wire, arguments and framing together.
        max_command_bytes: usize = 64 * KIB, Within(KIB, 16 * MIB);
        /// Arguments of one command, its name included.
        max_arguments: usize = 1_024, Within(16, 65_536);
        /// Commands decoded from one read and handed to the actors together; the rest waits for the next turn.
        max_batch_commands: usize = 1_024, Within(1, 65_536);
        /// Bytes received and not yet decoded, per connection.
        read_buffer_bytes: usize = 256 * KIB, Within(4 * KIB, 64 * MIB);
        /// Bytes of replies a client hasn't taken yet, per connection; above it no more of its commands are read.
        output_buffer_bytes: usize = 4 * MIB, Within(64 * KIB, GIB);
        /// Milliseconds a client may leave a command half sent, or its replies untaken, before its connection is
        /// closed.
        partial_command_timeout_ms: Duration = 30_000, Within(100, HOUR_MS);
        /// Groups of commands waiting for one actor; over it the group is answered OVERLOADED.
        mailbox_capacity: usize = 16_384, Within(16, 1_048_576);
        /// SKUs in this server.
        max_skus: usize = 1_000_000, Within(1, 16_000_000);
        /// Orders of one SKU, ended ones included.
        max_orders_per_sku: u32 = 50_000_000, Within(1, 4_000_000_000);
        /// Accepted requests that one SKU remembers besides its orders: payments, cancellations, refunds, restocks.
        max_requests_per_sku: u32 = 100_000_000, Within(1, 4_000_000_000);
        /// Buyers that one SKU knows: those who ordered and those who are blocked.
        max_buyers_per_sku: u32 = 50_000_000, Within(1, 4_000_000_000);
        /// Group-buy rooms of one SKU, settled ones included.
        max_rooms_per_sku: u32 = 10_000_000, Within(1, 4_000_000_000);
        /// Campaigns in this server.
        max_campaigns: usize = 1_000, Within(1, 100_000);
        /// Coupons that one campaign grants; it remembers four times as many accepted requests for them.
        max_coupons_per_campaign: u32 = 10_000_000, Within(1, 1_000_000_000);
        /// Carts of one campaign, ended ones included.
        max_carts_per_campaign: u32 = 10_000_000, Within(1, 1_000_000_000);
        /// SKUs in one cart.
        max_lines_per_cart: usize = 50, Within(1, 500);
        /// Milliseconds after which a client is told to try again (`retry_ms` in OVERLOADED).
        retry_ms: Duration = 50, Within(1, 60 * SECOND_MS);
    }
}

section! {
    /// How the SKUs' actors run.
    Actors / RawActors {
        /// Threads the actors are spread over; 0 means one per core.
        arbiters: usize = 0, Within(0, 256);
        /// Reservations expired in one turn of an actor at most, so that expiry never holds up a sale.
        expiries_per_turn: usize = 1_000, Within(1, 100_000);
    }
}

section! {
    /// The write-ahead log and its snapshots.
    Journal / RawJournal {
        /// Bytes after which a commit takes no more groups; one group may go beyond it.
        max_commit_bytes: usize = MIB, Within(4 * KIB, 64 * MIB);
        /// Bytes handed to the journal and not yet durable; over it commands are answered OVERLOADED.
        max_inflight_bytes: usize = 64 * MIB, Within(MIB, 16 * GIB);
        /// Bytes after which an epoch is closed, a snapshot is made and the next epoch begins.
        epoch_bytes: u64 = 512 * MIB, Within(MIB, TIB);
        /// Closed epochs kept on disk behind the newest snapshot. One at least, so that the snapshot before the
        /// newest can stand in for it.
        retention_epochs: u32 = 2, Within(1, 10_000);
        /// Bytes of the storage's page cache, for each open epoch.
        cache_bytes: u64 = 32 * MIB, Within(MIB, GIB);
    }
}

section! {
    /// The feed of events, and its consumer groups.
    Feed / RawFeed {
        /// Entries in one reply at most, whatever `COUNT` says.
        max_entries_per_read: usize = 10_000, Within(1, 1_000_000);
        /// Commands that read the feed from the disk at the same time; further ones wait.
        reads_at_once: usize = 4, Within(1, 256);
        /// Consumer groups that there ever were, destroyed ones included until they are created again.
        max_groups: usize = 1_000, Within(1, 100_000);
        /// Consumers of one group.
        max_consumers_per_group: u32 = 10_000, Within(1, 1_000_000);
        /// Entries that one group has delivered and that nobody has acknowledged; over it OVERLOADED.
        max_pending_per_group: u32 = 1_000_000, Within(1, 100_000_000);
    }
}

section! {
    /// What is logged, and how.
    Log / RawLog {
        /// Levels by target, in `tracing`'s filter syntax (`info`, `tidegate=debug,warn`). `TIDEGATE_LOG` is
        /// short for this setting.
        filter: String = "info,actix_server=warn,sled=warn".to_owned(), LogFilter;
        /// `human` for a terminal, `json` for one JSON object a line.
        format: LogFormat = "human".to_owned(), LogFormatName;
    }
}

section! {
    /// How the server stops.
    Shutdown / RawShutdown {
        /// Milliseconds that commands already received have to finish after SIGTERM or SIGINT.
        drain_ms: Duration = 10_000, Within(0, HOUR_MS);
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Human,
    /// One JSON object a line, for a log collector.
    Json,
}

impl Setting for LogFormat {
    type Raw = String;

    fn to_raw(&self) -> String {
        match self {
            LogFormat::Human => "human".to_owned(),
            LogFormat::Json => "json".to_owned(),
        }
    }
}

struct LogFormatName;

impl Rule<LogFormat> for LogFormatName {
    fn check(&self, raw: &String) -> Result<LogFormat, String> {
        match raw.as_str() {
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("must be \"human\" or \"json\", but is {raw:?}")),
        }
    }
}

struct LogFilter;

impl Rule<String> for LogFilter {
    fn check(&self, raw: &String) -> Result<String, String> {
        EnvFilter::try_new(raw).map(|_| raw.clone()).map_err(|error| {
            format!("{raw:?} is not a log filter such as \"info\" or \"tidegate=debug,warn\": {error}")
        })
    }
}
