//! Every setting: its default as written in a file, the values it may have, what it means and its unit.
//! `docs/OPERATIONS.md` and `config/tidegate.toml` say the same to the operator; a test holds them together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::origins::{OriginList, Origins};
use super::problem::Problems;
use super::section::{
    Address, OptionalFile, Rule, Setting, SettingInfo, SourceName, Within, Words, YesOrNo, section, words,
};

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
        listen: SocketAddr = "127.0.0.1:7878".to_owned(), Address;
        /// Milliseconds of silence after which the system asks whether a client is still there; the connection of one
        /// that is not ends within half of that time more, but not before `limits.partial_command_timeout_ms`.
        keepalive_ms: Duration = 60 * SECOND_MS, Within(SECOND_MS, HOUR_MS);
    }
}

section! {
    /// The listener for health, status, metrics and administration.
    Http / RawHttp {
        /// Address and port; port 0 takes any free one.
        listen: SocketAddr = "127.0.0.1:7879".to_owned(), Address;
        /// Connections that are being answered, besides WebSockets; one more is answered 503 and closed.
        max_connections: usize = 256, Within(1, 65_536);
        /// Milliseconds a client has to send the head of its request, and again for its body. The HTTP library's clock ticks twice a second, so
        /// less than a second could end a request that has only just begun.
        request_timeout_ms: Duration = 5_000, Within(SECOND_MS, 60 * SECOND_MS);
        /// Milliseconds a connection may stay open with nothing asked.
        keep_alive_ms: Duration = 15_000, Within(1_000, HOUR_MS);
        /// Threads that answer; each one's connections stay with it.
        workers: usize = 1, Within(1, 256);
        /// Origins of pages that may use this server from a browser, besides its own: `scheme://host[:port]`, with
        /// commas between several.
        allowed_origins: Origins = String::new(), OriginList;
    }
}

section! {
    /// WebSocket connections, on the HTTP listener.
    Ws / RawWs {
        /// Connections open at once; one more is refused. They count towards `limits.max_connections` too.
        max_connections: usize = 10_000, Within(1, 1_000_000);
        /// Bytes of one message, all its frames together.
        max_frame_bytes: usize = 128 * KIB, Within(KIB, 16 * MIB);
        /// Requests carried out together for one connection, and the most that one batch may hold. What a client sends
        /// beyond waits until they are answered.
        max_requests: usize = 256, Within(1, 65_536);
        /// Milliseconds after which a connection is asked for a sign of life.
        ping_ms: Duration = 20_000, Within(100, HOUR_MS);
        /// Milliseconds that it may take to give one.
        pong_timeout_ms: Duration = 10_000, Within(100, HOUR_MS);
        /// Milliseconds a client may leave what it is sent untaken.
        write_timeout_ms: Duration = 10_000, Within(100, HOUR_MS);
    }
}

