//! What the command table says of a command.

use super::call::Call;
use crate::error::WireError;
use crate::resp::Args;

/// Everything there is to know about a command: parsing, the `COMMAND` replies and the reference in
/// `docs/PROTOCOL.md` all follow from it.
#[derive(Debug)]
pub struct CommandSpec {
    /// In upper case. A subcommand's begins with its command's: `CLIENT|SETNAME`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// What kind of command it is.
    pub group: Group,
    /// Who may use it.
    pub role: Role,
    /// What it may do, and when.
    pub flags: &'static [Flag],
    /// Which of its arguments are keys.
    pub keys: Keys,
    /// Its arguments: first those that must be there, in order, then the optional ones.
    pub arguments: &'static [Argument],
    /// The possible replies, as shown in the reference. A command with none always needs a subcommand.
    pub replies: &'static [&'static str],
    /// Its subcommands.
    pub subcommands: &'static [CommandSpec],
    /// From arguments to a call. The number of arguments has been checked before.
    pub(super) parse: Parse,
}

/// From arguments to a call; see [`CommandSpec::parse`].
pub(super) type Parse = for<'a> fn(&'static CommandSpec, Args<'a>) -> Result<Call<'a>, WireError>;

/// What kind of command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What is sold.
    Sku,
    /// Who buys it.
    Order,
    /// Who buys it together.
    Room,
    /// What is bought together.
    Cart,
    /// The sale as a whole.
    Campaign,
    /// Who may not buy it.
    Buyer,
    /// Whether it all adds up.
    Report,
    /// What happens, told without being asked.
    Pubsub,
    /// The connection itself.
    Connection,
    /// The server itself.
    Server,
}

impl Group {
    /// The name of the group in the replies of `COMMAND DOCS`.
    pub fn name(self) -> &'static str {
        match self {
            Group::Sku => "sku",
            Group::Order => "order",
            Group::Room => "room",
            Group::Cart => "cart",
            Group::Campaign => "campaign",
            Group::Buyer => "buyer",
            Group::Report => "report",
            Group::Pubsub => "pubsub",
            Group::Connection => "connection",
            Group::Server => "server",
        }
    }
}

/// Who may use a command. A user has one or more of the first four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sells to buyers: looks at SKUs, reserves, pays, cancels.
    Storefront,
    /// Runs the sale: puts SKUs, restocks, pauses, refunds, blocks.
    Admin,
    /// Looks at the books.
    Observer,
    /// Reads the feed of events.
    Feed,
    /// Anyone who is authenticated.
    All,
}

impl Role {
    /// The name in the configuration and in the reference.
    pub fn name(self) -> &'static str {
        match self {
            Role::Storefront => "storefront",
            Role::Admin => "admin",
            Role::Observer => "observer",
            Role::Feed => "feed",
            Role::All => "all",
        }
    }
}

/// What a command may do, and when it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// May change the sale.
    Write,
    /// Never changes the sale.
    Readonly,
    /// Takes the same short time however large the sale is.
    Fast,
    /// For administrators.
    Admin,
    /// Answered while the journal is being replayed.
    Loading,
    /// Answered before the connection has authenticated.
    NoAuth,
}

impl Flag {
    /// The name in a `COMMAND` entry.
    pub fn name(self) -> &'static str {
        match self {
            Flag::Write => "write",
            Flag::Readonly => "readonly",
            Flag::Fast => "fast",
            Flag::Admin => "admin",
            Flag::Loading => "loading",
            Flag::NoAuth => "no_auth",
        }
    }
}

/// Which arguments are keys. The key comes first, because cluster clients route a command they don't know
/// by its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// None.
    None,
    /// The first.
    First,
    /// All of them.
    All,
}

impl Keys {
    /// First key, last key and step, as in a `COMMAND` entry.
    pub fn positions(self) -> (i64, i64, i64) {
        match self {
            Keys::None => (0, 0, 0),
            Keys::First => (1, 1, 1),
            Keys::All => (1, -1, 1),
        }
    }
}

