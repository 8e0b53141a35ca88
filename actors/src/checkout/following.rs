//! What becomes of a cart that is one: it is paid or ended by its campaign, and its lines follow.

use std::ops::Range;

use tidegate_engine::{Answer, CampaignCommand, CartNumber, CartSettlement, LineState};

use super::Checkout;
use crate::ask::{Ask, Body, Fault, Inner, Reply};
use crate::settling::{Round, settle};

impl Checkout {
    /// What is the campaign's alone, but for what lines must hear of it.
    pub(super) async fn forward(&self, body: &Body, run: Range<usize>) -> Vec<Reply> {
        let mut replies = self.refuse_payments(body, run.clone()).await;
        let mut asked = Body::default();
        run.clone()
            .zip(&replies)
            .filter(|(_, reply)| reply.is_none())
            .for_each(|(at, _)| asked.copy(body, at));
        let forwarded = match self.campaign.ask_as(asked, false).await {
            Ok(mut forwarded) => {
                self.settle(&mut forwarded, Vec::new()).await;
                forwarded
            }
            Err(fault) => vec![Reply::Failed(fault); run.len()],
        };
        let places = replies.iter_mut().filter(|reply| reply.is_none());
        places.zip(forwarded).for_each(|(place, reply)| *place = Some(reply));
        replies.into_iter().map(|reply| reply.unwrap_or(Reply::Failed(Fault::Panicked))).collect()
    }

    /// Replies to payments that a SKU of their cart knows for another of its orders. Asked before the cart is paid: a
    /// line can't refuse what its cart has accepted.
    async fn refuse_payments(&self, body: &Body, run: Range<usize>) -> Vec<Option<Reply>> {
        let mut refused = vec![None; run.len()];
        let payments: Vec<(usize, CartNumber, &str)> = (body.asks()[run].iter().enumerate())
            .filter_map(|(at, ask)| match ask {
                Ask::Campaign(CampaignCommand::PayCart { cart, payment, .. }) => {
                    Some((at, *cart, body.text(*payment)))
                }
                _ => None,
            })
            .collect();
        if payments.is_empty() {
            return refused;
        }
        let mut carts = Body::default();
        payments.iter().for_each(|(_, cart, _)| carts.push(Ask::Cart(*cart)));
        // If it can't be asked now, neither can it be paid.
        let Ok(carts) = self.campaign.ask_as(carts, true).await else { return refused };
        let mut round = Round::default();
        for ((at, _, payment), cart) in payments.into_iter().zip(carts) {
            let Reply::Cart(Some(cart)) = cart else { continue };
            for item in &cart.items {
                if let Some(seat) = self.skus.find(&item.sku) {
                    round.ask(&seat, at).push_knows_payment(payment, item.order);
                }
            }
        }
        for (at, reply) in round.make(true).await {
            if !matches!(reply, Reply::Inner(Inner::UnknownPayment)) {
                refused[at].get_or_insert(reply);
            }
        }
        refused
    }

    /// Tells lines what they are to hear before these replies are told, and `others` what they are to hear.
    pub(super) async fn settle(&self, replies: &mut [Reply], others: Vec<CartSettlement>) {
        let mut told = others;
        let mut places = Vec::with_capacity(replies.len());
        for reply in replies.iter_mut() {
            let from = told.len();
            if let Reply::Inner(Inner::Settle(answer, lines)) = reply {
                // A cart that was just reserved has nothing to say to lines that cost the same as before.
                let is_news = |line: &CartSettlement| line.off > 0 || line.state != LineState::Reserved;
                told.extend(lines.drain(..).filter(is_news));
                *reply = Reply::Accepted(*answer);
            }
            places.push(from..told.len());
        }
        let settled = settle(&self.skus, self.campaign.name(), &told).await;
        for (reply, place) in replies.iter_mut().zip(places).filter(|(_, place)| !place.is_empty()) {
            let settled = &settled[place];
            if let (Reply::Accepted(Answer::Paid), Some(Err(fault))) =
                (&*reply, settled.iter().find(|line| line.is_err()))
            {
                // What the units come with is not known: the same request gets it when the SKU is back.
                *reply = Reply::Failed(*fault);
                continue;
            }
            let goods: Vec<_> = settled.iter().filter_map(|line| line.clone().ok().flatten()).collect();
            if matches!(reply, Reply::Accepted(Answer::Paid)) && !goods.is_empty() {
                *reply = Reply::CartPaid(goods);
            }
        }
    }
}
