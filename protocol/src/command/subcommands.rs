//! The command table's subcommands.

use super::connection as conn;
use super::entry::{CONNECTION, SERVER, any_number, repeated, required};
use super::spec::{CommandSpec, Flag, Group, Kind};

pub(super) const CLIENT: &[CommandSpec] = &[
    CommandSpec {
        name: "CLIENT|SETNAME",
        summary: "Names the connection; an empty name takes the name away.",
        arguments: &[required("name", Kind::Bytes)],
        replies: &["OK"],
        parse: conn::client_setname,
        ..CONNECTION
    },
    CommandSpec {
        name: "CLIENT|GETNAME",
        summary: "Shows the connection's name.",
        replies: &["name", "nil"],
        parse: conn::client_getname,
        ..CONNECTION
    },
    CommandSpec {
        name: "CLIENT|SETINFO",
        summary: "Tells which client library is used: LIB-NAME or LIB-VER, and its value.",
        arguments: &[required("attribute", Kind::Bytes), required("value", Kind::Bytes)],
        replies: &["OK"],
        parse: conn::client_setinfo,
        ..CONNECTION
    },
    CommandSpec {
        name: "CLIENT|ID",
        summary: "Shows the connection's number.",
        replies: &["integer"],
        parse: conn::client_id,
        ..CONNECTION
    },
    CommandSpec {
        name: "CLIENT|INFO",
        summary: "Describes this connection.",
        replies: &["text"],
        parse: conn::client_info,
        ..CONNECTION
    },
    CommandSpec {
        name: "CLIENT|LIST",
        summary: "Describes every connection.",
        flags: &[Flag::Admin, Flag::Loading],
        replies: &["text"],
        parse: conn::client_list,
        ..CONNECTION
    },
];

pub(super) const COMMAND: &[CommandSpec] = &[
    CommandSpec {
        name: "COMMAND|COUNT",
        summary: "Counts the commands.",
        group: Group::Server,
        replies: &["integer"],
        parse: conn::command_count,
        ..CONNECTION
    },
    CommandSpec {
        name: "COMMAND|INFO",
        summary: "Shows the entries of some commands, or of all.",
        group: Group::Server,
        flags: SERVER,
        arguments: &[any_number("command-name", Kind::Bytes)],
        replies: &["array of entries and nils"],
        parse: conn::command_info,
        ..CONNECTION
    },
    CommandSpec {
        name: "COMMAND|DOCS",
        summary: "Documents some commands, or all.",
        group: Group::Server,
        flags: SERVER,
        arguments: &[any_number("command-name", Kind::Bytes)],
        replies: &["map of documents"],
        parse: conn::command_docs,
        ..CONNECTION
    },
    CommandSpec {
        name: "COMMAND|GETKEYS",
        summary: "Shows which arguments of a whole command are keys.",
        group: Group::Server,
        flags: SERVER,
        arguments: &[required("command", Kind::Bytes), any_number("arg", Kind::Bytes)],
        replies: &["array of keys"],
        parse: conn::command_getkeys,
        ..CONNECTION
    },
];

pub(super) const CONFIG: &[CommandSpec] = &[CommandSpec {
    name: "CONFIG|GET",
    summary: "Shows the settings whose names match.",
    group: Group::Server,
    flags: SERVER,
    arguments: &[repeated("pattern", Kind::Bytes)],
    replies: &["map of names and values"],
    parse: conn::config_get,
    ..CONNECTION
}];
