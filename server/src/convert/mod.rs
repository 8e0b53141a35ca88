//! Between the wire's types and the engine's: the one place that knows both.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::{Ask, CartRequest, Condition, CreateError, Document, Fault, PutError, Reply};
use tidegate_engine::{
    At, CampaignCommand, CartId, CartNumber, Command, Currency, Dynamic, Fulfilment, GroupBuy, Ladder,
    LatePayment, Millis, OrderId, OrderNumber, Place, Price, Refusal, RoomId, SkuTerms, Step, Store, Tier,
};
use tidegate_protocol::command::{Call, CartLines, StreamCall, Words};
use tidegate_protocol::document::{self, SkuDocument};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::reply::Outcome;
use tidegate_protocol::resp::Writer;
use tidegate_protocol::status;

mod belonging;
mod busy;
mod campaign;
mod consumer_group;
pub(crate) mod entry;
mod news;
mod reply;
mod report;

pub(crate) use belonging::{Belonging, absent, belonging};
pub(crate) use busy::{busy_sku, price_step};
pub(crate) use campaign::{campaign, campaign_document, trigger, write_campaign};
pub(crate) use consumer_group::{Kept, group_command, pending_span, put_consumers, put_pending, put_summary};
pub(crate) use news::{Fields, absent_news, cart_news, order_news, price_news, room_news, stock_news};
pub(crate) use reply::{view_bytes, write_reply, write_view};
pub(crate) use report::Books;

use crate::edge::Label;
use crate::push::SubscribeError;

