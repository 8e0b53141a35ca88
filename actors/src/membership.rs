//! A SKU's dealings with the ledger of its campaign: claims while a command is judged, and what its events give back.

use std::sync::Arc;

use tidegate_engine::{Claim, Command, CouponCode, Event, Millis, OrderNumber, Sku, Standing};

use crate::ledger::{Ledger, Ledgers};

/// One SKU's.
///
/// A claim is taken up at once, so that nobody else gets the same. What an event gives back is given back only when
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
}

/// Units and a coupon of a buyer.
#[derive(Debug)]
pub(crate) struct Taken {
    buyer: Box<str>,
    qty: u32,
    coupon: Option<CouponCode>,
    /// Units and coupon that were not taken up, because this turn had just given them up.
    again: (u32, Option<CouponCode>),
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

    /// How the buyer of this command stands, and what was claimed for it.
    pub(crate) fn before(
        &mut self,
        (name, sku): (&str, Option<&Sku>),
        command: &Command<&str>,
        now: Millis,
    ) -> (Standing, Option<Taken>) {
        let Some(ledger) = self.ledger.clone() else { return (Standing::FREE, None) };
        match *command {
            Command::Reserve { buyer, qty, coupon, .. } => {
                self.claim(&ledger, (buyer, name), qty, coupon.and_then(CouponCode::parse), now)
            }
            Command::OpenRoom { buyer, qty, .. } | Command::JoinRoom { buyer, qty, .. } => {
                self.claim(&ledger, (buyer, name), qty, None, now)
            }
            Command::HoldLine { ref line, buyer, qty, coupon } => {
                let coupon = coupon.and_then(CouponCode::parse);
                if !line.shares_coupon {
                    return self.claim(&ledger, (buyer, name), qty, coupon, now);
                }
                // Another line of the same cart has taken the coupon up; it is good for this SKU too.
                let (standing, taken) = self.claim(&ledger, (buyer, name), qty, None, now);
                let claim = Claim { sku: name, qty, coupon, returning: 0, coupon_returns: false };
                let coupon = ledger.standing_with(buyer, &claim, now).coupon;
                (Standing { coupon, ..standing }, taken)
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
                        self.claim(&ledger, (reclaim.buyer, name), qty, coupon, now)
                    }
                }
            },
            _ => (Standing::FREE, None),
        }
    }

    /// Claims from the ledger, and from what this turn gave up.
    fn claim(
        &mut self,
        ledger: &Ledger,
        (buyer, sku): (&str, &str),
        qty: u32,
        coupon: Option<CouponCode>,
        now: Millis,
    ) -> (Standing, Option<Taken>) {
        let of_buyer = || self.freed.iter().filter(|freed| &*freed.buyer == buyer);
        let returning = of_buyer().map(|freed| freed.qty).fold(0, u32::saturating_add);
        let coupon_returns = coupon.is_some() && of_buyer().any(|freed| freed.coupon == coupon);
        let (standing, is_taken) =
            ledger.claim(buyer, &Claim { sku, qty, coupon, returning, coupon_returns }, now);
        if !is_taken {
            return (standing, None);
        }
        let again = (qty.min(returning), coupon.filter(|_| coupon_returns));
        let coupon = coupon.filter(|_| !coupon_returns);
        let taken = Taken { buyer: buyer.into(), qty: qty - again.0, coupon, again };
        have_again(&mut self.freed, &taken);
        (standing, Some(taken))
    }

    /// Keeps or gives back what was claimed, as the command was decided.
    pub(crate) fn decided(&mut self, taken: Option<Taken>, events: &[Event<'_>]) {
        let Some(taken) = taken else { return };
        let takes = |event: &Event<'_>| matches!(event, Event::Reserved { .. } | Event::Reacquired(_));
        if events.iter().any(takes) {
            self.claimed.push(taken);
        } else if let Some(ledger) = &self.ledger {
            give_back(ledger, &taken);
            // What was to be had again is given up as before.
            let Taken { buyer, again: (qty, coupon), .. } = taken;
            if qty > 0 || coupon.is_some() {
                self.freed.push(Freed { order: None, buyer, qty, coupon });
            }
        }
    }

    /// An event is about to be applied to the SKU.
    pub(crate) fn event(&mut self, sku: Option<&Sku>, event: &Event<'_>) {
        if let Event::Enrolled { .. } = event {
            self.changed = true;
        }
        let Some(sku) = sku.filter(|_| self.ledger.is_some()) else { return };
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

    /// The turn's events have been handed to the journal.
    pub(crate) fn submitted(&mut self, sku: Option<&Sku>) {
        self.claimed.clear();
        if let Some(ledger) = &self.ledger {
            self.freed.drain(..).for_each(|freed| ledger.free(&freed.buyer, freed.qty, freed.coupon));
            self.bought.drain(..).for_each(|buyer| ledger.bought(&buyer));
        }
        if std::mem::take(&mut self.changed) {
            self.change(sku);
        }
    }

    /// The turn did not happen.
    pub(crate) fn discarded(&mut self) {
        if let Some(ledger) = &self.ledger {
            self.claimed.drain(..).for_each(|taken| give_back(ledger, &taken));
        }
        self.freed.clear();
        self.bought.clear();
        self.changed = false;
    }

    /// Takes what the SKU's orders hold out of the ledger that they are in, and enters it in the one of the campaign
    /// that the SKU is part of now.
    fn change(&mut self, sku: Option<&Sku>) {
        let campaign = sku.and_then(Sku::enrolment).map(|enrolment| &*enrolment.campaign);
        let next = campaign.map(|campaign| self.ledgers.of(campaign));
        let same = match (&self.ledger, &next) {
            (Some(before), Some(next)) => Arc::ptr_eq(before, next),
            (None, None) => true,
            _ => false,
        };
        let before = std::mem::replace(&mut self.ledger, next);
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
        for (buyer, code) in sku.coupons_in_use() {
            if let Some(before) = &before {
                before.free(buyer, 0, Some(code));
            }
            if let Some(next) = &self.ledger {
                next.use_coupon(buyer, code);
            }
        }
    }
}

/// Takes what is had again out of what this turn gave up. An order that lost some of it can't have it back as it was.
fn have_again(freed: &mut [Freed], taken: &Taken) {
    let (mut units, coupon) = taken.again;
    for freed in freed.iter_mut().filter(|freed| freed.buyer == taken.buyer) {
        let (qty, had) = (freed.qty.min(units), coupon.is_some() && freed.coupon == coupon);
        if qty > 0 || had {
            freed.order = None;
            freed.qty -= qty;
            units -= qty;
            freed.coupon = freed.coupon.filter(|_| !had);
        }
    }
}

fn give_back(ledger: &Ledger, taken: &Taken) {
    ledger.free(&taken.buyer, taken.qty, taken.coupon);
}
