//! Buyers' accounts with a campaign, claimed by SKUs on several threads.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shuttle::sync::atomic::AtomicU32;
use shuttle::thread;
use tidegate_engine::{CampaignTerms, Claim, CouponCode, CouponWindow, Grant, Millis};

use crate::explore;
use crate::ledger::{Ledger, Ledgers};

const NOW: Millis = Millis(1_000);
const LIMIT: u32 = 2;
const COUPON: CouponCode = CouponCode::new(7);
const SKUS: [&str; 3] = ["coat", "hat", "sock"];

fn terms() -> Arc<CampaignTerms> {
    let window = CouponWindow { event: "try_on".into(), percent_off: 20, window_ms: 1_000, skus: None };
    Arc::new(CampaignTerms {
        per_buyer_limit: Some(LIMIT),
        coupon_windows: [window].into(),
        ..CampaignTerms::new("11.11")
    })
}

fn ledger() -> Arc<Ledger> {
    let ledger = Arc::<Ledger>::default();
    ledger.set_terms(terms());
    ledger
}

fn claim(sku: &str, qty: u32, coupon: Option<CouponCode>) -> Claim<'_> {
    Claim { sku, qty, coupon, returning: 0, coupon_returns: false }
}

fn grant() -> Grant {
    Grant { code: COUPON, event: "try_on".into(), percent_off: 20, expires_at: Millis(2_000) }
}

#[test]
fn a_buyer_never_holds_more_than_the_limit_however_many_skus_claim_at_once() {
    explore(|| {
        let (ledger, held) = (ledger(), Arc::new(AtomicU32::new(0)));
        let skus = SKUS.map(|sku| {
            let (ledger, held) = (Arc::clone(&ledger), Arc::clone(&held));
            thread::spawn(move || {
                for _ in 0..2 {
                    if !ledger.claim("ann", &claim(sku, 1, None), NOW) {
                        continue;
                    }
                    let now = held.fetch_add(1, SeqCst) + 1;
                    assert!(now <= LIMIT, "{now} units are held, {LIMIT} may be");
                    // Judged and refused, or not paid for.
                    held.fetch_sub(1, SeqCst);
                    ledger.free("ann", 1, None);
                }
            })
        });
        skus.into_iter().for_each(|sku| sku.join().unwrap());
        assert_eq!(ledger.left("ann"), LIMIT, "a unit was given back and is not there");
        assert_eq!(ledger.len(), 0, "an account that holds nothing is kept");
    });
}

#[test]
fn the_last_unit_of_a_limit_goes_to_one_of_those_who_claim_it_at_once() {
    explore(|| {
        let ledger = ledger();
        assert!(ledger.claim("ann", &claim("coat", LIMIT - 1, None), NOW));
        let skus = SKUS.map(|sku| {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || ledger.claim("ann", &claim(sku, 1, None), NOW))
        });
        let got = skus.into_iter().map(|sku| sku.join().unwrap()).filter(|got| *got).count();
        assert_eq!((got, ledger.left("ann")), (1, 0), "who got the last unit, and what is left");
    });
}

#[test]
fn a_coupon_is_used_once_and_comes_back_from_who_let_it_go() {
    explore(|| {
        let (ledger, used) = (ledger(), Arc::new(AtomicU32::new(0)));
        ledger.grant("ann", grant());
        let skus = SKUS.map(|sku| {
            let (ledger, used) = (Arc::clone(&ledger), Arc::clone(&used));
            thread::spawn(move || {
                if ledger.claim("ann", &claim(sku, 1, Some(COUPON)), NOW) {
                    assert_eq!(used.fetch_add(1, SeqCst), 0, "used by two orders");
                    used.fetch_sub(1, SeqCst);
                    ledger.free("ann", 1, Some(COUPON));
                }
            })
        });
        skus.into_iter().for_each(|sku| sku.join().unwrap());
        assert!(ledger.claim("ann", &claim("hat", LIMIT, Some(COUPON)), NOW), "a unit or the coupon is lost");
    });
}

#[test]
fn a_use_and_its_grant_may_be_noted_in_either_order() {
    explore(|| {
        let ledgers = Arc::<Ledgers>::default();
        // A start: the SKU's order is known on one thread, the campaign's grant on another.
        let granting = Arc::clone(&ledgers);
        let campaign = thread::spawn(move || granting.of("fair").grant("ann", grant()));
        let own = ledgers.of("fair");
        ledgers.set_used(Some(&own), "ann", COUPON, true);
        campaign.join().unwrap();
        own.set_terms(terms());
        assert!(!own.claim("ann", &claim("hat", 1, Some(COUPON)), NOW), "the coupon of an order is free");
        assert!(Arc::ptr_eq(&own, &ledgers.of("fair")), "a campaign has two ledgers");
    });
}

#[test]
fn a_buyer_who_pays_twice_at_once_is_counted_once() {
    explore(|| {
        let ledger = ledger();
        let skus = SKUS.map(|_| {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || ledger.bought("ann"))
        });
        skus.into_iter().for_each(|sku| sku.join().unwrap());
        assert_eq!((ledger.buyers(), ledger.len()), (1, 1));
    });
}
