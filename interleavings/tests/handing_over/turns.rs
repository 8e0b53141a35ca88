//! Whole turns of SKUs of one campaign, each on a thread of its own, that have a buyer's limit between them.

use std::sync::Arc;

use shuttle::thread;
use tidegate_engine::{
    Answer, CampaignTerms, Command, Currency, Enrolment, Millis, OrderNumber, Price, Rejection, SkuState,
    SkuTerms,
};
use tidegate_persistence::ActorId;

use crate::ask::{Body, Reply};
use crate::clerk::Clerk;
use crate::desk::{Desk, DeskOptions};
use crate::explore;
use crate::ledger::Ledgers;
use crate::scribe::Draft;
use crate::sync::Mutex;

const NOW: Millis = Millis(1_700_000_000_000);
const LIMIT: u32 = 2;
const SKUS: [&str; 3] = ["coat", "hat", "sock"];

/// One SKU of the campaign.
struct Stall {
    clerk: Clerk,
    options: DeskOptions,
}

/// The SKUs of one campaign, and its ledger.
fn fair() -> (Arc<Ledgers>, [Stall; 3]) {
    let ledgers = Arc::<Ledgers>::default();
    let skus = SKUS.map(Box::from).into();
    let terms = CampaignTerms { skus, per_buyer_limit: Some(LIMIT), ..CampaignTerms::new("11.11") };
    ledgers.of("fair").set_terms(Arc::new(terms.clone()));
    let currency = Currency::new("GBP").unwrap();
    let sku = Arc::new(SkuTerms::new("T", currency, Price::Fixed(1_000)));
    let stalls = SKUS.map(|name| {
        let clerk = Clerk::new(ActorId(1), name, SkuState::new(7), Arc::clone(&ledgers));
        let mut stall = Stall { clerk, options: DeskOptions::default() };
        let put = Command::Put { terms: Arc::clone(&sku), stock: 10 };
        let enrol = Command::Enrol { enrolment: Some(Arc::new(Enrolment::of("fair", &terms))) };
        stall.turn(&[put, enrol]);
        stall.clerk.submitted();
        stall
    });
    (ledgers, stalls)
}

impl Stall {
    fn turn(&mut self, commands: &[Command<&str>]) -> Vec<Reply> {
        let mut body = Body::default();
        commands.iter().for_each(|command| body.push_command(command));
        let (mut replies, mut draft) = (Vec::new(), Draft::default());
        self.clerk.turn(NOW, &body, &self.options, &mut replies, &mut draft);
        replies
    }

    /// Whether the buyer gets one; if not, it must be because of the limit.
    fn reserve(&mut self, req: &str) -> bool {
        let reserve = Command::Reserve { req, buyer: "ann", qty: 1, max_price: None, coupon: None, at: None };
        match &self.turn(&[reserve])[..] {
            [Reply::Accepted(Answer::Reserved { .. })] => true,
            [Reply::Rejected(Rejection::Limit { left: 0 })] => false,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_last_units_of_a_limit_are_sold_once_by_skus_that_judge_at_once() {
    explore(|| {
        let (ledgers, stalls) = fair();
        let sales = stalls.map(|mut stall| {
            thread::spawn(move || {
                let got = stall.reserve("r1");
                stall.clerk.submitted();
                got
            })
        });
        let sold = sales.into_iter().map(|sale| u32::from(sale.join().unwrap())).sum::<u32>();
        assert_eq!((sold, ledgers.of("fair").left("ann")), (LIMIT, 0), "units sold, and left to the buyer");
    });
}

#[test]
fn whatever_a_crash_leaves_of_the_journal_no_buyer_has_more_than_the_limit() {
    explore(|| {
        let (ledgers, stalls) = fair();
        let journal = Arc::<Mutex<Vec<i64>>>::default();
        let sales = stalls.map(|mut stall| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || {
                if stall.reserve("r1") {
                    journal.lock().push(1);
                    stall.clerk.submitted();
                    let cancel = Command::Cancel { order: OrderNumber(1), req: "c1", reason: None };
                    let replies = stall.turn(&[cancel]);
                    assert!(matches!(replies[..], [Reply::Accepted(Answer::Cancelled)]), "{replies:?}");
                    journal.lock().push(-1);
                    // Only now can another SKU have it: what it sells stands in the journal behind this.
                    stall.clerk.submitted();
                }
                if stall.reserve("r2") {
                    journal.lock().push(1);
                    stall.clerk.submitted();
                }
            })
        });
        sales.into_iter().for_each(|sale| sale.join().unwrap());
        let mut held = 0;
        let journal = journal.lock();
        for units in journal.iter() {
            held += units;
            assert!((0..=i64::from(LIMIT)).contains(&held), "{held} units of one buyer: {journal:?}");
        }
        assert_eq!(i64::from(ledgers.of("fair").left("ann")), i64::from(LIMIT) - held, "units leaked");
    });
}

#[test]
fn a_turn_that_panics_gives_back_what_it_claimed() {
    explore(|| {
        let (ledgers, stalls) = fair();
        let mut numbered = 0;
        let sales = stalls.map(|mut stall| {
            numbered += 1;
            let panics = numbered == 1;
            thread::spawn(move || {
                let got = stall.reserve("r1");
                if panics {
                    // Its actor is made anew from the journal, which has nothing of it.
                    stall.clerk.discarded();
                    return false;
                }
                stall.clerk.submitted();
                got
            })
        });
        let sold = sales.into_iter().map(|sale| u32::from(sale.join().unwrap())).sum::<u32>();
        assert!((1..=LIMIT).contains(&sold), "{sold}");
        assert_eq!(ledgers.of("fair").left("ann"), LIMIT - sold, "units left to the buyer");
    });
}
