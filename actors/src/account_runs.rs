//! Random runs of several SKUs of one campaign, whose limits and coupons are compared with a naive model.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tidegate_engine::{
    Answer, CampaignTerms, CartLine, CartNumber, Claim, Command, CouponCode, CouponWindow, Currency,
    Enrolment, Grant, LineState, Millis, OrderNumber, OrderState, Price, Rejection, SkuState, SkuTerms,
};
use tidegate_persistence::ActorId;

use crate::ask::{Body, Reply};
use crate::clerk::Clerk;
use crate::desk::{Desk, DeskOptions};
use crate::ledger::Ledgers;
use crate::scribe::Draft;

const START: Millis = Millis(1_700_000_000_000);
const HOLD_MS: u32 = 1_000;
const LIMIT: u32 = 4;
/// The coupons are not for the third.
const SKUS: [&str; 3] = ["coat", "hat", "sock"];
/// The first two have a coupon each, of this number and until then.
const BUYERS: [&str; 3] = ["ann", "bob", "cyd"];
const WINDOW_MS: u64 = 4_000;

fn code(number: usize) -> String {
    CouponCode::new(number as u128 + 1).to_string()
}

/// One thing that is asked of a SKU.
#[derive(Clone, Debug)]
enum Step {
    /// As a line of a cart, or by itself. The coupon is that of the buyer of this number, or a forged one.
    Reserve {
        buyer: usize,
        qty: u32,
        coupon: Option<usize>,
        line: bool,
        shares: bool,
    },
    Pay {
        order: usize,
    },
    Cancel {
        order: usize,
    },
    Refund {
        order: usize,
    },
    Settle {
        order: usize,
        state: LineState<&'static str>,
    },
}

/// What one turn brings: the SKU, how long after the turn before, and what is asked.
type Turn = (usize, u64, Vec<Step>);

fn step() -> impl Strategy<Value = Step> {
    let coupon = prop_oneof![3 => Just(None), 3 => (0..2usize).prop_map(Some), 1 => Just(Some(9))];
    let state = prop::sample::select(vec![
        LineState::Withdrawn,
        LineState::Cancelled,
        LineState::Expired,
        LineState::Paid { payment: "m" },
    ]);
    prop_oneof![
        8 => (0..BUYERS.len(), 1..3u32, coupon, prop::bool::weighted(0.3), prop::bool::weighted(0.3))
            .prop_map(|(buyer, qty, coupon, line, shares)| Step::Reserve { buyer, qty, coupon, line, shares }),
        4 => (0..12usize).prop_map(|order| Step::Pay { order }),
        3 => (0..12usize).prop_map(|order| Step::Cancel { order }),
        1 => (0..12usize).prop_map(|order| Step::Refund { order }),
        3 => (0..12usize, state).prop_map(|(order, state)| Step::Settle { order, state }),
    ]
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let wait = prop_oneof![3 => Just(0), 2 => 1..600u64, 1 => Just(u64::from(HOLD_MS))];
    prop::collection::vec((0..SKUS.len(), wait, prop::collection::vec(step(), 0..5)), 1..30)
}

/// An order, as plainly as possible.
#[derive(Clone, Debug)]
struct Order {
    sku: usize,
    buyer: usize,
    qty: u32,
    /// Whose coupon it was reserved with, and whether it is the one that takes it up.
    coupon: Option<usize>,
    takes_up: bool,
    line: bool,
    state: OrderState,
    ever_paid: bool,
    until: Millis,
}

/// What is expected of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Reserved,
    Word(OrderState),
    No(Rejection),
    /// Anything else: nothing that has to do with limits and coupons.
    Else,
}

#[derive(Default)]
struct Model {
    orders: Vec<Order>,
}

impl Model {
    fn held(&self, buyer: usize) -> u32 {
        let holds = |order: &&Order| {
            order.buyer == buyer && matches!(order.state, OrderState::Reserved | OrderState::Paid)
        };
        self.orders.iter().filter(holds).map(|order| order.qty).sum()
    }

