//! Between the wire's types and the engine's: the one place that knows both.

use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::{Ask, Condition, CreateError, Fault, Reply};
use tidegate_engine::{
    Answer, Command, Currency, LatePayment, Millis, OrderId, OrderNumber, OrderState, OrderView, Price,
    Refusal, Rejection, Report, SaleState, SkuTerms, SkuView,
};
use tidegate_protocol::command::{Call, Words};
use tidegate_protocol::document::{self, SkuDocument};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::reply::{OrderMap, Outcome, ReportMap, SkuMap};
use tidegate_protocol::resp::Writer;
use tidegate_protocol::status;

use crate::edge::Label;

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
        Call::SkuRestock { sku, req, delta } => {
            Errand::Command { sku, command: Command::Restock { req, delta } }
        }
        Call::SkuPause { sku } => Errand::Command { sku, command: Command::Pause },
        Call::SkuResume { sku } => Errand::Command { sku, command: Command::Resume },
        Call::SkuGet { sku } => Errand::Look(sku),
        Call::SkuMget { skus } => Errand::LookAll(skus),
        Call::OrderReserve { sku, req, buyer, qty, max_price } => {
            Errand::Command { sku, command: Command::Reserve { req, buyer, qty, max_price } }
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
        Call::BuyerBlock { sku, buyer } => Errand::Command { sku, command: Command::Block { buyer } },
        Call::BuyerUnblock { sku, buyer } => Errand::Command { sku, command: Command::Unblock { buyer } },
        Call::Report { key } => Errand::Ask { sku: key, ask: Ask::Report },
        connection => Errand::Connection(connection),
    }
}

fn of_order<'a>(order: &'a str, command: impl FnOnce(OrderNumber) -> Command<&'a str>) -> Errand<'a> {
    match OrderId::parse(order) {
        Some(id) => Errand::Command { sku: id.sku, command: command(id.number) },
        None => Errand::Nowhere(Absent::NotFound),
    }
}

/// The command that a SKU document stands for.
///
/// # Errors
/// `field: reason` for the first field that is wrong.
pub(crate) fn put(document: &str) -> Result<Command<&'static str>, WireError> {
    let document = SkuDocument::from_json(document).map_err(|error| WireError::invalid(error.to_string()))?;
    put_document(&document)
}

/// The same for a document that was read before.
///
/// # Errors
/// `field: reason` if a value is none that the engine knows, which reading has ruled out.
pub(crate) fn put_document(document: &SkuDocument) -> Result<Command<&'static str>, WireError> {
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
        price: match document.price {
            document::Price::Fixed(price) => Price::Fixed(price),
        },
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
        allow,
    };
    let stock = u32::try_from(document.stock).map_err(|_| wrong("stock: too large"))?;
    Ok(Command::Put { terms: Arc::new(terms), stock })
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

/// What the caller is told when a new SKU can't be made.
pub(crate) fn not_created(error: CreateError, retry: Duration) -> WireError {
    match error {
        CreateError::Full => WireError::invalid(error.to_string()),
        CreateError::Refused(why) => fault(why, retry),
    }
}

fn overloaded(message: String, retry: Duration) -> WireError {
    WireError::retry(ErrorCode::Overloaded, u32::try_from(retry.as_millis()).unwrap_or(u32::MAX), message)
}

fn refusal(refusal: Refusal, retry: Duration) -> WireError {
    match refusal {
        Refusal::RequestReused | Refusal::PaymentReused => {
            WireError::new(ErrorCode::IdempReuse, refusal.to_string())
        }
        Refusal::Full { .. } => overloaded(refusal.to_string(), retry),
        Refusal::Fixed { .. } | Refusal::AmountTooLarge | Refusal::StockTooLarge | Refusal::IdTooLong => {
            WireError::invalid(refusal.to_string())
        }
    }
}

/// Writes an actor's reply and says what it is counted as.
pub(crate) fn write_reply(
    sku: &str,
    asked: &Ask,
    reply: &Reply,
    now: Millis,
    retry: Duration,
    writer: &mut Writer<'_>,
) -> Label {
    match reply {
        Reply::Accepted(answer) => write_answer(sku, asked, answer, writer),
        Reply::Rejected(rejection) => {
            let outcome = rejected(*rejection);
            outcome.write(writer);
            Label::Status(outcome.status())
        }
        Reply::Refused(refused) => {
            let error = refusal(*refused, retry);
            error.write(writer);
            Label::Error(error.code())
        }
        Reply::View(view) => {
            write_view(sku, view.as_ref(), now, writer);
            Label::Ok
        }
        Reply::Order(order) => {
            match order {
                Some(order) => write_order(sku, order, writer),
                None => writer.null(),
            }
            Label::Ok
        }
        Reply::Report(report) => {
            match report.as_deref() {
                Some((report, rejections)) => {
                    let rejections: Vec<_> =
                        rejections.iter().map(|(kind, count)| (rejected(kind).status(), count)).collect();
                    write_report(sku, report, &rejections, writer);
                }
                None => writer.null(),
            }
            Label::Ok
        }
    }
}

/// An order's id as text, on the stack: one is written for every reservation.
struct OrderText {
    bytes: [u8; 128],
    length: usize,
}

