//! Commands after parsing: checked, typed, borrowed from the bytes they came in.

use super::stream_call::StreamCall;
use super::values::digits;
use crate::resp::{Args, Protocol, Word};

/// A command whose arguments have been checked, each in itself. Whether they make sense together with the
/// state of the sale is the engine's to judge.
///
/// Ids are ASCII, quantities are 1 to 1,000,000 units, money is 0 to 2^53-1 minor units.
#[derive(Debug, Clone)]
pub enum Call<'a> {
    /// `SKU.PUT`
    SkuPut {
        /// The SKU's name.
        sku: &'a str,
        /// The SKU document, not yet parsed: see [`SkuDocument::from_json`](crate::document::SkuDocument::from_json).
        document: &'a str,
    },
    /// `SKU.RESTOCK`
    SkuRestock {
        /// The SKU's name.
        sku: &'a str,
        /// The request id.
        req: &'a str,
        /// Units to add, or if negative to take away. Never zero.
        delta: i64,
        /// The store they are at.
        store: Option<&'a str>,
    },
    /// `SKU.REPRICE`
    SkuReprice {
        /// The SKU.
        sku: &'a str,
        /// The caller's request id.
        req: &'a str,
        /// The new price of a unit, in minor units.
        price: u64,
    },
    /// `SKU.PAUSE`
    SkuPause {
        /// The SKU's name.
        sku: &'a str,
    },
    /// `SKU.RESUME`
    SkuResume {
        /// The SKU's name.
        sku: &'a str,
    },
    /// `SKU.GET`
    SkuGet {
        /// The SKU's name.
        sku: &'a str,
    },
    /// `SKU.MGET`
    SkuMget {
        /// The names of one or more SKUs.
        skus: Words<'a>,
    },
    /// `ORDER.RESERVE`
    OrderReserve {
        /// The SKU's name.
        sku: &'a str,
        /// The request id.
        req: &'a str,
        /// Who buys.
        buyer: &'a str,
        /// How many units.
        qty: u32,
        /// The highest unit price, before discounts, that the buyer accepts.
        max_price: Option<u64>,
        /// The coupon to be used.
        coupon: Option<&'a str>,
        /// Where the buyer is, who wants a store nearby.
        at: Option<At>,
    },
    /// `ORDER.PAY`
    OrderPay {
        /// The order's id.
        order: &'a str,
        /// The request id.
        req: &'a str,
        /// What was paid.
        amount: u64,
        /// The payment's id.
        payment: &'a str,
    },
    /// `ORDER.CANCEL`
    OrderCancel {
        /// The order's id.
        order: &'a str,
        /// The request id.
        req: &'a str,
        /// Why, in at most 256 bytes.
        reason: Option<&'a str>,
    },
    /// `ORDER.REFUND`
    OrderRefund {
        /// The order's id.
        order: &'a str,
        /// The request id.
        req: &'a str,
        /// Whether the units go back on sale.
        restock: bool,
    },
    /// `ORDER.GET`
    OrderGet {
        /// The order's id.
        order: &'a str,
    },
    /// `ROOM.OPEN`
    RoomOpen {
        /// The SKU.
        sku: &'a str,
        /// The caller's request id.
        req: &'a str,
        /// Who buys, and leads the room.
        buyer: &'a str,
        /// How many units.
        qty: u32,
    },
    /// `ROOM.JOIN`
    RoomJoin {
        /// The room.
        room: &'a str,
        /// The caller's request id.
        req: &'a str,
        /// Who buys.
        buyer: &'a str,
        /// How many units.
        qty: u32,
    },
    /// `ROOM.GET`
    RoomGet {
        /// The room.
        room: &'a str,
    },
    /// `CART.RESERVE`
    CartReserve {
        /// The campaign's name.
        campaign: &'a str,
        /// The request id.
        req: &'a str,
        /// Who buys.
        buyer: &'a str,
        /// What.
        lines: CartLines<'a>,
        /// The coupon to be used.
        coupon: Option<&'a str>,
    },
    /// `CART.PAY`
    CartPay {
        /// The cart's id.
        cart: &'a str,
        /// The request id.
        req: &'a str,
        /// What was paid.
        amount: u64,
        /// The payment's id.
        payment: &'a str,
    },
    /// `CART.CANCEL`
    CartCancel {
        /// The cart's id.
        cart: &'a str,
        /// The request id.
        req: &'a str,
    },
    /// `CART.GET`
    CartGet {
        /// The cart's id.
        cart: &'a str,
    },
    /// `COUPON.TRIGGER`
    CouponTrigger {
        /// The campaign's name.
        campaign: &'a str,
        /// The caller's request id.
        req: &'a str,
        /// Who did it.
        buyer: &'a str,
        /// What the buyer did.
        event: &'a str,
    },
    /// `CAMPAIGN.PUT`
    CampaignPut {
        /// The campaign's name.
        campaign: &'a str,
        /// The campaign document, as JSON.
        document: &'a str,
    },
    /// `CAMPAIGN.GET`
    CampaignGet {
        /// The campaign's name.
        campaign: &'a str,
    },
    /// `BUYER.BLOCK`
    BuyerBlock {
        /// The SKU's name.
        sku: &'a str,
        /// Who may not buy it.
        buyer: &'a str,
    },
    /// `BUYER.UNBLOCK`
    BuyerUnblock {
        /// The SKU's name.
        sku: &'a str,
        /// Who may buy it again.
        buyer: &'a str,
    },
    /// `REPORT`
    Report {
        /// The name of the SKU or campaign.
        key: &'a str,
    },
    /// `SUBSCRIBE`
    Subscribe {
        /// One or more channels.
        channels: Words<'a>,
    },
    /// `UNSUBSCRIBE`
    Unsubscribe {
        /// The channels; none means all.
        channels: Words<'a>,
    },
    /// A command of Redis streams.
    Stream(Box<StreamCall>),
    /// `HELLO`
    Hello {
        /// The version to speak from now on, or none to leave it.
        protocol: Option<Protocol>,
        /// Who the client says it is.
        auth: Option<Credentials<'a>>,
        /// The connection's name.
        client_name: Option<&'a str>,
    },
    /// `AUTH`
    Auth(Credentials<'a>),
    /// `PING`
    Ping {
        /// What to answer instead of `PONG`.
        message: Option<&'a [u8]>,
    },
    /// `ECHO`
    Echo {
        /// What to answer.
        message: &'a [u8],
    },
    /// `SELECT 0`: there is one database.
    Select,
    /// `QUIT`: answer, then close.
    Quit,
    /// `RESET`: the connection is as new.
    Reset,
    /// `CLIENT SETNAME`
    ClientSetName {
        /// The connection's name; empty takes it away.
        name: &'a str,
    },
    /// `CLIENT GETNAME`
    ClientGetName,
    /// `CLIENT SETINFO`
    ClientSetInfo {
        /// What is told.
        attribute: ClientAttribute,
        /// Its value.
        value: &'a str,
    },
    /// `CLIENT ID`
    ClientId,
    /// `CLIENT INFO`
    ClientInfo,
    /// `CLIENT LIST`
    ClientList,
    /// `INFO`
    Info {
        /// The sections asked for; none means the usual ones.
        sections: Words<'a>,
    },
    /// `COMMAND`: every entry.
    CommandAll,
    /// `COMMAND COUNT`
    CommandCount,
    /// `COMMAND INFO`
    CommandInfo {
        /// The commands asked for; none means all.
        names: Words<'a>,
    },
    /// `COMMAND DOCS`
    CommandDocs {
        /// The commands asked for; none means all.
        names: Words<'a>,
    },
    /// `COMMAND GETKEYS`
    CommandGetKeys {
        /// A whole command.
        command: Words<'a>,
    },
    /// `CONFIG GET`
    ConfigGet {
        /// Names of settings, with `*` and `?`.
        patterns: Words<'a>,
    },
}

