//! A SKU's dealings with the ledger of its campaign: claims while a command is judged, and what its events give back.

use std::sync::Arc;

use tidegate_engine::{
    Answer, Change, Claim, Command, CouponCode, Event, Millis, NoChange, OrderNumber, Rejection, Sku,
    Standing,
};

use crate::ledger::{Ledger, Ledgers};

/// One SKU's.
///
/// A command looks at the account first and claims only when it is accepted, so that rejections and repeats are in
/// nobody's way. What an event gives back is given back only when
/// the event has been handed to the journal, which keeps one order for all actors: whoever gets it then is durable
/// after whoever gave it. Until then, it can be had again by what the same turn does next to the same SKU.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    ledgers: Arc<Ledgers>,
    ledger: Option<Arc<Ledger>>,
    /// What this turn claimed.
    claimed: Vec<Taken>,
    /// What this turn's events give back.
    freed: Vec<Freed>,
    /// Who paid in this turn.
    bought: Vec<Box<str>>,
    /// The SKU changed to another campaign, or to none.
    changed: bool,
    /// The coupons of its orders are noted in the ledgers.
    is_entered: bool,
}

/// Units and a coupon that a command takes up if it is accepted.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    buyer: &'a str,
    qty: u32,
    coupon: Option<CouponCode>,
}

/// Units and a coupon of a buyer that were taken up, without those that this turn had just given up.
#[derive(Debug)]
struct Taken {
    buyer: Box<str>,
    qty: u32,
    coupon: Option<CouponCode>,
}

/// What an order gave up in this turn, as far as nothing else has had it again.
#[derive(Debug)]
struct Freed {
    /// The order, as long as it could have all of it back.
    order: Option<OrderNumber>,
    buyer: Box<str>,
    qty: u32,
    coupon: Option<CouponCode>,
}

impl Membership {
    /// Of a SKU that may be part of a campaign already: enters what its orders hold.
    pub(crate) fn new(ledgers: Arc<Ledgers>, sku: Option<&Sku>) -> Self {
        let mut membership = Self { ledgers, changed: true, ..Self::default() };
        membership.submitted(sku);
        membership
    }

    /// How the buyer of this command stands, and what it is to take up if it is accepted.
    pub(crate) fn before<'c>(
        &self,
        (name, sku): (&str, Option<&'c Sku>),
        command: &Command<&'c str>,
        now: Millis,
    ) -> (Standing, Option<Wanted<'c>>) {
        let Some(ledger) = &self.ledger else { return (Standing::FREE, None) };
        let look = |buyer, qty, coupon| {
            let wanted = Wanted { buyer, qty, coupon };
            (ledger.standing(buyer, &self.claim(name, &wanted), now), Some(wanted))
        };
        match *command {
            Command::Reserve { buyer, qty, coupon, .. } => {
                look(buyer, qty, coupon.and_then(CouponCode::parse))
            }
            Command::OpenRoom { buyer, qty, .. } | Command::JoinRoom { buyer, qty, .. } => {
                look(buyer, qty, None)
            }
            Command::HoldLine { ref line, buyer, qty, coupon } => {
                let coupon = coupon.and_then(CouponCode::parse);
                if !line.shares_coupon {
                    return look(buyer, qty, coupon);
                }
                // Another line of the same cart has taken the coupon up; it is good for this SKU too.
                let (standing, wanted) = look(buyer, qty, None);
                let claim = Claim { sku: name, qty, coupon, returning: 0, coupon_returns: false };
                let coupon = ledger.standing_with(buyer, &claim, now).coupon;
                (Standing { coupon, ..standing }, wanted)
            }
            Command::Pay { order, .. } => match sku.and_then(|sku| sku.reclaim(order, now)) {
                None => (Standing::FREE, None),
                Some(reclaim) => {
                    let (qty, coupon) = (reclaim.qty, reclaim.coupon);
                    // Units and coupon of an order that ended in this turn are not given back yet.
                    if reclaim.stands || self.freed.iter().any(|freed| freed.order == Some(order)) {
                        let claim = Claim { sku: name, qty, coupon, returning: 0, coupon_returns: false };
                        (ledger.standing_with(reclaim.buyer, &claim, now), None)
                    } else {
                        look(reclaim.buyer, qty, coupon)
                    }
                }
            },
            _ => (Standing::FREE, None),
        }
    }

    /// What is claimed from the ledger, seeing what this turn gave up.
    fn claim<'a>(&self, sku: &'a str, wanted: &Wanted<'_>) -> Claim<'a> {
        let Wanted { buyer, qty, coupon } = *wanted;
        let of_buyer = || self.freed.iter().filter(|freed| &*freed.buyer == buyer);
        let returning = of_buyer().map(|freed| freed.qty).fold(0, u32::saturating_add);
        let coupon_returns = coupon.is_some() && of_buyer().any(|freed| freed.coupon == coupon);
        Claim { sku, qty, coupon, returning, coupon_returns }
    }

    /// Whether the SKU is part of a campaign.
    pub(crate) fn is_part(&self) -> bool {
        self.ledger.is_some()
    }

    /// Whether a command was judged so for what its buyer has of other SKUs of the campaign.
    pub(crate) fn is_shown_by(&self, judged: &Result<Change<'_>, NoChange>, standing: &Standing) -> bool {
        self.is_part()
            && match judged {
                Err(NoChange::Rejected(Rejection::Limit { left })) => *left == standing.left,
                Err(NoChange::Rejected(Rejection::CouponInvalid)) => true,
                // Late, and not to be had again.
                Ok(change) => change.answer == Answer::RefundDue,
                Err(_) => false,
            }
    }

