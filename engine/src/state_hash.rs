//! A number that two equal states share and two different ones don't.

use xxhash_rust::xxh3::Xxh3;

use crate::sku::Sku;
use crate::{
    Answer, Block, DiscountOrder, Discounts, Dynamic, Enrolment, Fulfilment, Head, Ladder, Part, PercentOff,
    Price, SkuTerms, Step, Store,
};

impl Sku {
    /// XXH3 over everything that the journal decides: the same events give the same hash, in every process and on
    /// every machine (invariant 6). Walks the whole state.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut digest = Digest(Xxh3::new());
        for part in self.parts() {
            digest.part(&part);
        }
        digest.0.digest()
    }
}

struct Digest(Xxh3);

impl Digest {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn optional(&mut self, number: Option<u64>) {
        self.number(u64::from(number.is_some()));
        self.number(number.unwrap_or(0));
    }

    fn part(&mut self, part: &Part<'_>) {
        match part {
            Part::Head(head) => self.head(head),
            Part::Buyer { name, block, lapses, bought } => {
                self.number(2);
                self.text(name);
                // Whoever is blocked by lapses has the third bit.
                let block = match block {
                    Block::None => 0,
                    Block::ByAdmin => 1,
                    Block::ByLapses => 4,
                };
                self.number(block | u64::from(*bought) << 1);
                self.number(u64::from(*lapses));
            }
            Part::Order {
                buyer,
                request,
                fingerprint,
                qty,
                unit_price,
                reserved_at,
                hold_ms,
                state,
                holds_units,
            } => {
                self.number(3);
                self.number(u64::from(*buyer) | u64::from(fingerprint.0) << 32);
                self.text(request);
                self.number(u64::from(*qty) | u64::from(*hold_ms) << 32);
                self.number(*unit_price);
                self.number(reserved_at.0);
                self.number(*state as u64 | u64::from(*holds_units) << 8);
            }
            Part::Payment { id, order, amount, at, answer } => {
                self.number(4);
                self.text(id);
                self.number(u64::from(order.0));
                self.number(*amount);
                self.number(at.0);
                self.answer(answer);
            }
            Part::Pricing(pricing) => {
                self.number(8);
                self.number(pricing.created_at.0);
                self.number(pricing.moved_to);
            }
            Part::Goods { order, units } => {
                self.number(9);
                self.number(u64::from(order.0) | (units.len() as u64) << 32);
                units.iter().for_each(|unit| self.number(u64::from(*unit)));
            }
            Part::Seat { order, seat } => {
                self.number(6);
                self.number(u64::from(order.0) | u64::from(seat.room.0) << 32);
                self.number(u64::from(seat.members) | u64::from(seat.opened) << 32);
                self.number(seat.off_at_first);
                self.number(seat.off);
            }
            Part::Room { deadline, members, paid, settlement } => {
                self.number(7);
                self.number(deadline.0);
                self.number(members.len() as u64 | u64::from(*paid) << 32);
                for member in members.iter() {
                    self.number(u64::from(member.0));
                }
                self.optional(settlement.map(|end| end.at.0));
                if let Some(end) = settlement {
                    self.number(end.unit_price);
                    let tier =
                        end.tier.map(|tier| u64::from(tier.members) | u64::from(tier.percent_off) << 32);
                    self.optional(tier);
                }
            }
            Part::Enrolment(enrolment) => self.enrolment(enrolment),
            Part::Stores { totals } => {
                self.number(12);
                totals.iter().for_each(|total| self.number(u64::from(*total)));
            }
            Part::AtStore { order, store } => {
                self.number(13);
                self.number(u64::from(order.0) | u64::from(store.0) << 32);
            }
            Part::Line { order, line, off } => {
                self.number(14);
                self.number(u64::from(order.0) | u64::from(line.cart.0) << 32);
                self.text(line.campaign);
                self.number(line.expires_at.0);
                self.number(*off);
                self.number(u64::from(line.shares_coupon));
            }
            Part::Discounts { order, discounts } => {
                self.number(11);
                self.number(u64::from(order.0));
                self.discounts(discounts);
            }
            Part::Request { order, id, fingerprint, answer } => {
                self.number(5);
                self.text(id);
                self.number(u64::from(order.map_or(0, |o| o.0)) | u64::from(fingerprint.0) << 32);
                self.answer(answer);
            }
        }
    }

    fn head(&mut self, head: &Head) {
        self.number(1);
        self.terms(&head.terms);
        self.number(head.total);
        self.number(u64::from(head.paused));
        self.number(head.changes);
        self.number(head.last_event_at.0);
        self.optional(head.first_sale_at.map(|at| at.0));
        self.optional(head.last_sale_at.map(|at| at.0));
    }

