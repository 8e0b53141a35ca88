//! A SKU with a clock: what the stories of these tests are told with.

// Every test file compiles its own copy and uses a part of it.
#![allow(dead_code)]

use std::sync::Arc;

use tidegate_engine::{
    Answer, Command, Currency, Enrolment, Event, Limits, Millis, NoChange, OrderNumber, OrderState,
    OrderView, Price, Refusal, Rejection, RoomNumber, RoomView, SkuState, SkuTerms, Standing,
};

/// When every story begins.
pub(crate) const START: Millis = Millis(1_700_000_000_000);

/// How long a reservation is held, unless the story says otherwise.
pub(crate) const HOLD_MS: u32 = 600_000;

/// Five pounds a unit, no limits, for sale at any time.
pub(crate) fn terms() -> SkuTerms {
    let currency = Currency::new("GBP").unwrap_or_else(|| panic!("a currency"));
    SkuTerms { hold_ms: HOLD_MS, ..SkuTerms::new("Lamp", currency, Price::Fixed(500)) }
}

/// A SKU, a clock, and everything that happened.
pub(crate) struct Shop {
    pub(crate) state: SkuState,
    pub(crate) now: Millis,
    pub(crate) limits: Limits,
    /// How every buyer stands with the campaign.
    pub(crate) standing: Standing,
    pub(crate) journal: Vec<(Millis, Event<'static>)>,
}

impl Shop {
    /// A place where no SKU is yet.
    pub(crate) fn empty() -> Self {
        let (state, limits, standing) = (SkuState::new(7), Limits::default(), Standing::FREE);
        Self { state, now: START, limits, standing, journal: Vec::new() }
    }

    /// A SKU on sale.
    pub(crate) fn open(terms: SkuTerms, stock: u32) -> Self {
        let mut shop = Self::empty();
        assert_eq!(shop.ask(&Command::Put { terms: Arc::new(terms), stock }), Ok(Answer::Created));
        shop
    }

    /// Decides and applies one command, and checks the books after each event.
    pub(crate) fn ask(&mut self, command: &Command<&'static str>) -> Result<Answer, NoChange> {
        for event in self.state.decide_overdue(command, self.now) {
            self.happen(event);
        }
        let change = self.state.decide_for(command, self.now, &self.limits, &self.standing)?;
        for event in change.events {
            self.happen(event);
        }
        Ok(change.answer)
    }

    /// Makes the SKU part of a campaign with these rules.
    pub(crate) fn enrol(&mut self, enrolment: Enrolment) {
        let enrolment = Some(Arc::new(enrolment));
        assert_eq!(self.ask(&Command::Enrol { enrolment }), Ok(Answer::Updated));
    }

    /// Runs the timer of the reservation that ran out first; `false` if none has.
    pub(crate) fn run_a_timer(&mut self) -> bool {
        let Some(due) = self.state.next_expiry().filter(|expiry| expiry.at <= self.now) else { return false };
        let events = match (due.order, due.room) {
            (Some(order), _) => self.state.decide_expiry(order, self.now),
            (None, Some(room)) => self.state.decide_close(room, self.now),
            (None, None) => return true,
        };
        assert!(!events.is_empty(), "what is due ends: {due:?}");
        for event in events {
            self.happen(event);
        }
        true
    }

    /// Runs the timers of all reservations that have run out.
    pub(crate) fn run_timers(&mut self) {
        while self.run_a_timer() {}
    }

    /// Lets time pass. Timers don't run by that.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
    }

    fn happen(&mut self, event: Event<'static>) {
        self.check_freed(&event);
        let applied = self.state.apply(&event, self.now);
        assert_eq!(applied, Ok(()), "what was decided can happen: {event:?}");
        self.journal.push((self.now, event));
        self.check_books();
    }

    /// What an event frees is what its buyer holds less after it.
    fn check_freed(&self, event: &Event<'static>) {
        let Some(sku) = self.state.sku() else { return };
        let held = |sku: &tidegate_engine::Sku, buyer: &str| {
            sku.holdings().find(|(name, ..)| *name == buyer).map_or(0, |(_, held, _)| held)
        };
        let total = |sku: &tidegate_engine::Sku| sku.holdings().map(|(_, held, _)| held).sum::<u32>();
        let mut restorer = tidegate_engine::Restorer::new(9);
        let restored = sku.parts().try_for_each(|part| restorer.push(part)).and_then(|()| restorer.finish());
        let mut after = restored.unwrap_or_else(|error| panic!("a state restores: {error}"));
        assert_eq!(after.apply(event, self.now), Ok(()));
        let after = after.sku().unwrap_or_else(|| panic!("it is still there"));
        match sku.freed(event) {
            Some(freed) => {
                assert_eq!(held(sku, freed.buyer) - held(after, freed.buyer), freed.qty, "{event:?}");
                let used = |sku: &tidegate_engine::Sku| sku.coupons_in_use().count();
                assert_eq!(used(sku) - used(after), usize::from(freed.coupon.is_some()), "{event:?}");
            }
            None => assert!(total(after) >= total(sku), "{event:?}"),
        }
    }

