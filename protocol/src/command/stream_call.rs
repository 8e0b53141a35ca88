//! Commands of Redis streams after parsing.

use super::stream_id::{Bound, ReadFrom, StreamId};

/// The longest name of a consumer group or a consumer, in bytes.
pub const MAX_GROUP_NAME: usize = 256;

/// What is asked of a stream. Its texts are its own: it may have to wait long after the bytes that it came in are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamCall {
    /// `XLEN`
    Len {
        /// The stream.
        key: String,
    },
    /// `XRANGE` and `XREVRANGE`
    Range {
        /// The stream.
        key: String,
        /// From here,
        from: Bound,
        /// to here.
        to: Bound,
        /// The most entries.
        count: Option<u64>,
        /// Whether the last comes first.
        backwards: bool,
    },
    /// `XREAD`
    Read {
        /// The most entries of each stream.
        count: Option<u64>,
        /// How long to wait for one, in milliseconds; 0 is for ever.
        block_ms: Option<u64>,
        /// Streams, and behind which entry to begin.
        streams: Vec<(String, ReadFrom)>,
    },
    /// `XREADGROUP`
    ReadGroup {
        /// The group.
        group: String,
        /// Who reads for it.
        consumer: String,
        /// The most entries of each stream.
        count: Option<u64>,
        /// How long to wait for one, in milliseconds; 0 is for ever.
        block_ms: Option<u64>,
        /// What is delivered need not be acknowledged.
        no_ack: bool,
        /// Streams; `None` asks for what the group has not been delivered, an id for what this consumer has not
        /// acknowledged behind it.
        streams: Vec<(String, Option<StreamId>)>,
    },
    /// The others, which concern one group.
    Group {
        /// The stream.
        key: String,
        /// The group.
        group: String,
        /// What is asked.
        ask: GroupAsk,
    },
    /// `XGROUP HELP` and `XINFO HELP`
    Help {
        /// What is answered.
        lines: Vec<String>,
    },
    /// `XINFO STREAM`
    InfoStream {
        /// The stream.
        key: String,
    },
    /// `XINFO GROUPS`
    InfoGroups {
        /// The stream.
        key: String,
    },
}

/// What is asked of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAsk {
    /// `XGROUP CREATE`
    Create {
        /// Behind which entry it begins; `None`: behind all there are.
        after: Option<StreamId>,
        /// Whether the stream is to be made too.
        make_stream: bool,
    },
    /// `XGROUP SETID`
    SetId {
        /// Behind which entry it goes on; `None`: behind all there are.
        after: Option<StreamId>,
    },
    /// `XGROUP DESTROY`
    Destroy,
    /// `XGROUP CREATECONSUMER`
    CreateConsumer {
        /// Its name.
        consumer: String,
    },
    /// `XGROUP DELCONSUMER`
    DeleteConsumer {
        /// Its name.
        consumer: String,
    },
    /// `XACK`
    Ack {
        /// What was done.
        ids: Vec<StreamId>,
    },
    /// `XPENDING` without a range.
    PendingSummary,
    /// `XPENDING` with one.
    Pending {
        /// Of entries that were delivered at least so many milliseconds ago.
        min_idle_ms: u64,
        /// From here,
        from: Bound,
        /// to here.
        to: Bound,
        /// The most entries.
        count: u64,
        /// Of this consumer alone.
        consumer: Option<String>,
    },
    /// `XAUTOCLAIM`
    AutoClaim {
        /// Who takes over.
        consumer: String,
        /// Of entries that were delivered at least so many milliseconds ago.
        min_idle_ms: u64,
        /// From here on.
        from: Bound,
        /// The most entries.
        count: u64,
        /// Ids are enough.
        just_id: bool,
    },
    /// `XCLAIM`
    Claim {
        /// Who takes over.
        consumer: String,
        /// Of entries that were delivered at least so many milliseconds ago.
        min_idle_ms: u64,
        /// Which.
        ids: Vec<StreamId>,
        /// Ids are enough.
        just_id: bool,
    },
    /// `XINFO CONSUMERS`
    InfoConsumers,
}
