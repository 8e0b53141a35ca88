//! Carts of a campaign, by themselves: told as stories, and in random runs beside a naive model.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/fair.rs"]
mod fair;

use cases::for_all;
use common::{START, Told, rejected};
use fair::Fair;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tidegate_engine::{
    Answer, CampaignCommand, CampaignEvent, CampaignLimits, CampaignState, CampaignTerms, CartItem,
    CartNumber, CartPayment, Currency, LineState, Millis, NewCart, NoChange, OrderNumber, OrderState,
    Refusal, Rejection, Threshold, cart_fingerprint,
};

const HOLD: u64 = 1_000;

fn fair() -> Fair {
    let thresholds = [Threshold { spend: 1_000, off: 101 }, Threshold { spend: 3_000, off: 700 }];
    Fair::open(CampaignTerms { thresholds: thresholds.into(), ..CampaignTerms::new("11.11") })
}

type Item = (&'static str, u32, u64);

fn commit(
    cart: u32,
    buyer: &'static str,
    req: &'static str,
    items: &[Item],
    now: Millis,
) -> CampaignCommand<&'static str> {
    let lines: Vec<_> = items.iter().map(|(sku, qty, _)| (*sku, *qty)).collect();
    let new = Box::new(NewCart {
        cart: CartNumber(cart),
        req,
        fingerprint: cart_fingerprint(&lines, None),
        buyer,
        reserved_at: now,
        expires_at: now.plus(HOLD),
        currency: Currency::new("GBP").unwrap_or_else(|| panic!("a currency")),
        items: (1..)
            .zip(items)
            .map(|(order, (sku, qty, amount))| CartItem {
                sku: *sku,
                order: OrderNumber(cart * 10 + order),
                qty: *qty,
                amount: *amount,
                off: 0,
            })
            .collect(),
    });
    CampaignCommand::CommitCart { new, coupon: None }
}

fn pay(cart: u32, req: &'static str, amount: u64, payment: &'static str) -> CampaignCommand<&'static str> {
    CampaignCommand::PayCart { cart: CartNumber(cart), req, amount, payment }
}

