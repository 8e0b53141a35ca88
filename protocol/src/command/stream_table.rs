//! The command table's commands of Redis streams.

use super::entry::{SALE, option, repeated, required};
use super::spec::{Argument, CommandSpec, Flag, Group, Keys, Kind, Role};
use super::stream;

const KEY: Argument = required("key", Kind::Bytes);
const GROUP: Argument = required("group", Kind::Bytes);
const CONSUMER: Argument = required("consumer", Kind::Bytes);
const MIN_IDLE: Argument = required("min-idle-time", Kind::Integer);
const COUNT: Argument = option("COUNT", "count", Kind::Integer);
const BLOCK: Argument = option("BLOCK", "milliseconds", Kind::Integer);
const JUSTID: Argument = option("JUSTID", "justid", Kind::Token);
/// Keys, and behind all of them as many ids.
const STREAMS: Argument = Argument {
    name: "streams",
    kind: Kind::Block(&[repeated("key", Kind::Bytes), repeated("id", Kind::Bytes)]),
    token: Some("STREAMS"),
    optional: false,
    multiple: false,
};

const READ: &[Flag] = &[Flag::Readonly];
const WRITE: &[Flag] = &[Flag::Write];

const STREAM: CommandSpec = CommandSpec { group: Group::Stream, role: Role::Feed, flags: READ, ..SALE };
const NOGROUP: &str = "error `NOGROUP`";

pub(super) const XLEN: CommandSpec = CommandSpec {
    name: "XLEN",
    summary: "Counts the entries of the feed that are kept.",
    arguments: &[KEY],
    replies: &["integer"],
    parse: stream::xlen,
    ..STREAM
};

pub(super) const XRANGE: CommandSpec = CommandSpec {
    name: "XRANGE",
    summary: "Shows entries of the feed, from one id to another.",
    arguments: &[KEY, required("start", Kind::Bytes), required("end", Kind::Bytes), COUNT],
    replies: &["array of entries"],
    parse: stream::xrange,
    ..STREAM
};

pub(super) const XREVRANGE: CommandSpec = CommandSpec {
    name: "XREVRANGE",
    summary: "Shows entries of the feed, the last first.",
    arguments: &[KEY, required("end", Kind::Bytes), required("start", Kind::Bytes), COUNT],
    replies: &["array of entries"],
    parse: stream::xrevrange,
    ..STREAM
};

pub(super) const XREAD: CommandSpec = CommandSpec {
    name: "XREAD",
    summary: "Shows the entries behind an id, or waits for one.",
    flags: &[Flag::Readonly, Flag::Blocking, Flag::MovableKeys],
    keys: Keys::Streams { from: 1 },
    arguments: &[COUNT, BLOCK, STREAMS],
    replies: &["map of streams and arrays of entries", "nil"],
    parse: stream::xread,
    ..STREAM
};

pub(super) const XREADGROUP: CommandSpec = CommandSpec {
    name: "XREADGROUP",
    summary: "Delivers entries to a consumer of a group: new ones with `>`, or again those that it has not acknowledged.",
    flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
    keys: Keys::Streams { from: 4 },
    arguments: &[
        Argument {
            name: "group-block",
            kind: Kind::Block(&[GROUP, CONSUMER]),
            token: Some("GROUP"),
            optional: false,
            multiple: false,
        },
        COUNT,
        BLOCK,
        option("NOACK", "noack", Kind::Token),
        STREAMS,
    ],
    replies: &["map of streams and arrays of entries", "nil", NOGROUP],
    parse: stream::xreadgroup,
    ..STREAM
};

pub(super) const XACK: CommandSpec = CommandSpec {
    name: "XACK",
    summary: "Acknowledges entries: they are not delivered again.",
    flags: WRITE,
    arguments: &[KEY, GROUP, repeated("id", Kind::Bytes)],
    replies: &["integer"],
    parse: stream::xack,
    ..STREAM
};

pub(super) const XPENDING: CommandSpec = CommandSpec {
    name: "XPENDING",
    summary: "Shows what was delivered and not acknowledged.",
    arguments: &[
        KEY,
        GROUP,
        option("IDLE", "min-idle-time", Kind::Integer),
        Argument {
            name: "range",
            kind: Kind::Block(&[
                required("start", Kind::Bytes),
                required("end", Kind::Bytes),
                required("count", Kind::Integer),
            ]),
            token: None,
            optional: true,
            multiple: false,
        },
        Argument { name: "consumer", kind: Kind::Bytes, token: None, optional: true, multiple: false },
    ],
    replies: &[
        "array of count, least id, highest id, array of consumers and counts",
        "array of entries",
        NOGROUP,
    ],
    parse: stream::xpending,
    ..STREAM
};

