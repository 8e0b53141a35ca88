//! What is sold in a simulated sale.

use std::sync::Arc;

use tidegate_actors::Document;
use tidegate_engine::{
    At, CampaignTerms, CouponWindow, Currency, Dynamic, Fulfilment, Green, GroupBuy, Ladder, LatePayment,
    Millis, Place, Price, SkuTerms, Step, Store, Threshold, Tier,
};

use crate::setup::{Goods, Offer, PriceKind, Setup};

/// When a sale begins, in milliseconds.
pub(crate) const BEGIN: u64 = 1_000_000_000;

/// The campaign that the SKUs are part of.
pub(crate) const CAMPAIGN: &str = "fair";

/// The price of every unit at the beginning, in minor units. All prices are multiples of a hundred, and all percentages of
/// ten: nothing is ever rounded.
pub(crate) const PRICE: u64 = 1_000;
/// How much lower each price of a ladder is,
pub(crate) const STEP: u64 = 100;
/// how long it lasts,
pub(crate) const STEP_MS: u64 = 20_000;
/// and where it stays.
pub(crate) const FLOOR: u64 = 600;
/// Between which prices one is moved.
pub(crate) const MOVED: (u64, u64) = (800, 1_200);

/// What a coupon takes off, and what is green, in percent.
pub(crate) const OFF: u8 = 10;
/// A cart of this sum,
pub(crate) const SPEND: u64 = 2 * PRICE;
/// costs so much less.
pub(crate) const SPEND_OFF: u64 = 301;

/// How long units are held.
pub(crate) const HOLD_MS: u32 = 60_000;

/// How long a room waits for members.
pub(crate) const ROOM_MS: u64 = 20_000;

/// What so many paid members of a room take off, in percent. The last fill it.
pub(crate) const TIERS: [(u32, u8); 2] = [(2, 10), (3, 20)];

/// What opens a coupon,
pub(crate) const BEHAVIOUR: &str = "looked";
/// and for how long.
pub(crate) const COUPON_MS: u64 = 30_000;

/// The SKUs by their numbers in a plan.
pub(crate) const SKUS: [&str; 3] = ["coat", "hat", "scarf"];

/// The stores of a SKU that has any, eleven kilometres from each other.
pub(crate) const STORES: [&str; 2] = ["north", "south"];

/// Consumer groups that readers use. There may be fewer at once.
pub(crate) const GROUPS: [&str; 3] = ["books", "mail", "stock"];
/// Who reads.
pub(crate) const CONSUMERS: [&str; 3] = ["ada", "bob", "eve"];
/// So many groups there may be at once,
pub(crate) const MOST_GROUPS: usize = 2;
/// so many consumers of one,
pub(crate) const MOST_CONSUMERS: u32 = 2;
/// and so many entries that one has delivered and nobody has acknowledged.
pub(crate) const MOST_PENDING: u32 = 12;

/// Buyers of a sale. Few, so that they get in each other's way and reach their limits.
pub(crate) const BUYERS: u8 = 4;

/// The name of a buyer.
pub(crate) fn buyer(number: u8) -> String {
    format!("buyer-{number}")
}

/// Where a buyer is who stands before a store, and asks for one within a kilometre or anywhere.
pub(crate) fn before_store(store: usize, within: bool) -> At {
    At { place: place(store), within_m: within.then_some(1_000) }
}

fn place(store: usize) -> Place {
    Place { lat_e6: if store == 0 { 48_300_000 } else { 48_200_000 }, lon_e6: 16_370_000 }
}

/// The units of an offer that are at a store in the beginning.
pub(crate) fn stock_at(offer: &Offer, store: usize) -> u32 {
    (offer.stock + u32::from(store == 0)) / 2
}

/// The documents of the sale, the campaign first. Editions differ in titles alone.
pub(crate) fn documents(setup: &Setup, edition: u8) -> Option<Vec<(Box<str>, Document)>> {
    let covered = setup.coupon_sku.map(|sku| [SKUS[sku].into()].into());
    let window =
        CouponWindow { event: BEHAVIOUR.into(), percent_off: OFF, window_ms: COUPON_MS, skus: covered };
    let campaign = CampaignTerms {
        skus: SKUS.map(Into::into).into(),
        per_buyer_limit: setup.campaign_limit,
        thresholds: [Threshold { spend: SPEND, off: SPEND_OFF }].into(),
        coupon_windows: [window].into(),
        green: setup.has_green.then_some(Green { max_carbon_g: 100, percent_off: OFF }),
        ..CampaignTerms::new(&title(CAMPAIGN, edition))
    };
    let mut documents = vec![(CAMPAIGN.into(), Document::Campaign(Arc::new(campaign)))];
    for (name, offer) in SKUS.iter().zip(&setup.offers) {
        let terms = Arc::new(terms(name, offer, setup, edition)?);
        documents.push(((*name).into(), Document::Sku { terms, stock: offer.stock }));
    }
    Some(documents)
}

fn title(name: &str, edition: u8) -> String {
    format!("{name}, edition {edition}")
}

fn terms(name: &str, offer: &Offer, setup: &Setup, edition: u8) -> Option<SkuTerms> {
    let tiers = TIERS.map(|(members, percent_off)| Tier { members, percent_off });
    let price = match offer.price {
        PriceKind::Fixed => Price::Fixed(PRICE),
        PriceKind::Ladder => {
            let step = Step::Amount(STEP);
            Price::Ladder(Ladder { start: PRICE, floor: FLOOR, step, every_ms: STEP_MS })
        }
        PriceKind::Dynamic => {
            let (floor, ceiling) = MOVED;
            Price::Dynamic(Dynamic { initial: PRICE, floor, ceiling, max_step_percent: 2 * OFF })
        }
    };
    let code = |number: u32| format!("code-{number}").into();
    let store = |(number, id): (usize, &&str)| Store {
        id: (**id).into(),
        place: place(number),
        stock: stock_at(offer, number),
    };
    Some(SkuTerms {
        hold_ms: HOLD_MS,
        starts_at: Some(Millis(BEGIN + offer.opens_ms)),
        ends_at: offer.closes_ms.map(|closes_ms| Millis(BEGIN + closes_ms)),
        per_buyer_limit: Some(setup.buyer_limit),
        per_order_limit: offer.order_limit,
        max_lapses: offer.max_lapses,
        allow: offer.is_restricted.then(|| (0..BUYERS - 1).map(|number| buyer(number).into()).collect()),
        late_payment: if setup.late_refund { LatePayment::Refund } else { LatePayment::Reacquire },
        group_buy: Some(GroupBuy { tiers: tiers.into(), ttl_ms: ROOM_MS }),
        fulfilment: offer.goods.map(|goods| match goods {
            Goods::Codes => Fulfilment::Codes((1..=offer.stock).map(code).collect()),
            Goods::Serials => Fulfilment::Numbered,
        }),
        stores: offer.has_stores.then(|| STORES.iter().enumerate().map(store).collect()),
        carbon_g: Some(if offer.is_green { 100 } else { 101 }),
        ..SkuTerms::new(&title(name, edition), Currency::new("EUR")?, price)
    })
}
