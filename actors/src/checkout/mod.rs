//! Carts: what is asked of a campaign and of each SKU, so that all lines are held or none.
//!
//! A cart is begun at its campaign, its lines are held by their SKUs in the order of names, and then the campaign makes
//! it a cart: that event is the commit. A line without it is nobody's, and is withdrawn, here or at the next start.
//! Everything of one read goes through each step together, so that a pipeline of carts costs as many turns as one cart.

mod basket;
mod following;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use tidegate_engine::{
    Answer, CampaignCommand, CartItem, Claim, CouponCode, Currency, Millis, NewCart, Rejection, SkuView,
};

use crate::ask::{Ask, Body, CartRequest, Fault, Inner, Outcome, Reply};
use crate::directory::Directory;
use crate::ledger::Ledger;
use crate::seat::Seat;
use crate::settling::{RETRY, Round};
use basket::{Basket, Line, is_doubtful, outdone};

/// Carries out what concerns carts of one campaign.
pub(crate) struct Checkout {
    pub(crate) campaign: Arc<Seat>,
    pub(crate) skus: Arc<Directory>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Checkout {
    /// Carries out a body that is asked of the campaign, in order.
    pub(crate) async fn carry_out(self, body: Body) -> Outcome {
        let mut replies = Vec::with_capacity(body.len());
        while replies.len() < body.len() {
            let run = run(&body, replies.len());
            let is_cart = matches!(body.asks()[run.start], Ask::ReserveCart(_));
            let replied =
                if is_cart { self.reserve(&body, run).await } else { self.forward(&body, run).await };
            replies.extend(replied);
        }
        Outcome { body, replies: Ok(replies) }
    }

    /// Several carts at once, none of which is the same request as another.
    async fn reserve(&self, body: &Body, run: Range<usize>) -> Vec<Reply> {
        let requests = body.asks()[run].iter().filter_map(|ask| match ask {
            Ask::ReserveCart(request) => Some(request.map(|span| body.text(*span))),
            _ => None,
        });
        let mut requests: Vec<_> = requests.collect();
        let mut places: Vec<usize> = (0..requests.len()).collect();
        let mut replies = vec![Reply::Failed(Fault::Panicked); requests.len()];
        while !places.is_empty() {
            let (told, again) = self.reserve_once(std::mem::take(&mut requests)).await;
            places.iter().zip(told).for_each(|(place, reply)| replies[*place] = reply);
            let (at, left): (Vec<usize>, Vec<_>) = again.into_iter().unzip();
            places = at.into_iter().map(|at| places[at]).collect();
            requests = left;
        }
        replies
    }

    /// The same, but that carts may be refused for what an earlier one held that did not come to be. Those are to be
    /// asked for again, and are told with their places; the first is never among them.
    async fn reserve_once<'b>(
        &self,
        requests: Vec<CartRequest<&'b str>>,
    ) -> (Vec<Reply>, Vec<(usize, CartRequest<&'b str>)>) {
        let mut baskets: Vec<Basket<'_>> = requests.into_iter().map(Basket::new).collect();
        self.begin(&mut baskets).await;
        for basket in baskets.iter_mut().filter(|basket| basket.reply.is_none()) {
            self.find_lines(basket);
        }
        self.judge(&mut baskets).await;
        self.hold(&mut baskets).await;
        let again = outdone(&baskets);
        let replies = self.commit(&mut baskets).await;
        let again = again.into_iter().map(|at| (at, baskets[at].request.clone())).collect();
        (replies, again)
    }

    async fn begin(&self, baskets: &mut [Basket<'_>]) {
        let mut body = Body::default();
        for basket in baskets.iter() {
            body.push_begin((basket.request.buyer, basket.request.req), basket.fingerprint);
        }
        let replies = self.campaign.ask_as(body, true).await;
        for (at, basket) in baskets.iter_mut().enumerate() {
            match replies.as_ref().map(|replies| replies.get(at)) {
                Ok(Some(Reply::Inner(Inner::Begun(cart, at)))) => {
                    (basket.cart, basket.reserved_at) = (*cart, *at);
                    basket.is_begun = true;
                }
                Ok(reply) => basket.reply = Some(reply.cloned().unwrap_or(Reply::Failed(Fault::Panicked))),
                Err(fault) => basket.reply = Some(Reply::Failed(*fault)),
            }
        }
    }

    /// Finds the SKUs of a cart, which must all be part of the campaign.
    fn find_lines<'b>(&self, basket: &mut Basket<'b>) {
        let (now, mut hold_ms) = (basket.reserved_at, u32::MAX);
        for (sku, qty) in basket.request.lines.clone() {
            let seat = self.skus.find(sku);
            let view = seat.as_ref().and_then(|seat| seat.shown().view().clone());
            let (Some(seat), Some(view)) = (seat, view.filter(|view| self.sells(view, basket.currency)))
            else {
                return basket.reject(Rejection::NotFound, sku);
            };
            hold_ms = hold_ms.min(view.terms.hold_ms);
            basket.currency = Some(view.terms.currency);
            let is_doubtful = is_doubtful(&view, basket.request.buyer, qty, now);
            let line = Line { sku, qty, seat, coupon: None, shares_coupon: false, is_doubtful };
            basket.lines.push(line);
        }
        let units = basket.lines.iter().map(|line| line.qty).fold(0, u32::saturating_add);
        if units > self.ledger.left(basket.request.buyer) {
            basket.lines.iter_mut().for_each(|line| line.is_doubtful = true);
        }
        basket.expires_at = now.plus(u64::from(hold_ms));
        if let Some(code) = basket.request.coupon {
            self.place_coupon(basket, code, now);
        }
    }

    fn sells(&self, view: &SkuView, currency: Option<Currency>) -> bool {
        let part = view.enrolment.as_ref();
        part.is_some_and(|part| *part.campaign == *self.campaign.name())
            && currency.is_none_or(|currency| currency == view.terms.currency)
    }

    /// A coupon is used on all lines that it is good for, and taken up by the first of them, which may find it used
    /// already. One that is good for none is for the first line to reject.
    fn place_coupon<'b>(&self, basket: &mut Basket<'b>, code: &'b str, now: Millis) {
        let parsed = CouponCode::parse(code);
        let is_good = |sku: &str| {
            let claim = Claim { sku, qty: 0, coupon: parsed, returning: 0, coupon_returns: false };
            parsed.is_some() && self.ledger.standing_with(basket.request.buyer, &claim, now).coupon.is_some()
        };
        let mut is_placed = false;
        for line in &mut basket.lines {
            if is_good(line.sku) {
                line.coupon = Some(code);
                line.shares_coupon = std::mem::replace(&mut is_placed, true);
                line.is_doubtful |= !line.shares_coupon;
            }
        }
        if let Some(first) = basket.lines.first_mut().filter(|_| !is_placed) {
            first.coupon = Some(code);
        }
    }

