//! The rules of the sale written a second time, as plainly as possible: lists that are searched and sums that are
//! counted anew each time. Slow, and easy to compare with the protocol's page.

use std::sync::Arc;

use tidegate_engine::{
    Answer, CartNumber, Command, DiscountKind, Enrolment, Fulfilment, LatePayment, LineState, Millis,
    NoChange, OrderNumber, OrderState, Price, Refusal, Rejection, RoomNumber, SkuTerms, Standing, Step,
};

use crate::common::{START, Told};

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct ModelOrder {
    pub(crate) buyer: &'static str,
    pub(crate) qty: u32,
    pub(crate) unit_price: u64,
    pub(crate) reserved_at: Millis,
    pub(crate) expires_at: Millis,
    pub(crate) state: OrderState,
    pub(crate) paid_at: Option<Millis>,
    /// Whether paid units were not given back.
    pub(crate) keeps_units: bool,
    /// The store that its units are at.
    pub(crate) store: Option<usize>,
    /// The room it has a seat in.
    pub(crate) room: Option<u32>,
    /// The percentage of the tier when it was reserved, and now.
    tier: [Option<u8>; 2],
    /// The percentages of the coupon and for a small carbon footprint.
    coupon: Option<u8>,
    green: Option<u8>,
    /// In which order discounts are taken.
    kinds: [DiscountKind; 4],
    /// The cart that it is a line of.
    pub(crate) cart: Option<(&'static str, CartNumber)>,
    /// What it costs less because of the sum of its cart.
    off: u64,
}

impl ModelOrder {
    /// What it costs now.
    pub(crate) fn due(&self) -> u64 {
        self.price_at(self.tier[1])
    }

    /// What it cost when it was reserved.
    pub(crate) fn due_at_first(&self) -> u64 {
        self.price_at(self.tier[0])
    }

    /// What it costs at this tier: each discount off what the one before left.
    fn price_at(&self, tier: Option<u8>) -> u64 {
        let less = |price: u64, percent: u8| (price * (100 - u64::from(percent)) + 50) / 100;
        let qty = u64::from(self.qty);
        self.kinds.iter().fold(self.unit_price * qty, |left, kind| match kind {
            DiscountKind::Tier if left == self.unit_price * qty => {
                tier.map_or(left, |percent| less(self.unit_price, percent) * qty)
            }
            DiscountKind::Tier => tier.map_or(left, |percent| less(left, percent)),
            DiscountKind::Coupon => self.coupon.map_or(left, |percent| less(left, percent)),
            DiscountKind::Green => self.green.map_or(left, |percent| less(left, percent)),
            DiscountKind::Threshold => left - self.off,
        })
    }
}

/// A room.
#[derive(Clone, Debug)]
pub(crate) struct ModelRoom {
    pub(crate) deadline: Millis,
    /// What it ended with: the percentage of its tier, or nothing if it failed.
    pub(crate) settled: Option<Option<u8>>,
}

/// A payment that came in and what it was answered.
#[derive(Clone, Debug)]
pub(crate) struct ModelPayment {
    pub(crate) id: &'static str,
    pub(crate) order: usize,
    pub(crate) amount: u64,
    pub(crate) answer: Answer,
    /// Whether it paid the order, or is due back.
    pub(crate) applied: bool,
}

/// What a buyer did, as far as blocking goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Lapsed,
    /// Too many lapses.
    LapsedOut,
    /// A late payment undid a lapse, under terms with this limit.
    MadeGood {
        max_lapses: Option<u32>,
    },
    /// By an admin.
    Blocked,
    Unblocked,
}