    /// Takes up what an accepted command wants, from the ledger and from what this turn gave up. False if another SKU
    /// was faster: then nothing is taken.
    pub(crate) fn take(&mut self, sku: &str, wanted: &Wanted<'_>, now: Millis) -> bool {
        let Some(ledger) = &self.ledger else { return true };
        let claim = self.claim(sku, wanted);
        if !ledger.claim(wanted.buyer, &claim, now) {
            return false;
        }
        let Claim { qty, coupon, returning, coupon_returns, .. } = claim;
        let again = (qty.min(returning), coupon.filter(|_| coupon_returns));
        let coupon = coupon.filter(|_| !coupon_returns);
        let taken = Taken { buyer: wanted.buyer.into(), qty: qty - again.0, coupon };
        have_again(&mut self.freed, wanted.buyer, again);
        self.claimed.push(taken);
        true
    }

    /// An event is about to be applied to the SKU.
    pub(crate) fn event(&mut self, sku: Option<&Sku>, event: &Event<'_>) {
        if let Event::Enrolled { .. } = event {
            self.changed = true;
        }
        // Coupons of a campaign that it was part of before may be in use.
        let Some(sku) = sku.filter(|sku| self.ledger.is_some() || sku.has_discounts()) else { return };
        if let Some(freed) = sku.freed(event) {
            let (order, buyer) = (Some(freed.order), freed.buyer.into());
            self.freed.push(Freed { order, buyer, qty: freed.qty, coupon: freed.coupon });
        }
        if let Event::Reacquired(payment) = event {
            // It ended in this same turn: it goes on with what it had.
            self.freed.retain(|freed| freed.order != Some(payment.order));
        }
        if let Event::Paid(payment) | Event::Reacquired(payment) = event {
            self.bought.extend(sku.order(payment.order).map(|order| order.buyer));
        }
        if let Event::LinePaid { order, .. } = event {
            self.bought.extend(sku.order(*order).map(|order| order.buyer));
        }
    }

    /// Whether the turn gave something up that other SKUs may take, or changed whose they are.
    pub(crate) fn is_awaited(&self) -> bool {
        self.changed || !self.freed.is_empty() || !self.bought.is_empty()
    }

    /// The turn's events have been handed to the journal.
    pub(crate) fn submitted(&mut self, sku: Option<&Sku>) {
        self.claimed.clear();
        let own = self.ledger.as_deref();
        for Freed { buyer, qty, coupon, .. } in self.freed.drain(..) {
            if let Some(own) = own.filter(|_| qty > 0) {
                own.free(&buyer, qty, None);
            }
            if let Some(code) = coupon {
                self.ledgers.set_used(own, &buyer, code, false);
            }
        }
        for buyer in self.bought.drain(..) {
            own.inspect(|own| own.bought(&buyer));
        }
        if std::mem::take(&mut self.changed) {
            self.change(sku);
        }
    }

    /// The turn did not happen.
    pub(crate) fn discarded(&mut self) {
        for Taken { buyer, qty, coupon } in self.claimed.drain(..) {
            self.ledger.iter().for_each(|ledger| ledger.free(&buyer, qty, coupon));
        }
        self.freed.clear();
        self.bought.clear();
        self.changed = false;
    }

    /// Takes the units that the SKU's orders hold out of the ledger that they are in, and enters them in the one of the
    /// campaign that the SKU is part of now. Coupons stay where they were granted: once used, used.
    fn change(&mut self, sku: Option<&Sku>) {
        let campaign = sku.and_then(Sku::enrolment).map(|enrolment| &*enrolment.campaign);
        let next = campaign.map(|campaign| self.ledgers.of(campaign));
        let same = match (&self.ledger, &next) {
            (Some(before), Some(next)) => Arc::ptr_eq(before, next),
            (None, None) => true,
            _ => false,
        };
        let before = std::mem::replace(&mut self.ledger, next);
        let is_entered = std::mem::replace(&mut self.is_entered, true);
        for (buyer, code) in sku.filter(|_| !is_entered).into_iter().flat_map(Sku::coupons_in_use) {
            self.ledgers.set_used(self.ledger.as_deref(), buyer, code, true);
        }
        let Some(sku) = sku.filter(|_| !same) else { return };
        for (buyer, held, bought) in sku.holdings() {
            if let Some(before) = before.as_ref().filter(|_| held > 0) {
                before.free(buyer, held, None);
            }
            if let Some(next) = self.ledger.as_ref().filter(|_| held > 0) {
                next.hold(buyer, held);
            }
            if let Some(next) = self.ledger.as_ref().filter(|_| bought) {
                next.bought(buyer);
            }
        }
    }
}

/// Whether these events take up what their command wanted.
pub(crate) fn take_up(events: &[Event<'_>]) -> bool {
    events.iter().any(|event| matches!(event, Event::Reserved { .. } | Event::Reacquired(_)))
}

/// Takes what is had again out of what this turn gave up. An order that lost some of it can't have it back as it was.
fn have_again(freed: &mut [Freed], buyer: &str, (mut units, coupon): (u32, Option<CouponCode>)) {
    for freed in freed.iter_mut().filter(|freed| &*freed.buyer == buyer) {
        let (qty, had) = (freed.qty.min(units), coupon.is_some() && freed.coupon == coupon);
        if qty > 0 || had {
            freed.order = None;
            freed.qty -= qty;
            units -= qty;
            freed.coupon = freed.coupon.filter(|_| !had);
        }
    }
}
