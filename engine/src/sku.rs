//! The state of one SKU, and what can be read from it.

use std::sync::Arc;

use crate::buyers::Buyers;
use crate::goods::Goods;
use crate::hashing::Hashing;
use crate::lines::Lines;
use crate::orders::{Expiry, Order, OrderState, Orders};
use crate::payments::Payments;
use crate::refunds::Refunds;
use crate::requests::Requests;
use crate::rooms::{Room, RoomCounts, Rooms};
use crate::stock::Stock;
use crate::tables::{ByOrder, Texts};
use crate::tally::Tally;
use crate::{
    CartNumber, CouponCode, Currency, DiscountKind, Discounts, Enrolment, Given, GroupBuy, Millis,
    OrderNumber, Phase, Pricing, RoomMember, RoomNumber, RoomView, Seat, SkuTerms, Store, StoreNumber,
    StoreReport, Window, less_percent,
};

/// The place of one SKU: empty until the SKU is created. Owned by one actor (invariant 1).
#[derive(Debug)]
pub struct SkuState {
    pub(crate) hashing: Hashing,
    pub(crate) sku: Option<Sku>,
}

impl SkuState {
    /// An empty place. `seed` is the key of its hash tables: any number that callers can't guess.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { hashing: Hashing::new(seed), sku: None }
    }

    /// What the clock ends next, if anything: a reservation that runs out, or a room that closes. Only looks, and
    /// tidies the queues on the way.
    pub fn next_expiry(&mut self) -> Option<Expiry> {
        let sku = self.sku.as_mut()?;
        let order = sku.orders.next_expiry();
        let room = sku.rooms.next_to_close(sku.window().ends_at);
        let room = room.map(|(at, room)| Expiry { order: None, room: Some(room), at });
        // A room closes before a hold that ends at the same time: whoever has a seat then is not late.
        room.into_iter().chain(order).min_by_key(|expiry| expiry.at)
    }

    /// A time before which the clock ends nothing, for whoever does not want to look at an order; `None` if it never does.
    /// It is what [`Self::next_expiry`] said last, or before; what happened since can make it early, and never late.
    #[must_use]
    pub fn quiet_until(&self) -> Option<Millis> {
        let sku = self.sku.as_ref()?;
        let room = sku.rooms.next_to_close(sku.window().ends_at).map(|(at, _)| at);
        sku.orders.quiet_until().into_iter().chain(room).min()
    }

    /// The SKU, if it was created.
    #[must_use]
    pub fn sku(&self) -> Option<&Sku> {
        self.sku.as_ref()
    }
}

/// A SKU: its terms, its stock, its orders and everything they need to be judged.
#[derive(Debug)]
pub struct Sku {
    pub(crate) hashing: Hashing,
    pub(crate) terms: Arc<SkuTerms>,
    pub(crate) enrolment: Option<Arc<Enrolment>>,
    pub(crate) pricing: Pricing,
    pub(crate) stock: Stock,
    pub(crate) paused: bool,
    pub(crate) texts: Texts,
    pub(crate) buyers: Buyers,
    pub(crate) orders: Orders,
    pub(crate) payments: Payments,
    pub(crate) requests: Requests,
    pub(crate) rooms: Rooms,
    pub(crate) seats: ByOrder<Seat>,
    pub(crate) discounts: ByOrder<Discounts>,
    /// In the order of the terms; none if the SKU has no stores.
    pub(crate) stores: Vec<Stock>,
    pub(crate) at_store: ByOrder<StoreNumber>,
    pub(crate) lines: Lines,
    pub(crate) goods: Goods,
    pub(crate) tally: Tally,
    pub(crate) refunds: Refunds,
    /// Buyers with at least one order that was ever paid.
    pub(crate) buyers_who_bought: u64,
    pub(crate) first_sale_at: Option<Millis>,
    pub(crate) last_sale_at: Option<Millis>,
    pub(crate) changes: u64,
    pub(crate) last_event_at: Millis,
}

/// What a shopper is told about a SKU. A small copy that many may read while the SKU goes on.
#[derive(Clone, Debug)]
pub struct SkuView {
    /// The terms.
    pub terms: Arc<SkuTerms>,
    /// Its part in a campaign.
    pub enrolment: Option<Arc<Enrolment>>,
    /// What the price depends on beside them.
    pub pricing: Pricing,
    /// The four counts.
    pub stock: Stock,
    /// Units available in each store, in the order of the terms; `None` if the SKU has no stores.
    pub stores: Option<Arc<[u32]>>,
    /// Its rooms.
    pub rooms: RoomCounts,
    /// Whether selling is paused.
    pub paused: bool,
    /// Whether any buyer is blocked.
    pub has_blocked: bool,
    /// Orders, units and money by state.
    pub tally: Tally,
    /// Since when the REFUND_DUE order that waits longest is that.
    pub oldest_refund_due: Option<Millis>,
    /// The number of the last change, counted from 1 per SKU.
    pub changes: u64,
}