    fn is_used(&self, coupon: usize) -> bool {
        self.orders.iter().any(|order| {
            order.coupon == Some(coupon)
                && order.takes_up
                && (order.state == OrderState::Reserved || order.ever_paid)
        })
    }

    /// Whether this buyer's coupon is good for this SKU now, apart from being used.
    fn is_good(sku: usize, buyer: usize, coupon: usize, now: Millis) -> bool {
        coupon == buyer && coupon < 2 && sku < 2 && now < START.plus(WINDOW_MS)
    }

    fn expire(&mut self, sku: usize, now: Millis) {
        let is_due = |order: &&mut Order| {
            order.sku == sku && !order.line && order.state == OrderState::Reserved && order.until <= now
        };
        self.orders.iter_mut().filter(is_due).for_each(|order| order.state = OrderState::Expired);
    }

    /// The position of an order of a SKU, by its number there.
    fn find(&self, sku: usize, number: usize) -> Option<usize> {
        let of_sku = self.orders.iter().enumerate().filter(|(_, order)| order.sku == sku);
        of_sku.map(|(at, _)| at).nth(number)
    }

    fn take(&mut self, sku: usize, step: &Step, now: Millis) -> Told {
        match *step {
            Step::Reserve { buyer, qty, coupon, line, shares } => {
                let left = LIMIT.saturating_sub(self.held(buyer));
                let takes_up = !(line && shares);
                if qty > left {
                    return Told::No(Rejection::Limit { left });
                }
                if let Some(coupon) = coupon
                    && (!Self::is_good(sku, buyer, coupon, now) || takes_up && self.is_used(coupon))
                {
                    return Told::No(Rejection::CouponInvalid);
                }
                let until = now.plus(u64::from(HOLD_MS));
                let state = OrderState::Reserved;
                let order = Order { sku, buyer, qty, coupon, takes_up, line, state, ever_paid: false, until };
                self.orders.push(order);
                Told::Reserved
            }
            Step::Pay { order } => {
                let Some(at) = self.find(sku, order) else { return Told::Else };
                let Order { buyer, qty, coupon, line, state, .. } = self.orders[at];
                if line {
                    return Told::Else;
                }
                let again = match state {
                    OrderState::Reserved => true,
                    OrderState::Expired => {
                        qty <= LIMIT.saturating_sub(self.held(buyer))
                            && coupon.is_none_or(|coupon| {
                                Self::is_good(sku, buyer, coupon, now) && !self.is_used(coupon)
                            })
                    }
                    _ => return Told::Else,
                };
                let order = &mut self.orders[at];
                order.ever_paid |= again;
                order.state = if again { OrderState::Paid } else { OrderState::RefundDue };
                Told::Word(order.state)
            }
            Step::Cancel { order } => {
                self.end(sku, order, false, OrderState::Reserved, OrderState::Cancelled)
            }
            Step::Refund { order } => {
                let Some(at) = self.find(sku, order) else { return Told::Else };
                let owed = [OrderState::Paid, OrderState::RefundDue, OrderState::Refunded];
                if !owed.contains(&self.orders[at].state) {
                    return Told::Else;
                }
                self.orders[at].state = OrderState::Refunded;
                Told::Word(OrderState::Refunded)
            }
            Step::Settle { order, state } => {
                let to = match state {
                    LineState::Paid { .. } => OrderState::Paid,
                    LineState::Expired => OrderState::Expired,
                    _ => OrderState::Cancelled,
                };
                self.end(sku, order, true, OrderState::Reserved, to);
                Told::Else
            }
        }
    }

    fn end(&mut self, sku: usize, order: usize, line: bool, from: OrderState, to: OrderState) -> Told {
        let Some(at) = self.find(sku, order) else { return Told::Else };
        let order = &mut self.orders[at];
        if order.line != line || order.state != from {
            return Told::Else;
        }
        order.state = to;
        order.ever_paid |= to == OrderState::Paid;
        Told::Word(to)
    }
}

