//! The command table. What belongs to `CLIENT`, `COMMAND` and `CONFIG`, and the commands of streams, are in the files
//! beside it.

use super::business as sale;
use super::connection as conn;
use super::entry::{
    ADMIN_WRITE, ANYTIME, BEFORE_AUTH, CONNECTION, PUBSUB, READ, SALE, SERVER, WRITE, any_number, option,
    optional, repeated, required,
};
use super::spec::{Argument, CommandSpec, Flag, Group, Keys, Kind, Role};
use super::stream_table as stream;
use super::subcommands::{CLIENT, COMMAND, CONFIG};

const SKU: Argument = required("sku", Kind::Name);
const ORDER: Argument = required("order", Kind::Order);
const CAMPAIGN: Argument = required("campaign", Kind::Name);
const ROOM: Argument = required("room", Kind::Room);
const CART: Argument = required("cart", Kind::Cart);
const REQ: Argument = required("req", Kind::Id);
const BUYER: Argument = required("buyer", Kind::Id);

/// Every command of this version. The order is that of the reference.
pub static COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "SKU.PUT",
        summary: "Creates a SKU from a SKU document, or changes one. Price and stock of an existing SKU stay.",
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU, required("json", Kind::Json)],
        replies: &["[CREATED]", "[UPDATED]", "[UNCHANGED]", "error `ERR field: reason`"],
        parse: sale::sku_put,
        ..SALE
    },
    CommandSpec {
        name: "SKU.RESTOCK",
        summary: "Adds units to a SKU, or with a negative number takes available units away.",
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU, REQ, required("delta", Kind::Delta), option("STORE", "id", Kind::Name)],
        replies: &["[RESTOCKED, available]", "[INSUFFICIENT, available]", "[NOT_FOUND]"],
        parse: sale::sku_restock,
        ..SALE
    },
    CommandSpec {
        name: "SKU.REPRICE",
        summary: "Moves a dynamic price, inside its bounds and by no more than its largest step.",
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU, REQ, required("price", Kind::Money)],
        replies: &["[REPRICED, price]", "[OUT_OF_BOUNDS, floor, ceiling]", "[NOT_FOUND]"],
        parse: sale::sku_reprice,
        ..SALE
    },
    CommandSpec {
        name: "SKU.PAUSE",
        summary: "Stops new reservations. Orders already reserved can still be paid and cancelled.",
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU],
        replies: &["[PAUSED]", "[NOT_FOUND]"],
        parse: sale::sku_pause,
        ..SALE
    },
    CommandSpec {
        name: "SKU.RESUME",
        summary: "Takes reservations again after SKU.PAUSE.",
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU],
        replies: &["[RESUMED]", "[NOT_FOUND]"],
        parse: sale::sku_resume,
        ..SALE
    },
    CommandSpec {
        name: "SKU.GET",
        summary: "Shows a SKU: its state, price and stock.",
        flags: READ,
        arguments: &[SKU],
        replies: &["SKU map", "nil"],
        parse: sale::sku_get,
        ..SALE
    },
    CommandSpec {
        name: "SKU.MGET",
        summary: "Shows several SKUs.",
        flags: &[Flag::Readonly],
        keys: Keys::All,
        arguments: &[repeated("sku", Kind::Name)],
        replies: &["array of SKU maps and nils"],
        parse: sale::sku_mget,
        ..SALE
    },
    CommandSpec {
        name: "ORDER.RESERVE",
        summary: "Holds units for a buyer, at the price of this moment, until they are paid or the hold runs out.",
        group: Group::Order,
        flags: WRITE,
        arguments: &[
            SKU,
            REQ,
            BUYER,
            required("qty", Kind::Quantity),
            option("MAXPRICE", "minor", Kind::Money),
            option("COUPON", "code", Kind::Id),
            option(
                "AT",
                "place",
                Kind::Block(&[
                    required("lat", Kind::Degrees { most: 90 }),
                    required("lon", Kind::Degrees { most: 180 }),
                ]),
            ),
            option("WITHIN", "metres", Kind::Metres),
        ],
        replies: &[
            "[RESERVED, order, amount, expires_at]",
            "[NOT_FOUND]",
            "[BLOCKED]",
            "[NOT_ELIGIBLE]",
            "[NOT_OPEN, starts_at]",
            "[ENDED]",
            "[PAUSED]",
            "[SOLD_OUT]",
            "[LIMIT, left]",
            "[PRICE_CHANGED, price]",
            "[COUPON_INVALID]",
            "[RESERVED, order, amount, expires_at, store]",
            "[NO_STORE]",
        ],
        parse: sale::order_reserve,
        ..SALE
    },
    CommandSpec {
        name: "ORDER.PAY",
        summary: "Records a payment for an order. The same payment twice is paid once.",
        group: Group::Order,
        flags: WRITE,
        arguments: &[ORDER, REQ, required("amount", Kind::Money), required("payment", Kind::Id)],
        replies: &[
            "[PAID, order]",
            "[PAID, order, code or serial, ...]",
            "[REFUND_DUE, order]",
            "[AMOUNT_MISMATCH, due]",
            "[CANCELLED]",
            "[NOT_FOUND]",
        ],
        parse: sale::order_pay,
        ..SALE
    },
    CommandSpec {
        name: "ORDER.CANCEL",
        summary: "Gives the units of an unpaid order back.",
        group: Group::Order,
        flags: WRITE,
        arguments: &[ORDER, REQ, option("REASON", "text", Kind::Text { max_bytes: 256 })],
        replies: &["[CANCELLED]", "[ALREADY_PAID]", "[EXPIRED]", "[NOT_FOUND]"],
        parse: sale::order_cancel,
        ..SALE
    },
    CommandSpec {
        name: "ORDER.REFUND",
        summary: "Makes the money of a paid order due back; with RESTOCK its units are on sale again.",
        group: Group::Order,
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[ORDER, REQ, option("RESTOCK", "restock", Kind::Token)],
        replies: &["[REFUNDED]", "[NOT_PAID]", "[NOT_FOUND]"],
        parse: sale::order_refund,
        ..SALE
    },
    CommandSpec {
        name: "ORDER.GET",
        summary: "Shows an order.",
        group: Group::Order,
        flags: READ,
        arguments: &[ORDER],
        replies: &["order map", "nil"],
        parse: sale::order_get,
        ..SALE
    },
    CommandSpec {
        name: "ROOM.OPEN",
        summary: "Opens a group-buy room: holds units for its leader at the price of the lowest tier.",
        group: Group::Room,
        flags: WRITE,
        arguments: &[SKU, REQ, BUYER, required("qty", Kind::Quantity)],
        replies: &[
            "[OPENED, room, order, amount, expires_at]",
            "[NOT_FOUND]",
            "[BLOCKED]",
            "[NOT_ELIGIBLE]",
            "[NOT_OPEN, starts_at]",
            "[ENDED]",
            "[PAUSED]",
            "[SOLD_OUT]",
            "[LIMIT, left]",
        ],
        parse: sale::room_open,
        ..SALE
    },
    CommandSpec {
        name: "ROOM.JOIN",
        summary: "Takes a seat in a room and holds units at the price of the tier that its paid members and this one reach.",
        group: Group::Room,
        flags: WRITE,
        arguments: &[ROOM, REQ, BUYER, required("qty", Kind::Quantity)],
        replies: &[
            "[JOINED, order, amount, members, expires_at]",
            "[NOT_FOUND]",
            "[CLOSED]",
            "[ALREADY_MEMBER]",
            "[FULL]",
            "[BLOCKED]",
            "[NOT_ELIGIBLE]",
            "[PAUSED]",
            "[SOLD_OUT]",
            "[LIMIT, left]",
        ],
        parse: sale::room_join,
        ..SALE
    },
    CommandSpec {
        name: "ROOM.GET",
        summary: "Shows a room: who is in, what it costs, when it closes.",
        group: Group::Room,
        flags: READ,
        arguments: &[ROOM],
        replies: &["room map", "nil"],
        parse: sale::room_get,
        ..SALE
    },
    CommandSpec {
        name: "CART.RESERVE",
        summary: "Holds units of several SKUs of a campaign at once, all or none; from a sum on it costs less.",
        group: Group::Cart,
        flags: &[Flag::Write],
        arguments: &[
            CAMPAIGN,
            REQ,
            BUYER,
            repeated("line", Kind::Block(&[SKU, required("qty", Kind::Quantity)])),
            option("COUPON", "code", Kind::Id),
        ],
        replies: &[
            "[RESERVED, cart, amount, expires_at, threshold_discount]",
            "[NOT_FOUND]",
            "[NOT_FOUND, sku]",
            "[BLOCKED, sku]",
            "[NOT_ELIGIBLE, sku]",
            "[NOT_OPEN, starts_at, sku]",
            "[ENDED, sku]",
            "[PAUSED, sku]",
            "[SOLD_OUT, sku]",
            "[LIMIT, left, sku]",
            "[COUPON_INVALID, sku]",
            "[NO_STORE, sku]",
        ],
        parse: sale::cart_reserve,
        ..SALE
    },
    CommandSpec {
        name: "CART.PAY",
        summary: "Records a payment for a cart: all its lines are paid.",
        group: Group::Cart,
        flags: &[Flag::Write],
        arguments: &[CART, REQ, required("amount", Kind::Money), required("payment", Kind::Id)],
        replies: &[
            "[PAID, cart]",
            "[PAID, cart, code or serial, ...]",
            "[REFUND_DUE, cart]",
            "[AMOUNT_MISMATCH, due]",
            "[CANCELLED]",
            "[NOT_FOUND]",
        ],
        parse: sale::cart_pay,
        ..SALE
    },
    CommandSpec {
        name: "CART.CANCEL",
        summary: "Gives the units of an unpaid cart back.",
        group: Group::Cart,
        flags: &[Flag::Write],
        arguments: &[CART, REQ],
        replies: &["[CANCELLED]", "[ALREADY_PAID]", "[EXPIRED]", "[NOT_FOUND]"],
        parse: sale::cart_cancel,
        ..SALE
    },
    CommandSpec {
        name: "CART.GET",
        summary: "Shows a cart.",
        group: Group::Cart,
        flags: READ,
        arguments: &[CART],
        replies: &["cart map", "nil"],
        parse: sale::cart_get,
        ..SALE
    },
    CommandSpec {
        name: "COUPON.TRIGGER",
        summary: "A buyer did something that opens a coupon: grants it, once for each buyer and event.",
        group: Group::Campaign,
        flags: WRITE,
        arguments: &[CAMPAIGN, REQ, BUYER, required("event", Kind::Id)],
        replies: &["[GRANTED, coupon, percent_off, expires_at]", "[NOT_ELIGIBLE]", "[NOT_FOUND]"],
        parse: sale::coupon_trigger,
        ..SALE
    },
    CommandSpec {
        name: "CAMPAIGN.PUT",
        summary: "Creates a campaign from a campaign document, or changes one. Its SKUs are told before it is answered.",
        group: Group::Campaign,
        role: Role::Admin,
        flags: &[Flag::Write, Flag::Admin],
        arguments: &[CAMPAIGN, required("json", Kind::Json)],
        replies: &["[CREATED]", "[UPDATED]", "[UNCHANGED]", "error `ERR field: reason`"],
        parse: sale::campaign_put,
        ..SALE
    },
    CommandSpec {
        name: "CAMPAIGN.GET",
        summary: "Shows a campaign: its times, SKUs and discounts.",
        group: Group::Campaign,
        flags: &[Flag::Readonly],
        arguments: &[CAMPAIGN],
        replies: &["campaign map", "nil"],
        parse: sale::campaign_get,
        ..SALE
    },
    CommandSpec {
        name: "BUYER.BLOCK",
        summary: "Rejects further reservations of a buyer on a SKU.",
        group: Group::Buyer,
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU, BUYER],
        replies: &["[BLOCKED]", "[NOT_FOUND]"],
        parse: sale::buyer_block,
        ..SALE
    },
    CommandSpec {
        name: "BUYER.UNBLOCK",
        summary: "Lets a blocked buyer reserve again.",
        group: Group::Buyer,
        role: Role::Admin,
        flags: ADMIN_WRITE,
        arguments: &[SKU, BUYER],
        replies: &["[UNBLOCKED]", "[NOT_FOUND]"],
        parse: sale::buyer_unblock,
        ..SALE
    },
    CommandSpec {
        name: "REPORT",
        summary: "Counts the orders, units and money of a SKU or a campaign and checks that they add up.",
        group: Group::Report,
        role: Role::Observer,
        flags: &[Flag::Readonly],
        arguments: &[required("key", Kind::Name)],
        replies: &["report map", "nil"],
        parse: sale::report,
        ..SALE
    },
    stream::XLEN,
    stream::XRANGE,
    stream::XREVRANGE,
    stream::XREAD,
    stream::XGROUP,
    stream::XREADGROUP,
    stream::XACK,
    stream::XPENDING,
    stream::XAUTOCLAIM,
    stream::XCLAIM,
    stream::XINFO,
    CommandSpec {
        name: "SUBSCRIBE",
        summary: "Has what happens pushed: each channel begins with how it stands.",
        arguments: &[repeated("channel", Kind::Bytes)],
        replies: &[
            "for each channel a push of subscribe, channel, count; then pushes of message, channel, payload",
        ],
        parse: conn::subscribe,
        ..PUBSUB
    },
    CommandSpec {
        name: "UNSUBSCRIBE",
        summary: "Ends subscriptions: to these channels, or to all.",
        arguments: &[any_number("channel", Kind::Bytes)],
        replies: &["for each channel a push of unsubscribe, channel, count"],
        parse: conn::unsubscribe,
        ..PUBSUB
    },
    CommandSpec {
        name: "HELLO",
        summary: "Chooses the protocol version, authenticates and names the connection, in one step.",
        flags: BEFORE_AUTH,
        arguments: &[
            optional("protover", Kind::Integer),
            option(
                "AUTH",
                "auth",
                Kind::Block(&[required("username", Kind::Bytes), required("password", Kind::Bytes)]),
            ),
            option("SETNAME", "clientname", Kind::Bytes),
        ],
        replies: &[
            "map of server, version, proto, id, mode, role, modules",
            "error `NOPROTO`",
            "error `WRONGPASS`",
        ],
        parse: conn::hello,
        ..CONNECTION
    },
    CommandSpec {
        name: "AUTH",
        summary: "Authenticates the connection.",
        flags: BEFORE_AUTH,
        // The name comes first on the wire, although it is the one that may be left out.
        arguments: &[optional("username", Kind::Bytes), required("password", Kind::Bytes)],
        replies: &["OK", "error `WRONGPASS`"],
        parse: conn::auth,
        ..CONNECTION
    },
    CommandSpec {
        name: "PING",
        summary: "Answers, to show that the connection works.",
        arguments: &[optional("message", Kind::Bytes)],
        replies: &["PONG", "message"],
        parse: conn::ping,
        ..CONNECTION
    },
    CommandSpec {
        name: "ECHO",
        summary: "Answers with its argument.",
        arguments: &[required("message", Kind::Bytes)],
        replies: &["message"],
        parse: conn::echo,
        ..CONNECTION
    },
    CommandSpec {
        name: "SELECT",
        summary: "Accepts database 0, the only one there is.",
        arguments: &[required("index", Kind::Integer)],
        replies: &["OK"],
        parse: conn::select,
        ..CONNECTION
    },
    CommandSpec {
        name: "QUIT",
        summary: "Closes the connection after the answer.",
        flags: BEFORE_AUTH,
        replies: &["OK"],
        parse: conn::quit,
        ..CONNECTION
    },
    CommandSpec {
        name: "RESET",
        summary: "Makes the connection as new: RESP2, no name, not authenticated.",
        flags: BEFORE_AUTH,
        replies: &["RESET"],
        parse: conn::reset,
        ..CONNECTION
    },
    CommandSpec {
        name: "CLIENT",
        summary: "Names and describes connections.",
        flags: ANYTIME,
        subcommands: CLIENT,
        parse: conn::unknown_subcommand,
        ..CONNECTION
    },
    CommandSpec {
        name: "INFO",
        summary: "Describes the server in the sections and fields that Redis tools expect.",
        group: Group::Server,
        flags: SERVER,
        arguments: &[any_number("section", Kind::Bytes)],
        replies: &["text"],
        parse: conn::info,
        ..CONNECTION
    },
    CommandSpec {
        name: "COMMAND",
        summary: "Describes the commands, for client libraries.",
        group: Group::Server,
        flags: SERVER,
        subcommands: COMMAND,
        replies: &["array of entries"],
        parse: conn::command,
        ..CONNECTION
    },
    CommandSpec {
        name: "CONFIG",
        summary: "Shows settings. Nothing can be set over the wire.",
        group: Group::Server,
        flags: SERVER,
        subcommands: CONFIG,
        parse: conn::unknown_subcommand,
        ..CONNECTION
    },
];
