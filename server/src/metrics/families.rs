//! Every family of `/metrics`: declared here, one line each, and nowhere else. `docs/METRICS.md` is made from it.
//!
//! Names follow Prometheus' conventions: base units, `_total` for what only grows. A label's values come from a fixed
//! list, from the configuration or from the code, but for a bounded number of currencies and consumer groups; [`LABELS`] says
//! which.

/// What kind of numbers a family holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// A distribution: counts by upper bound, their number and their sum.
    Histogram,
}

impl Kind {
    /// Its word in the exposition and in the documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// One family.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Its full name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// Families about one subject.
#[derive(Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// Its families, in the order of the page.
    pub families: &'static [&'static Family],
}

macro_rules! kind {
    (gauge) => {
        Kind::Gauge
    };
    (counter) => {
        Kind::Counter
    };
    (histogram) => {
        Kind::Histogram
    };
}

macro_rules! families {
    ($($title:literal { $($ident:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)* })*) => {
        $($(
            pub(crate) static $ident: Family =
                Family { name: $name, kind: kind!($kind), labels: &[$($label),*], help: $help };
        )*)*

        /// All families, by subject.
        pub static SECTIONS: &[Section] = &[$(Section { title: $title, families: &[$(&$ident),*] }),*];
    };
}

families! {
    "The server" {
        BUILD_INFO = gauge "tidegate_build_info" ["version"] "Always 1; the version is a label.";
        STATE = gauge "tidegate_state" ["state"] "1 for the state the server is in, 0 for the others.";
        SKUS_REBUILDING = gauge "tidegate_skus_rebuilding" [] "SKUs, campaigns and consumer groups being rebuilt from the journal after a panic.";
        SKUS_QUARANTINED = gauge "tidegate_skus_quarantined" [] "SKUs, campaigns and consumer groups out of service, because the rebuild failed too.";
        REBUILT = counter "tidegate_actors_rebuilt_total" [] "SKUs, campaigns and consumer groups that were rebuilt after a panic and are back in service.";
        CLOCK_LEAPS = counter "tidegate_clock_leaps_total" [] "Times that the clock was found set forward by more than a second.";
    }
    "The last start" {
        RECOVERY_SECONDS = gauge "tidegate_recovery_duration_seconds" [] "How long the journal's replay took; 0 until it is done.";
        RECOVERY_EVENTS = gauge "tidegate_recovery_replayed_events" [] "Events replayed after the snapshot, so far.";
        RECOVERY_BLOCKS = gauge "tidegate_recovery_replayed_blocks" [] "Blocks of the journal that they were in; 0 until it is done.";
        RECOVERY_BYTES = gauge "tidegate_recovery_replayed_bytes" [] "Their bytes; 0 until it is done.";
        RECOVERY_SNAPSHOT = gauge "tidegate_recovery_snapshot_sequence" [] "Last event in the snapshot it began with; 0 if there was none.";
        RECOVERY_WARNINGS = gauge "tidegate_recovery_warnings" [] "What an operator should know of it, in number: a torn tail that was cut, a snapshot passed over. /status tells them.";
    }
    "Invariants" {
        UNBALANCED_SKUS = gauge "tidegate_invariant_unbalanced_skus" [] "SKUs whose stock and orders do not agree. Always 0, or the books are wrong.";
        UNBALANCED_STORES = gauge "tidegate_invariant_unbalanced_stores" [] "SKUs whose stores do not have what the SKU has available. Always 0.";
        OVERSOLD_UNITS = gauge "tidegate_invariant_oversold_units" [] "Units reserved and sold beyond what there are, over all SKUs. Always 0.";
        JOURNAL_FAILED = gauge "tidegate_journal_failed" [] "1 once the journal has failed: nothing is acknowledged until a restart.";
    }
    "Commands" {
        COMMANDS = counter "tidegate_commands_total" ["command", "outcome"] "Commands answered, by status word or error code.";
        COMMAND_SECONDS = histogram "tidegate_command_duration_seconds" ["command"] "From reading a command to handing over its reply.";
        STAGE_SECONDS = histogram "tidegate_command_stage_duration_seconds" ["command", "stage"] "Where that time went, and the time of writing the reply. Commands of one read share its times.";
        READ_COMMANDS = histogram "tidegate_read_commands" [] "Commands that were read and answered together.";
        READ_ACTORS = histogram "tidegate_read_actors" [] "Actors that the commands of one read asked; reads that asked none are not counted.";
        RECEIVED_BYTES = counter "tidegate_received_bytes_total" [] "Bytes of commands taken from TCP connections.";
        SENT_BYTES = counter "tidegate_sent_bytes_total" [] "Bytes of replies written to TCP connections.";
    }
    "Connections" {
        CONNECTIONS = gauge "tidegate_connections" [] "TCP connections open.";
        CONNECTIONS_LIMIT = gauge "tidegate_connections_limit" [] "TCP connections that may be open (limits.max_connections).";
        CONNECTIONS_ACCEPTED = counter "tidegate_connections_accepted_total" [] "TCP connections accepted.";
        CONNECTIONS_REFUSED = counter "tidegate_connections_refused_total" [] "TCP connections refused because as many as may be were open.";
        CONNECTIONS_CLOSED = counter "tidegate_connections_closed_total" ["reason"] "TCP connections that ended, by reason.";
        ACCEPT_ERRORS = counter "tidegate_connections_accept_errors_total" [] "Times that the system did not hand a connection over: out of file descriptors, mostly.";
        OUTPUT_POOL = gauge "tidegate_output_pool_bytes" [] "Bytes lent to connections for replies that are not written yet, beyond 64 KiB each, in steps of 256 KiB.";
        OUTPUT_POOL_LIMIT = gauge "tidegate_output_pool_limit_bytes" [] "Those that can be lent (limits.output_pool_bytes).";
        OUTPUT_POOL_REFUSED = counter "tidegate_output_pool_refused_total" [] "Times that a connection wanted to hold more and there was not enough left: it wrote what it had, or one long reply was refused with OVERLOADED.";
    }
    "WebSockets and pushes" {
        WEBSOCKETS = gauge "tidegate_websockets" [] "WebSocket connections open; they are among tidegate_connections too.";
        WEBSOCKETS_ACCEPTED = counter "tidegate_websockets_accepted_total" [] "WebSocket connections accepted.";
        WEBSOCKETS_REFUSED = counter "tidegate_websockets_refused_total" [] "WebSocket upgrades refused: another site's page, too many, or stopping.";
        WEBSOCKET_RECEIVED = counter "tidegate_websocket_messages_received_total" [] "Messages received over WebSocket, pings and pongs among them.";
        WEBSOCKET_SENT = counter "tidegate_websocket_messages_sent_total" [] "Messages sent over WebSocket: answers and pushes.";
        PUSH_CHANNELS = gauge "tidegate_push_channels" [] "Channels with at least one subscriber.";
        PUSH_MESSAGES = counter "tidegate_push_messages_total" [] "Messages handed to subscribers.";
        PUSH_COALESCED = counter "tidegate_push_coalesced_total" [] "Messages replaced by newer ones before their subscriber took them.";
        PUSH_CUT = counter "tidegate_push_cut_total" [] "Subscribers cut off, most of them because they read too slowly.";
    }
    "The feed and its consumer groups" {
        FEED_READS_RUNNING = gauge "tidegate_feed_reads_running" [] "Reads of the feed from the disk that run.";
        FEED_READS_WAITING = gauge "tidegate_feed_reads_waiting" [] "Those that wait for a place: their saturation.";
        FEED_READS_LIMIT = gauge "tidegate_feed_reads_limit" [] "Those that may run at once (feed.reads_at_once).";
        FEED_READ_SECONDS = histogram "tidegate_feed_read_duration_seconds" [] "How long they took. The rate of its sum, by the limit, is their utilisation.";
        FEED_READ_WAIT = counter "tidegate_feed_read_wait_seconds_total" [] "Time that they waited for a place.";
        FEED_READ_ERRORS = counter "tidegate_feed_read_errors_total" [] "Those that ended with an error: what was asked for is not kept any more, or a SKU can't be asked about it.";
        FEED_WAITING_READERS = gauge "tidegate_feed_waiting_readers" [] "Connections that wait for an entry (BLOCK).";
        FEED_ENTRIES_READ = counter "tidegate_feed_entries_read_total" [] "Entries read from the journal for somebody.";
        FEED_ENTRIES_DELIVERED = counter "tidegate_feed_entries_delivered_total" [] "Entries delivered to consumer groups, those of webhooks among them, for the first time.";
        FEED_GROUPS = gauge "tidegate_feed_groups" [] "Consumer groups.";
        FEED_GROUPS_LIMIT = gauge "tidegate_feed_groups_limit" [] "Consumer groups that there may be (feed.max_groups).";
        FEED_GROUP_LAG = gauge "tidegate_feed_group_lag_entries" ["group"] "Entries still to be delivered; missing if they could not be counted in time.";
        FEED_GROUP_PENDING = gauge "tidegate_feed_group_pending_entries" ["group"] "Entries delivered that nobody has acknowledged.";
        FEED_GROUP_OLDEST = gauge "tidegate_feed_group_oldest_pending_seconds" ["group"] "Time since the first of them was last delivered; 0 if there is none.";
        FEED_GROUP_CONSUMERS = gauge "tidegate_feed_group_consumers" ["group"] "Consumers.";
        FEED_PENDING_LIMIT = gauge "tidegate_feed_group_pending_limit_entries" [] "Entries that one group may have delivered and unacknowledged (feed.max_pending_per_group).";
    }
    "Webhooks" {
        WEBHOOK_STATE = gauge "tidegate_webhook_state" ["endpoint", "state"] "1 for the state that a webhook is in, 0 for the others.";
        WEBHOOK_LAG = gauge "tidegate_webhook_lag_entries" ["endpoint"] "Entries still to be sent; missing if they could not be counted in time.";
        WEBHOOK_DEAD = gauge "tidegate_webhook_dead_letters" ["endpoint"] "Entries given up that are kept.";
        WEBHOOK_LAST = gauge "tidegate_webhook_last_success_time_seconds" ["endpoint"] "When an entry was taken last, since the epoch; missing before.";
        WEBHOOK_ATTEMPTS = counter "tidegate_webhook_attempts_total" ["endpoint"] "Requests sent.";
        WEBHOOK_FAILURES = counter "tidegate_webhook_failures_total" ["endpoint"] "Of these, the ones that failed.";
        WEBHOOK_DELIVERED = counter "tidegate_webhook_delivered_total" ["endpoint"] "Entries taken.";
        WEBHOOK_SKIPPED = counter "tidegate_webhook_skipped_total" ["endpoint"] "Entries of types that are not wanted.";
        WEBHOOK_LOST = counter "tidegate_webhook_lost_total" ["endpoint"] "Entries not kept long enough to be sent.";
        WEBHOOK_GIVEN_UP = counter "tidegate_webhook_given_up_total" ["endpoint"] "Entries that became dead letters.";
    }
    "HTTP" {
        HTTP_REQUESTS = counter "tidegate_http_requests_total" ["path", "status"] "HTTP requests answered.";
        HTTP_SECONDS = histogram "tidegate_http_request_duration_seconds" ["path"] "From the head of a request to the head of its answer.";
        HTTP_IN_FLIGHT = gauge "tidegate_http_requests_in_flight" [] "HTTP requests being answered, this one included.";
        HTTP_CONNECTIONS = gauge "tidegate_http_connections" [] "HTTP connections open, WebSockets not among them.";
        HTTP_CONNECTIONS_LIMIT = gauge "tidegate_http_connections_limit" [] "HTTP connections served at once (http.max_connections).";
        HTTP_ACCEPTED = counter "tidegate_http_connections_accepted_total" [] "HTTP connections accepted.";
        HTTP_REFUSED = counter "tidegate_http_connections_refused_total" [] "HTTP connections that had to go for lack of a place (http.max_connections, limits.max_connections_per_address).";
    }
    "Arbiters and their actors" {
        ARBITERS = gauge "tidegate_arbiters" [] "Threads that actors and connections are spread over.";
        ARBITER_ACTORS = gauge "tidegate_arbiter_actors" ["arbiter"] "SKUs, campaigns and consumer groups on this arbiter.";
        ARBITER_CPU = counter "tidegate_arbiter_cpu_seconds_total" ["arbiter"] "Time that it ran on a core: its utilisation.";
        ARBITER_WAIT = counter "tidegate_arbiter_wait_seconds_total" ["arbiter"] "Time that it had something to do and no core was free: its saturation.";
        ARBITER_TURN = counter "tidegate_arbiter_turn_seconds_total" ["arbiter"] "Time spent in actors' turns, the rest of its time being connections.";
        ARBITER_TURNS = counter "tidegate_arbiter_turns_total" ["arbiter", "cause"] "Turns of actors.";
        ARBITER_ASKS = counter "tidegate_arbiter_asks_total" ["arbiter"] "What was asked in them: commands and looks.";
        ARBITER_PANICS = counter "tidegate_arbiter_turn_panics_total" ["arbiter"] "Turns that panicked and were discarded.";
        ARBITER_GROUPS = counter "tidegate_arbiter_groups_total" ["arbiter"] "Groups of events handed to the journal.";
        ARBITER_GROUP_BYTES = counter "tidegate_arbiter_group_bytes_total" ["arbiter"] "Their bytes.";
        ARBITER_HELD = gauge "tidegate_arbiter_held_replies" ["arbiter"] "Groups of replies that wait for the journal.";
        ARBITER_WAKES = counter "tidegate_arbiter_wakes_total" ["arbiter"] "Times that the journal woke it to send replies on: at most once a commit.";
        MAILBOX_CAPACITY = gauge "tidegate_mailbox_capacity_groups" [] "Groups of commands that fit one mailbox (limits.mailbox_capacity).";
        MAILBOX_DEEPEST = gauge "tidegate_mailbox_deepest_groups" ["arbiter"] "Groups of commands in the fullest mailbox.";
        MAILBOX_WAITING = gauge "tidegate_mailbox_waiting_groups" ["arbiter"] "Groups of commands in all mailboxes.";
        MAILBOX_FULL = counter "tidegate_mailbox_full_total" ["arbiter"] "Groups of commands answered OVERLOADED because their mailbox was full.";
        JOURNAL_FULL = counter "tidegate_arbiter_journal_full_total" ["arbiter"] "Groups of commands answered OVERLOADED, and timers put off, because journal.max_inflight_bytes were on their way.";
    }
    "The journal" {
        DURABLE_SEQUENCE = gauge "tidegate_journal_durable_sequence" [] "Last event that is durable.";
        EVENTS = counter "tidegate_journal_events_total" [] "Events made durable.";
        LAG_BYTES = gauge "tidegate_journal_lag_bytes" [] "Bytes handed over and not yet durable.";
        LAG_LIMIT_BYTES = gauge "tidegate_journal_lag_limit_bytes" [] "Above so many, commands are answered OVERLOADED (journal.max_inflight_bytes).";
        LAG_GROUPS = gauge "tidegate_journal_lag_groups" [] "Groups handed over and not yet durable.";
        CHANNEL_GROUPS = gauge "tidegate_journal_channel_groups" [] "Those of them that the journal's thread has not taken yet.";
        COMMITS = counter "tidegate_journal_commits_total" [] "Commits.";
        COMMIT_BYTES = histogram "tidegate_journal_commit_bytes" [] "Bytes of a commit.";
        COMMIT_GROUPS = histogram "tidegate_journal_commit_groups" [] "Groups of a commit.";
        COMMIT_SECONDS = histogram "tidegate_journal_commit_duration_seconds" [] "From taking a commit's first group until it was durable. The rate of its sum is the journal's utilisation.";
        APPEND_SECONDS = histogram "tidegate_journal_append_duration_seconds" [] "What of that was writing.";
        SYNC_SECONDS = histogram "tidegate_journal_sync_duration_seconds" [] "What of that was fdatasync.";
    }
    "Epochs and snapshots" {
        EPOCH = gauge "tidegate_journal_epoch" [] "The epoch being written.";
        EPOCH_BYTES = gauge "tidegate_journal_epoch_bytes" [] "Its size.";
        EPOCH_LIMIT_BYTES = gauge "tidegate_journal_epoch_limit_bytes" [] "The size at which it is closed (journal.epoch_bytes).";
        EPOCHS_MADE = counter "tidegate_journal_epochs_made_total" [] "Epochs made.";
        EPOCHS_REMOVED = counter "tidegate_journal_epochs_removed_total" [] "Epochs deleted, being covered by snapshots and beyond retention.";
        MARKS = counter "tidegate_journal_marks_total" [] "High-water marks written.";
        SNAPSHOTS = counter "tidegate_journal_snapshots_total" [] "Snapshots made.";
        SNAPSHOT_RUNNING = gauge "tidegate_journal_snapshot_running" [] "1 while a snapshot is being made.";
        SNAPSHOT_SEQUENCE = gauge "tidegate_journal_snapshot_sequence" [] "Last event in the newest snapshot; 0 if there is none.";
        SNAPSHOT_BYTES = gauge "tidegate_journal_snapshot_bytes" [] "Size of the newest snapshot; 0 if there is none.";
        SNAPSHOT_ACTORS = gauge "tidegate_journal_snapshot_actors" [] "SKUs, campaigns and consumer groups in it.";
        SNAPSHOT_SECONDS = gauge "tidegate_journal_snapshot_duration_seconds" [] "How long the last snapshot since the start took; 0 if there was none.";
        SNAPSHOT_TIMESTAMP = gauge "tidegate_journal_snapshot_timestamp_seconds" [] "When it was finished, in seconds since the epoch of the clock; 0 if there was none.";
        JOURNAL_TROUBLES = counter "tidegate_journal_troubles_total" ["what"] "What could not be done beside the commits, which go on.";
    }
    "The sale" {
        SKUS = gauge "tidegate_skus" [] "SKUs.";
        SKUS_LIMIT = gauge "tidegate_skus_limit" [] "SKUs that there may be (limits.max_skus).";
        CAMPAIGNS = gauge "tidegate_campaigns" [] "Campaigns.";
        SKUS_BY_STATE = gauge "tidegate_skus_by_state" ["state"] "SKUs by the state of their sale.";
        UNITS = gauge "tidegate_units" ["count"] "Units of all SKUs; available, reserved and sold add up to total.";
        ORDERS = gauge "tidegate_orders" ["state"] "Orders of all SKUs by state.";
        MONEY = gauge "tidegate_money_minor_units" ["currency", "state"] "What the orders in a state amount to, in minor units (cents); refund_due is money to be paid back.";
        OLDEST_REFUND_DUE = gauge "tidegate_oldest_refund_due_seconds" [] "How long the REFUND_DUE order that waits longest has been that; 0 if there is none.";
        ROOMS = gauge "tidegate_rooms" ["state"] "Group-buy rooms.";
        CARTS = gauge "tidegate_carts" ["state"] "Carts.";
        COUPONS = gauge "tidegate_coupons_granted" [] "Coupons granted.";
        SKUS_WITH_BLOCKED = gauge "tidegate_skus_with_blocked_buyers" [] "SKUs with blocked buyers.";
        CENSUS_AGE = gauge "tidegate_census_age_seconds" [] "How old the numbers of this section, of the invariants and of the mailboxes are.";
        CENSUS_SECONDS = gauge "tidegate_census_duration_seconds" [] "How long it took to sum them up.";
    }
    "The process and its machine" {
        PROCESS_CPU = counter "process_cpu_seconds_total" [] "Time that the process ran on a core.";
        PROCESS_RESIDENT = gauge "process_resident_memory_bytes" [] "Memory of the process that is in RAM.";
        PROCESS_VIRTUAL = gauge "process_virtual_memory_bytes" [] "Address space of the process.";
        PROCESS_OPEN_FDS = gauge "process_open_fds" [] "File descriptors open.";
        PROCESS_MAX_FDS = gauge "process_max_fds" [] "File descriptors that may be open.";
        PROCESS_THREADS = gauge "process_threads" [] "Threads of the process.";
        PROCESS_START = gauge "process_start_time_seconds" [] "When the process started, in seconds since the epoch of the clock.";
        THREADS = gauge "tidegate_threads" ["thread"] "Threads by kind.";
        THREAD_CPU = counter "tidegate_thread_cpu_seconds_total" ["thread"] "Time that threads of a kind ran on a core; of kinds that last as long as the server.";
        THREAD_WAIT = counter "tidegate_thread_wait_seconds_total" ["thread"] "Time that they had something to do and no core was free.";
        DATA_FREE = gauge "tidegate_data_disk_free_bytes" [] "Free bytes of the disk that the data directory is on.";
        DATA_SIZE = gauge "tidegate_data_disk_size_bytes" [] "Size of that disk.";
    }
}

