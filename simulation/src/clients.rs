//! The clients of a sale: what they have sent, what they wait for, and what they make of what they hear.

use tidegate_actors::{Body, Outcome};
use tokio::sync::oneshot;

use crate::auditor::{Auditor, Sent};
use crate::life::Life;
use crate::question::{Near, Question};
use crate::request::{Request, What, Whom};
use crate::sale::{BUYERS, PRICE, SKUS, buyer};
use crate::setup::{Offer, PriceKind};

/// Messages that may be on their way.
const MOST_WAITING: usize = 32;

/// All clients.
#[derive(Debug)]
pub(crate) struct Clients {
    /// Remembers what they are told.
    pub(crate) auditor: Auditor,
    /// Everything that was sent, once each.
    requests: Vec<Request>,
    waiting: Vec<Waiting>,
    /// Questions, by number, that are sent with the next one: those for each who is asked.
    joined: Vec<(Whom, Vec<usize>)>,
}

/// A message on its way.
#[derive(Debug)]
struct Waiting {
    /// By number, and what was known when it was sent.
    requests: Vec<(usize, Sent)>,
    outcome: oneshot::Receiver<Outcome>,
}

impl Clients {
    /// Nobody has asked anything yet.
    pub(crate) fn new(auditor: Auditor) -> Self {
        Self { auditor, requests: Vec::new(), waiting: Vec::new(), joined: Vec::new() }
    }

    /// Everything that was sent, once each.
    pub(crate) fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// How many messages are on their way.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The server is gone, and with it whatever was on its way.
    pub(crate) fn cut_off(&mut self) {
        self.waiting.clear();
        self.joined.clear();
    }

    /// One of those that wait does so no more.
    pub(crate) fn leave(&mut self, who: usize) {
        self.waiting.remove(who);
    }

    /// Sends what a question comes to with what was put aside, or puts it aside too.
    pub(crate) fn ask(&mut self, question: Question, joined: bool, life: &Life) {
        let request = self.request(question);
        self.requests.push(request);
        self.send_or_join(self.requests.len() - 1, joined, life);
    }

    /// Sends something again.
    pub(crate) fn repeat(&mut self, of: usize, life: &Life) {
        if let Some(at) = of.checked_rem(self.requests.len()) {
            self.send_or_join(at, false, life);
        }
    }

    fn send_or_join(&mut self, at: usize, joined: bool, life: &Life) {
        let whom = self.requests[at].whom();
        match self.joined.iter_mut().find(|(other, _)| *other == whom) {
            Some((_, asked)) => asked.push(at),
            None => self.joined.push((whom, vec![at])),
        }
        if !joined {
            self.send(life);
        }
    }

    /// Sends what was put aside, as a connection does what one read brought.
    fn send(&mut self, life: &Life) {
        let (mut messages, mut bodies) = (Vec::new(), Vec::new());
        for (whom, requests) in std::mem::take(&mut self.joined) {
            let mut body = Body::default();
            let mut sent = Vec::with_capacity(requests.len());
            for at in requests {
                let request = &self.requests[at];
                sent.push((at, self.auditor.sent(request, life.now())));
                request.push(&mut body);
            }
            messages.push(sent);
            bodies.push((whom, body));
        }
        for (requests, outcome) in messages.into_iter().zip(life.send_all(bodies)) {
            let Some(outcome) = outcome else { continue };
            self.waiting.push(Waiting { requests, outcome });
            if self.waiting.len() > MOST_WAITING {
                self.waiting.remove(0);
            }
        }
    }

    /// Sends something again, and has done whatever is needed until there is an answer.
    ///
    /// # Errors
    /// There is none, or it is wrong.
    pub(crate) async fn insist(&mut self, at: usize, life: &mut Life) -> Result<(), String> {
        let mut body = Body::default();
        let request = &self.requests[at];
        let sent = self.auditor.sent(request, life.now());
        request.push(&mut body);
        let replies = life.ask(request.whom(), body).await;
        let replies = replies.map_err(|why| format!("{request:?} is not answered: {why:?}"))?;
        let [reply] = &replies[..] else { return Err(format!("{request:?} is answered {replies:?}")) };
        self.auditor.heard(request, sent, reply)
    }