/// Whether a SKU can be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaleState {
    /// Before the start.
    Scheduled,
    /// For sale.
    Open,
    /// Paused by an admin.
    Paused,
    /// No unit is available.
    SoldOut,
    /// After the end.
    Ended,
}

impl SkuView {
    /// When it is for sale: while its campaign is, too.
    #[must_use]
    pub fn window(&self) -> Window {
        Enrolment::window_of(&self.terms, self.enrolment.as_deref())
    }

    /// The unit price before discounts at `now`, in minor units.
    #[must_use]
    pub fn unit_price(&self, now: Millis) -> u64 {
        self.pricing.unit_price(&self.terms.price, self.window().starts_at, now)
    }

    /// The unit price that is known to come next, and when.
    #[must_use]
    pub fn next_price(&self, now: Millis) -> Option<(u64, Millis)> {
        self.pricing.next_price(&self.terms.price, self.window().starts_at, now)
    }

    /// Whether the SKU can be bought at `now`.
    #[must_use]
    pub fn sale_state(&self, now: Millis) -> SaleState {
        match self.window().phase(now) {
            Phase::Scheduled(_) => SaleState::Scheduled,
            Phase::Ended => SaleState::Ended,
            Phase::Open if self.paused => SaleState::Paused,
            Phase::Open if self.stock.available() == 0 => SaleState::SoldOut,
            Phase::Open => SaleState::Open,
        }
    }
}

/// What is known of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its number within the SKU.
    pub number: OrderNumber,
    /// What became of it.
    pub state: OrderState,
    /// Who bought.
    pub buyer: Box<str>,
    /// Units.
    pub qty: u32,
    /// The locked price of one unit, in minor units.
    pub unit_price: u64,
    /// What it costs after discounts, in minor units.
    pub amount: u64,
    /// What each discount takes off, in minor units, in the order in which they are taken.
    pub discounts: Vec<(DiscountKind, u64)>,
    /// The room it has a seat in.
    pub room: Option<RoomNumber>,
    /// What the tier of that room took off when the seat was taken, in minor units.
    pub tier_off_at_first: u64,
    /// The coupon that it takes up, or took up while it stood.
    pub coupon: Option<CouponCode>,
    /// The cart it is a line of, after the name of that cart's campaign.
    pub cart: Option<(Box<str>, CartNumber)>,
    /// The id of the store that its units are at.
    pub store: Option<Box<str>>,
    /// The currency of both.
    pub currency: Currency,
    /// When it was reserved.
    pub reserved_at: Millis,
    /// When its hold ends, or ended.
    pub expires_at: Millis,
    /// When it was paid.
    pub paid_at: Option<Millis>,
    /// The payment that paid it.
    pub payment: Option<Box<str>>,
}

/// The books of one SKU.
#[derive(Clone, Debug)]
pub struct Report {
    /// The four counts.
    pub stock: Stock,
    /// Orders, units and money by state.
    pub tally: Tally,
    /// The four counts of each store.
    pub stores: Vec<StoreReport>,
    /// The currency of the money.
    pub currency: Currency,
    /// When the first order was paid.
    pub first_sale_at: Option<Millis>,
    /// When the last order was paid.
    pub last_sale_at: Option<Millis>,
    /// Buyers who paid for an order of this SKU at least once.
    pub first_time_buyers: u64,
    /// Whether the counts and the orders agree; see [`Tally::balances`].
    pub balanced: bool,
}

impl Sku {
    pub(crate) fn new(hashing: Hashing, terms: Arc<SkuTerms>, stock: u32, created_at: Millis) -> Self {
        let stores = terms.stores.iter().flatten().map(|store| Stock::new(store.stock)).collect();
        Self {
            hashing,
            pricing: Pricing::new(&terms.price, created_at),
            terms,
            enrolment: None,
            stock: Stock::new(stock),
            paused: false,
            texts: Texts::default(),
            buyers: Buyers::default(),
            orders: Orders::default(),
            payments: Payments::default(),
            requests: Requests::default(),
            rooms: Rooms::default(),
            seats: ByOrder::default(),
            discounts: ByOrder::default(),
            stores,
            at_store: ByOrder::default(),
            lines: Lines::default(),
            goods: Goods::default(),
            tally: Tally::default(),
            refunds: Refunds::default(),
            buyers_who_bought: 0,
            first_sale_at: None,
            last_sale_at: None,
            changes: 0,
            last_event_at: Millis::default(),
        }
    }