    fn terms(&mut self, terms: &SkuTerms) {
        self.text(&terms.title);
        self.text(terms.currency.code());
        match terms.price {
            Price::Fixed(price) => self.number(price),
            Price::Ladder(Ladder { start, floor, step, every_ms }) => {
                let (kind, step) = match step {
                    Step::Percent(percent) => (2, u64::from(percent)),
                    Step::Amount(amount) => (3, amount),
                };
                [kind, start, floor, step, every_ms].into_iter().for_each(|number| self.number(number));
            }
            Price::Dynamic(Dynamic { initial, floor, ceiling, max_step_percent }) => {
                let numbers = [4, initial, floor, ceiling, u64::from(max_step_percent)];
                numbers.into_iter().for_each(|number| self.number(number));
            }
        }
        self.optional(terms.starts_at.map(|at| at.0));
        self.optional(terms.ends_at.map(|at| at.0));
        self.optional(terms.per_buyer_limit.map(u64::from));
        self.optional(terms.per_order_limit.map(u64::from));
        self.number(u64::from(terms.hold_ms));
        self.number(terms.late_payment as u64);
        self.optional(terms.max_lapses.map(u64::from));
        self.optional(terms.allow.as_ref().map(|list| list.len() as u64));
        for buyer in terms.allow.iter().flatten() {
            self.text(buyer);
        }
        // Nothing, where there is none: the hash of a SKU does not depend on what it does not use.
        match &terms.fulfilment {
            None => {}
            Some(Fulfilment::Numbered) => self.number(1),
            Some(Fulfilment::Codes(codes)) => {
                self.number(2 + codes.len() as u64);
                codes.iter().for_each(|code| self.text(code));
            }
        }
        for Store { id, place, stock } in terms.stores.iter().flatten() {
            self.text(id);
            self.number(
                u64::from(place.lat_e6.cast_unsigned()) | u64::from(place.lon_e6.cast_unsigned()) << 32,
            );
            self.number(u64::from(*stock));
        }
        if let Some(campaign) = &terms.campaign {
            self.text(campaign);
        }
        if let Some(carbon_g) = terms.carbon_g {
            self.number(u64::from(carbon_g));
        }
        if let Some(group_buy) = &terms.group_buy {
            self.number(group_buy.ttl_ms);
            for tier in &group_buy.tiers {
                self.number(u64::from(tier.members) | u64::from(tier.percent_off) << 32);
            }
        }
    }

    fn enrolment(&mut self, enrolment: &Enrolment) {
        let Enrolment { campaign, window, green, order } = enrolment;
        self.number(10);
        self.text(campaign);
        self.optional(window.starts_at.map(|at| at.0));
        self.optional(window.ends_at.map(|at| at.0));
        self.optional(green.map(|green| u64::from(green.max_carbon_g) | u64::from(green.percent_off) << 32));
        self.order(*order);
    }

    fn order(&mut self, order: DiscountOrder) {
        self.number(DiscountOrder::ALL.iter().position(|other| *other == order).unwrap_or(0) as u64);
    }

    fn discounts(&mut self, discounts: &Discounts) {
        let Discounts { order, coupon, green } = discounts;
        self.order(*order);
        for off in [coupon.map(|coupon| coupon.off), *green] {
            self.optional(off.map(|PercentOff { amount, .. }| amount));
            self.optional(off.map(|PercentOff { percent, .. }| u64::from(percent)));
        }
        if let Some(coupon) = coupon {
            self.0.update(&coupon.code.number().to_le_bytes());
        }
    }

    fn answer(&mut self, answer: &Answer) {
        let (code, number) = match answer {
            Answer::Created => (1, 0),
            Answer::Updated => (2, 0),
            Answer::Unchanged => (3, 0),
            Answer::Restocked { available } => (4, *available),
            Answer::Paused => (5, 0),
            Answer::Resumed => (6, 0),
            Answer::Reserved { order, .. } => (7, u64::from(order.0)),
            Answer::Paid => (8, 0),
            Answer::RefundDue => (9, 0),
            Answer::Cancelled => (10, 0),
            Answer::Refunded => (11, 0),
            Answer::Blocked => (12, 0),
            Answer::Unblocked => (13, 0),
            Answer::Repriced { price } => (14, *price),
            Answer::Opened { order, .. } => (15, u64::from(order.0)),
            Answer::Joined { order, .. } => (16, u64::from(order.0)),
            // Never kept by a SKU.
            Answer::Granted { .. } => (17, 0),
            Answer::CartReserved { .. } => (18, 0),
        };
        self.number(code);
        self.number(number);
    }
}
