//! Commands: what there is, what it takes, and who may use it.
//!
//! [`COMMANDS`] is the one table. [`lookup`] finds a command in it, [`Command::parse`] turns its arguments
//! into a [`Call`]; the replies of `COMMAND` ([`introspect`]) and the reference ([`mod@reference`]) are made from
//! the same entries.

mod business;
mod call;
mod connection;
mod entry;
mod index;
pub mod introspect;
pub mod reference;
mod spec;
mod stream;
mod stream_call;
mod stream_id;
mod stream_table;
mod subcommands;
mod table;
mod values;

pub use call::{At, Call, CartLines, ClientAttribute, Credentials, Words};
pub use spec::{Argument, CommandSpec, Flag, Group, Keys, Kind, Role};
pub use stream_call::{GroupAsk, MAX_GROUP_NAME, StreamCall};
pub use stream_id::{Bound, ReadFrom, StreamId, first_of, last_of};
pub use table::COMMANDS;
pub(crate) use values::check_value;
pub use values::{MAX_METRES, MAX_QUANTITY, MAX_SAFE_INTEGER, is_id, is_name};

use crate::error::WireError;
use crate::resp::Args;

/// A command of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command(u8);

impl Command {
    /// Its position in [`COMMANDS`], for counters kept in an array.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// What the table says of it.
    pub fn spec(self) -> &'static CommandSpec {
        &COMMANDS[self.index()]
    }

    /// Checks the arguments. `args` are the whole command, its name included.
    pub fn parse<'a>(self, args: Args<'a>) -> Result<Call<'a>, WireError> {
        let spec = self.spec();
        if !spec::admits(index::ARITIES[self.index()], args.len()) {
            return Err(connection::wrong_arity(spec));
        }
        let Some(word) = args.get(1).filter(|_| !spec.subcommands.is_empty()) else {
            return (spec.parse)(spec, args);
        };
        let found = spec.subcommands.iter().find(|sub| sub.last_word().as_bytes().eq_ignore_ascii_case(word));
        match found {
            Some(sub) if spec::admits(sub.arity(), args.len()) => (sub.parse)(sub, args),
            Some(sub) => Err(connection::wrong_arity(sub)),
            None => (spec.parse)(spec, args),
        }
    }
}

/// The command that `args` begins with. An error says that there is none, or not in this version.
///
/// Empty `args` are an error too, but a decoder's caller doesn't answer them at all.
pub fn lookup(args: Args<'_>) -> Result<Command, WireError> {
    let name = args.get(0).unwrap_or_default();
    find(name).ok_or_else(|| unknown(name, args))
}

/// [`lookup`], then [`Command::parse`].
pub fn parse<'a>(args: Args<'a>) -> Result<Call<'a>, WireError> {
    lookup(args)?.parse(args)
}

/// The command of this name, in upper or lower case.
pub fn find(name: &[u8]) -> Option<Command> {
    let mut slot = index::slot(name);
    loop {
        match index::INDEX[slot] {
            index::EMPTY => return None,
            found if is_called(name, COMMANDS[usize::from(found)].name) => return Some(Command(found)),
            _ => slot = (slot + 1) % index::INDEX.len(),
        }
    }
}

/// Most clients write names in upper case, as the table does, and that is the cheaper comparison.
fn is_called(name: &[u8], upper: &str) -> bool {
    name == upper.as_bytes() || name.eq_ignore_ascii_case(upper.as_bytes())
}

/// The hash tag of a key: what stands between its first `{` and the next `}`, or if that is nothing, the
/// whole key. An order's hash tag is the name of its SKU.
pub fn hash_tag(key: &str) -> &str {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// The SKU that an order id begins with: `iphone` of `{iphone}:o:7`. `None` if the id can't be an order's.
pub fn order_sku(order: &str) -> Option<&str> {
    let (sku, rest) = order.strip_prefix('{')?.split_once('}')?;
    (is_name(sku) && rest.starts_with(":o:")).then_some(sku)
}

fn unknown(name: &[u8], args: Args<'_>) -> WireError {
    let mut text = format!("unknown command {}, with args beginning with: ", values::show(name));
    for arg in args.iter().skip(1) {
        if text.len() > 200 {
            break;
        }
        text.push_str(&values::show(arg));
        text.push(' ');
    }
    WireError::invalid(text)
}