impl OrderText {
    fn new(sku: &str, number: OrderNumber) -> Self {
        use std::io::Write as _;
        let mut bytes = [0; 128];
        let mut rest = &mut bytes[..];
        // A SKU's name has at most 64 bytes, so this always fits.
        let fits = write!(rest, "{}", OrderId { sku, number }).is_ok();
        let length = if fits { 128 - rest.len() } else { 0 };
        Self { bytes, length }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

fn write_answer(sku: &str, asked: &Ask, answer: &Answer, writer: &mut Writer<'_>) -> Label {
    let order = match (answer, asked) {
        (Answer::Reserved { order, .. }, _) => Some(*order),
        (Answer::Paid | Answer::RefundDue, Ask::Command(Command::Pay { order, .. })) => Some(*order),
        _ => None,
    };
    let text = order.map(|number| OrderText::new(sku, number));
    let order = text.as_ref().map_or("", OrderText::as_str);
    let outcome = match *answer {
        Answer::Created => Outcome::Created,
        Answer::Updated => Outcome::Updated,
        Answer::Unchanged => Outcome::Unchanged,
        Answer::Restocked { available } => Outcome::Restocked { available },
        Answer::Paused => Outcome::Paused,
        Answer::Resumed => Outcome::Resumed,
        Answer::Reserved { amount, expires_at, .. } => {
            Outcome::Reserved { order, amount, expires_at: expires_at.0 }
        }
        Answer::Paid => Outcome::Paid { order },
        Answer::RefundDue => Outcome::RefundDue { order },
        Answer::Cancelled => Outcome::Cancelled,
        Answer::Refunded => Outcome::Refunded,
        Answer::Blocked => Outcome::Blocked,
        Answer::Unblocked => Outcome::Unblocked,
    };
    outcome.write(writer);
    Label::Status(outcome.status())
}

fn rejected(rejection: Rejection) -> Outcome<'static> {
    match rejection {
        Rejection::NotFound => Outcome::NotFound,
        Rejection::Blocked => Outcome::Blocked,
        Rejection::NotEligible => Outcome::NotEligible,
        Rejection::NotOpen { starts_at } => Outcome::NotOpen { starts_at: starts_at.0 },
        Rejection::Ended => Outcome::Ended,
        Rejection::Paused => Outcome::Paused,
        Rejection::SoldOut => Outcome::SoldOut,
        Rejection::Limit { left } => Outcome::Limit { left: u64::from(left) },
        Rejection::PriceChanged { price } => Outcome::PriceChanged { price },
        Rejection::AmountMismatch { due } => Outcome::AmountMismatch { due },
        Rejection::AlreadyPaid => Outcome::AlreadyPaid,
        Rejection::Expired => Outcome::Expired,
        Rejection::NotPaid => Outcome::NotPaid,
        Rejection::Insufficient { available } => Outcome::Insufficient { available },
    }
}

/// Writes how a SKU stands, or nil if there is none.
pub(crate) fn write_view(sku: &str, view: Option<&SkuView>, now: Millis, writer: &mut Writer<'_>) {
    let Some(view) = view else { return writer.null() };
    let stock = view.stock;
    let map = SkuMap {
        sku,
        title: &view.terms.title,
        state: match view.sale_state(now) {
            SaleState::Scheduled => status::SkuState::Scheduled,
            SaleState::Open => status::SkuState::Open,
            SaleState::Paused => status::SkuState::Paused,
            SaleState::SoldOut => status::SkuState::SoldOut,
            SaleState::Ended => status::SkuState::Ended,
        },
        price: view.terms.unit_price(),
        currency: view.terms.currency.code(),
        next_price: None,
        next_price_at: None,
        total: u64::from(stock.total()),
        available: u64::from(stock.available()),
        reserved: u64::from(stock.reserved()),
        sold: u64::from(stock.sold()),
        starts_at: view.terms.starts_at.map(|at| at.0),
        ends_at: view.terms.ends_at.map(|at| at.0),
        seq: view.changes,
    };
    map.write(writer);
}

fn order_state(state: OrderState) -> status::OrderState {
    match state {
        OrderState::Reserved => status::OrderState::Reserved,
        OrderState::Paid => status::OrderState::Paid,
        OrderState::Cancelled => status::OrderState::Cancelled,
        OrderState::Expired => status::OrderState::Expired,
        OrderState::RefundDue => status::OrderState::RefundDue,
        OrderState::Refunded => status::OrderState::Refunded,
    }
}

fn write_order(sku: &str, order: &OrderView, writer: &mut Writer<'_>) {
    let id = OrderText::new(sku, order.number);
    let map = OrderMap {
        order: id.as_str(),
        state: order_state(order.state),
        sku,
        buyer: &order.buyer,
        qty: u64::from(order.qty),
        unit_price: order.unit_price,
        amount: order.amount,
        currency: order.currency.code(),
        discounts: &[],
        reserved_at: order.reserved_at.0,
        expires_at: order.expires_at.0,
        paid_at: order.paid_at.map(|at| at.0),
        room: None,
        cart: None,
        store: None,
    };
    map.write(writer);
}

fn write_report(sku: &str, report: &Report, rejections: &[(status::Status, u64)], writer: &mut Writer<'_>) {
    let by_state = |of: &dyn Fn(OrderState) -> u64| {
        let mut counts = [0; status::OrderState::ALL.len()];
        for state in OrderState::ALL {
            counts[order_state(state).index()] = of(state);
        }
        counts
    };
    let map = ReportMap {
        sku,
        total: u64::from(report.stock.total()),
        available: u64::from(report.stock.available()),
        reserved: u64::from(report.stock.reserved()),
        sold: u64::from(report.stock.sold()),
        orders: by_state(&|state| report.tally.orders(state)),
        units: by_state(&|state| report.tally.units(state)),
        // The largest integer of the wire stands for sums beyond it.
        money: by_state(&|state| u64::try_from(report.tally.money(state)).unwrap_or(u64::MAX)),
        currency: report.currency.code(),
        rejections,
        first_sale_at: report.first_sale_at.map(|at| at.0),
        last_sale_at: report.last_sale_at.map(|at| at.0),
        first_time_buyers: report.first_time_buyers,
        balanced: report.balanced,
    };
    map.write(writer);
}