    /// The four counts.
    #[must_use]
    pub fn stock(&self) -> Stock {
        self.stock
    }

    /// The number of the last change, counted from 1.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// When the last event happened. The next turn's time must not be before it (invariant 7).
    #[must_use]
    pub fn last_event_at(&self) -> Millis {
        self.last_event_at
    }

    /// The SKU's part in a campaign.
    #[must_use]
    pub fn enrolment(&self) -> Option<&Arc<Enrolment>> {
        self.enrolment.as_ref()
    }

    /// How many orders there are.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// What shoppers are told.
    #[must_use]
    pub fn view(&self) -> SkuView {
        SkuView {
            terms: Arc::clone(&self.terms),
            enrolment: self.enrolment.clone(),
            pricing: self.pricing,
            stock: self.stock,
            stores: self.terms.stores.is_some().then(|| self.stores.iter().map(Stock::available).collect()),
            paused: self.paused,
            has_blocked: self.buyers.has_blocked(),
            tally: self.tally,
            oldest_refund_due: self.refunds.oldest(),
            rooms: self.rooms.counts(),
            changes: self.changes,
        }
    }

    /// Whether this order's hold has run out at `now` while it is still reserved.
    pub(crate) fn has_lapsed(&self, order: Order<'_>, now: Millis) -> bool {
        order.state == OrderState::Reserved && now >= order.expires_at() && !self.is_line(order)
    }

    /// What is known of an order.
    #[must_use]
    pub fn order(&self, number: OrderNumber) -> Option<OrderView> {
        let line = self.lines.get(number);
        self.orders.get(number).map(|order| OrderView {
            number,
            state: order.state,
            buyer: self.buyers.name(order.buyer, &self.texts).into(),
            qty: order.qty,
            unit_price: order.unit_price(),
            amount: self.due(number, order),
            discounts: self.discounts_of(number),
            room: self.seats.get(number).map(|seat| seat.room),
            tier_off_at_first: self.seats.get(number).map_or(0, |seat| seat.off_at_first),
            coupon: self.coupon_of(number),
            store: self.store_of(number).map(Into::into),
            currency: self.terms.currency,
            reserved_at: order.reserved_at(),
            cart: line.map(|line| (self.lines.campaign(line).into(), line.cart)),
            expires_at: line.map_or_else(|| order.expires_at(), |line| line.expires_at),
            paid_at: self.paid_at(order),
            payment: order
                .payment()
                .and_then(|at| self.payments.get(at))
                .map(|row| row.id(&self.texts).into()),
        })
    }

    /// Who bought an order.
    #[must_use]
    pub fn who_bought(&self, number: OrderNumber) -> Option<&str> {
        self.orders.get(number).map(|order| self.buyers.name(order.buyer, &self.texts))
    }

    /// Whether an order is a line of a cart.
    #[must_use]
    pub fn is_line_of_cart(&self, number: OrderNumber) -> bool {
        self.lines.get(number).is_some()
    }

    /// The room that is forming and in which an order has a seat now.
    #[must_use]
    pub fn seat_in(&self, number: OrderNumber) -> Option<RoomNumber> {
        let name = self.seats.get(number)?.room;
        let room = self.rooms.get(name).filter(|room| room.is_forming() && room.members.contains(&number));
        room.map(|_| name)
    }

    /// What an order costs, after discounts.
    pub(crate) fn due(&self, number: OrderNumber, order: Order<'_>) -> u64 {
        let tier = self.seats.get(number).map_or(0, |seat| seat.off);
        let others = self.discounts.get(number).map_or(0, Discounts::total);
        let threshold = self.lines.get(number).map_or(0, |line| line.off);
        order.line_amount().saturating_sub(tier).saturating_sub(others).saturating_sub(threshold)
    }

    /// The id of the store that an order's units are at.
    #[must_use]
    pub fn store_of(&self, number: OrderNumber) -> Option<&str> {
        let at = usize::from(self.at_store.get(number)?.0);
        self.terms.stores.as_ref()?.get(at).map(|store| &*store.id)
    }

    /// The stores, if the SKU has any.
    #[must_use]
    pub fn stores(&self) -> Option<&[Store]> {
        self.terms.stores.as_deref()
    }