/// Where a buyer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Latitude in millionths of a degree.
    pub lat_e6: i32,
    /// Longitude in millionths of a degree.
    pub lon_e6: i32,
    /// How far away a store may be, in metres; none is any distance.
    pub within_m: Option<u32>,
}

/// Who a client says it is.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The user; none is the default user.
    pub user: Option<&'a [u8]>,
    /// The password.
    pub password: &'a [u8],
}

impl std::fmt::Debug for Credentials<'_> {
    /// Without the password, so that it can't reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a client library tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAttribute {
    /// The library's name.
    LibName,
    /// The library's version.
    LibVer,
}

/// SKUs and units, which have been checked, each by itself.
#[derive(Debug, Clone, Copy)]
pub struct CartLines<'a> {
    args: Args<'a>,
    from: usize,
    words: usize,
}

impl<'a> CartLines<'a> {
    /// So many arguments from index `from` on.
    pub(super) fn new(args: Args<'a>, from: usize, words: usize) -> Self {
        CartLines { args, from, words }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words / 2
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words == 0
    }

    /// SKU and units of each, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, u32)> + use<'a> {
        let CartLines { args, from, words } = *self;
        (from..from + words).step_by(2).map(move |at| {
            let sku = args.word(at).and_then(Word::text).unwrap_or_default();
            let qty = args.get(at + 1).and_then(digits).and_then(|qty| u32::try_from(qty).ok());
            (sku, qty.unwrap_or(u32::MAX))
        })
    }
}

/// The last arguments of a command that takes any number of them.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    args: Args<'a>,
    from: usize,
}

impl<'a> Words<'a> {
    /// The arguments from index `from` on.
    pub(super) fn new(args: Args<'a>, from: usize) -> Self {
        Words { args, from }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.args.len().saturating_sub(self.from)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The arguments as bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        self.args.iter().skip(self.from)
    }

    /// The arguments as text. Names have been checked to be ASCII; anything else that isn't UTF-8 is empty.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + use<'a> {
        let args = self.args;
        let words = self.from.min(args.len())..args.len();
        words.map(move |index| args.word(index).and_then(Word::text).unwrap_or_default())
    }
}