    /// Asks about doubtful lines before anything is held: most carts of a sold-out sale end here, and write nothing.
    async fn judge(&self, baskets: &mut [Basket<'_>]) {
        // One question of each cart at a time, so that the first line that is rejected is the one that is told.
        let mut next = vec![0; baskets.len()];
        loop {
            let mut round = Round::default();
            for (at, basket) in baskets.iter().enumerate().filter(|(_, basket)| basket.reply.is_none()) {
                let doubtful = basket.lines.iter().enumerate().skip(next[at]);
                if let Some((place, line)) = doubtful.into_iter().find(|(_, line)| line.is_doubtful) {
                    next[at] = place + 1;
                    let command = basket.command(line, self.campaign.name());
                    let after =
                        basket.lines[..place].iter().map(|line| line.qty).fold(0, u32::saturating_add);
                    round.ask(&line.seat, at).push_judge(&command, after);
                }
            }
            let replies = round.make(false).await;
            if replies.is_empty() {
                return;
            }
            for (at, reply) in replies {
                if !matches!(reply, Reply::Accepted(_)) {
                    baskets[at].end(reply, next[at] - 1);
                }
            }
        }
    }

    /// Holds the lines of all carts, each by each in the order of names. Two carts of one pipeline that want the same
    /// SKU get it in their order.
    async fn hold(&self, baskets: &mut [Basket<'_>]) {
        loop {
            let mut round = Round::default();
            // What carts before this one have yet to come to.
            let mut awaited: HashSet<&str, foldhash::fast::RandomState> = HashSet::default();
            for (at, basket) in baskets.iter().enumerate() {
                let Some((line, rest)) = basket.next_lines() else { continue };
                if !awaited.contains(line.sku) {
                    let command = basket.command(line, self.campaign.name());
                    round.ask(&line.seat, at).push_command(&command);
                }
                awaited.extend(rest.iter().map(|line| line.sku));
            }
            let replies = round.make(true).await;
            if replies.is_empty() {
                return;
            }
            for (at, reply) in replies {
                let basket = &mut baskets[at];
                let place = basket.held.len();
                let line = &basket.lines[place];
                match reply {
                    Reply::Accepted(Answer::Reserved { order, amount, .. }) => {
                        basket.held.push(CartItem { sku: line.sku, order, qty: line.qty, amount, off: 0 });
                    }
                    other => basket.end(other, place),
                }
            }
        }
    }

    /// Makes carts of those whose lines are all held, and withdraws the lines of the others.
    async fn commit(&self, baskets: &mut [Basket<'_>]) -> Vec<Reply> {
        let mut body = Body::default();
        let mut asked = Vec::new();
        for (at, basket) in baskets.iter().enumerate().filter(|(_, basket)| basket.is_begun) {
            match (&basket.reply, basket.currency) {
                (None, Some(currency)) => {
                    let new = Box::new(NewCart {
                        cart: basket.cart,
                        req: basket.request.req,
                        fingerprint: basket.fingerprint,
                        buyer: basket.request.buyer,
                        reserved_at: basket.reserved_at,
                        expires_at: basket.expires_at,
                        currency,
                        items: basket.held.clone(),
                    });
                    let coupon = basket.request.coupon.and_then(CouponCode::parse);
                    body.push_campaign(&CampaignCommand::CommitCart { new, coupon });
                }
                _ => body.push_abandon((basket.request.buyer, basket.request.req)),
            }
            asked.push(at);
        }
        let replies = if asked.is_empty() { Ok(Vec::new()) } else { self.campaign.ask_as(body, false).await };
        let mut unheard = false;
        match replies {
            Ok(replies) => {
                for (at, reply) in asked.into_iter().zip(replies) {
                    let basket = &mut baskets[at];
                    let is_its_own = matches!(
                        &reply,
                        Reply::Inner(Inner::Settle(Answer::CartReserved { cart, .. }, _)) if *cart == basket.cart
                    );
                    if is_its_own {
                        basket.held.clear();
                    }
                    basket.reply.get_or_insert(reply);
                }
            }
            Err(fault) => {
                // Whether a cart came to be is unknown if the journal failed: the next start knows. Otherwise it did not.
                let is_unknown = matches!(fault, Fault::JournalFailed | Fault::Stopping);
                for at in asked {
                    if is_unknown {
                        baskets[at].held.clear();
                    }
                    baskets[at].reply.get_or_insert(Reply::Failed(fault));
                }
                unheard = !is_unknown;
            }
        }
        let withdrawn = baskets.iter().flat_map(Basket::withdrawn).collect();
        let mut replies: Vec<Reply> = baskets
            .iter_mut()
            .map(|basket| basket.reply.take().unwrap_or(Reply::Failed(Fault::Panicked)))
            .collect();
        self.settle(&mut replies, withdrawn).await;
        if unheard {
            self.abandon(baskets).await;
        }
        replies
    }

    /// Tells the campaign that these carts are not begun any more, as soon as it listens.
    async fn abandon(&self, baskets: &[Basket<'_>]) {
        loop {
            let mut body = Body::default();
            for basket in baskets.iter().filter(|basket| basket.is_begun) {
                body.push_abandon((basket.request.buyer, basket.request.req));
            }
            match self.campaign.ask_as(body, false).await {
                Err(Fault::Overloaded | Fault::Rebuilding | Fault::Panicked) => {
                    tokio::time::sleep(RETRY).await;
                }
                Ok(_) | Err(Fault::JournalFailed | Fault::Quarantined | Fault::Stopping) => return,
            }
        }
    }
}

/// The asks from here on that are carried out together: carts that are different requests, or none that is a new cart.
fn run(body: &Body, from: usize) -> Range<usize> {
    let mut seen = HashSet::new();
    let first_is_cart = matches!(body.asks().get(from), Some(Ask::ReserveCart(_)));
    let together = |ask: &&Ask| match ask {
        Ask::ReserveCart(request) => {
            first_is_cart && seen.insert((body.text(request.buyer), body.text(request.req)))
        }
        _ => !first_is_cart,
    };
    from..from + body.asks()[from..].iter().take_while(together).count()
}