/// One SKU.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) terms: Arc<SkuTerms>,
    pub(crate) total: i64,
    /// Units that each store has altogether.
    pub(crate) stores: Vec<i64>,
    /// Of a dynamic price.
    moved_to: u64,
    /// Since when the price is of its kind.
    kind_since: Millis,
    /// What was given to which order, in the order of giving.
    given: Vec<(usize, Vec<u32>)>,
    pub(crate) paused: bool,
    pub(crate) orders: Vec<ModelOrder>,
    pub(crate) payments: Vec<ModelPayment>,
    /// Accepted commands with their answers.
    accepted: Vec<(Command<&'static str>, Answer)>,
    pub(crate) rooms: Vec<ModelRoom>,
    deeds: Vec<(&'static str, Deed)>,
    enrolment: Option<Arc<Enrolment>>,
    /// How every buyer stands with the campaign.
    pub(crate) standing: Standing,
}

impl Model {
    pub(crate) fn new(terms: SkuTerms, stock: u32) -> Self {
        let moved_to = if let Price::Dynamic(dynamic) = terms.price { dynamic.initial } else { 0 };
        Self {
            stores: terms.stores.iter().flatten().map(|store| i64::from(store.stock)).collect(),
            moved_to,
            kind_since: START,
            given: Vec::new(),
            terms: Arc::new(terms),
            total: i64::from(stock),
            paused: false,
            orders: Vec::new(),
            payments: Vec::new(),
            accepted: Vec::new(),
            rooms: Vec::new(),
            deeds: Vec::new(),
            enrolment: None,
            standing: Standing::FREE,
        }
    }

    /// The price of one unit: of a ladder, as many steps below its start as there were since the creation, which is
    /// when every run begins, or since the start.
    pub(crate) fn unit_price(&self, now: Millis) -> u64 {
        match self.terms.price {
            Price::Fixed(price) => price,
            Price::Dynamic(_) => self.moved_to,
            Price::Ladder(ladder) => {
                let Step::Amount(step) = ladder.step else { panic!("these runs have no other steps") };
                let mut at = self.starts_at().unwrap_or(self.kind_since).plus(ladder.every_ms);
                let mut price = ladder.start;
                while at <= now && price > ladder.floor {
                    price = ladder.floor.max(price - step.min(price));
                    at = at.plus(ladder.every_ms);
                }
                price
            }
        }
    }

    /// Gives an order the lowest serials, or the first codes, that nobody has. A code that was given is never free.
    fn give(&mut self, at: usize) {
        let codes = match &self.terms.fulfilment {
            None => return,
            Some(Fulfilment::Codes(_)) => true,
            Some(Fulfilment::Numbered) => false,
        };
        let has = |unit: &u32| {
            let mut owners = self.given.iter().rev().filter(|(_, units)| units.contains(unit));
            owners.next().is_some_and(|(owner, _)| codes || self.orders[*owner].keeps_units)
        };
        let units = (1..).filter(|unit| !has(unit)).take(self.orders[at].qty as usize).collect();
        self.given.push((at, units));
    }

    /// What the buyer of this order was given.
    pub(crate) fn goods_of(&self, at: usize) -> Option<Vec<String>> {
        let (_, units) = self.given.iter().find(|(order, _)| *order == at)?;
        let name = |unit: &u32| match &self.terms.fulfilment {
            Some(Fulfilment::Codes(codes)) => codes[*unit as usize - 1].to_string(),
            _ => unit.to_string(),
        };
        Some(units.iter().map(name).collect())
    }

    fn has_revealed(&self, at: usize) -> bool {
        matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) && self.goods_of(at).is_some()
    }

    fn reprice(&mut self, price: u64) -> Told {
        let Price::Dynamic(dynamic) = self.terms.price else {
            return Err(NoChange::Refused(Refusal::NotDynamic));
        };
        let step = (self.moved_to * u64::from(dynamic.max_step_percent) + 50) / 100;
        let step = step.max(1);
        let (lowest, highest) = (self.moved_to.saturating_sub(step), self.moved_to + step);
        let (floor, ceiling) = if price < dynamic.floor || price > dynamic.ceiling {
            (dynamic.floor, dynamic.ceiling)
        } else if price < lowest || price > highest {
            (lowest.max(dynamic.floor), highest.min(dynamic.ceiling))
        } else {
            self.moved_to = price;
            return Ok(Answer::Repriced { price });
        };
        Err(NoChange::Rejected(Rejection::OutOfBounds { floor, ceiling }))
    }

    fn units(&self, of: impl Fn(&ModelOrder) -> bool) -> i64 {
        self.orders.iter().filter(|order| of(order)).map(|order| i64::from(order.qty)).sum()
    }

    pub(crate) fn reserved(&self) -> i64 {
        self.units(|order| order.state == OrderState::Reserved)
    }

    pub(crate) fn sold(&self) -> i64 {
        self.units(|order| order.keeps_units)
    }

    pub(crate) fn available(&self) -> i64 {
        self.total - self.reserved() - self.sold()
    }

    /// What a store has left.
    pub(crate) fn available_at(&self, at: usize) -> i64 {
        let taken = self.units(|order| {
            order.store == Some(at) && (order.state == OrderState::Reserved || order.keeps_units)
        });
        self.stores[at] - taken
    }

    /// The store that so many units come from; `None` if there is none that will do.
    fn store_for(&self, qty: u32, at: bool) -> Option<usize> {
        if self.stores.is_empty() {
            return None;
        }
        let nearby = self.standing.nearby.as_deref().unwrap_or_default();
        let enough = |store: &usize| self.available_at(*store) >= i64::from(qty);
        if at {
            return nearby.iter().map(|store| usize::from(store.0)).find(enough);
        }
        let most = (0..self.stores.len()).map(|store| self.available_at(store)).max()?;
        (0..self.stores.len()).find(|store| self.available_at(*store) == most).filter(enough)
    }

    fn left_for(&self, buyer: &str, except: Option<usize>) -> i64 {
        let counts = |order: &&ModelOrder| {
            order.buyer == buyer && matches!(order.state, OrderState::Reserved | OrderState::Paid)
        };
        let others = self.orders.iter().enumerate().filter(|(at, _)| Some(*at) != except).map(|(_, o)| o);
        let held: i64 = others.filter(counts).map(|order| i64::from(order.qty)).sum();
        let by_buyer =
            self.terms.per_buyer_limit.map_or(i64::from(u32::MAX), |l| (i64::from(l) - held).max(0));
        by_buyer.min(self.terms.per_order_limit.map_or(i64::from(u32::MAX), i64::from))
    }

    fn deeds_since_unblocked(&self, buyer: &str) -> Vec<Deed> {
        let all = self.deeds.iter().filter(|(who, _)| *who == buyer).map(|(_, deed)| *deed);
        all.fold(Vec::new(), |mut since, deed| {
            match deed {
                Deed::Unblocked => since.clear(),
                // One lapse less, if one is on the record, and no block if that leaves fewer than too many.
                Deed::MadeGood { max_lapses } => {
                    if let Some(at) = since.iter().position(|deed| *deed == Deed::Lapsed) {
                        since.remove(at);
                    }
                    let left = since.iter().filter(|deed| **deed == Deed::Lapsed).count();
                    if max_lapses.is_none_or(|max| left < max as usize) {
                        since.retain(|deed| *deed != Deed::LapsedOut);
                    }
                }
                _ => since.push(deed),
            }
            since
        })
    }

    fn is_blocked(&self, buyer: &str) -> bool {
        let deeds = self.deeds_since_unblocked(buyer);
        let lapses = deeds.iter().filter(|deed| **deed == Deed::Lapsed).count();
        deeds.contains(&Deed::Blocked)
            || deeds.contains(&Deed::LapsedOut)
            || self.terms.max_lapses.is_some_and(|max| lapses >= max as usize)
    }

    fn lapsed(&mut self, buyer: &'static str) {
        self.deeds.push((buyer, Deed::Lapsed));
        let lapses = self.deeds_since_unblocked(buyer).iter().filter(|deed| **deed == Deed::Lapsed).count();
        if self.terms.max_lapses.is_some_and(|max| lapses >= max as usize) {
            self.deeds.push((buyer, Deed::LapsedOut));
        }
    }

    fn has_run_out(&self, order: usize, now: Millis) -> bool {
        let order = &self.orders[order];
        order.cart.is_none() && order.state == OrderState::Reserved && order.expires_at <= now
    }

    /// When the next reservation runs out or the next room closes.
    pub(crate) fn next_expiry(&self) -> Option<Millis> {
        // Lines are ended by their carts.
        let is_held = |order: &&ModelOrder| order.state == OrderState::Reserved && order.cart.is_none();
        let held = self.orders.iter().filter(is_held);
        let forming = (1..).zip(&self.rooms).filter(|(_, room)| room.settled.is_none());
        held.map(|order| order.expires_at).chain(forming.map(|(room, _)| self.closes_at(room))).min()
    }

    /// The timer of this order ran.
    pub(crate) fn expire(&mut self, order: usize) {
        self.orders[order].state = OrderState::Expired;
        self.lapsed(self.orders[order].buyer);
        self.left(order);
    }

    pub(crate) fn closes_at(&self, room: u32) -> Millis {
        let deadline = self.rooms[room as usize - 1].deadline;
        self.ends_at().map_or(deadline, |end| end.min(deadline))
    }

    /// The later of the SKU's start and the campaign's.
    fn starts_at(&self) -> Option<Millis> {
        let campaign = self.enrolment.as_ref().and_then(|part| part.window.starts_at);
        self.terms.starts_at.into_iter().chain(campaign).max()
    }

    /// The earlier of the SKU's end and the campaign's.
    fn ends_at(&self) -> Option<Millis> {
        let campaign = self.enrolment.as_ref().and_then(|part| part.window.ends_at);
        self.terms.ends_at.into_iter().chain(campaign).min()
    }

    /// The orders with a seat in this room.
    pub(crate) fn members(&self, room: u32) -> Vec<usize> {
        let sits = |order: &ModelOrder| {
            order.room == Some(room) && matches!(order.state, OrderState::Reserved | OrderState::Paid)
        };
        self.orders.iter().enumerate().filter(|(_, order)| sits(order)).map(|(at, _)| at).collect()
    }

    fn paid_members(&self, room: u32) -> usize {
        self.members(room).into_iter().filter(|at| self.orders[*at].state == OrderState::Paid).count()
    }

    /// The last one out closes the room.
    fn left(&mut self, order: usize) {
        let Some(room) = self.orders[order].room else { return };
        if self.members(room).is_empty() {
            self.rooms[room as usize - 1].settled.get_or_insert(None);
        }
    }

    /// A room closes, if it has not.
    pub(crate) fn settle(&mut self, room: u32, now: Millis) {
        if self.rooms[room as usize - 1].settled.is_some() {
            return;
        }
        let paid = self.paid_members(room);
        let tiers = self.terms.group_buy.as_ref().map(|group_buy| group_buy.tiers.to_vec());
        let reached = tiers.iter().flatten().rfind(|tier| tier.members as usize <= paid);
        let percent_off = reached.map(|tier| tier.percent_off);
        for at in self.members(room) {
            let unpaid = self.orders[at].state == OrderState::Reserved;
            let run_out = self.has_run_out(at, now);
            let order = &mut self.orders[at];
            match percent_off {
                _ if unpaid => order.state = OrderState::Expired,
                Some(percent_off) => {
                    if order.price_at(Some(percent_off)) < order.due() {
                        order.tier[1] = Some(percent_off);
                    }
                }
                None => {
                    order.state = OrderState::RefundDue;
                    order.keeps_units = false;
                }
            }
            if unpaid && run_out {
                self.lapsed(self.orders[at].buyer);
            }
        }
        self.rooms[room as usize - 1].settled = Some(percent_off);
        if percent_off.is_some() {
            self.members(room).into_iter().for_each(|member| self.give(member));
        }
    }

    /// Closes the room that this command is about, if its time is over.
    fn close_overdue(&mut self, command: &Command<&'static str>, now: Millis) {
        let room = match command {
            Command::JoinRoom { room, .. } => Some(room.0).filter(|room| *room as usize <= self.rooms.len()),
            Command::Pay { order, .. } | Command::Cancel { order, .. } | Command::Refund { order, .. } => {
                self.orders.get(order.0 as usize - 1).and_then(|order| order.room)
            }
            _ => None,
        };
        if let Some(room) = room.filter(|room| self.closes_at(*room) <= now) {
            self.settle(room, now);
        }
    }

    /// What a command comes to, remembered if it is accepted.
    pub(crate) fn ask(&mut self, command: &Command<&'static str>, now: Millis) -> Told {
        self.close_overdue(command, now);
        if let Command::Pay { order, .. } | Command::Cancel { order, .. } = command
            && self.orders.get(order.0 as usize - 1).is_some_and(|order| order.cart.is_some())
        {
            return Err(NoChange::Refused(Refusal::InCart));
        }
        if let Some(scope) = scope(command) {
            let before = self.accepted.iter().find(|(known, _)| self::scope(known) == Some(scope));
            // An order's commands ask for the order first; a scope that was accepted has one.
            if let Some((known, answer)) = before {
                return Err(if known == command {
                    NoChange::Repeated(*answer)
                } else {
                    NoChange::Refused(Refusal::RequestReused)
                });
            }
        }
        let answer = self.judge(command, now)?;
        self.accepted.push((command.clone(), answer));
        Ok(answer)
    }

    fn judge(&mut self, command: &Command<&'static str>, now: Millis) -> Told {
        match *command {
            Command::Put { ref terms, .. } => {
                let mut new = (**terms).clone();
                let kind = |price: &Price| std::mem::discriminant(price);
                let another_kind = kind(&terms.price) != kind(&self.terms.price);
                // All of the document but its price, unless that is of another kind.
                if !another_kind {
                    new.price = self.terms.price;
                }
                if new.stores != self.terms.stores {
                    return Err(NoChange::Refused(Refusal::StoresFixed));
                }
                if another_kind && !self.orders.is_empty() {
                    return Err(NoChange::Refused(Refusal::Fixed { field: "price" }));
                }
                if new.fulfilment != self.terms.fulfilment {
                    if !self.orders.is_empty() {
                        return Err(NoChange::Refused(Refusal::Fixed { field: "fulfilment" }));
                    }
                    if let Some(Fulfilment::Codes(codes)) = &new.fulfilment
                        && codes.len() as i64 != self.total
                    {
                        let stock = u32::try_from(self.total).unwrap_or(0);
                        return Err(NoChange::Refused(Refusal::CodesNotStock { stock }));
                    }
                }
                if another_kind && !(new == *self.terms) {
                    self.kind_since = now;
                    self.moved_to = if let Price::Dynamic(dynamic) = new.price { dynamic.initial } else { 0 };
                }
                let forming = self.rooms.iter().any(|room| room.settled.is_none());
                if forming && new.group_buy != self.terms.group_buy {
                    return Err(NoChange::Refused(Refusal::RoomsForming));
                }
                let same = new == *self.terms;
                self.terms = Arc::new(new);
                Ok(if same { Answer::Unchanged } else { Answer::Updated })
            }
            Command::Restock { store: Some(_), .. } if self.stores.is_empty() => {
                Err(store_refused("this SKU has no stores; leave it out"))
            }
            Command::Restock { store: Some("s9"), .. } => {
                Err(store_refused("this SKU has no store of this name"))
            }
            Command::Restock { store: None, .. } if !self.stores.is_empty() => {
                Err(store_refused("say which of this SKU's stores the units are at"))
            }
            Command::Restock { .. } if matches!(self.terms.fulfilment, Some(Fulfilment::Codes(_))) => {
                Err(NoChange::Refused(Refusal::CodesAreStock))
            }
            Command::Restock { delta, store, .. } => {
                let at = match store {
                    None => None,
                    Some(store) => ["s0", "s1", "s2"].iter().position(|id| *id == store),
                };
                let before = at.map_or(self.available(), |at| self.available_at(at));
                let available = u64::try_from(before).unwrap_or(0);
                let after = u64::try_from(before + delta);
                let after = after.map_err(|_| NoChange::Rejected(Rejection::Insufficient { available }))?;
                if let Some(at) = at {
                    self.stores[at] += delta;
                }
                self.total += delta;
                Ok(Answer::Restocked { available: after })
            }
            Command::Reprice { price, .. } => self.reprice(price),
            Command::Pause => {
                self.paused = true;
                Ok(Answer::Paused)
            }
            Command::Resume => {
                self.paused = false;
                Ok(Answer::Resumed)
            }
            Command::Block { buyer } => {
                self.deeds.push((buyer, Deed::Blocked));
                Ok(Answer::Blocked)
            }
            Command::Unblock { buyer } => {
                self.deeds.push((buyer, Deed::Unblocked));
                Ok(Answer::Unblocked)
            }
            Command::Enrol { ref enrolment } => {
                let same = *enrolment == self.enrolment;
                self.enrolment.clone_from(enrolment);
                Ok(if same { Answer::Unchanged } else { Answer::Updated })
            }
            Command::Reserve { buyer, qty, max_price, coupon, at: ref place, .. } => {
                let at = self.reserve(buyer, qty, (max_price, coupon, place.is_some()), now)?;
                let (amount, expires_at) = (self.orders[at].due(), self.orders[at].expires_at);
                Ok(Answer::Reserved { order: number(at), amount, expires_at })
            }
            Command::HoldLine { ref line, buyer, qty, coupon } => {
                if self.enrolment.as_ref().is_none_or(|part| &*part.campaign != line.campaign) {
                    return Err(NoChange::Rejected(Rejection::NotFound));
                }
                let at = self.reserve(buyer, qty, (None, coupon, false), now)?;
                self.orders[at].cart = Some((line.campaign, line.cart));
                self.orders[at].expires_at = line.expires_at;
                let (amount, expires_at) = (self.orders[at].due(), line.expires_at);
                Ok(Answer::Reserved { order: number(at), amount, expires_at })
            }
            Command::SettleLine { order, campaign, cart, off, ref state } => {
                let at = self.find(order.0)?;
                if self.orders[at].cart != Some((campaign, cart)) {
                    return Err(NoChange::Rejected(Rejection::NotFound));
                }
                self.settle_line(at, off, state, now);
                Ok(if matches!(state, LineState::Paid { .. }) { Answer::Paid } else { Answer::Updated })
            }
            Command::OpenRoom { buyer, qty, .. } => {
                let group_buy = self.terms.group_buy.clone();
                let group_buy = group_buy.ok_or(NoChange::Refused(Refusal::NoGroupBuy))?;
                let at = self.reserve(buyer, qty, (None, None, false), now)?;
                let deadline = now.plus(group_buy.ttl_ms);
                self.rooms.push(ModelRoom { deadline, settled: None });
                let room = RoomNumber(u32::try_from(self.rooms.len()).unwrap_or(0));
                let (amount, expires_at) = self.sit(at, room.0, group_buy.tiers[0].percent_off);
                Ok(Answer::Opened { room, order: number(at), amount, expires_at })
            }
            Command::JoinRoom { room, buyer, qty, .. } => self.join(room.0, buyer, qty, now),
            Command::Pay { order, amount, payment, .. } => {
                self.pay(self.find(order.0)?, amount, payment, now).map_err(|no| match no {
                    Some(due) => NoChange::Rejected(Rejection::AmountMismatch { due }),
                    None => NoChange::Refused(Refusal::PaymentReused),
                })
            }
            Command::Cancel { order, .. } => {
                self.cancel(self.find(order.0)?, now).map_err(NoChange::Rejected)
            }
            Command::Refund { order, restock, .. } => {
                self.refund(self.find(order.0)?, restock).map_err(NoChange::Rejected)
            }
        }
    }

    fn find(&self, order: u32) -> Result<usize, NoChange> {
        let at = order as usize - 1;
        if at < self.orders.len() { Ok(at) } else { Err(NoChange::Rejected(Rejection::NotFound)) }
    }

    fn join(&mut self, room: u32, buyer: &'static str, qty: u32, now: Millis) -> Told {
        let found = self.rooms.get(room as usize - 1).cloned();
        let found = found.ok_or(NoChange::Rejected(Rejection::NotFound))?;
        let members = self.members(room);
        let tiers =
            self.terms.group_buy.as_ref().map(|group_buy| group_buy.tiers.to_vec()).unwrap_or_default();
        let seats = tiers.last().map_or(0, |tier| tier.members as usize);
        let reasons = [
            (found.settled.is_some() || self.closes_at(room) <= now, Rejection::RoomClosed),
            (members.iter().any(|at| self.orders[*at].buyer == buyer), Rejection::AlreadyMember),
            (members.len() >= seats, Rejection::RoomFull),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            return Err(NoChange::Rejected(reason));
        }
        let with_this_one = self.paid_members(room) + 1;
        let reached = tiers.iter().rfind(|tier| tier.members as usize <= with_this_one);
        let percent_off = reached.unwrap_or(&tiers[0]).percent_off;
        let at = self.reserve(buyer, qty, (None, None, false), now)?;
        let (amount, expires_at) = self.sit(at, room, percent_off);
        let members = u32::try_from(members.len() + 1).unwrap_or(0);
        Ok(Answer::Joined { order: number(at), amount, members, expires_at })
    }

    /// Gives an order its seat and its price: what is due, and until when.
    fn sit(&mut self, at: usize, room: u32, percent_off: u8) -> (u64, Millis) {
        let order = &mut self.orders[at];
        order.room = Some(room);
        order.tier = [Some(percent_off); 2];
        (order.due(), order.expires_at)
    }

    /// The position of the new order.
    fn reserve(
        &mut self,
        buyer: &'static str,
        qty: u32,
        (max_price, coupon, at): (Option<u64>, Option<&'static str>, bool),
        now: Millis,
    ) -> Result<usize, NoChange> {
        let unit_price = self.unit_price(now);
        let left = self.left_for(buyer, None).min(i64::from(self.standing.left));
        let starts_at = self.starts_at().unwrap_or_default();
        let allow = self.terms.allow.as_deref();
        let reasons = [
            (self.is_blocked(buyer), Rejection::Blocked),
            (allow.is_some_and(|list| !list.iter().any(|b| **b == *buyer)), Rejection::NotEligible),
            (now < starts_at, Rejection::NotOpen { starts_at }),
            (self.ends_at().is_some_and(|end| end <= now), Rejection::Ended),
            (self.paused, Rejection::Paused),
            (i64::from(qty) > self.available(), Rejection::SoldOut),
            (i64::from(qty) > left, Rejection::Limit { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            (max_price.is_some_and(|max| max < unit_price), Rejection::PriceChanged { price: unit_price }),
            (
                coupon.is_some() && (self.enrolment.is_none() || self.standing.coupon.is_none()),
                Rejection::CouponInvalid,
            ),
            ((at || !self.stores.is_empty()) && self.store_for(qty, at).is_none(), Rejection::NoStore),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            return Err(NoChange::Rejected(reason));
        }
        let expires_at = now.plus(u64::from(self.terms.hold_ms));
        let green = self.enrolment.as_ref().and_then(|part| part.green);
        let green = green.filter(|green| self.terms.carbon_g.is_some_and(|own| own <= green.max_carbon_g));
        self.orders.push(ModelOrder {
            buyer,
            qty,
            unit_price,
            reserved_at: now,
            expires_at,
            state: OrderState::Reserved,
            paid_at: None,
            keeps_units: false,
            store: self.store_for(qty, at),
            room: None,
            tier: [None, None],
            coupon: coupon.and(self.standing.coupon).map(|coupon| coupon.percent_off),
            green: green.map(|green| green.percent_off),
            kinds: self.enrolment.as_ref().map(|part| part.order).unwrap_or_default().kinds(),
            cart: None,
            off: 0,
        });
        Ok(self.orders.len() - 1)
    }

    /// `Err(Some(due))`: another amount is due; `Err(None)`: the payment belongs to another order.
    fn pay(&mut self, at: usize, amount: u64, id: &'static str, now: Millis) -> Result<Answer, Option<u64>> {
        let mut known = self.payments.iter().filter(|payment| payment.id == id).peekable();
        if known.peek().is_some() {
            return known.find(|payment| payment.order == at).map_or(Err(None), |own| Ok(own.answer));
        }
        let order = self.orders[at].clone();
        let run_out = self.has_run_out(at, now);
        let in_time = order.state == OrderState::Reserved && !run_out;
        let late = run_out || order.state == OrderState::Expired;
        let own = if run_out { i64::from(order.qty) } else { 0 };
        let open = !self.paused
            && self.starts_at().is_none_or(|start| start <= now)
            && self.ends_at().is_none_or(|end| now < end);
        let again = late
            && order.room.is_none()
            && self.terms.late_payment == LatePayment::Reacquire
            && open
            && i64::from(order.qty) <= self.available() + own
            && order.store.is_none_or(|store| i64::from(order.qty) <= self.available_at(store) + own)
            && i64::from(order.qty) <= self.left_for(order.buyer, Some(at))
            && order.qty <= self.standing.left
            && (order.coupon.is_none() || self.standing.coupon.is_some());
        let applied = in_time || again;
        if applied && amount != order.due() {
            return Err(Some(order.due()));
        }
        let answer = match order.state {
            _ if applied => Answer::Paid,
            OrderState::Cancelled => Answer::Cancelled,
            _ => Answer::RefundDue,
        };
        if applied {
            self.orders[at].state = OrderState::Paid;
            self.orders[at].paid_at = Some(now);
            self.orders[at].keeps_units = true;
            if late {
                if run_out {
                    self.lapsed(order.buyer);
                }
                self.deeds.push((order.buyer, Deed::MadeGood { max_lapses: self.terms.max_lapses }));
            }
            if order.room.is_none() {
                self.give(at);
            }
            if let Some(room) = order.room {
                let seats = self.terms.group_buy.as_ref().map_or(0, |group_buy| group_buy.seats());
                if self.paid_members(room) >= seats as usize {
                    self.settle(room, now);
                }
            }
        } else if late {
            self.orders[at].state = OrderState::RefundDue;
            if run_out {
                self.lapsed(order.buyer);
                self.left(at);
            }
        }
        self.payments.push(ModelPayment { id, order: at, amount, answer, applied });
        Ok(answer)
    }

    /// A line becomes what became of its cart; only once, and never less than it is.
    fn settle_line(&mut self, at: usize, off: u64, state: &LineState<&'static str>, now: Millis) {
        let was = self.orders[at].state;
        if was == OrderState::Reserved && *state != LineState::Withdrawn {
            self.orders[at].off = off;
        }
        let money = |model: &Self, id, answer, applied| ModelPayment {
            id,
            order: at,
            amount: model.orders[at].due(),
            answer,
            applied,
        };
        match (was, *state) {
            (OrderState::Reserved, LineState::Paid { payment }) => {
                self.orders[at].state = OrderState::Paid;
                self.orders[at].paid_at = Some(now);
                self.orders[at].keeps_units = true;
                self.payments.push(money(self, payment, Answer::Paid, true));
                self.give(at);
            }
            (OrderState::Reserved, LineState::Withdrawn) => self.orders[at].state = OrderState::Cancelled,
            (OrderState::Reserved, LineState::Cancelled) => {
                self.orders[at].state = OrderState::Cancelled;
                self.lapsed(self.orders[at].buyer);
            }
            (OrderState::Reserved, LineState::Expired) => {
                self.orders[at].state = OrderState::Expired;
                self.lapsed(self.orders[at].buyer);
            }
            (OrderState::Reserved | OrderState::Expired, LineState::RefundDue { payment }) => {
                if was == OrderState::Reserved {
                    self.lapsed(self.orders[at].buyer);
                }
                self.orders[at].state = OrderState::RefundDue;
                self.payments.push(money(self, payment, Answer::RefundDue, false));
            }
            _ => {}
        }
    }

    fn cancel(&mut self, at: usize, now: Millis) -> Result<Answer, Rejection> {
        match self.orders[at].state {
            OrderState::Reserved if !self.has_run_out(at, now) => {
                self.orders[at].state = OrderState::Cancelled;
                self.lapsed(self.orders[at].buyer);
                self.left(at);
                Ok(Answer::Cancelled)
            }
            OrderState::Cancelled => Ok(Answer::Cancelled),
            OrderState::Paid | OrderState::Refunded => Err(Rejection::AlreadyPaid),
            OrderState::Reserved | OrderState::Expired | OrderState::RefundDue => Err(Rejection::Expired),
        }
    }

    fn refund(&mut self, at: usize, restock: bool) -> Result<Answer, Rejection> {
        let revealed = self.has_revealed(at);
        let order = &mut self.orders[at];
        if !matches!(order.state, OrderState::Paid | OrderState::RefundDue | OrderState::Refunded) {
            return Err(Rejection::NotPaid);
        }
        order.state = OrderState::Refunded;
        order.keeps_units &= !restock || revealed;
        self.left(at);
        Ok(Answer::Refunded)
    }
}

fn store_refused(what: &'static str) -> NoChange {
    NoChange::Refused(Refusal::Store { what })
}

/// The number of the order at this position.
fn number(at: usize) -> OrderNumber {
    OrderNumber(u32::try_from(at + 1).unwrap_or(0))
}

/// Where a command's request id must be new: a letter for the kind of key, the key, the buyer, the id.
fn scope(command: &Command<&'static str>) -> Option<(char, u32, &'static str, &'static str)> {
    match *command {
        Command::Restock { req, .. } | Command::Reprice { req, .. } => Some(('s', 0, "", req)),
        Command::Reserve { req, buyer, .. } | Command::OpenRoom { req, buyer, .. } => {
            Some(('s', 0, buyer, req))
        }
        Command::JoinRoom { room, req, buyer, .. } => Some(('r', room.0, buyer, req)),
        Command::Pay { order, req, .. }
        | Command::Cancel { order, req, .. }
        | Command::Refund { order, req, .. } => Some(('o', order.0, "", req)),
        _ => None,
    }
}
