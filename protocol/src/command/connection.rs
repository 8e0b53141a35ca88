//! From arguments to calls, for the commands that concern the connection and the server. They follow what
//! Redis does, because client libraries send them on their own.

use super::call::{Call, ClientAttribute, Credentials, Words};
use super::spec::CommandSpec;
use super::values::{digits, show};
use crate::error::{ErrorCode, WireError};
use crate::resp::{Args, Protocol};

/// The longest name of a connection, and the longest name or version of a client library.
const MAX_CLIENT_TEXT: usize = 128;

type Parsed<'a> = Result<Call<'a>, WireError>;

pub(super) fn hello<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    let protocol = match args.get(1) {
        None => None,
        Some(version) => Some(protocol_version(version)?),
    };
    let (mut auth, mut client_name) = (None, None);
    let mut next = 2;
    while let Some(option) = args.get(next) {
        match (args.get(next + 1), args.get(next + 2)) {
            (Some(user), Some(password)) if option.eq_ignore_ascii_case(b"AUTH") && auth.is_none() => {
                auth = Some(Credentials { user: Some(user), password });
                next += 3;
            }
            (Some(name), _) if option.eq_ignore_ascii_case(b"SETNAME") && client_name.is_none() => {
                client_name = Some(client_text("Client names", name)?);
                next += 2;
            }
            _ => return Err(WireError::invalid(format!("Syntax error in HELLO option {}", show(option)))),
        }
    }
    Ok(Call::Hello { protocol, auth, client_name })
}

fn protocol_version(version: &[u8]) -> Result<Protocol, WireError> {
    match digits(version) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(WireError::new(ErrorCode::NoProto, "unsupported protocol version: use 2 or 3")),
        None => Err(WireError::invalid("Protocol version is not an integer or out of range")),
    }
}

pub(super) fn auth<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    match (args.get(1), args.get(2), args.len()) {
        (Some(password), None, _) => Ok(Call::Auth(Credentials { user: None, password })),
        (user, Some(password), 3) => Ok(Call::Auth(Credentials { user, password })),
        _ => Err(WireError::invalid("syntax error: usage: AUTH [username] password")),
    }
}

pub(super) fn subscribe<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::Subscribe { channels: Words::new(args, 1) })
}

pub(super) fn unsubscribe<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::Unsubscribe { channels: Words::new(args, 1) })
}

pub(super) fn ping<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    match args.len() {
        1 | 2 => Ok(Call::Ping { message: args.get(1) }),
        _ => Err(wrong_arity(spec)),
    }
}

pub(super) fn echo<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::Echo { message: args.get(1).unwrap_or_default() })
}

pub(super) fn select<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    match args.get(1).and_then(digits) {
        Some(0) => Ok(Call::Select),
        Some(_) => Err(WireError::invalid("DB index is out of range: there is only database 0")),
        None => Err(WireError::invalid("invalid DB index")),
    }
}

pub(super) fn quit<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::Quit)
}

pub(super) fn reset<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::Reset)
}

pub(super) fn info<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::Info { sections: Words::new(args, 1) })
}

/// `CLIENT` and `CONFIG`: only ever reached with a subcommand that isn't in the table.
pub(super) fn unknown_subcommand<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    let given = args.get(1).unwrap_or_default();
    let known: Vec<&str> = spec.subcommands.iter().map(CommandSpec::last_word).collect();
    Err(WireError::invalid(format!(
        "{} {} is not supported; {} knows {}",
        spec.name,
        show(given),
        spec.name,
        known.join(", ")
    )))
}

pub(super) fn client_setname<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::ClientSetName { name: client_text("Client names", args.get(2).unwrap_or_default())? })
}

pub(super) fn client_getname<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::ClientGetName)
}

pub(super) fn client_setinfo<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    let name = args.get(2).unwrap_or_default();
    let (attribute, what) = if name.eq_ignore_ascii_case(b"LIB-NAME") {
        (ClientAttribute::LibName, "lib-name")
    } else if name.eq_ignore_ascii_case(b"LIB-VER") {
        (ClientAttribute::LibVer, "lib-ver")
    } else {
        return Err(WireError::invalid(format!(
            "Unrecognized option {}: use LIB-NAME or LIB-VER",
            show(name)
        )));
    };
    Ok(Call::ClientSetInfo { attribute, value: client_text(what, args.get(3).unwrap_or_default())? })
}

pub(super) fn client_id<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::ClientId)
}

pub(super) fn client_info<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::ClientInfo)
}

pub(super) fn client_list<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::ClientList)
}

/// `COMMAND` without a subcommand, or with one that isn't in the table.
pub(super) fn command<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    if args.len() == 1 { Ok(Call::CommandAll) } else { unknown_subcommand(spec, args) }
}

pub(super) fn command_count<'a>(_: &'static CommandSpec, _: Args<'a>) -> Parsed<'a> {
    Ok(Call::CommandCount)
}

pub(super) fn command_info<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::CommandInfo { names: Words::new(args, 2) })
}

pub(super) fn command_docs<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::CommandDocs { names: Words::new(args, 2) })
}

pub(super) fn command_getkeys<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::CommandGetKeys { command: Words::new(args, 2) })
}

pub(super) fn config_get<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    Ok(Call::ConfigGet { patterns: Words::new(args, 2) })
}

/// Text that appears in `CLIENT LIST`, whose fields are separated by spaces.
fn client_text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, WireError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= MAX_CLIENT_TEXT && bytes.iter().all(u8::is_ascii_graphic) => Ok(text),
        _ => Err(WireError::invalid(format!(
            "{what} cannot contain spaces, newlines or special characters, nor more than {MAX_CLIENT_TEXT} bytes"
        ))),
    }
}

pub(super) fn wrong_arity(spec: &CommandSpec) -> WireError {
    WireError::invalid(format!("wrong number of arguments for '{}' command", spec.name.to_ascii_lowercase()))
}