pub(super) const XAUTOCLAIM: CommandSpec = CommandSpec {
    name: "XAUTOCLAIM",
    summary: "Takes over what other consumers have not acknowledged in time.",
    flags: WRITE,
    arguments: &[KEY, GROUP, CONSUMER, MIN_IDLE, required("start", Kind::Bytes), COUNT, JUSTID],
    replies: &["array of next start, array of entries, array of ids that are not kept any more", NOGROUP],
    parse: stream::xautoclaim,
    ..STREAM
};

pub(super) const XCLAIM: CommandSpec = CommandSpec {
    name: "XCLAIM",
    summary: "Takes over these entries from other consumers.",
    flags: WRITE,
    arguments: &[KEY, GROUP, CONSUMER, MIN_IDLE, repeated("id", Kind::Bytes), JUSTID],
    replies: &["array of entries", NOGROUP],
    parse: stream::xclaim,
    ..STREAM
};

pub(super) const XGROUP: CommandSpec = CommandSpec {
    name: "XGROUP",
    summary: "Manages consumer groups.",
    flags: WRITE,
    keys: Keys::None,
    subcommands: XGROUP_SUBCOMMANDS,
    parse: stream::of_container,
    ..STREAM
};

pub(super) const XINFO: CommandSpec = CommandSpec {
    name: "XINFO",
    summary: "Describes the feed and its consumer groups.",
    keys: Keys::None,
    subcommands: XINFO_SUBCOMMANDS,
    parse: stream::of_container,
    ..STREAM
};

const XGROUP_SUB: CommandSpec = CommandSpec { flags: WRITE, keys: Keys::Second, ..STREAM };
const ID_OR_LAST: Argument = required("id", Kind::Bytes);
const ENTRIESREAD: Argument = option("ENTRIESREAD", "entries-read", Kind::Integer);

const XGROUP_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "XGROUP|CREATE",
        summary: "Creates a consumer group that begins behind an entry, or with `$` behind all there are.",
        arguments: &[KEY, GROUP, ID_OR_LAST, option("MKSTREAM", "mkstream", Kind::Token), ENTRIESREAD],
        replies: &["OK", "error `BUSYGROUP`"],
        parse: stream::xgroup_create,
        ..XGROUP_SUB
    },
    CommandSpec {
        name: "XGROUP|SETID",
        summary: "Sets behind which entry a group goes on.",
        arguments: &[KEY, GROUP, ID_OR_LAST, ENTRIESREAD],
        replies: &["OK", NOGROUP],
        parse: stream::xgroup_setid,
        ..XGROUP_SUB
    },
    CommandSpec {
        name: "XGROUP|DESTROY",
        summary: "Deletes a group with all it remembers: 1 if there was one.",
        arguments: &[KEY, GROUP],
        replies: &["integer"],
        parse: stream::xgroup_destroy,
        ..XGROUP_SUB
    },
    CommandSpec {
        name: "XGROUP|CREATECONSUMER",
        summary: "Creates a consumer: 1 if there was none. One that reads is created by that.",
        arguments: &[KEY, GROUP, CONSUMER],
        replies: &["integer", NOGROUP],
        parse: stream::xgroup_createconsumer,
        ..XGROUP_SUB
    },
    CommandSpec {
        name: "XGROUP|DELCONSUMER",
        summary: "Deletes a consumer: the number of entries that it had not acknowledged, and that are forgotten.",
        arguments: &[KEY, GROUP, CONSUMER],
        replies: &["integer", NOGROUP],
        parse: stream::xgroup_delconsumer,
        ..XGROUP_SUB
    },
];

const XINFO_SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "XINFO|STREAM",
        summary: "Describes the feed.",
        keys: Keys::Second,
        arguments: &[KEY],
        replies: &["map", "error `ERR no such key`"],
        parse: stream::xinfo_stream,
        ..STREAM
    },
    CommandSpec {
        name: "XINFO|GROUPS",
        summary: "Describes the consumer groups.",
        keys: Keys::Second,
        arguments: &[KEY],
        replies: &["array of maps", "error `ERR no such key`"],
        parse: stream::xinfo_groups,
        ..STREAM
    },
    CommandSpec {
        name: "XINFO|CONSUMERS",
        summary: "Describes the consumers of a group.",
        keys: Keys::Second,
        arguments: &[KEY, GROUP],
        replies: &["array of maps", NOGROUP],
        parse: stream::xinfo_consumers,
        ..STREAM
    },
];