section! {
    /// What one client, one SKU and the whole server may use. Over a limit there is a clear refusal, never
    /// growth.
    Limits / RawLimits {
        /// Connections of TCP and WebSockets open at once; one more is told so and closed.
        max_connections: usize = 10_000, Within(1, 1_000_000);
        /// Of these, from one address, and as many HTTP connections again; 0 is no limit of its own.
        max_connections_per_address: usize = 0, Within(0, 1_000_000);
        /// Commands and HTTP requests a second from one address, as many at once; 0 is no limit.
        requests_per_second_per_address: u32 = 0, Within(0, 100_000_000);
        /// The same of one user or one buyer.
        requests_per_second_per_user: u32 = 0, Within(0, 100_000_000);
        /// Bytes of one command on the wire, arguments and framing together; and of the body of an HTTP request.
        max_command_bytes: usize = 64 * KIB, Within(KIB, 16 * MIB);
        /// Arguments of one command, its name included.
        max_arguments: usize = 1_024, Within(16, 65_536);
        /// Commands decoded from one read and handed to the actors together; the rest waits for the next turn.
        max_batch_commands: usize = 1_024, Within(1, 65_536);
        /// Bytes received and not yet decoded, per connection.
        read_buffer_bytes: usize = 256 * KIB, Within(4 * KIB, 64 * MIB);
        /// Bytes of replies a client hasn't taken yet, per connection; above it no more of its commands are read.
        output_buffer_bytes: usize = 4 * MIB, Within(64 * KIB, GIB);
        /// Bytes lent to connections over TCP and WebSocket for replies beyond 64 KiB each; while all are lent, each writes 64
        /// KiB at once, and one longer reply is refused.
        output_pool_bytes: usize = 256 * MIB, Within(0, TIB);
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
    /// How users prove who they are.
    Logins / RawLogins {
        /// Milliseconds a connection may stay open before it has authenticated, if there are users.
        timeout_ms: Duration = 10_000, Within(100, HOUR_MS);
        /// Secrets hashed at once, each on a core; further logins wait.
        max_concurrent: usize = 2, Within(1, 64);
        /// Milliseconds for which a verified secret need not be hashed again.
        remember_ms: Duration = 60_000, Within(0, HOUR_MS);
        /// Failed logins a minute from one address, and of one user; over it RATELIMITED.
        failures_per_minute: u32 = 10, Within(1, 6_000);
    }
}

section! {
    /// Tokens that let a browser act for one buyer.
    Tokens / RawTokens {
        /// How tokens are signed; `none` takes no tokens. A token has no say in it.
        algorithm: TokenAlgorithm = "none".to_owned(), TokenAlgorithmName;
        /// The key: for EdDSA a public key as PEM, for HS256 a secret of at least 32 bytes in base64.
        key_file: Option<PathBuf> = String::new(), OptionalFile;
        /// The `iss` that a token must have; empty: any.
        issuer: String = String::new(), Words;
        /// The `aud` that a token must have; empty: none.
        audience: String = String::new(), Words;
        /// Milliseconds that a token may live at most, from now to its `exp`.
        max_age_ms: Duration = HOUR_MS, Within(SECOND_MS, 24 * HOUR_MS);
        /// Whether buyers may send ORDER.PAY and CART.PAY for their own orders. A payment is a claim that money came;
        /// only the shop's backend can know.
        buyers_may_pay: bool = false, YesOrNo;
    }
}

section! {
    /// TLS on both doors, if there is a certificate.
    Tls / RawTls {
        /// The certificate and what leads to its root, as PEM; empty: no TLS.
        certificate_file: Option<PathBuf> = String::new(), OptionalFile;
        /// Its private key, as PEM.
        key_file: Option<PathBuf> = String::new(), OptionalFile;
        /// Milliseconds for a handshake.
        handshake_timeout_ms: Duration = 5_000, Within(100, 60 * SECOND_MS);
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
    /// What is pushed to subscribers.
    Push / RawPush {
        /// Channels with at least one subscriber; one more is refused.
        max_channels: usize = 100_000, Within(1, 16_000_000);
        /// Channels that one connection may subscribe to.
        max_channels_per_connection: usize = 1_000, Within(1, 1_000_000);
        /// Messages of rooms and buyers that may wait for one connection; over it the connection is closed. Of a price
        /// or a stock only the latest waits.
        queue_length: usize = 1_024, Within(1, 1_000_000);
        /// Milliseconds between two messages of one price or stock at least; what changes in between is told together.
        interval_ms: Duration = 50, Within(1, 10 * SECOND_MS);
    }
}

section! {
    /// The write-ahead log and its snapshots.
    Journal / RawJournal {
        /// Bytes after which a commit takes no more groups; what one arbiter hands over at once may go beyond it.
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
        /// Consumer groups that there may be.
        max_groups: usize = 1_000, Within(1, 100_000);
        /// Consumers of one group.
        max_consumers_per_group: u32 = 10_000, Within(1, 1_000_000);
        /// Entries that one group has delivered and that nobody has acknowledged; over it OVERLOADED.
        max_pending_per_group: u32 = 1_000_000, Within(1, 100_000_000);
        /// The source that entries name; empty: one that is made with the data directory.
        source: String = String::new(), SourceName;
    }
}

section! {
    /// How entries of the feed are sent to webhooks.
    Deliveries / RawDeliveries {
        /// Milliseconds that one attempt may take.
        timeout_ms: Duration = 10_000, Within(100, 60 * SECOND_MS);
        /// Milliseconds after the first failure before the next attempt; after each further one twice as long.
        first_retry_ms: Duration = SECOND_MS, Within(10, HOUR_MS);
        /// Milliseconds between two attempts at most, whatever `Retry-After` says.
        max_retry_ms: Duration = 600 * SECOND_MS, Within(10, 24 * HOUR_MS);
        /// Attempts for one entry, until it is a dead letter.
        max_attempts: u32 = 12, Within(1, 1_000);
        /// Whether entries may be sent unencrypted to other machines.
        allow_http: bool = false, YesOrNo;
        /// Certificates that endpoints are trusted by, as PEM; empty: those that Mozilla trusts.
        ca_file: Option<PathBuf> = String::new(), OptionalFile;
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

words! {
    /// How tokens are signed.
    TokenAlgorithm / TokenAlgorithmName {
        /// Ed25519: whoever issues tokens has the private key, this server only the public one.
        EdDsa = "EdDSA",
        /// HMAC with SHA-256: issuer and server share a secret.
        Hs256 = "HS256",
        /// No tokens are taken.
        None = "none",
    }
}

words! {
    /// How a log line looks.
    LogFormat / LogFormatName {
        /// For people at a terminal.
        Human = "human",
        /// One JSON object a line, for a log collector.
        Json = "json",
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
