//! News: what is told to whoever subscribed to a SKU, a room or a buyer, once it is durable.

use std::fmt;
use std::sync::Arc;

use tidegate_engine::{
    CampaignEvent, CampaignState, CartView, Event, LineEnd, OrderNumber, OrderView, RoomNumber, RoomView,
    Sku, SkuView,
};

use crate::ask::Fault;

/// Where news go, and who knows which are wanted.
///
/// [`interest`](Self::interest) is asked in every turn, so it must cost next to nothing while nobody subscribed to
/// anything. The rest is asked only of what is of interest.
pub trait NewsSink: Send + Sync + 'static {
    /// What is subscribed to of the SKU or campaign of this name.
    ///
    /// A turn that begins after a subscription was made, and that was handed over by whoever made it, must hear of it.
    fn interest(&self, name: &str) -> Interest;

    /// Whether anybody subscribed to this room.
    fn wants_room(&self, sku: &str, room: RoomNumber) -> bool;

    /// Whether anybody subscribed to this buyer.
    fn wants_buyer(&self, buyer: &str) -> bool;

    /// Takes news of one turn of this SKU or campaign. They are durable (invariant 5), and come in the order of the
    /// turns.
    fn publish(&self, name: &str, news: Vec<News>);

    /// There will be no more news of this SKU or campaign, or if none is named, of any. May be said more than once.
    fn end(&self, name: Option<&str>, why: Fault);
}

impl fmt::Debug for dyn NewsSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewsSink")
    }
}

/// What is subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// The price or the stock of this SKU.
    pub sku: bool,
    /// Rooms of this SKU.
    pub rooms: bool,
    /// Buyers, of whatever SKU.
    pub buyers: bool,
}

impl Interest {
    /// Nothing.
    pub const NONE: Self = Self { sku: false, rooms: false, buyers: false };
}

/// Something that happened, as it stands since.
#[derive(Clone, Debug)]
pub enum News {
    /// A SKU changed in this turn.
    Sku(SkuView),
    /// Something happened to a room.
    Room {
        /// What.
        what: RoomNews,
        /// The room after it.
        room: RoomView,
        /// The number of the SKU's change that it was.
        change: u64,
    },
    /// Something happened to an order.
    Order {
        /// What.
        what: OrderNews,
        /// The order after it.
        order: OrderView,
    },
    /// Something happened to a cart.
    Cart {
        /// What.
        what: CartNews,
        /// The cart after it.
        cart: CartView,
    },
}

/// What happens to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomNews {
    /// It came to be, with its leader in it.
    Opened,
    /// A buyer took a seat.
    Joined,
    /// A member paid.
    Paid,
    /// A seat became free again.
    Left,
    /// It closed with enough members.
    Succeeded,
    /// It closed with too few.
    Failed,
}

/// What happens to an order. Lines of carts are reserved when their cart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderNews {
    /// Units are held.
    Reserved,
    /// It was paid.
    Paid,
    /// It was given up.
    Cancelled,
    /// Its hold ran out, or its room closed before it was paid.
    Expired,
    /// Money is due back.
    RefundDue {
        /// How much, in minor units.
        amount: u64,
        /// Why.
        why: RefundReason,
    },
    /// The money went back.
    Refunded,
}

/// Why money is due back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundReason {
    /// A payment could not be applied.
    Payment,
    /// The room reached a better tier than the one that was paid.
    Tier,
    /// The room failed.
    Room,
}

/// What happens to a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartNews {
    /// All its lines are held.
    Reserved,
    /// It was paid.
    Paid,
    /// It was given up.
    Cancelled,
    /// Its hold ran out.
    Expired,
}

/// Notes the news of one turn.
pub(crate) struct Reporter {
    sink: Arc<dyn NewsSink>,
    interest: Interest,
    news: Vec<News>,
}

impl Reporter {
    /// One for a turn of this SKU or campaign; none if nothing that it does is of interest.
    pub(crate) fn for_turn(sink: Option<&Arc<dyn NewsSink>>, name: &str) -> Option<Self> {
        let sink = sink?;
        let interest = sink.interest(name);
        (interest != Interest::NONE).then(|| Self { sink: Arc::clone(sink), interest, news: Vec::new() })
    }

    /// What was noted.
    pub(crate) fn into_news(self) -> Vec<News> {
        self.news
    }

    /// The room in which this event, which is about to be applied, pays for a seat or frees one.
    pub(crate) fn seat(&self, event: &Event<'_>, sku: Option<&Sku>) -> Option<RoomNumber> {
        let order = match event {
            _ if !self.interest.rooms => return None,
            Event::Paid(payment) => payment.order,
            Event::Cancelled { order, .. } | Event::Expired { order } | Event::Refunded { order, .. } => {
                *order
            }
            _ => return None,
        };
        sku?.seat_in(order)
    }