    /// Hears what was answered meanwhile.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn collect(&mut self) -> Result<(), String> {
        let mut at = 0;
        while at < self.waiting.len() {
            match self.waiting[at].outcome.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => at += 1,
                Err(oneshot::error::TryRecvError::Closed) => drop(self.waiting.remove(at)),
                Ok(outcome) => {
                    let Waiting { requests, .. } = self.waiting.remove(at);
                    let Ok(replies) = outcome.replies else { continue };
                    if replies.len() != requests.len() {
                        let asked: Vec<_> = requests.iter().map(|(at, _)| &self.requests[*at]).collect();
                        return Err(format!("{asked:?} are answered {replies:?}"));
                    }
                    for ((at, sent), reply) in requests.into_iter().zip(replies) {
                        self.auditor.heard(&self.requests[at], sent, &reply)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where nobody was told of an order or a cart yet, mostly another question: for one.
    fn instead(&self, question: Question) -> Question {
        let (has_orders, has_carts) = (self.auditor.orders().len() > 0, self.auditor.carts().len() > 0);
        match question {
            Question::Pay { order, .. } | Question::Cancel { order } | Question::Refund { order, .. }
                if !has_orders && order % 8 > 0 =>
            {
                let [sku, buyer] = order.to_be_bytes();
                let (sku, buyer) = (sku % SKUS.len() as u8, buyer % BUYERS);
                Question::Reserve { sku, buyer, qty: 1, coupon: false, near: None, capped: false }
            }
            Question::PayCart { cart, .. } | Question::CancelCart { cart } if !has_carts && cart % 8 > 0 => {
                Question::Cart { buyer: (cart % u16::from(BUYERS)) as u8, qty: [1, 1, 0], coupon: false }
            }
            question => question,
        }
    }

    /// What a question is about, out of what is known now.
    fn request(&self, question: Question) -> Request {
        let number = self.requests.len();
        let payment = |shared: bool| if shared { "pay".to_owned() } else { format!("pay-{number}") };
        let order = |pick: u16| {
            let mut orders = self.auditor.orders();
            let known = usize::from(pick).checked_rem(orders.len()).and_then(|at| orders.nth(at));
            known.unwrap_or((usize::from(pick) % SKUS.len(), 1, PRICE))
        };
        let cart = |pick: u16| {
            let mut carts = self.auditor.carts();
            let known = usize::from(pick).checked_rem(carts.len()).and_then(|at| carts.nth(at));
            known.unwrap_or((1, PRICE))
        };
        let coupon = |wanted: bool| if wanted { self.auditor.coupon() } else { None };
        let what = match self.instead(question) {
            Question::Reserve { sku, buyer: who, qty, coupon: wanted, near, capped } => What::Reserve {
                sku: sku.into(),
                buyer: buyer(who),
                qty: qty.into(),
                coupon: coupon(wanted),
                max_price: capped.then_some(PRICE - 1),
                near: near.map(|Near { store, within }| (store.into(), within)),
            },
            Question::Open { sku, buyer: who } => What::Open { sku: sku.into(), buyer: buyer(who) },
            Question::Join { room, buyer: who } => {
                // The last one that is known, or one before it.
                let known = self.auditor.rooms().iter().rev().nth(room.into()).copied();
                let (sku, room) = known.unwrap_or((usize::from(room) % SKUS.len(), 1));
                What::Join { sku, room, buyer: buyer(who) }
            }
            Question::Pay { order: pick, wrong, shared_payment } => {
                let (sku, order, amount) = order(pick);
                What::Pay { sku, order, amount: amount + u64::from(wrong), payment: payment(shared_payment) }
            }
            Question::Cancel { order: pick } => {
                let (sku, order, _) = order(pick);
                What::Cancel { sku, order }
            }
            Question::Refund { order: pick, restock } => {
                let (sku, order, _) = order(pick);
                What::Refund { sku, order, restock }
            }
            Question::Trigger { buyer: who } => What::Trigger { buyer: buyer(who), code: number as u128 + 1 },
            Question::Cart { buyer: who, qty, coupon: wanted } => {
                let lines = qty.into_iter().enumerate().filter(|(_, qty)| *qty > 0);
                let mut lines: Vec<(usize, u32)> = lines.map(|(sku, qty)| (sku, qty.into())).collect();
                if lines.is_empty() {
                    lines.push((0, 1));
                }
                What::Cart { buyer: buyer(who), lines, coupon: coupon(wanted) }
            }
            Question::PayCart { cart: pick, wrong } => {
                let (cart, amount) = cart(pick);
                What::PayCart { cart, amount: amount + u64::from(wrong), payment: payment(false) }
            }
            Question::CancelCart { cart: pick } => What::CancelCart { cart: cart(pick).0 },
            Question::Restock { sku, delta, store } => {
                let sku = usize::from(sku);
                let store = self.auditor.setup().offers[sku].has_stores.then_some(store.into());
                What::Restock { sku, delta: delta.into(), store }
            }
            Question::Reprice { sku, hundreds } => {
                // One whose price can be moved, if there is any.
                let can_be = |offer: &Offer| offer.price == PriceKind::Dynamic;
                let sku = self.auditor.setup().offers.iter().position(can_be).unwrap_or(sku.into());
                What::Reprice { sku, price: 100 * u64::from(hundreds) }
            }
            Question::Pause { sku } => What::Pause { sku: sku.into() },
            Question::Resume { sku } => What::Resume { sku: sku.into() },
            Question::Block { sku, buyer: who } => What::Block { sku: sku.into(), buyer: buyer(who) },
            Question::Unblock { sku, buyer: who } => What::Unblock { sku: sku.into(), buyer: buyer(who) },
        };
        Request { id: format!("r{number:04}"), what }
    }
}