/// What each label may hold, and so how many series there can be.
pub static LABELS: &[(&str, &str)] = &[
    ("arbiter", "0 and up, one for each thread: `actors.arbiters`, or the number of cores"),
    ("cause", "`asked`, `clock`"),
    (
        "command",
        "the names of the command table in [PROTOCOL.md](PROTOCOL.md), as far as seen; `other` for any that is none",
    ),
    ("count", "`total`, `available`, `reserved`, `sold`"),
    ("currency", "ISO 4217 codes: the 20 with the most orders"),
    ("endpoint", "the names of the webhooks in the configuration"),
    (
        "group",
        "names of consumer groups, which their readers gave: the 50 in the places that are there longest",
    ),
    (
        "outcome",
        "the status words and error codes of [PROTOCOL.md](PROTOCOL.md), as far as seen; `OK` for what has no status word",
    ),
    ("path", "the paths that are served, without what identifies a thing in them; `other` for any other"),
    (
        "reason",
        "`client` (it closed), `quit`, `late` (half a command), `stranger` (it did not log in), `unread` (it took no replies), `bad_frame`, `broken`, `stop`",
    ),
    (
        "stage",
        "`decode`, `mailbox`, `turn`, `journal`, `sync` (a part of `journal`), `reply`. `decode` ends when an actor is asked; \
         a command that asks none is carried out in it. `journal` and `sync` count commands that had to wait. \
         Documents and carts, which visit several actors, have `decode` and `reply` only",
    ),
    (
        "state",
        "of the server `loading`, `ready`, `draining`, `journal_failed`; of a SKU `scheduled`, `open`, `paused`, `sold_out`, \
         `ended`; of orders, money and carts `reserved`, `paid`, `cancelled`, `expired`, `refund_due`, `refunded`; of a room \
         `forming`, `succeeded`, `failed`; of a webhook `idle`, `catching_up`, `sending`, `retrying`, `full`, `stuck`, `off`",
    ),
    ("status", "HTTP status codes, as far as seen"),
    (
        "thread",
        "`main`, `arbiter`, `http`, `journal`, `journal_mark`, `journal_epoch`, `journal_snapshot`, `signals`, `blocking`, \
         `other`",
    ),
    ("version", "the one of this program"),
    ("what", "`snapshot`, `epoch`, `mark`, `removal`"),
];