/// Three SKUs of one campaign.
struct Fair {
    clerks: Vec<Clerk>,
    options: DeskOptions,
}

impl Fair {
    fn new() -> Self {
        let ledgers = Arc::<Ledgers>::default();
        let window = CouponWindow {
            event: "try_on".into(),
            percent_off: 20,
            window_ms: WINDOW_MS,
            skus: Some(["coat".into(), "hat".into()].into()),
        };
        let terms = CampaignTerms {
            skus: SKUS.map(Box::from).into(),
            per_buyer_limit: Some(LIMIT),
            coupon_windows: [window].into(),
            ..CampaignTerms::new("11.11")
        };
        let ledger = ledgers.of("fair");
        ledger.set_terms(Arc::new(terms.clone()));
        for (number, buyer) in BUYERS.iter().enumerate().take(2) {
            let code = CouponCode::new(number as u128 + 1);
            let expires_at = START.plus(WINDOW_MS);
            ledger.grant(buyer, Grant { code, event: "try_on".into(), percent_off: 20, expires_at });
        }
        let mut fair = Self {
            clerks: (0..)
                .zip(SKUS)
                .map(|(id, sku)| Clerk::new(ActorId(id), sku, SkuState::new(7), Arc::clone(&ledgers)))
                .collect(),
            options: DeskOptions { expiries_per_turn: 1_000, ..DeskOptions::default() },
        };
        let currency = Currency::new("GBP").unwrap_or_else(|| panic!("a currency"));
        let sku = SkuTerms { hold_ms: HOLD_MS, ..SkuTerms::new("T", currency, Price::Fixed(1_000)) };
        for at in 0..SKUS.len() {
            let mut body = Body::default();
            body.push_command(&Command::Put { terms: Arc::new(sku.clone()), stock: 10_000 });
            let enrolment = Some(Arc::new(Enrolment::of("fair", &terms)));
            body.push_command(&Command::Enrol { enrolment });
            fair.turn(at, &body, START);
        }
        fair
    }

    fn turn(&mut self, sku: usize, body: &Body, now: Millis) -> Vec<Reply> {
        let (mut replies, mut draft) = (Vec::new(), Draft::default());
        let clerk: &mut dyn Desk = &mut self.clerks[sku];
        let end = clerk.turn(now, body, &self.options, &mut replies, &mut draft, None);
        if end.changed {
            clerk.submitted();
        }
        replies
    }

    fn amount(&self, sku: usize, number: usize) -> u64 {
        let order = OrderNumber(u32::try_from(number + 1).unwrap_or(0));
        self.clerks[sku].state().sku().and_then(|sku| sku.order(order)).map_or(0, |order| order.amount)
    }
}

/// The commands of a turn. A payment is of what is due, which is known of orders from before this turn alone.
fn body(fair: &Fair, sku: usize, turn: usize, steps: &[Step]) -> Body {
    let mut body = Body::default();
    for (at, step) in steps.iter().enumerate() {
        let (req, number) =
            (format!("r{turn}-{at}"), |order: usize| OrderNumber(u32::try_from(order + 1).unwrap_or(0)));
        match *step {
            Step::Reserve { buyer, qty, coupon, line, shares } => {
                let coupon = coupon.map(code);
                let (buyer, coupon) = (BUYERS[buyer], coupon.as_deref());
                if line {
                    let line = CartLine {
                        campaign: "fair",
                        cart: CartNumber(1),
                        expires_at: START,
                        shares_coupon: shares,
                    };
                    body.push_command(&Command::HoldLine { line, buyer, qty, coupon });
                } else {
                    body.push_command(&Command::Reserve {
                        req: &req,
                        buyer,
                        qty,
                        max_price: None,
                        coupon,
                        at: None,
                    });
                }
            }
            Step::Pay { order } => body.push_command(&Command::Pay {
                order: number(order),
                req: &req,
                amount: fair.amount(sku, order),
                payment: &req,
            }),
            Step::Cancel { order } => {
                body.push_command(&Command::Cancel { order: number(order), req: &req, reason: None });
            }
            Step::Refund { order } => {
                body.push_command(&Command::Refund { order: number(order), req: &req, restock: true });
            }
            Step::Settle { order, state } => body.push_command(&Command::SettleLine {
                order: number(order),
                campaign: "fair",
                cart: CartNumber(1),
                off: 0,
                state,
            }),
        }
    }
    body
}