    /// Whether the stores together have what the SKU has. The latest order may have no store yet: the event that gives
    /// it one follows.
    pub(crate) fn stores_balance(&self) -> bool {
        let sum = |of: fn(&Stock) -> u32| self.stores.iter().map(|store| u64::from(of(store))).sum::<u64>();
        let [total, available, reserved, sold] =
            [self.stock.total(), self.stock.available(), self.stock.reserved(), self.stock.sold()]
                .map(u64::from);
        let to_come = u64::from(self.order_without_store().map_or(0, |order| order.qty));
        self.stores.is_empty()
            || (sum(Stock::total) == total
                && sum(Stock::available) == available + to_come
                && sum(Stock::reserved) + to_come == reserved
                && sum(Stock::sold) == sold)
    }

    /// The latest order, if its units are still to be those of a store.
    pub(crate) fn order_without_store(&self) -> Option<Order<'_>> {
        if self.stores.is_empty() {
            return None;
        }
        let latest = OrderNumber(u32::try_from(self.orders.len()).ok()?);
        self.orders.get(latest).filter(|_| self.at_store.get(latest).is_none())
    }

    fn discounts_of(&self, number: OrderNumber) -> Vec<(DiscountKind, u64)> {
        let tier = self.seats.get(number).map_or(0, |seat| seat.off);
        let discounts = self.discounts.get(number);
        let order = discounts.map(|discounts| discounts.order).unwrap_or_default();
        let off = |kind| match kind {
            DiscountKind::Tier => tier,
            DiscountKind::Coupon => {
                discounts.and_then(|discounts| discounts.coupon).map_or(0, |coupon| coupon.off.amount)
            }
            DiscountKind::Green => {
                discounts.and_then(|discounts| discounts.green).map_or(0, |green| green.amount)
            }
            DiscountKind::Threshold => self.lines.get(number).map_or(0, |line| line.off),
        };
        order.kinds().into_iter().map(|kind| (kind, off(kind))).filter(|(_, off)| *off > 0).collect()
    }

    /// The codes or serials of an order that was paid; `None` if it comes with none, or not yet.
    #[must_use]
    pub fn goods(&self, number: OrderNumber) -> Option<Given> {
        Some(Given::new(self.terms.fulfilment.as_ref()?, self.goods.of(number)?))
    }

    /// What is known of a room at `now`.
    #[must_use]
    pub fn room(&self, number: RoomNumber, now: Millis) -> Option<RoomView> {
        let room = self.rooms.get(number)?;
        let none = GroupBuy { tiers: Box::default(), ttl_ms: 0 };
        let group_buy = self.terms.group_buy.as_ref().unwrap_or(&none);
        let (tier, price) = match room.settlement {
            None => (group_buy.due(room.paid), self.unit_price(now)),
            Some(settlement) => (settlement.tier.unwrap_or_else(|| group_buy.due(0)), settlement.unit_price),
        };
        let next = group_buy.above(tier).filter(|_| room.is_forming());
        let member = |order: &OrderNumber| {
            let row = self.orders.get(*order)?;
            Some(RoomMember {
                buyer: self.buyers.name(row.buyer, &self.texts).into(),
                order: *order,
                paid: !room.is_forming() || row.state == OrderState::Paid,
            })
        };
        Some(RoomView {
            number,
            state: room.state(),
            members: room.members.iter().filter_map(member).collect(),
            paid_members: room.paid,
            tier,
            unit_price: less_percent(price, tier.percent_off),
            next: next.map(|tier| (tier, less_percent(price, tier.percent_off))),
            deadline: self.closes_at(room),
            settled_at: room.settlement.map(|settlement| settlement.at),
        })
    }

    /// When a room closes.
    pub(crate) fn closes_at(&self, room: &Room) -> Millis {
        self.window().ends_at.map_or(room.deadline, |end| end.min(room.deadline))
    }

    /// The unit price before discounts at `now`, in minor units.
    pub(crate) fn unit_price(&self, now: Millis) -> u64 {
        self.pricing.unit_price(&self.terms.price, self.window().starts_at, now)
    }

    /// When it is for sale: while its campaign is, too.
    pub(crate) fn window(&self) -> Window {
        Enrolment::window_of(&self.terms, self.enrolment.as_deref())
    }

    fn paid_at(&self, order: Order<'_>) -> Option<Millis> {
        self.payments.get(order.payment()?).map(|payment| payment.at)
    }

    /// The books.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            stock: self.stock,
            tally: self.tally,
            stores: (self.terms.stores.iter().flatten().zip(&self.stores))
                .map(|(store, stock)| StoreReport { id: store.id.clone(), stock: *stock })
                .collect(),
            currency: self.terms.currency,
            first_sale_at: self.first_sale_at,
            last_sale_at: self.last_sale_at,
            first_time_buyers: self.buyers_who_bought,
            balanced: self.tally.balances(&self.stock) && self.stores_balance(),
        }
    }
}