/// The page about all families, in Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         `GET /metrics`, in Prometheus' text format. This page is made from the code; a test compares the two, and another\n\
         one the page with what a server really says. What to watch and what to do: [OPERATIONS.md](OPERATIONS.md#metrics-and-alerts).\n\n\
         A family without a sample is left out: those of commands before the first command, those of arbiters and of the\n\
         sale while the journal is replayed, those of threads and of the process where the system has no `/proc`. Counters\n\
         and histograms begin with the process. Sums over the sale are taken from what SKUs and campaigns last showed, at\n\
         most once a second, and less often when there are so many that this would take more than a twentieth of the HTTP\n\
         thread's time.\n",
    );
    for Section { title, families } in SECTIONS {
        page.push_str(&format!("\n## {title}\n\n| Family | Type | Labels | Meaning |\n|---|---|---|---|\n"));
        for Family { name, kind, labels, help } in families.iter() {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            page.push_str(&format!("| `{name}` | {} | {} | {help} |\n", kind.word(), labels.join(", ")));
        }
    }
    page.push_str(
        "\n## Labels\n\nNo label holds anything that came from a buyer, and each has a bounded number of values.\n\n| Label | Values |\n|---|---|\n",
    );
    for (label, values) in LABELS {
        page.push_str(&format!("| `{label}` | {values} |\n"));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Family> {
        SECTIONS.iter().flat_map(|section| section.families).copied()
    }

    #[test]
    fn names_follow_the_conventions_and_are_given_once() {
        let mut names = BTreeSet::new();
        for Family { name, kind, help, .. } in all() {
            assert!(names.insert(*name), "{name} twice");
            assert!(name.starts_with("tidegate_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(help.ends_with('.') && !help.contains(['|', '\n']), "{name}: {help}");
        }
    }

    #[test]
    fn every_label_says_what_bounds_it() {
        let used: BTreeSet<_> = all().flat_map(|family| family.labels).copied().collect();
        let explained: Vec<_> = LABELS.iter().map(|(label, _)| *label).collect();
        assert!(explained.is_sorted());
        assert_eq!(used.into_iter().collect::<Vec<_>>(), explained);
    }
}
