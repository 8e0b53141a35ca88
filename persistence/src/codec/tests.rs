//! What is written is read back, and what was never written is refused without a panic.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use tidegate_engine::{
    CampaignEvent, CampaignTerms, CartItem, CartLine, CartNumber, CartPayment, ConsumerGroupEvent,
    ConsumerGroupPart, CouponCode, CouponUse, CouponWindow, Currency, DiscountOrder, Discounts, Dynamic,
    Enrolment, Event, Fingerprint, Fulfilment, Grant, Granted, Green, GroupBuy, Ladder, LatePayment, LineEnd,
    Millis, NewCart, OrderNumber, Payment, PercentOff, Place, Price, Request, RoomNumber, Seat, SkuTerms,
    Step, Store, StoreNumber, Threshold, Tier, Window,
};

use super::arbitrary::{campaign, event, part, texts};
use super::{
    CodecError, Cursor, get_campaign_part, get_consumer_group_part, get_part, put_campaign_part,
    put_consumer_group_part, put_part,
};
use crate::group::{Group, GroupEncoder, Groups};
use crate::{ActorId, ActorKind, Birth};

fn only_group(bytes: &[u8], first_sequence: u64) -> Group<'_> {
    let mut groups = Groups::new(bytes, first_sequence);
    let group = groups.next().unwrap().unwrap();
    assert!(groups.next().is_none());
    group
}