fn told(reply: &Reply) -> Told {
    match reply {
        Reply::Accepted(Answer::Reserved { .. }) => Told::Reserved,
        Reply::Accepted(Answer::Paid) => Told::Word(OrderState::Paid),
        Reply::Accepted(Answer::RefundDue) => Told::Word(OrderState::RefundDue),
        Reply::Accepted(Answer::Cancelled) => Told::Word(OrderState::Cancelled),
        Reply::Accepted(Answer::Refunded) => Told::Word(OrderState::Refunded),
        Reply::Rejected(no @ (Rejection::Limit { .. } | Rejection::CouponInvalid)) => Told::No(*no),
        _ => Told::Else,
    }
}

fn agree(turns: Vec<Turn>) -> Result<(), TestCaseError> {
    let (mut fair, mut model, mut now) = (Fair::new(), Model::default(), START);
    for (turn, (sku, wait, mut steps)) in turns.into_iter().enumerate() {
        now = now.plus(wait);
        // What an order costs that this very turn makes is not known to who pays.
        let known = model.orders.iter().filter(|order| order.sku == sku).count();
        steps.retain(|step| !matches!(step, Step::Pay { order } if *order >= known));
        let body = body(&fair, sku, turn, &steps);
        let replies = fair.turn(sku, &body, now);
        model.expire(sku, now);
        for (step, reply) in steps.iter().zip(&replies) {
            let expected = model.take(sku, step, now);
            let heard = told(reply);
            let matters = expected != Told::Else || matches!(heard, Told::No(_) | Told::Reserved);
            prop_assert!(
                !matters || heard == expected,
                "turn {}: {:?}: {:?}, not {:?}",
                turn,
                step,
                reply,
                expected
            );
        }
        check(&fair, &model)?;
    }
    Ok(())
}

/// No buyer has more than the limit, no coupon is taken up twice, and all orders are in the state that the model says.
fn check(fair: &Fair, model: &Model) -> Result<(), TestCaseError> {
    for buyer in 0..BUYERS.len() {
        prop_assert!(model.held(buyer) <= LIMIT);
    }
    for (at, clerk) in fair.clerks.iter().enumerate() {
        let Some(sku) = clerk.state().sku() else { return Err(TestCaseError::fail("a SKU")) };
        for (number, expected) in (1..).zip(model.orders.iter().filter(|order| order.sku == at)) {
            let state = sku.order(OrderNumber(number)).map(|order| order.state);
            prop_assert_eq!(state, Some(expected.state), "order {} of {}", number, SKUS[at]);
        }
        prop_assert!(sku.report().balanced);
    }
    for coupon in 0..2 {
        let uses = model.orders.iter().filter(|order| {
            order.takes_up
                && order.coupon == Some(coupon)
                && (order.state == OrderState::Reserved || order.ever_paid)
        });
        prop_assert!(uses.count() <= 1, "coupon {} twice", coupon);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_and_coupons_over_several_skus_are_those_of_the_model(turns in turns()) {
        agree(turns)?;
    }
}

#[test]
fn an_account_that_holds_nothing_takes_no_room() {
    let ledgers = Ledgers::default();
    let ledger = ledgers.of("fair");
    let claim = Claim { sku: "mug", qty: 1, coupon: None, returning: 0, coupon_returns: false };
    for buyer in 0..1000 {
        let name = format!("buyer-{buyer}");
        assert!(ledger.claim(&name, &claim, START));
        ledger.free(&name, 1, None);
    }
    assert_eq!(ledger.len(), 0);
    ledger.bought("ann");
    assert_eq!((ledger.len(), ledger.buyers()), (1, 1));
}