/// What a call is about, for whoever has to carry it out.
pub(crate) enum Errand<'a> {
    /// It concerns the connection or the server, no SKU.
    Connection(Call<'a>),
    /// Show a SKU.
    Look(&'a str),
    /// Show several.
    LookAll(Words<'a>),
    /// Ask an actor something that changes nothing.
    Ask {
        /// The SKU.
        sku: &'a str,
        /// What is asked.
        ask: Ask,
    },
    /// A command to a SKU that must exist.
    Command {
        /// The SKU.
        sku: &'a str,
        /// The command.
        command: Command<&'a str>,
    },
    /// Create or change a SKU.
    Put {
        /// The SKU.
        sku: &'a str,
        /// Its document, not yet read.
        document: &'a str,
    },
    /// Show a campaign.
    LookCampaign(&'a str),
    /// Create or change a campaign.
    PutCampaign {
        /// The campaign.
        campaign: &'a str,
        /// Its document, not yet read.
        document: &'a str,
    },
    /// A buyer did something that opens a coupon.
    Trigger {
        /// The campaign.
        campaign: &'a str,
        /// Request id.
        req: &'a str,
        /// Who.
        buyer: &'a str,
        /// What the buyer did.
        event: &'a str,
    },
    /// Hold units of several SKUs of a campaign.
    ReserveCart {
        /// The campaign.
        campaign: &'a str,
        /// Request id.
        req: &'a str,
        /// Who.
        buyer: &'a str,
        /// What.
        lines: CartLines<'a>,
        /// The coupon to be used.
        coupon: Option<&'a str>,
    },
    /// A command to a campaign that must exist.
    CampaignCommand {
        /// The campaign.
        campaign: &'a str,
        /// The command.
        command: CampaignCommand<&'a str>,
    },
    /// Show a cart.
    LookCart {
        /// The campaign.
        campaign: &'a str,
        /// The cart.
        cart: CartNumber,
    },
    /// The books of a SKU or a campaign.
    Report(&'a str),
    /// About the feed. In a box: the others are asked far more often, and are smaller.
    Feed(Box<StreamCall>),
    /// About an order that no engine can have made.
    Nowhere(Absent),
}

/// How the absence of a SKU or an order is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// By nil: it was to be shown.
    Nil,
    /// By `[NOT_FOUND]`: something was to be done.
    NotFound,
}

impl Absent {
    pub(crate) fn write(self, writer: &mut Writer<'_>) -> Label {
        match self {
            Self::Nil => {
                writer.null();
                Label::Ok
            }
            Self::NotFound => {
                Outcome::NotFound.write(writer);
                Label::Status(status::Status::NotFound)
            }
        }
    }
}

/// Sorts a call by who carries it out.
pub(crate) fn errand(call: Call<'_>) -> Errand<'_> {
    match call {
        Call::SkuPut { sku, document } => Errand::Put { sku, document },
        Call::SkuRestock { sku, req, delta, store } => {
            Errand::Command { sku, command: Command::Restock { req, delta, store } }
        }
        Call::SkuReprice { sku, req, price } => {
            Errand::Command { sku, command: Command::Reprice { req, price } }
        }
        Call::SkuPause { sku } => Errand::Command { sku, command: Command::Pause },
        Call::SkuResume { sku } => Errand::Command { sku, command: Command::Resume },
        Call::SkuGet { sku } => Errand::Look(sku),
        Call::SkuMget { skus } => Errand::LookAll(skus),
        Call::OrderReserve { sku, req, buyer, qty, max_price, coupon, at } => {
            let at = at.map(|at| {
                let place = Place { lat_e6: at.lat_e6, lon_e6: at.lon_e6 };
                Box::new(At { place, within_m: at.within_m })
            });
            Errand::Command { sku, command: Command::Reserve { req, buyer, qty, max_price, coupon, at } }
        }
        Call::OrderPay { order, req, amount, payment } => {
            of_order(order, |order| Command::Pay { order, req, amount, payment })
        }
        Call::OrderCancel { order, req, reason } => {
            of_order(order, |order| Command::Cancel { order, req, reason })
        }
        Call::OrderRefund { order, req, restock } => {
            of_order(order, |order| Command::Refund { order, req, restock })
        }
        Call::OrderGet { order } => match OrderId::parse(order) {
            Some(id) => Errand::Ask { sku: id.sku, ask: Ask::Order(id.number) },
            None => Errand::Nowhere(Absent::Nil),
        },
        Call::RoomOpen { sku, req, buyer, qty } => {
            Errand::Command { sku, command: Command::OpenRoom { req, buyer, qty } }
        }
        Call::RoomJoin { room, req, buyer, qty } => match RoomId::parse(room) {
            Some(id) => {
                let command = Command::JoinRoom { room: id.number, req, buyer, qty };
                Errand::Command { sku: id.sku, command }
            }
            None => Errand::Nowhere(Absent::NotFound),
        },
        Call::RoomGet { room } => match RoomId::parse(room) {
            Some(id) => Errand::Ask { sku: id.sku, ask: Ask::Room(id.number) },
            None => Errand::Nowhere(Absent::Nil),
        },
        Call::CartReserve { campaign, req, buyer, lines, coupon } => {
            Errand::ReserveCart { campaign, req, buyer, lines, coupon }
        }
        Call::CartPay { cart, req, amount, payment } => {
            of_cart(cart, |cart| CampaignCommand::PayCart { cart, req, amount, payment })
        }
        Call::CartCancel { cart, req } => of_cart(cart, |cart| CampaignCommand::CancelCart { cart, req }),
        Call::CartGet { cart } => match CartId::parse(cart) {
            Some(id) => Errand::LookCart { campaign: id.campaign, cart: id.number },
            None => Errand::Nowhere(Absent::Nil),
        },
        Call::BuyerBlock { sku, buyer } => Errand::Command { sku, command: Command::Block { buyer } },
        Call::BuyerUnblock { sku, buyer } => Errand::Command { sku, command: Command::Unblock { buyer } },
        Call::CouponTrigger { campaign, req, buyer, event } => {
            Errand::Trigger { campaign, req, buyer, event }
        }
        Call::CampaignPut { campaign, document } => Errand::PutCampaign { campaign, document },
        Call::CampaignGet { campaign } => Errand::LookCampaign(campaign),
        Call::Report { key } => Errand::Report(key),
        Call::Stream(call) => Errand::Feed(call),
        connection => Errand::Connection(connection),
    }
}

fn of_order<'a>(order: &'a str, command: impl FnOnce(OrderNumber) -> Command<&'a str>) -> Errand<'a> {
    match OrderId::parse(order) {
        Some(id) => Errand::Command { sku: id.sku, command: command(id.number) },
        None => Errand::Nowhere(Absent::NotFound),
    }
}

fn of_cart<'a>(cart: &'a str, command: impl FnOnce(CartNumber) -> CampaignCommand<&'a str>) -> Errand<'a> {
    match CartId::parse(cart) {
        Some(id) => Errand::CampaignCommand { campaign: id.campaign, command: command(id.number) },
        None => Errand::Nowhere(Absent::NotFound),
    }
}

/// What a buyer wants in a cart, by name of the SKU.
///
/// # Errors
/// If it is too much, or a SKU is named twice.
pub(crate) fn cart<'a>(
    (req, buyer, coupon): (&'a str, &'a str, Option<&'a str>),
    lines: CartLines<'a>,
    most: usize,
) -> Result<CartRequest<&'a str>, WireError> {
    if lines.len() > most {
        return Err(WireError::invalid(format!(
            "a cart has at most {most} lines (limits.max_lines_per_cart), and this one has {}",
            lines.len()
        )));
    }
    let mut lines: Vec<_> = lines.iter().collect();
    lines.sort_unstable();
    match lines.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => {
            let sku = pair[0].0;
            Err(WireError::invalid(format!(
                "{sku} is in the cart twice; name each SKU once, with all its units"
            )))
        }
        None => Ok(CartRequest { req, buyer, lines, coupon }),
    }
}

/// The terms that a SKU document stands for, and the stock.
///
/// # Errors
/// `field: reason` for the first field that is wrong.
pub(crate) fn put(document: &str) -> Result<Document, WireError> {
    put_document(&SkuDocument::from_json(document)?)
}

/// The same for a document that was read before.
///
/// # Errors
/// `field: reason` if a value is none that the engine knows, which reading has ruled out.
pub(crate) fn put_document(document: &SkuDocument) -> Result<Document, WireError> {
    let wrong = |what: &str| WireError::invalid(what.to_owned());
    let allow = document.allow.as_ref().map(|list| {
        let mut list: Vec<Box<str>> = list.iter().map(|buyer| buyer.as_str().into()).collect();
        list.sort_unstable();
        list.dedup();
        list.into_boxed_slice()
    });
    let terms = SkuTerms {
        title: document.title.as_str().into(),
        currency: Currency::new(&document.currency)
            .ok_or_else(|| wrong("currency: must be three letters A to Z"))?,
        price: price(document.price),
        starts_at: document.starts_at.map(Millis),
        ends_at: document.ends_at.map(Millis),
        per_buyer_limit: document.per_buyer_limit,
        per_order_limit: document.per_order_limit,
        hold_ms: document.hold_s.checked_mul(1000).ok_or_else(|| wrong("hold_s: too long"))?,
        late_payment: match document.late_payment {
            document::LatePayment::Reacquire => LatePayment::Reacquire,
            document::LatePayment::Refund => LatePayment::Refund,
        },
        max_lapses: document.max_lapses,
        campaign: document.campaign.as_deref().map(Into::into),
        stores: document.stores.as_deref().map(stores).transpose()?,
        carbon_g: document.carbon_g,
        allow,
        fulfilment: document.fulfilment.as_ref().map(|fulfilment| match fulfilment {
            document::Fulfilment::Numbered => Fulfilment::Numbered,
            document::Fulfilment::Codes(codes) => {
                Fulfilment::Codes(codes.iter().map(|code| code.as_str().into()).collect())
            }
        }),
        group_buy: document.group_buy.as_ref().map(|group_buy| GroupBuy {
            tiers: (group_buy.tiers.iter())
                .map(|(members, percent_off)| Tier { members: *members, percent_off: *percent_off })
                .collect(),
            ttl_ms: u64::from(group_buy.room_ttl_s) * 1000,
        }),
    };
    let stock = u32::try_from(document.stock).map_err(|_| wrong("stock: too large"))?;
    Ok(Document::Sku { terms: Arc::new(terms), stock })
}

fn stores(stores: &[document::Store]) -> Result<Box<[Store]>, WireError> {
    let store = |store: &document::Store| {
        let stock = u32::try_from(store.stock).map_err(|_| WireError::invalid("stores: too large"))?;
        let place = Place { lat_e6: store.lat_e6, lon_e6: store.lon_e6 };
        Ok(Store { id: store.id.as_str().into(), place, stock })
    };
    stores.iter().map(store).collect()
}

fn price(price: document::Price) -> Price {
    match price {
        document::Price::Fixed(price) => Price::Fixed(price),
        document::Price::Ladder { start, floor, step, every_s } => Price::Ladder(Ladder {
            start,
            floor,
            step: match step {
                document::Step::Percent(percent) => Step::Percent(percent),
                document::Step::Amount(amount) => Step::Amount(amount),
            },
            every_ms: u64::from(every_s) * 1000,
        }),
        document::Price::Dynamic { initial, floor, ceiling, max_step_percent } => {
            Price::Dynamic(Dynamic { initial, floor, ceiling, max_step_percent })
        }
    }
}

/// Why an actor in this condition can't be asked.
pub(crate) fn out_of_service(condition: Condition) -> Option<Fault> {
    match condition {
        Condition::Live => None,
        Condition::Rebuilding => Some(Fault::Rebuilding),
        Condition::Quarantined => Some(Fault::Quarantined),
    }
}

/// What the caller is told when a whole body got no replies.
pub(crate) fn fault(fault: Fault, retry: Duration) -> WireError {
    match fault {
        Fault::JournalFailed => WireError::new(ErrorCode::JournalFail, fault.to_string()),
        Fault::Rebuilding => WireError::new(ErrorCode::Loading, fault.to_string()),
        Fault::Overloaded => overloaded(fault.to_string(), retry),
        Fault::Stopping => WireError::new(ErrorCode::ReadOnly, fault.to_string()),
        Fault::Panicked | Fault::Quarantined => WireError::invalid(fault.to_string()),
    }
}

/// Whether this is the text of a fault that no caller can mend: on the wire it is an `ERR` as well.
pub(crate) fn is_fault(message: &str) -> bool {
    [Fault::Panicked, Fault::Quarantined].iter().any(|fault| fault.to_string() == message)
}

/// What the caller is told when something new can't be made.
pub(crate) fn not_created(error: &CreateError, retry: Duration) -> WireError {
    match error {
        CreateError::Full { .. } => WireError::invalid(error.to_string()),
        CreateError::Refused(why) => fault(*why, retry),
    }
}

/// Writes what putting a document came to.
pub(crate) fn write_put(put: &Result<Reply, PutError>, retry: Duration, writer: &mut Writer<'_>) -> Label {
    let error = match put {
        // What it is called and was asked is in none of the replies that there can be.
        Ok(reply) => return write_reply("", &Ask::View, reply, Millis(0), retry, writer),
        Err(PutError::Unfit(error)) => WireError::invalid(error.to_string()),
        Err(PutError::NotCreated(error)) => not_created(error, retry),
        Err(PutError::Fault(why)) => fault(*why, retry),
    };
    error.write(writer);
    Label::Error(error.code())
}

/// What the caller is told when a subscription is refused.
pub(crate) fn not_subscribed(error: SubscribeError, retry: Duration) -> WireError {
    match error {
        SubscribeError::Loading => WireError::new(ErrorCode::Loading, error.to_string()),
        SubscribeError::Unavailable(why) => fault(why, retry),
        SubscribeError::TooManyHere { .. } | SubscribeError::TooManyInAll { .. } => {
            WireError::invalid(error.to_string())
        }
    }
}

/// The same command may succeed after this time.
pub(crate) fn overloaded(message: impl Into<Cow<'static, str>>, retry: Duration) -> WireError {
    WireError::retry(ErrorCode::Overloaded, u32::try_from(retry.as_millis()).unwrap_or(u32::MAX), message)
}

fn refusal(refusal: Refusal, retry: Duration) -> WireError {
    match refusal {
        Refusal::RequestReused | Refusal::PaymentReused => {
            WireError::new(ErrorCode::IdempReuse, refusal.to_string())
        }
        Refusal::Full { .. } | Refusal::InProgress => overloaded(refusal.to_string(), retry),
        Refusal::Fixed { .. }
        | Refusal::CodesNotStock { .. }
        | Refusal::Store { .. }
        | Refusal::StoresFixed
        | Refusal::CodesAreStock
        | Refusal::NotDynamic
        | Refusal::NoGroupBuy
        | Refusal::RoomsForming
        | Refusal::AmountTooLarge
        | Refusal::StockTooLarge
        | Refusal::InCart
        | Refusal::IdTooLong => WireError::invalid(refusal.to_string()),
    }
}