proptest! {
    #[test]
    fn a_group_reads_back_as_it_was_written(
        events in vec((event(), texts()), 1..20), actor: u32, at: u64, name in prop::option::of("[a-z]{1,64}")
    ) {
        let birth = name.as_deref().map(|name| Birth { kind: ActorKind::Sku, name });
        let mut encoder = GroupEncoder::new(ActorId(actor), Millis(at), birth);
        for (event, texts) in &events {
            encoder.push(&event.with(texts));
        }
        let encoded = encoder.finish().unwrap();
        let group = only_group(encoded.bytes(), 9);
        prop_assert_eq!((group.actor, group.at, group.birth), (ActorId(actor), Millis(at), birth));
        prop_assert_eq!((group.first_sequence, group.count), (9, events.len() as u32));
        let read: Result<Vec<_>, _> = group.events().collect();
        let written: Vec<_> = events.iter().map(|(event, texts)| event.with(texts)).collect();
        prop_assert_eq!(read, Ok(written));
    }

    #[test]
    fn what_a_campaign_did_and_is_reads_back_as_it_was_written(
        records in vec((campaign(), texts()), 1..9), cut: prop::sample::Index
    ) {
        let birth = Some(Birth { kind: ActorKind::Campaign, name: "11.11" });
        let mut encoder = GroupEncoder::new(ActorId(1), Millis(2), birth);
        let (mut parts, mut ends) = (Vec::new(), Vec::new());
        for (record, texts) in &records {
            encoder.push_campaign(&record.event(texts));
            put_campaign_part(&mut parts, &record.part(texts));
            ends.push(parts.len());
        }
        let encoded = encoder.finish().unwrap();
        let group = only_group(encoded.bytes(), 9);
        prop_assert_eq!(group.birth, birth);
        let read: Result<Vec<_>, _> = group.campaign_events().collect();
        let written: Vec<_> = records.iter().map(|(record, texts)| record.event(texts)).collect();
        prop_assert_eq!(read, Ok(written));
        let mut from = Cursor::new(&parts);
        for (record, texts) in &records {
            prop_assert_eq!(get_campaign_part(&mut from), Ok(record.part(texts)));
        }
        prop_assert_eq!(from.finish(), Ok(()));
        let cut = cut.index(parts.len());
        let mut from = Cursor::new(&parts[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        for _ in 0..whole {
            prop_assert!(get_campaign_part(&mut from).is_ok());
        }
        prop_assert!(get_campaign_part(&mut from).is_err(), "cut short");
    }

    #[test]
    fn a_group_cut_short_or_changed_is_an_error_or_another_group_and_never_a_panic(
        events in vec((event(), texts()), 1..5), cut: prop::sample::Index, flip: prop::sample::Index, bit in 0..8u8
    ) {
        let mut encoder = GroupEncoder::new(ActorId(1), Millis(2), None);
        for (event, texts) in &events {
            encoder.push(&event.with(texts));
        }
        let encoded = encoder.finish().unwrap();
        let cut = &encoded.bytes()[..cut.index(encoded.bytes().len())];
        prop_assert!(cut.is_empty() || Groups::new(cut, 1).any(|group| group.is_err()));
        let mut changed = encoded.bytes().to_vec();
        let at = flip.index(changed.len());
        changed[at] ^= 1 << bit;
        for group in Groups::new(&changed, 1).flatten() {
            // A damaged count must not lead to endless events.
            prop_assert!(group.events().take(1_000).count() < 1_000);
        }
    }

    #[test]
    fn a_part_reads_back_as_it_was_written(part in part(), texts in texts()) {
        let mut bytes = Vec::new();
        put_part(&mut bytes, &part.with(&texts));
        let mut from = Cursor::new(&bytes);
        prop_assert_eq!(get_part(&mut from), Ok(part.with(&texts)));
        prop_assert_eq!(from.finish(), Ok(()));
        for length in 0..bytes.len() {
            prop_assert!(get_part(&mut Cursor::new(&bytes[..length])).is_err());
        }
    }

    #[test]
    fn any_bytes_at_all_do_no_harm(bytes in vec(any::<u8>(), 0..200)) {
        for group in Groups::new(&bytes, u64::from(u32::MAX)).flatten() {
            let _ = group.events().take(1_000).count();
            let _ = group.campaign_events().take(1_000).count();
        }
        let _ = get_campaign_part(&mut Cursor::new(&bytes));
        let _ = get_part(&mut Cursor::new(&bytes));
    }
}

fn reserve(order: u32) -> Event<'static> {
    Event::Reserved {
        order: OrderNumber(order),
        request: Request { id: "rrrrrrrrrrrrrrrr", fingerprint: Fingerprint(0xdead_beef) },
        buyer: "bbbbbbbbbbbbbbbb",
        qty: 1,
        unit_price: 599_900,
        hold_ms: 600_000,
    }
}

#[test]
fn a_reservation_is_small() {
    let encode = |count: u32| {
        let mut group = GroupEncoder::new(ActorId(100_000), Millis(1_764_000_000_000), None);
        (0..count).for_each(|order| group.push(&reserve(3_000_000 + order)));
        group.finish().unwrap().bytes().len()
    };
    assert!(encode(1) <= 80, "alone: {}", encode(1));
    assert!(encode(64) <= 64 * 42, "among others: {}", encode(64) / 64);
}

#[test]
fn what_a_later_release_wrote_is_named_as_such() {
    let mut encoder = GroupEncoder::new(ActorId(1), Millis(2), None);
    encoder.push(&Event::Paused);
    let mut bytes = encoder.finish().unwrap().bytes().to_vec();
    *bytes.last_mut().unwrap() = 200;
    let error = only_group(&bytes, 1).events().next().unwrap().unwrap_err();
    assert_eq!(error, CodecError::Unknown { what: "event", code: 200, version: 1 });
    assert!(error.to_string().contains("a later release"), "{error}");
}

/// The bytes of format version 1. If this test fails, journals that exist can't be read any more: add a new code
/// or a new version instead.
#[test]
fn the_bytes_of_version_1_are_fixed() {
    let terms = Arc::new(SkuTerms {
        starts_at: Some(Millis(1)),
        per_buyer_limit: Some(2),
        hold_ms: 5,
        late_payment: LatePayment::Refund,
        allow: Some(["a".into(), "b".into()].into()),
        ..SkuTerms::new("T", Currency::new("GBP").unwrap(), Price::Fixed(300))
    });
    let priced = |price| Arc::new(SkuTerms::new("T", Currency::new("GBP").unwrap(), price));
    let ladder = Price::Ladder(Ladder { start: 300, floor: 200, step: Step::Percent(5), every_ms: 9 });
    let dynamic = Price::Dynamic(Dynamic { initial: 300, floor: 200, ceiling: 400, max_step_percent: 10 });
    let given = |fulfilment| {
        let terms = SkuTerms::new("T", Currency::new("GBP").unwrap(), Price::Fixed(300));
        Arc::new(SkuTerms { fulfilment: Some(fulfilment), ..terms })
    };
    let store = Store { id: "s".into(), place: Place { lat_e6: -1, lon_e6: 1_000_000 }, stock: 9 };
    let in_stores = SkuTerms {
        stores: Some([store].into()),
        ..SkuTerms::new("T", Currency::new("GBP").unwrap(), Price::Fixed(300))
    };
    let in_stores = Arc::new(in_stores);
    let request = Request { id: "q", fingerprint: Fingerprint(0x0403_0201) };
    let order = OrderNumber(1);
    let payment = Payment { order, request, id: "p", amount: 300 };
    let enrolment = Arc::new(Enrolment {
        campaign: "c".into(),
        window: Window { starts_at: Some(Millis(5)), ends_at: None },
        green: Some(Green { max_carbon_g: 400, percent_off: 3 }),
        order: DiscountOrder::ALL[2],
    });
    let discounts = Discounts {
        order: DiscountOrder::default(),
        coupon: Some(CouponUse { code: CouponCode::new(1), off: PercentOff { percent: 20, amount: 60 } }),
        green: Some(PercentOff { percent: 3, amount: 7 }),
    };
    let mut group =
        GroupEncoder::new(ActorId(300), Millis(1), Some(Birth { kind: ActorKind::Sku, name: "sku" }));
    let events = [
        (
            Event::Created { terms: Arc::clone(&terms), stock: 9 },
            "01 01 0154 474250 01 ac02 0101 00 0102 00 05 02 00 01020161 0162 09",
        ),
        (
            Event::Updated {
                terms: Arc::new(SkuTerms {
                    group_buy: Some(GroupBuy {
                        tiers: [Tier { members: 2, percent_off: 10 }].into(),
                        ttl_ms: 9,
                    }),
                    ..SkuTerms::new("T", Currency::new("GBP").unwrap(), Price::Fixed(300))
                }),
            },
            "02 02 0154 474250 01 ac02 00 00 00 00 c0cf24 01 00 00 01 03 04 09 01 02 0a",
        ),
        (
            Event::Created { terms: given(Fulfilment::Numbered), stock: 9 },
            "01 02 0154 474250 01 ac02 00 00 00 00 c0cf24 01 00 00 01 01 01 02 09",
        ),
        (
            Event::Created { terms: given(Fulfilment::Codes(["x".into()].into())), stock: 1 },
            "01 02 0154 474250 01 ac02 00 00 00 00 c0cf24 01 00 00 01 01 04 01 01 0178 01",
        ),
        (Event::Updated { terms }, "02 01 0154 474250 01 ac02 0101 00 0102 00 05 02 00 01020161 0162"),
        (Event::Restocked { request, delta: -2 }, "03 0171 01020304 03"),
        (Event::Paused, "04"),
        (Event::Resumed, "05"),
        (
            Event::Reserved { order, request, buyer: "b", qty: 2, unit_price: 300, hold_ms: 5 },
            "06 01 0171 01020304 0162 02 ac02 05",
        ),
        (
            Event::Reserved {
                order: OrderNumber(2),
                request,
                buyer: "b",
                qty: 1,
                unit_price: 300,
                hold_ms: 5,
            },
            "06 0f 0171 01020304 0162",
        ),
        (Event::Paid(payment), "07 01 0171 01020304 0170 ac02"),
        (Event::Reacquired(payment), "08 01 0171 01020304 0170 ac02"),
        (Event::RefundDue(payment), "09 01 0171 01020304 0170 ac02"),
        (Event::Cancelled { order, request, reason: Some("r") }, "0a 01 0171 01020304 01 0172"),
        (Event::Expired { order }, "0b 01"),
        (Event::Refunded { order, request, restock: true }, "0c 01 0171 01020304 01"),
        (Event::Noted { order, request, answer: tidegate_engine::Answer::Paid }, "0d 01 0171 01020304 08"),
        (Event::BuyerBlocked { buyer: "b" }, "0e 0162"),
        (Event::BuyerUnblocked { buyer: "b" }, "0f 0162"),
        (Event::BuyerLapsedOut { order }, "10 01"),
        (Event::Repriced { request, price: 300 }, "11 0171 01020304 ac02"),
        (
            Event::Updated { terms: priced(ladder) },
            "02 01 0154 474250 02 ac02 c801 01 05 09 00 00 00 00 c0cf24 01 00 00",
        ),
        (
            Event::Updated { terms: priced(dynamic) },
            "02 01 0154 474250 03 ac02 c801 9003 0a 00 00 00 00 c0cf24 01 00 00",
        ),
        (Event::RoomOpened { room: RoomNumber(3), deadline: Millis(7) }, "14 03 07"),
        (
            Event::SeatTaken {
                order,
                seat: Seat { room: RoomNumber(3), opened: true, members: 1, off_at_first: 30, off: 60 },
            },
            "15 01 03 01 01 1e 3c",
        ),
        (Event::Dismissed { order }, "16 01"),
        (Event::TierRefundDue { order, amount: 30, green: 0 }, "17 01 1e"),
        (Event::TierRefundDue { order, amount: 30, green: 5 }, "1c 01 1e 05"),
        (
            Event::Remade { terms: given(Fulfilment::Numbered) },
            "1d 02 0154 474250 01 ac02 00 00 00 00 c0cf24 01 00 00 01 01 01 02",
        ),
        (
            Event::Updated { terms: in_stores },
            "02 02 0154 474250 01 ac02 00 00 00 00 c0cf24 01 00 00 01 02 08 01 0173 01 80897a 09",
        ),
        (Event::Stored { order, store: StoreNumber(2) }, "1e 01 02"),
        (Event::StoreRestocked { request, delta: -2, store: StoreNumber(2) }, "1f 0171 01020304 03 02"),
        (
            Event::LineHeld {
                order,
                line: CartLine {
                    campaign: "c",
                    cart: CartNumber(2),
                    expires_at: Millis(300),
                    shares_coupon: true,
                },
            },
            "12 01 0163 02 ac02 01",
        ),
        (Event::LineDiscounted { order, off: 300 }, "13 01 ac02"),
        (Event::CouponTaken { order }, "23 01"),
        (Event::CouponReturned { order }, "24 01"),
        (Event::LinePaid { order, payment: "p", amount: 300 }, "20 01 0170 ac02"),
        (Event::LineEnded { order, end: LineEnd::Expired }, "21 01 02"),
        (Event::LineRefundDue { order, payment: "p", amount: 300 }, "22 01 0170 ac02"),
        (Event::Enrolled { enrolment: None }, "1a 00"),
        (Event::Enrolled { enrolment: Some(enrolment) }, "1a 01 0163 0105 00 019003 03 02"),
        (
            Event::Discounted { order, discounts: Box::new(discounts) },
            "1b 01 00 03 01000000000000000000000000000000 14 3c 03 07",
        ),
        (Event::RoomRefundDue { order }, "18 01"),
        (
            Event::RoomSettled {
                room: RoomNumber(3),
                tier: Some(Tier { members: 2, percent_off: 10 }),
                unit_price: 300,
            },
            "19 03 02 0a ac02",
        ),
        (Event::RoomSettled { room: RoomNumber(3), tier: None, unit_price: 300 }, "19 03 00 00 ac02"),
    ];
    let mut expected = unhex("ac02 01 00 03736b75");
    for (event, bytes) in &events {
        group.push(event);
        expected.extend(unhex(bytes));
    }
    let header = [&(expected.len() as u32 + 4).to_le_bytes()[..], &[events.len() as u8, 0, 0, 1]].concat();
    assert_eq!(group.finish().unwrap().bytes(), [header, expected].concat());
}

/// The same for campaigns.
#[test]
fn the_bytes_of_a_campaign_in_version_1_are_fixed() {
    let window =
        CouponWindow { event: "e".into(), percent_off: 20, window_ms: 300, skus: Some(["a".into()].into()) };
    let terms = CampaignTerms {
        window: Window { starts_at: None, ends_at: Some(Millis(5)) },
        skus: ["a".into(), "b".into()].into(),
        per_buyer_limit: Some(2),
        thresholds: [Threshold { spend: 300, off: 40 }].into(),
        coupon_windows: [window].into(),
        green: Some(Green { max_carbon_g: 1, percent_off: 3 }),
        order: DiscountOrder::ALL[5],
        ..CampaignTerms::new("T")
    };
    let grant =
        Grant { code: CouponCode::new(2), event: "e".into(), percent_off: 20, expires_at: Millis(300) };
    let (cart, request) = (CartNumber(3), Request { id: "q", fingerprint: Fingerprint(0x0403_0201) });
    let new_cart = NewCart {
        cart,
        req: "q",
        fingerprint: request.fingerprint,
        buyer: "b",
        reserved_at: Millis(300),
        expires_at: Millis(300),
        currency: Currency::new("GBP").unwrap(),
        items: vec![CartItem { sku: "s", order: OrderNumber(1), qty: 2, amount: 300, off: 40 }],
    };
    let payment = CartPayment { cart, request, id: "p", amount: 300 };
    let mut group =
        GroupEncoder::new(ActorId(1), Millis(1), Some(Birth { kind: ActorKind::Campaign, name: "c" }));
    let events = [
        (
            CampaignEvent::Put { terms: Arc::new(terms) },
            "01 01 0154 00 0105 02 0161 0162 0102 01 ac0228 01 0165 14 ac02 01 01 0161 0101 03 05",
        ),
        (
            CampaignEvent::Granted(Granted { req: "q", buyer: "b", grant }),
            "02 0171 0162 02000000000000000000000000000000 0165 14 ac02",
        ),
        (CampaignEvent::Noted { req: "r", buyer: "b", event: "e" }, "03 0172 0162 0165"),
        (
            CampaignEvent::CartReserved(Box::new(new_cart)),
            "04 03 0171 01020304 0162 ac02 ac02 474250 01 0173 01 02 ac02 28",
        ),
        (CampaignEvent::CartPaid(payment), "05 03 0171 01020304 0170 ac02"),
        (CampaignEvent::CartRefundDue(payment), "06 03 0171 01020304 0170 ac02"),
        (CampaignEvent::CartCancelled { cart, request }, "07 03 0171 01020304"),
        (CampaignEvent::CartExpired { cart }, "08 03"),
        (
            CampaignEvent::CartNoted { cart, request, answer: tidegate_engine::Answer::Cancelled },
            "09 03 0171 01020304 0a",
        ),
        (CampaignEvent::LineStands { cart, line: 1 }, "0a 03 01"),
        (
            CampaignEvent::CartCoupon { cart, code: CouponCode::new(2) },
            "0b 03 02000000000000000000000000000000",
        ),
        (CampaignEvent::CartOverpaid(payment), "0c 03 0171 01020304 0170 ac02"),
    ];
    let mut expected = unhex("01 01 01 0163");
    for (event, bytes) in &events {
        group.push_campaign(event);
        expected.extend(unhex(bytes));
    }
    let header = [&(expected.len() as u32 + 4).to_le_bytes()[..], &[events.len() as u8, 0, 0, 1]].concat();
    assert_eq!(group.finish().unwrap().bytes(), [header, expected].concat());
}

/// The same for consumer groups, and for the parts of their snapshots.
#[test]
fn the_bytes_of_a_consumer_group_in_version_1_are_fixed() {
    let consumer = "a";
    let mut group =
        GroupEncoder::new(ActorId(1), Millis(1), Some(Birth { kind: ActorKind::ConsumerGroup, name: "g" }));
    let events = [
        (ConsumerGroupEvent::Created { after: 300 }, "01 ac02"),
        (ConsumerGroupEvent::ConsumerAdded { consumer }, "04 0161"),
        (
            ConsumerGroupEvent::Delivered { consumer, entries: vec![300, 302], no_ack: false },
            "06 0161 00 02 ac02 02",
        ),
        (ConsumerGroupEvent::Delivered { consumer, entries: vec![303], no_ack: true }, "06 0161 01 01 af02"),
        (
            ConsumerGroupEvent::Redelivered { consumer, entries: vec![302, 302, 300], counts: true },
            "07 0161 01 03 ae02 00 feffffffffffffffff01",
        ),
        (
            ConsumerGroupEvent::Redelivered { consumer, entries: vec![300], counts: false },
            "07 0161 00 01 ac02",
        ),
        (ConsumerGroupEvent::Settled { entries: vec![300, 302] }, "08 02 ac02 02"),
        (ConsumerGroupEvent::ConsumerRemoved { consumer }, "05 0161"),
        (ConsumerGroupEvent::Moved { after: 300 }, "02 ac02"),
        (ConsumerGroupEvent::Destroyed, "03"),
    ];
    let mut expected = unhex("01 01 02 0167");
    for (event, bytes) in &events {
        group.push_consumer_group(event);
        expected.extend(unhex(bytes));
    }
    let header = [&(expected.len() as u32 + 4).to_le_bytes()[..], &[events.len() as u8, 0, 0, 1]].concat();
    let encoded = group.finish().unwrap();
    assert_eq!(encoded.bytes(), [header, expected].concat());
    let read: Result<Vec<_>, _> = only_group(encoded.bytes(), 9).consumer_group_events().collect();
    assert_eq!(read, Ok(events.map(|(event, _)| event).to_vec()));

    let (changes, last_event_at) = (2, Millis(300));
    let parts = [
        (ConsumerGroupPart::Head { last_delivered: Some(300), changes, last_event_at }, "01 01ac02 02 ac02"),
        (ConsumerGroupPart::Head { last_delivered: None, changes, last_event_at }, "01 00 02 ac02"),
        (ConsumerGroupPart::Consumer { number: 1, name: "a", active_at: Millis(300) }, "02 01 0161 ac02"),
        (
            ConsumerGroupPart::Pending { entry: 300, consumer: 1, delivered_at: Millis(5), deliveries: 2 },
            "03 ac02 01 05 02",
        ),
    ];
    for (part, expected) in &parts {
        let mut bytes = Vec::new();
        put_consumer_group_part(&mut bytes, part);
        assert_eq!(bytes, unhex(expected), "{part:?}");
        let mut from = Cursor::new(&bytes);
        assert_eq!((get_consumer_group_part(&mut from).as_ref(), from.finish()), (Ok(part), Ok(())));
        for length in 0..bytes.len() {
            assert!(get_consumer_group_part(&mut Cursor::new(&bytes[..length])).is_err());
        }
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