    /// Notes what an event, which was just applied, did to a room. `seat` as said by [`Self::seat`].
    pub(crate) fn room(&mut self, name: &str, event: &Event<'_>, seat: Option<RoomNumber>, sku: &Sku) {
        if !self.interest.rooms {
            return;
        }
        let (room, what) = match (event, seat) {
            (Event::SeatTaken { seat, .. }, _) if seat.opened => (seat.room, RoomNews::Opened),
            (Event::SeatTaken { seat, .. }, _) => (seat.room, RoomNews::Joined),
            (Event::RoomSettled { room, tier: Some(_), .. }, _) => (*room, RoomNews::Succeeded),
            (Event::RoomSettled { room, tier: None, .. }, _) => (*room, RoomNews::Failed),
            (Event::Paid(_), Some(room)) => (room, RoomNews::Paid),
            (_, Some(room)) => (room, RoomNews::Left),
            (_, None) => return,
        };
        if self.sink.wants_room(name, room)
            && let Some(view) = sku.room(room, sku.last_event_at())
        {
            self.news.push(News::Room { what, room: view, change: sku.changes() });
        }
    }

    /// Notes what one decision, which was just applied, did to orders.
    pub(crate) fn orders(&mut self, events: &[Event<'_>], sku: &Sku) {
        if !self.interest.buyers {
            return;
        }
        for event in events {
            let Some((number, what)) = of_order(event, sku) else { continue };
            if sku.who_bought(number).is_some_and(|buyer| self.sink.wants_buyer(buyer))
                && let Some(order) = sku.order(number)
            {
                self.news.push(News::Order { what, order });
            }
        }
    }

    /// Notes how the SKU stands after a turn that changed it.
    pub(crate) fn sku(&mut self, sku: &Sku) {
        if self.interest.sku {
            self.news.push(News::Sku(sku.view()));
        }
    }

    /// Notes what an event, which was just applied, did to a cart.
    pub(crate) fn cart(&mut self, event: &CampaignEvent<'_>, state: &CampaignState) {
        let (cart, what) = match event {
            _ if !self.interest.buyers => return,
            CampaignEvent::CartReserved(new) => (new.cart, CartNews::Reserved),
            CampaignEvent::CartPaid(payment) => (payment.cart, CartNews::Paid),
            CampaignEvent::CartCancelled { cart, .. } => (*cart, CartNews::Cancelled),
            CampaignEvent::CartExpired { cart } => (*cart, CartNews::Expired),
            _ => return,
        };
        let cart = state.cart(cart).filter(|cart| self.sink.wants_buyer(&cart.buyer));
        self.news.extend(cart.map(|cart| News::Cart { what, cart }));
    }
}

/// What an event did to which order, as far as its buyer is told.
fn of_order(event: &Event<'_>, sku: &Sku) -> Option<(OrderNumber, OrderNews)> {
    Some(match *event {
        // A line is nobody's before its cart is there; then that is told.
        Event::Reserved { order, .. } if !sku.is_line_of_cart(order) => (order, OrderNews::Reserved),
        Event::Paid(ref payment) | Event::Reacquired(ref payment) => (payment.order, OrderNews::Paid),
        Event::LinePaid { order, .. } => (order, OrderNews::Paid),
        Event::Cancelled { order, .. } | Event::LineEnded { order, end: LineEnd::Cancelled } => {
            (order, OrderNews::Cancelled)
        }
        Event::Expired { order }
        | Event::Dismissed { order }
        | Event::LineEnded { order, end: LineEnd::Expired } => (order, OrderNews::Expired),
        Event::RefundDue(ref payment) => {
            let (amount, why) = (payment.amount, RefundReason::Payment);
            (payment.order, OrderNews::RefundDue { amount, why })
        }
        Event::LineRefundDue { order, amount, .. } => {
            (order, OrderNews::RefundDue { amount, why: RefundReason::Payment })
        }
        Event::TierRefundDue { order, amount, .. } => {
            (order, OrderNews::RefundDue { amount, why: RefundReason::Tier })
        }
        Event::RoomRefundDue { order } => {
            let amount = sku.order(order).map_or(0, |order| order.amount);
            (order, OrderNews::RefundDue { amount, why: RefundReason::Room })
        }
        Event::Refunded { order, .. } => (order, OrderNews::Refunded),
        _ => return None,
    })
}