fn cancel(cart: u32, req: &'static str) -> CampaignCommand<&'static str> {
    CampaignCommand::CancelCart { cart: CartNumber(cart), req }
}

fn reserved(cart: u32, amount: u64, off: u64, now: Millis) -> Told {
    Ok(Answer::CartReserved { cart: CartNumber(cart), amount, expires_at: now.plus(HOLD), off })
}

/// What the lines of a cart are told: the SKU, what comes off, and what became of the cart.
fn told(fair: &Fair, cart: u32) -> Vec<(String, u64, LineState<Box<str>>)> {
    let told = fair.state.settlements(CartNumber(cart));
    told.into_iter().map(|line| (line.sku.into(), line.off, line.state)).collect()
}

#[test]
fn a_threshold_comes_off_the_lines_to_the_cent() {
    let mut fair = fair();
    let items = [("coat", 1, 667), ("hat", 2, 667), ("sock", 1, 666)];
    assert_eq!(fair.ask(&commit(1, "ann", "r1", &items, START)), reserved(1, 1_899, 101, START));
    // 33.68, 33.68 and 33.63: the two cents that are left go where most was cut off.
    let off: Vec<_> = told(&fair, 1).into_iter().map(|(_, off, _)| off).collect();
    assert_eq!(off, [34, 34, 33]);
    let cart = fair.state.cart(CartNumber(1)).expect("a cart");
    assert_eq!(cart.items.iter().map(|item| item.amount).collect::<Vec<_>>(), [633, 633, 633]);
    assert_eq!(fair.ask(&commit(2, "bob", "r1", &[("coat", 1, 999)], START)), reserved(2, 999, 0, START));
    let dear = [("coat", 1, 3_000)];
    assert_eq!(fair.ask(&commit(3, "cyd", "r1", &dear, START)), reserved(3, 2_300, 700, START));
}

#[test]
fn a_cart_is_paid_once_and_other_money_is_due_back() {
    let mut fair = fair();
    assert!(fair.ask(&commit(1, "ann", "r1", &[("hat", 1, 500)], START)).is_ok());
    assert_eq!(fair.ask(&pay(1, "p1", 400, "m1")), rejected(Rejection::AmountMismatch { due: 500 }));
    assert_eq!(fair.ask(&pay(1, "p1", 500, "m1")), Ok(Answer::Paid));
    assert_eq!(fair.ask(&pay(1, "p1", 500, "m1")), Err(NoChange::Repeated(Answer::Paid)));
    assert_eq!(fair.ask(&pay(1, "p2", 500, "m1")), Ok(Answer::Paid), "the same money, told again");
    assert_eq!(fair.ask(&pay(1, "p3", 500, "m2")), Ok(Answer::RefundDue), "other money");
    assert_eq!(fair.ask(&cancel(1, "c1")), rejected(Rejection::AlreadyPaid));
    assert_eq!(told(&fair, 1), [("hat".to_owned(), 0, LineState::Paid { payment: "m1".into() })]);
    assert!(fair.ask(&commit(2, "ann", "r2", &[("hat", 1, 500)], START)).is_ok());
    let reused = Err(NoChange::Refused(Refusal::PaymentReused));
    assert_eq!(fair.ask(&pay(2, "p1", 500, "m1")), reused);
    assert_eq!(fair.ask(&pay(9, "p1", 500, "m9")), rejected(Rejection::NotFound));
}

#[test]
fn a_cart_that_ran_out_is_over_whether_or_not_its_timer_has_run() {
    for timer in [true, false] {
        let mut fair = fair();
        assert!(fair.ask(&commit(1, "ann", "r1", &[("hat", 1, 500)], START)).is_ok());
        fair.now = START.plus(HOLD);
        assert!(!timer || fair.run_a_timer());
        assert_eq!(fair.ask(&cancel(1, "c1")), rejected(Rejection::Expired));
        assert_eq!(fair.ask(&pay(1, "p1", 500, "m1")), Ok(Answer::RefundDue));
        assert_eq!(told(&fair, 1), [("hat".to_owned(), 0, LineState::RefundDue { payment: "m1".into() })]);
        assert_eq!(fair.state.next_cart_expiry(), None);
    }
}

#[test]
fn a_campaign_keeps_no_more_carts_than_it_may() {
    let mut fair = fair();
    fair.limits = CampaignLimits { max_carts: 1, max_requests: 1, ..fair.limits };
    let first = commit(1, "ann", "r1", &[("hat", 1, 500)], START);
    assert!(fair.ask(&first).is_ok());
    let full = |limit| Err(NoChange::Refused(Refusal::Full { limit }));
    assert_eq!(fair.ask(&commit(2, "ann", "r2", &[("hat", 1, 500)], START)), full("carts"));
    assert!(matches!(fair.ask(&first), Err(NoChange::Repeated(_))), "repeats need no room");
    assert_eq!(fair.ask(&pay(1, "p1", 500, "m1")), Ok(Answer::Paid), "what was accepted can be paid");
    assert_eq!(fair.ask(&pay(1, "p2", 500, "m1")), full("accepted requests"));
}

#[test]
fn a_line_that_no_cart_knows_is_withdrawn() {
    let mut fair = fair();
    assert!(fair.ask(&commit(1, "ann", "r1", &[("hat", 1, 500)], START)).is_ok());
    let told = |cart, sku, order| fair.state.settlement_of(CartNumber(cart), sku, OrderNumber(order)).state;
    assert_eq!(told(1, "hat", 11), LineState::Reserved);
    assert_eq!(told(1, "hat", 12), LineState::Withdrawn);
    assert_eq!(told(1, "coat", 11), LineState::Withdrawn);
    assert_eq!(told(2, "hat", 11), LineState::Withdrawn);
}

/// One step of a run.
#[derive(Clone, Debug)]
enum Step {
    Commit { buyer: &'static str, req: &'static str, items: Vec<Item> },
    Pay { cart: u32, req: &'static str, more: u64, payment: &'static str },
    Cancel { cart: u32, req: &'static str },
    Wait(u64),
    Timer,
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn step() -> impl Strategy<Value = Step> {
    let req = || one_of(&["r1", "r2", "r3", "r4", "r5"]);
    let payment = one_of(&["m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
    let line = (1u32..4, prop_oneof![3 => 1u64..1_500, 1 => Just(0)]);
    let items =
        (line.clone(), prop::option::of(line.clone()), prop::option::of(line)).prop_map(|(a, b, c)| {
            let lines = [("a", Some(a)), ("b", b), ("c", c)];
            lines.into_iter().filter_map(|(sku, line)| line.map(|(qty, amount)| (sku, qty, amount))).collect()
        });
    prop_oneof![
        4 => (one_of(&["ann", "bob"]), req(), items).prop_map(|(buyer, req, items)| Step::Commit { buyer, req, items }),
        6 => (1u32..9, req(), prop_oneof![5 => Just(0), 1 => Just(7)], payment)
            .prop_map(|(cart, req, more, payment)| Step::Pay { cart, req, more, payment }),
        2 => (1u32..9, req()).prop_map(|(cart, req)| Step::Cancel { cart, req }),
        2 => (0u64..600).prop_map(Step::Wait),
        1 => Just(Step::Timer),
    ]
}

/// A cart, written down as plainly as possible.
#[derive(Clone, Debug)]
struct ModelCart {
    number: u32,
    buyer: &'static str,
    req: &'static str,
    items: Vec<Item>,
    off: Vec<u64>,
    state: OrderState,
    until: Millis,
    paid_with: Option<&'static str>,
}

impl ModelCart {
    fn due(&self) -> u64 {
        self.items.iter().map(|item| item.2).sum::<u64>() - self.off.iter().sum::<u64>()
    }
}

/// What was accepted: of which cart, under which id, what exactly, and the answer.
type Accepted = (u32, &'static str, String, Answer);

#[derive(Default)]
struct Model {
    carts: Vec<ModelCart>,
    accepted: Vec<Accepted>,
    /// Payments: id, cart, amount, answer, and whether it paid the cart.
    money: Vec<(&'static str, u32, u64, Answer, bool)>,
}

impl Model {
    fn commit(
        &mut self,
        number: u32,
        buyer: &'static str,
        req: &'static str,
        items: &[Item],
        now: Millis,
    ) -> Told {
        let same = |a: &[Item], b: &[Item]| {
            a.iter().map(|line| (line.0, line.1)).eq(b.iter().map(|line| (line.0, line.1)))
        };
        if let Some(known) = self.carts.iter().find(|cart| (cart.buyer, cart.req) == (buyer, req)) {
            let answer = Answer::CartReserved {
                cart: CartNumber(known.number),
                amount: known.due(),
                expires_at: known.until,
                off: known.off.iter().sum(),
            };
            let repeated = same(&known.items, items);
            return Err(if repeated {
                NoChange::Repeated(answer)
            } else {
                NoChange::Refused(Refusal::RequestReused)
            });
        }
        let sum: u64 = items.iter().map(|item| item.2).sum();
        let total = if sum >= 3_000 {
            700
        } else if sum >= 1_000 {
            101
        } else {
            0
        };
        // One cent after the other to the line that is furthest below its share.
        let mut off: Vec<u64> =
            items.iter().map(|item| (total * item.2).checked_div(sum).unwrap_or(0)).collect();
        while off.iter().sum::<u64>() < total {
            let short = |at: &usize| (total * items[*at].2).abs_diff(off[*at] * sum);
            let most = (0..items.len())
                .filter(|at| off[*at] * sum <= total * items[*at].2)
                .map(|at| short(&at))
                .max();
            let at =
                (0..items.len()).find(|at| off[*at] * sum <= total * items[*at].2 && Some(short(at)) == most);
            off[at.unwrap_or(0)] += 1;
        }
        let cart = ModelCart {
            number,
            buyer,
            req,
            items: items.to_vec(),
            off,
            state: OrderState::Reserved,
            until: now.plus(HOLD),
            paid_with: None,
        };
        let told = Answer::CartReserved {
            cart: CartNumber(number),
            amount: cart.due(),
            expires_at: cart.until,
            off: total,
        };
        self.carts.push(cart);
        Ok(told)
    }

    fn known(&self, cart: u32, req: &str, what: &str) -> Result<(), NoChange> {
        let before = self.accepted.iter().find(|known| (known.0, known.1) == (cart, req));
        before.map_or(Ok(()), |known| {
            Err(if known.2 == what {
                NoChange::Repeated(known.3)
            } else {
                NoChange::Refused(Refusal::RequestReused)
            })
        })
    }

    fn find(&mut self, number: u32) -> Result<&mut ModelCart, NoChange> {
        let found = self.carts.iter_mut().find(|cart| cart.number == number);
        found.ok_or(NoChange::Rejected(Rejection::NotFound))
    }

    fn pay(
        &mut self,
        (number, req, amount, id): (u32, &'static str, u64, &'static str),
        now: Millis,
    ) -> Told {
        let what = format!("pay {amount} {id}");
        let cart = self.find(number)?.clone();
        self.known(number, req, &what)?;
        let before = self.money.iter().find(|money| money.0 == id).copied();
        let answer = match before {
            Some((_, other, ..)) if other != number => return Err(NoChange::Refused(Refusal::PaymentReused)),
            Some((.., answer, _)) => answer,
            None => {
                let in_time = cart.state == OrderState::Reserved && now < cart.until;
                if in_time && amount != cart.due() {
                    return Err(NoChange::Rejected(Rejection::AmountMismatch { due: cart.due() }));
                }
                let answer = match cart.state {
                    _ if in_time => Answer::Paid,
                    OrderState::Cancelled => Answer::Cancelled,
                    _ => Answer::RefundDue,
                };
                self.money.push((id, number, amount, answer, in_time));
                let cart = self.find(number)?;
                if in_time {
                    (cart.state, cart.paid_with) = (OrderState::Paid, Some(id));
                } else if matches!(cart.state, OrderState::Reserved | OrderState::Expired) {
                    (cart.state, cart.paid_with) = (OrderState::RefundDue, Some(id));
                }
                answer
            }
        };
        self.accepted.push((number, req, what, answer));
        Ok(answer)
    }

    fn cancel(&mut self, number: u32, req: &'static str, now: Millis) -> Told {
        self.find(number)?;
        self.known(number, req, "cancel")?;
        let cart = self.find(number)?;
        match cart.state {
            OrderState::Reserved if now < cart.until => cart.state = OrderState::Cancelled,
            OrderState::Cancelled => {}
            OrderState::Paid => return Err(NoChange::Rejected(Rejection::AlreadyPaid)),
            _ => return Err(NoChange::Rejected(Rejection::Expired)),
        }
        self.accepted.push((number, req, "cancel".to_owned(), Answer::Cancelled));
        Ok(Answer::Cancelled)
    }
}

fn agree(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (mut fair, mut model, mut number) = (fair(), Model::default(), 0);
    for step in steps {
        let now = fair.now;
        match step {
            Step::Commit { buyer, req, items } => {
                number += 1;
                let told = fair.ask(&commit(number, buyer, req, &items, now));
                prop_assert_eq!(told, model.commit(number, buyer, req, &items, now));
            }
            Step::Pay { cart, req, more, payment } => {
                let amount = fair.state.cart(CartNumber(cart)).map_or(5, |cart| cart.amount) + more;
                let told = fair.ask(&pay(cart, req, amount, payment));
                prop_assert_eq!(told, model.pay((cart, req, amount, payment), now));
            }
            Step::Cancel { cart, req } => {
                prop_assert_eq!(fair.ask(&cancel(cart, req)), model.cancel(cart, req, now));
            }
            Step::Wait(ms) => fair.now = fair.now.plus(ms),
            Step::Timer => {
                while fair.run_a_timer() {
                    let due = model
                        .carts
                        .iter_mut()
                        .filter(|cart| cart.state == OrderState::Reserved && cart.until <= now);
                    let first = due.min_by_key(|cart| (cart.until, cart.number));
                    let Some(first) = first else { return Err(TestCaseError::fail("nothing was due")) };
                    first.state = OrderState::Expired;
                }
            }
        }
        compare(&fair, &model)?;
    }
    // The same events give the same campaign.
    let mut again = CampaignState::new(0xDEAD_BEEF);
    for (at, event) in &fair.journal {
        prop_assert_eq!(again.apply(event, *at), Ok(()));
    }
    let hash = |state: &CampaignState| state.campaign().map(tidegate_engine::Campaign::state_hash);
    prop_assert_eq!(hash(&again), hash(&fair.state));
    Ok(())
}

fn compare(fair: &Fair, model: &Model) -> Result<(), TestCaseError> {
    let waiting = model.carts.iter().filter(|cart| cart.state == OrderState::Reserved);
    let next = waiting.map(|cart| (cart.until, CartNumber(cart.number))).min();
    prop_assert_eq!(fair.state.next_cart_expiry(), next);
    let by_state = fair.state.campaign().map(|campaign| campaign.view().carts);
    let expected = OrderState::ALL.map(|state| model.carts.iter().filter(|cart| cart.state == state).count());
    prop_assert_eq!(by_state.map(|carts| carts.map(|count| count as usize)), Some(expected));
    for expected in &model.carts {
        let Some(cart) = fair.state.cart(CartNumber(expected.number)) else {
            return Err(TestCaseError::fail("a cart is lost"));
        };
        prop_assert_eq!((cart.state, cart.amount), (expected.state, expected.due()));
        prop_assert_eq!(&*cart.buyer, expected.buyer);
        let lines: Vec<_> =
            cart.items.iter().map(|item| (&*item.sku, item.qty, item.amount + item.off)).collect();
        prop_assert_eq!(&lines, &expected.items);
        prop_assert_eq!(
            cart.items.iter().map(|item| item.amount).sum::<u64>(),
            cart.amount,
            "a refund is exact"
        );
        let off: Vec<_> = cart.items.iter().map(|item| item.off).collect();
        prop_assert_eq!(&off, &expected.off);
        let payment = || expected.paid_with.unwrap_or_default().into();
        let state = match expected.state {
            OrderState::Reserved => LineState::Reserved,
            OrderState::Paid => LineState::Paid { payment: payment() },
            OrderState::Cancelled => LineState::Cancelled,
            OrderState::Expired => LineState::Expired,
            _ => LineState::RefundDue { payment: payment() },
        };
        prop_assert!(told(fair, expected.number).into_iter().all(|line| line.2 == state));
    }
    // Every payment is in exactly one event: it paid its cart in full, or is due back.
    let events = fair.journal.iter().filter_map(|(_, event)| match event {
        CampaignEvent::CartPaid(CartPayment { cart, id, amount, .. }) => Some((*id, cart.0, *amount, true)),
        CampaignEvent::CartRefundDue(CartPayment { cart, id, amount, .. })
        | CampaignEvent::CartOverpaid(CartPayment { cart, id, amount, .. }) => {
            Some((*id, cart.0, *amount, false))
        }
        _ => None,
    });
    let money = model.money.iter().map(|(id, cart, amount, _, paid)| (*id, *cart, *amount, *paid));
    prop_assert_eq!(events.collect::<Vec<_>>(), money.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn carts_and_the_model_agree() {
    for_all(1_500, &prop::collection::vec(step(), 1..80), agree);
}