/// One argument.
#[derive(Debug)]
pub struct Argument {
    /// The name that the reference and error messages use.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// The word that must stand before it. Every optional argument but a last one has one.
    pub token: Option<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be repeated. Only the last one, but for options.
    pub multiple: bool,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// The name of a SKU or a campaign: `[A-Za-z0-9._-]{1,64}`.
    Name,
    /// A caller's id (buyer, request, payment): 1 to 64 printable ASCII characters without spaces.
    Id,
    /// An order's id: 1 to 128 printable ASCII characters without spaces.
    Order,
    /// A room's id: 1 to 128 printable ASCII characters without spaces.
    Room,
    /// A cart's id: 1 to 128 printable ASCII characters without spaces.
    Cart,
    /// A number of units: 1 to 1,000,000.
    Quantity,
    /// Integer minor units of a currency: 0 to 2^53-1.
    Money,
    /// Degrees of latitude or longitude: a decimal number up to so many degrees on either side of zero.
    Degrees {
        /// The most.
        most: u32,
    },
    /// A distance in metres: 1 to 21,000,000, more than half around the earth.
    Metres,
    /// A change of a number of units: not zero, -(2^53-1) to 2^53-1.
    Delta,
    /// UTF-8 text of at most so many bytes.
    Text {
        /// The most bytes it may have.
        max_bytes: usize,
    },
    /// A JSON document.
    Json,
    /// Any bytes.
    Bytes,
    /// An integer that the command's own parser judges.
    Integer,
    /// Nothing but the token itself.
    Token,
    /// Several values that belong together, behind one token or repeated.
    Block(&'static [Argument]),
}

impl CommandSpec {
    /// How many arguments, name and subcommand included: exactly so many, or if negative at least so many.
    pub const fn arity(&self) -> i64 {
        let needs_subcommand = !self.subcommands.is_empty() && self.replies.is_empty();
        let mut count = self.words() as i64 + needs_subcommand as i64;
        let mut open = false;
        let mut index = 0;
        while index < self.arguments.len() {
            let argument = &self.arguments[index];
            if !argument.optional {
                count += match argument.kind {
                    Kind::Block(parts) => parts.len() as i64,
                    _ => 1,
                };
            }
            open |= argument.optional || argument.multiple;
            index += 1;
        }
        if self.subcommands.is_empty() && !open { count } else { -count }
    }

    /// How many words the name has on the wire: two for a subcommand.
    const fn words(&self) -> usize {
        let bytes = self.name.as_bytes();
        let mut words = 1;
        let mut index = 0;
        while index < bytes.len() {
            if bytes[index] == b'|' {
                words = 2;
            }
            index += 1;
        }
        words
    }

    /// The last word of the name: `SETNAME` of `CLIENT|SETNAME`.
    pub fn last_word(&self) -> &'static str {
        self.name.rsplit('|').next().unwrap_or(self.name)
    }

    /// Whether it puts a document, which is judged beside all others.
    pub fn puts_document(&self) -> bool {
        self.arguments.iter().any(|argument| matches!(argument.kind, Kind::Json))
    }

    /// Whether it has this flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// How it is written: `ORDER.CANCEL order req [REASON text]`.
    pub fn syntax(&self) -> String {
        let mut text = self.name.replace('|', " ");
        for argument in self.arguments {
            text.push(' ');
            text.push_str(&argument.syntax());
        }
        text
    }
}

/// Whether a command of this arity may have so many arguments, name and subcommand included.
pub(super) fn admits(arity: i64, count: usize) -> bool {
    let least = arity.unsigned_abs() as usize;
    count == least || (arity < 0 && count > least)
}

impl Argument {
    /// How it is written: `[REASON text]`.
    fn syntax(&self) -> String {
        let value = match self.kind {
            Kind::Token => String::new(),
            Kind::Block(parts) => parts.iter().map(Argument::syntax).collect::<Vec<_>>().join(" "),
            _ => self.name.to_owned(),
        };
        let mut text = match self.token {
            Some(token) => format!("{token} {value}").trim_end().to_owned(),
            None => value,
        };
        if self.multiple && self.optional {
            text = format!("{text} ...");
        } else if self.multiple {
            text = format!("{text} [{text} ...]");
        }
        if self.optional { format!("[{text}]") } else { text }
    }
}
