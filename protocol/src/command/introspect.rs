//! The replies of `COMMAND` and its subcommands, made from the table.

use super::spec::{Argument, CommandSpec, Flag, Group, Keys, Kind, admits};
use super::{COMMANDS, Words, find};
use crate::error::WireError;
use crate::resp::Writer;

/// `COMMAND`, and `COMMAND INFO` without names: every entry.
pub fn write_entries(writer: &mut Writer<'_>) {
    writer.array(COMMANDS.len());
    COMMANDS.iter().for_each(|spec| write_entry(writer, spec));
}

/// `COMMAND COUNT`.
pub fn write_count(writer: &mut Writer<'_>) {
    writer.uint(COMMANDS.len() as u64);
}

/// `COMMAND INFO`: an entry for each name, nil for one that is unknown. All entries without names.
pub fn write_info(writer: &mut Writer<'_>, names: Words<'_>) {
    if names.is_empty() {
        return write_entries(writer);
    }
    writer.array(names.len());
    for name in names.iter() {
        match find_spec(name) {
            Some(spec) => write_entry(writer, spec),
            None => writer.null(),
        }
    }
}

/// `COMMAND DOCS`: a document for each name that is known. All documents without names.
pub fn write_docs(writer: &mut Writer<'_>, names: Words<'_>) {
    if names.is_empty() {
        return write_documents(writer, COMMANDS.iter());
    }
    let known = names.iter().filter_map(find_spec);
    write_documents(writer, known.collect::<Vec<_>>().into_iter());
}

/// `COMMAND GETKEYS`: the keys of a whole command.
pub fn write_getkeys(writer: &mut Writer<'_>, command: Words<'_>) -> Result<(), WireError> {
    let spec = command.iter().next().and_then(find).map(|command| command.spec());
    let spec = spec.ok_or_else(|| WireError::invalid("Invalid command specified"))?;
    if !admits(spec.arity(), command.len()) {
        return Err(WireError::invalid("Invalid number of arguments specified for command"));
    }
    // A subcommand has keys of its own.
    let word = command.iter().nth(1).unwrap_or_default();
    let sub = spec.subcommands.iter().find(|sub| sub.last_word().as_bytes().eq_ignore_ascii_case(word));
    let (first, count) = match sub.unwrap_or(spec).keys {
        Keys::None => return Err(WireError::invalid("The command has no key arguments")),
        Keys::First => (1, 1),
        Keys::Second => (2, 1),
        Keys::All => (1, command.len() - 1),
        Keys::Streams { from } => {
            let is_it = |word: &[u8]| word.eq_ignore_ascii_case(b"STREAMS");
            let at = command.iter().skip(from).position(is_it);
            let at = at.ok_or_else(|| WireError::invalid("Invalid arguments specified for command"))? + from;
            (at + 1, (command.len() - at - 1) / 2)
        }
    };
    writer.array(count);
    command.iter().skip(first).take(count).for_each(|key| writer.bulk(key));
    Ok(())
}

/// A command or, as `client|setname`, a subcommand.
fn find_spec(name: &[u8]) -> Option<&'static CommandSpec> {
    match name.iter().position(|&byte| byte == b'|') {
        None => find(name).map(|command| command.spec()),
        Some(bar) => {
            let subcommands = find(&name[..bar])?.spec().subcommands;
            subcommands.iter().find(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name))
        }
    }
}

/// An entry has exactly ten elements; redis-py's cluster client breaks on any other number.
fn write_entry(writer: &mut Writer<'_>, spec: &CommandSpec) {
    let (first, last, step) = spec.keys.positions();
    writer.array(10);
    writer.bulk(spec.name.to_ascii_lowercase());
    writer.int(spec.arity());
    writer.set(spec.flags.len());
    spec.flags.iter().for_each(|flag| writer.simple(flag.name()));
    writer.int(first);
    writer.int(last);
    writer.int(step);
    let categories = categories(spec);
    writer.set(categories.len());
    categories.iter().for_each(|category| writer.simple(category));
    writer.array(0); // no tips
    write_key_specs(writer, spec);
    writer.array(spec.subcommands.len());
    spec.subcommands.iter().for_each(|sub| write_entry(writer, sub));
}

fn categories(spec: &CommandSpec) -> Vec<&'static str> {
    let mut names = Vec::new();
    let flagged = [(Flag::Write, "@write"), (Flag::Readonly, "@read"), (Flag::Admin, "@admin")];
    names.extend(flagged.iter().filter(|(flag, _)| spec.has(*flag)).map(|(_, name)| *name));
    names.push(if spec.has(Flag::Fast) { "@fast" } else { "@slow" });
    if spec.group == Group::Connection {
        names.push("@connection");
    }
    if spec.group == Group::Pubsub {
        names.push("@pubsub");
    }
    if spec.group == Group::Stream {
        names.push("@stream");
    }
    if spec.has(Flag::Blocking) {
        names.push("@blocking");
    }
    names
}