    /// Invariant 2, and the second set of books.
    fn check_books(&self) {
        let Some(sku) = self.state.sku() else { return };
        let stock = sku.stock();
        let parts = [stock.available(), stock.reserved(), stock.sold()].map(u64::from);
        assert_eq!(parts.iter().sum::<u64>(), u64::from(stock.total()), "invariant 2");
        let report = sku.report();
        assert!(report.balanced, "balanced: {report:?}");
        assert_eq!(u64::from(stock.reserved()), report.tally.units(OrderState::Reserved));
    }

    /// Available, reserved, sold.
    pub(crate) fn counts(&self) -> [u32; 3] {
        let stock = self.state.sku().map(|sku| sku.stock()).unwrap_or_default();
        [stock.available(), stock.reserved(), stock.sold()]
    }

    /// What is known of the room with this number.
    pub(crate) fn room(&self, number: u32) -> RoomView {
        let room = self.state.sku().and_then(|sku| sku.room(RoomNumber(number), self.now));
        room.unwrap_or_else(|| panic!("room {number} exists"))
    }

    /// What is known of the order with this number.
    pub(crate) fn order(&self, number: u32) -> OrderView {
        let sku = self.state.sku();
        let order = sku.and_then(|sku| sku.order(tidegate_engine::OrderNumber(number)));
        order.unwrap_or_else(|| panic!("order {number} exists"))
    }
}

/// A refusal by the rules.
pub(crate) fn rejected<T>(rejection: Rejection) -> Result<T, NoChange> {
    Err(NoChange::Rejected(rejection))
}

/// A refusal because the caller is at fault.
pub(crate) fn refused<T>(refusal: Refusal) -> Result<T, NoChange> {
    Err(NoChange::Refused(refusal))
}

/// The answer that this request got before.
pub(crate) fn repeated<T>(answer: Answer) -> Result<T, NoChange> {
    Err(NoChange::Repeated(answer))
}

/// What a command comes to.
pub(crate) type Told = Result<Answer, NoChange>;

/// The same, as a span to wait.
pub(crate) const HOLD: u64 = HOLD_MS as u64;

pub(crate) fn reserve(shop: &mut Shop, buyer: &'static str, req: &'static str, qty: u32) -> Told {
    shop.ask(&Command::Reserve { req, buyer, qty, max_price: None, coupon: None, at: None })
}

pub(crate) fn pay(
    shop: &mut Shop,
    order: u32,
    req: &'static str,
    amount: u64,
    payment: &'static str,
) -> Told {
    shop.ask(&Command::Pay { order: OrderNumber(order), req, amount, payment })
}

pub(crate) fn cancel(shop: &mut Shop, order: u32, req: &'static str) -> Told {
    shop.ask(&Command::Cancel { order: OrderNumber(order), req, reason: None })
}

pub(crate) fn refund(shop: &mut Shop, order: u32, req: &'static str, restock: bool) -> Told {
    shop.ask(&Command::Refund { order: OrderNumber(order), req, restock })
}

pub(crate) fn restock(shop: &mut Shop, req: &'static str, delta: i64) -> Told {
    shop.ask(&Command::Restock { req, delta, store: None })
}

/// Replaces the terms (with a stock that must not count).
pub(crate) fn put(shop: &mut Shop, terms: SkuTerms) -> Told {
    shop.ask(&Command::Put { terms: Arc::new(terms), stock: 99 })
}

pub(crate) fn open(shop: &mut Shop, buyer: &'static str, req: &'static str, qty: u32) -> Told {
    shop.ask(&Command::OpenRoom { req, buyer, qty })
}

pub(crate) fn join(shop: &mut Shop, room: u32, buyer: &'static str, req: &'static str, qty: u32) -> Told {
    shop.ask(&Command::JoinRoom { room: RoomNumber(room), req, buyer, qty })
}

/// The answer to a reservation at this time.
pub(crate) fn held(order: u32, amount: u64, at: Millis) -> Told {
    Ok(Answer::Reserved { order: OrderNumber(order), amount, expires_at: at.plus(HOLD) })
}

/// A rejection that says how many units are left to the buyer.
pub(crate) fn limit(left: u32) -> Told {
    rejected(Rejection::Limit { left })
}

/// A list of those who may buy.
pub(crate) fn allow(names: &[&str]) -> Option<Box<[Box<str>]>> {
    let mut list: Vec<Box<str>> = names.iter().map(|name| Box::from(*name)).collect();
    list.sort();
    Some(list.into())
}