fn write_key_specs(writer: &mut Writer<'_>, spec: &CommandSpec) {
    // Where the keys begin, how many of the arguments behind that are keys, and at which distance.
    let (search, last, step, limit) = match spec.keys {
        Keys::None => return writer.array(0),
        Keys::First => (Search::Index(1), 0, 1, 0),
        Keys::Second => (Search::Index(2), 0, 1, 0),
        Keys::All => (Search::Index(1), -1, 1, 0),
        Keys::Streams { from } => (Search::Keyword(from), -1, 1, 2),
    };
    writer.array(1);
    writer.map(3);
    writer.bulk("flags");
    let access: [&str; 2] = if spec.has(Flag::Write) { ["RW", "UPDATE"] } else { ["RO", "ACCESS"] };
    writer.set(access.len());
    access.iter().for_each(|flag| writer.simple(flag));
    writer.bulk("begin_search");
    writer.map(2);
    writer.bulk("type");
    match search {
        Search::Index(index) => {
            writer.bulk("index");
            writer.bulk("spec");
            writer.map(1);
            writer.bulk("index");
            writer.int(index);
        }
        Search::Keyword(from) => {
            writer.bulk("keyword");
            writer.bulk("spec");
            writer.map(2);
            writer.bulk("keyword");
            writer.bulk("STREAMS");
            writer.bulk("startfrom");
            writer.uint(from as u64);
        }
    }
    writer.bulk("find_keys");
    writer.map(2);
    writer.bulk("type");
    writer.bulk("range");
    writer.bulk("spec");
    writer.map(3);
    writer.bulk("lastkey");
    writer.int(last);
    writer.bulk("keystep");
    writer.int(step);
    writer.bulk("limit");
    writer.int(limit);
}

/// How the first key is found.
enum Search {
    /// It is this argument.
    Index(i64),
    /// It stands behind the word `STREAMS`, which is looked for from this argument on.
    Keyword(usize),
}

fn write_documents(writer: &mut Writer<'_>, specs: impl ExactSizeIterator<Item = &'static CommandSpec>) {
    writer.map(specs.len());
    for spec in specs {
        writer.bulk(spec.name.to_ascii_lowercase());
        write_document(writer, spec);
    }
}

fn write_document(writer: &mut Writer<'_>, spec: &'static CommandSpec) {
    let has_arguments = !spec.arguments.is_empty();
    let has_subcommands = !spec.subcommands.is_empty();
    writer.map(3 + usize::from(has_arguments) + usize::from(has_subcommands));
    writer.bulk("summary");
    writer.bulk(spec.summary);
    writer.bulk("since");
    writer.bulk(spec.since);
    writer.bulk("group");
    writer.bulk(spec.group.name());
    if has_arguments {
        writer.bulk("arguments");
        write_arguments(writer, spec.arguments, spec.keys);
    }
    if has_subcommands {
        writer.bulk("subcommands");
        write_documents(writer, spec.subcommands.iter());
    }
}

fn write_arguments(writer: &mut Writer<'_>, arguments: &[Argument], keys: Keys) {
    writer.array(arguments.len());
    for (index, argument) in arguments.iter().enumerate() {
        let is_key = index == 0 && matches!(keys, Keys::First | Keys::All | Keys::Second);
        write_argument(writer, argument, is_key);
    }
}

fn write_argument(writer: &mut Writer<'_>, argument: &Argument, is_key: bool) {
    let kind = match argument.kind {
        _ if is_key => "key",
        Kind::Quantity | Kind::Money | Kind::Delta | Kind::Integer | Kind::Metres => "integer",
        Kind::Token => "pure-token",
        Kind::Degrees { .. } => "double",
        Kind::Block(_) => "block",
        Kind::Name
        | Kind::Id
        | Kind::Order
        | Kind::Room
        | Kind::Cart
        | Kind::Text { .. }
        | Kind::Json
        | Kind::Bytes => "string",
    };
    let parts = match argument.kind {
        Kind::Block(parts) => Some(parts),
        _ => None,
    };
    let flags: Vec<&str> = [(argument.optional, "optional"), (argument.multiple, "multiple")]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    let optional_fields = [is_key, argument.token.is_some(), !flags.is_empty(), parts.is_some()];
    writer.map(2 + optional_fields.into_iter().filter(|field| *field).count());
    writer.bulk("name");
    writer.bulk(argument.name);
    writer.bulk("type");
    writer.bulk(kind);
    if is_key {
        writer.bulk("key_spec_index");
        writer.int(0);
    }
    if let Some(token) = argument.token {
        writer.bulk("token");
        writer.bulk(token);
    }
    if !flags.is_empty() {
        writer.bulk("flags");
        writer.set(flags.len());
        flags.iter().for_each(|flag| writer.simple(flag));
    }
    if let Some(parts) = parts {
        writer.bulk("arguments");
        write_arguments(writer, parts, Keys::None);
    }
}
