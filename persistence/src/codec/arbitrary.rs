//! Any event and any part, for property tests.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use tidegate_engine::{
    Answer, Block, CampaignCart, CampaignEvent, CampaignPart, CampaignTerms, CartItem, CartLine, CartNumber,
    CartPayment, CouponCode, CouponUse, CouponWindow, Currency, DiscountOrder, Discounts, Dynamic, Enrolment,
    Event, Fingerprint, Fulfilment, Grant, Granted, Green, GroupBuy, Head, Ladder, LatePayment, LineEnd,
    Millis, NewCart, OrderNumber, OrderState, Part, Payment, PercentOff, Place, Price, Pricing, Request,
    RoomNumber, Seat, Settlement, SkuTerms, Step, Store, StoreNumber, Threshold, Tier, Window,
};

/// Texts, to be borrowed by what is made of them.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    pub(crate) a: String,
    pub(crate) b: String,
}

/// One value of each sort, for whichever event is made of them.
#[derive(Clone, Debug)]
pub(crate) struct EventOf {
    kind: u8,
    terms: Arc<SkuTerms>,
    flag: bool,
    order: u32,
    numbers: [u32; 4],
    amount: u64,
    delta: i64,
    answer: Answer,
    discounts: Discounts,
    enrolment: Option<Arc<Enrolment>>,
}

/// One value of each sort, for whichever part is made of them.
#[derive(Clone, Debug)]
pub(crate) struct PartOf {
    kind: u8,
    terms: Arc<SkuTerms>,
    small: [u32; 4],
    large: [u64; 3],
    flags: (bool, bool),
    state: OrderState,
    answer: Answer,
    discounts: Discounts,
    enrolment: Arc<Enrolment>,
}

pub(crate) fn texts() -> impl Strategy<Value = Texts> {
    ("[!-~é号]{0,70}", ".{0,40}").prop_map(|(a, b)| Texts { a, b })
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..300u64, any::<u64>(), Just(u64::MAX)]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![0..300u32, any::<u32>(), Just(u32::MAX)]
}

pub(crate) fn terms() -> impl Strategy<Value = Arc<SkuTerms>> {
    let limits = (of(small()), of(small()), small(), of(small()), any::<bool>());
    let schedule = (of(number()), of(number()));
    let allow = of(vec("[a-z]{0,9}", 0..5));
    let fulfilment = prop_oneof![
        Just(None),
        Just(Some(Fulfilment::Numbered)),
        vec("[A-Z]{0,9}", 0..4)
            .prop_map(|codes| { Some(Fulfilment::Codes(codes.into_iter().map(Into::into).collect())) }),
    ];
    let group_buy = of((vec((small(), any::<u8>()), 0..4), number()));
    let place = (any::<i32>(), any::<i32>()).prop_map(|(lat_e6, lon_e6)| Place { lat_e6, lon_e6 });
    let store =
        ("[a-z]{0,9}", place, small()).prop_map(|(id, place, stock)| Store { id: id.into(), place, stock });
    let in_campaign = (of("[a-z.]{0,9}"), of(small()), of(vec(store, 0..3)));
    (".{0,30}", "[A-Z]{3}", price(), schedule, limits, (allow, group_buy, fulfilment), in_campaign).prop_map(
        |(
            title,
            currency,
            price,
            (starts_at, ends_at),
            limits,
            (allow, group_buy, fulfilment),
            in_campaign,
        )| {
            let (per_buyer_limit, per_order_limit, hold_ms, max_lapses, refund) = limits;
            Arc::new(SkuTerms {
                title: title.into(),
                currency: Currency::new(&currency).unwrap(),
                price,
                starts_at: starts_at.map(Millis),
                ends_at: ends_at.map(Millis),
                per_buyer_limit,
                per_order_limit,
                hold_ms,
                late_payment: if refund { LatePayment::Refund } else { LatePayment::Reacquire },
                max_lapses,
                allow: allow.map(|buyers| buyers.into_iter().map(Into::into).collect()),
                fulfilment,
                campaign: in_campaign.0.map(Into::into),
                carbon_g: in_campaign.1,
                stores: in_campaign.2.map(Into::into),
                group_buy: group_buy.map(|(tiers, ttl_ms)| GroupBuy {
                    tiers: tiers
                        .into_iter()
                        .map(|(members, percent_off)| Tier { members, percent_off })
                        .collect(),
                    ttl_ms,
                }),
            })
        },
    )
}

fn price() -> impl Strategy<Value = Price> {
    let step = prop_oneof![any::<u8>().prop_map(Step::Percent), number().prop_map(Step::Amount)];
    let ladder = (number(), number(), step, number()).prop_map(|(start, floor, step, every_ms)| Ladder {
        start,
        floor,
        step,
        every_ms,
    });
    let dynamic = (number(), number(), number(), any::<u8>()).prop_map(
        |(initial, floor, ceiling, max_step_percent)| Dynamic { initial, floor, ceiling, max_step_percent },
    );
    prop_oneof![
        number().prop_map(Price::Fixed),
        ladder.prop_map(Price::Ladder),
        dynamic.prop_map(Price::Dynamic)
    ]
}

pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    let plain = prop::sample::select(vec![
        Answer::Created,
        Answer::Updated,
        Answer::Unchanged,
        Answer::Paused,
        Answer::Resumed,
        Answer::Paid,
        Answer::RefundDue,
        Answer::Cancelled,
        Answer::Refunded,
        Answer::Blocked,
        Answer::Unblocked,
    ]);
    prop_oneof![
        plain,
        number().prop_map(|available| Answer::Restocked { available }),
        number().prop_map(|price| Answer::Repriced { price }),
        (small(), number(), number()).prop_map(|(order, amount, at)| Answer::Reserved {
            order: OrderNumber(order),
            amount,
            expires_at: Millis(at)
        }),
        (small(), number(), number(), number()).prop_map(|(cart, amount, at, off)| Answer::CartReserved {
            cart: CartNumber(cart),
            amount,
            expires_at: Millis(at),
            off
        }),
        (any::<u128>(), any::<u8>(), number()).prop_map(|(code, percent_off, at)| Answer::Granted {
            code: CouponCode::new(code),
            percent_off,
            expires_at: Millis(at)
        }),
        (small(), small(), number(), number(), any::<bool>()).prop_map(
            |(order, other, amount, at, opened)| {
                let (order, expires_at) = (OrderNumber(order), Millis(at));
                if opened {
                    Answer::Opened { room: RoomNumber(other), order, amount, expires_at }
                } else {
                    Answer::Joined { order, amount, members: other, expires_at }
                }
            }
        ),
    ]
    .boxed()
}

fn seat([room, members]: [u32; 2], off: u64, opened: bool) -> Seat {
    Seat { room: RoomNumber(room), opened, members, off_at_first: off / 2, off }
}

fn line(campaign: &str, cart: u32, at: u64, shares_coupon: bool) -> CartLine<&str> {
    CartLine { campaign, cart: CartNumber(cart), expires_at: Millis(at), shares_coupon }
}

fn discount_order() -> impl Strategy<Value = DiscountOrder> {
    prop::sample::select(DiscountOrder::ALL.to_vec())
}

fn discounts() -> impl Strategy<Value = Discounts> {
    let off = || (any::<u8>(), number()).prop_map(|(percent, amount)| PercentOff { percent, amount });
    let coupon =
        (any::<u128>(), off()).prop_map(|(code, off)| CouponUse { code: CouponCode::new(code), off });
    (discount_order(), of(coupon), of(off())).prop_map(|(order, coupon, green)| Discounts {
        order,
        coupon,
        green,
    })
}

fn window() -> impl Strategy<Value = Window> {
    (of(number()), of(number()))
        .prop_map(|(start, end)| Window { starts_at: start.map(Millis), ends_at: end.map(Millis) })
}

fn green() -> impl Strategy<Value = Option<Green>> {
    of((small(), any::<u8>()).prop_map(|(max_carbon_g, percent_off)| Green { max_carbon_g, percent_off }))
}

fn enrolment() -> impl Strategy<Value = Arc<Enrolment>> {
    ("[a-z.]{0,9}", window(), green(), discount_order()).prop_map(|(campaign, window, green, order)| {
        Arc::new(Enrolment { campaign: campaign.into(), window, green, order })
    })
}

fn names() -> impl Strategy<Value = Box<[Box<str>]>> {
    vec("[a-z]{0,9}", 0..4).prop_map(|names| names.into_iter().map(Into::into).collect())
}

pub(crate) fn campaign_terms() -> impl Strategy<Value = Arc<CampaignTerms>> {
    let threshold = (number(), number()).prop_map(|(spend, off)| Threshold { spend, off });
    let coupon_window =
        (".{0,9}", any::<u8>(), number(), of(names())).prop_map(|(event, percent_off, window_ms, skus)| {
            CouponWindow { event: event.into(), percent_off, window_ms, skus }
        });
    let lists = (names(), vec(threshold, 0..3), vec(coupon_window, 0..3));
    (".{0,30}", window(), lists, of(small()), green(), discount_order()).prop_map(
        |(title, window, (skus, thresholds, coupon_windows), per_buyer_limit, green, order)| {
            Arc::new(CampaignTerms {
                title: title.into(),
                window,
                skus,
                per_buyer_limit,
                thresholds: thresholds.into(),
                coupon_windows: coupon_windows.into(),
                green,
                order,
            })
        },
    )
}

/// One value of each sort, for whichever event or part of a campaign is made of them.
#[derive(Clone, Debug)]
pub(crate) struct CampaignOf {
    kind: u8,
    terms: Arc<CampaignTerms>,
    grant: Grant,
    small: [u32; 3],
    large: [u64; 3],
    currency: Currency,
    state: OrderState,
    answer: Answer,
}

pub(crate) fn campaign() -> impl Strategy<Value = CampaignOf> {
    let grant = (any::<u128>(), ".{0,9}", any::<u8>(), number());
    let numbers = ([small(), small(), small()], [number(), number(), number()]);
    let currency = "[A-Z]{3}".prop_map(|code| Currency::new(&code).unwrap());
    let state = prop::sample::select(OrderState::ALL.to_vec());
    (0..9u8, campaign_terms(), grant, numbers, currency, state, answer()).prop_map(
        |(kind, terms, (code, event, percent_off, end), (small, large), currency, state, answer)| {
            let (code, expires_at) = (CouponCode::new(code), Millis(end));
            let grant = Grant { code, event: event.into(), percent_off, expires_at };
            CampaignOf { kind, terms, grant, small, large, currency, state, answer }
        },
    )
}

impl CampaignOf {
    fn new_cart<'a>(&self, texts: &'a Texts) -> NewCart<&'a str> {
        let ([a, b, c], [x, y, z]) = (self.small, self.large);
        let item = |off| CartItem { sku: &*texts.b, order: OrderNumber(b), qty: c, amount: y, off };
        NewCart {
            cart: CartNumber(a),
            req: &texts.a,
            fingerprint: Fingerprint(b),
            buyer: &texts.b,
            reserved_at: Millis(z),
            expires_at: Millis(x),
            currency: self.currency,
            items: (0..c % 4).map(|at| item(z ^ u64::from(at))).collect(),
        }
    }

    fn payment<'a>(&self, texts: &'a Texts) -> CartPayment<'a> {
        let request = self.request(texts);
        CartPayment { cart: CartNumber(self.small[0]), request, id: &texts.b, amount: self.large[0] }
    }

    fn request<'a>(&self, texts: &'a Texts) -> Request<'a> {
        Request { id: &texts.a, fingerprint: Fingerprint(self.small[1]) }
    }

    /// The event, with its texts.
    pub(crate) fn event<'a>(&self, texts: &'a Texts) -> CampaignEvent<'a> {
        let (req, buyer) = (&*texts.a, &*texts.b);
        match self.kind {
            0 => CampaignEvent::Put { terms: Arc::clone(&self.terms) },
            1 => CampaignEvent::Granted(Granted { req, buyer, grant: self.grant.clone() }),
            2 => CampaignEvent::Noted { req, buyer, event: &texts.a },
            3 => CampaignEvent::CartReserved(Box::new(self.new_cart(texts))),
            4 => CampaignEvent::CartPaid(self.payment(texts)),
            5 => CampaignEvent::CartRefundDue(self.payment(texts)),
            6 => {
                CampaignEvent::CartCancelled { cart: CartNumber(self.small[0]), request: self.request(texts) }
            }
            7 => CampaignEvent::CartExpired { cart: CartNumber(self.small[0]) },
            _ => CampaignEvent::CartNoted {
                cart: CartNumber(self.small[0]),
                request: self.request(texts),
                answer: self.answer,
            },
        }
    }

    /// The part, with its texts.
    pub(crate) fn part<'a>(&self, texts: &'a Texts) -> CampaignPart<'a> {
        let [changes, at, amount] = self.large;
        let cart = CartNumber(self.small[0]);
        match self.kind {
            0 => CampaignPart::Head { terms: Arc::clone(&self.terms), changes, last_event_at: Millis(at) },
            1 => CampaignPart::Grant { buyer: &texts.b, grant: self.grant.clone() },
            2 => CampaignPart::Trigger { grant: self.small[0], req: &texts.a },
            3 | 4 => {
                CampaignPart::Cart(Box::new(CampaignCart { new: self.new_cart(texts), state: self.state }))
            }
            5 | 6 => {
                CampaignPart::CartPayment { cart, id: &texts.a, amount, at: Millis(at), answer: self.answer }
            }
            _ => CampaignPart::CartRequest { cart, request: self.request(texts), answer: self.answer },
        }
    }
}

pub(crate) fn event() -> impl Strategy<Value = EventOf> {
    let numbers = [small(), small(), small(), small()];
    let in_campaign = (discounts(), of(enrolment()));
    (0..33u8, terms(), any::<bool>(), small(), numbers, number(), any::<i64>(), answer(), in_campaign)
        .prop_map(|(kind, terms, flag, order, numbers, amount, delta, answer, (discounts, enrolment))| {
            EventOf { kind, terms, flag, order, numbers, amount, delta, answer, discounts, enrolment }
        })
}

impl EventOf {
    /// The event, with its texts.
    pub(crate) fn with<'a>(&self, texts: &'a Texts) -> Event<'a> {
        let [stock, print, qty, hold_ms] = self.numbers;
        let request = Request { id: &texts.a, fingerprint: Fingerprint(print) };
        let (order, amount, delta, answer) = (OrderNumber(self.order), self.amount, self.delta, self.answer);
        let payment = Payment { order, request, id: &texts.b, amount };
        let (buyer, terms) = (&*texts.b, Arc::clone(&self.terms));
        match self.kind {
            0 => Event::Created { terms, stock },
            1 => Event::Updated { terms },
            2 => Event::Restocked { request, delta },
            3 => Event::Paused,
            4 => Event::Resumed,
            5 => Event::Paid(payment),
            6 => Event::Reacquired(payment),
            7 => Event::RefundDue(payment),
            8 => Event::Cancelled { order, request, reason: self.flag.then_some(buyer) },
            9 => Event::Expired { order },
            10 => Event::Refunded { order, request, restock: self.flag },
            11 => Event::Noted { order, request, answer },
            12 => Event::BuyerBlocked { buyer },
            13 => Event::BuyerLapsedOut { order },
            14 => Event::BuyerUnblocked { buyer },
            15 => Event::RoomOpened { room: RoomNumber(stock), deadline: Millis(amount) },
            16 => Event::SeatTaken { order, seat: seat([print, qty], amount, self.flag) },
            17 => Event::Dismissed { order },
            21 => Event::Repriced { request, price: amount },
            18 => Event::TierRefundDue { order, amount, green: u64::from(self.flag) * u64::from(stock) },
            19 => Event::RoomRefundDue { order },
            25 => Event::Stored { order, store: StoreNumber(qty as u16) },
            26 => Event::StoreRestocked { request, delta, store: StoreNumber(qty as u16) },
            28 => Event::LineHeld { order, line: line(buyer, stock, amount, self.flag) },
            29 => Event::LineDiscounted { order, off: amount },
            30 => Event::LinePaid { order, payment: buyer, amount },
            31 => Event::LineRefundDue { order, payment: buyer, amount },
            32 => Event::LineEnded {
                order,
                end: [LineEnd::Withdrawn, LineEnd::Cancelled, LineEnd::Expired][qty as usize % 3],
            },
            24 => Event::Remade { terms },
            22 => Event::Enrolled { enrolment: self.enrolment.clone() },
            23 => Event::Discounted { order, discounts: Box::new(self.discounts) },
            20 => Event::RoomSettled {
                room: RoomNumber(stock),
                tier: self.flag.then_some(Tier { members: qty.max(1), percent_off: 30 }),
                unit_price: amount,
            },
            _ => Event::Reserved { order, request, buyer, qty, unit_price: amount, hold_ms },
        }
    }
}

pub(crate) fn part() -> impl Strategy<Value = PartOf> {
    let numbers = ([small(), small(), small(), small()], [number(), number(), number()]);
    let flags = (any::<bool>(), any::<bool>());
    let state = prop::sample::select(OrderState::ALL.to_vec());
    (0..14u8, terms(), numbers, flags, state, answer(), (discounts(), enrolment())).prop_map(
        |(kind, terms, (small, large), flags, state, answer, (discounts, enrolment))| PartOf {
            kind,
            terms,
            small,
            large,
            flags,
            state,
            answer,
            discounts,
            enrolment,
        },
    )
}

impl PartOf {
    /// The part, with its texts.
    pub(crate) fn with<'a>(&self, texts: &'a Texts) -> Part<'a> {
        let ([a, b, c, d], [x, y, z]) = (self.small, self.large);
        let ((yes, no), answer) = (self.flags, self.answer);
        let (id, fingerprint) = (&*texts.a, Fingerprint(b));
        match self.kind {
            0 => Part::Head(Head {
                terms: Arc::clone(&self.terms),
                total: x,
                paused: yes,
                changes: y,
                last_event_at: Millis(z),
                first_sale_at: no.then_some(Millis(x)),
                last_sale_at: yes.then_some(Millis(y)),
            }),
            1 => Part::Buyer {
                name: &texts.b,
                block: [Block::None, Block::ByAdmin, Block::ByLapses][a as usize % 3],
                lapses: a,
                bought: no,
            },
            2 => Part::Order {
                buyer: a,
                request: id,
                fingerprint,
                qty: c,
                unit_price: x,
                reserved_at: Millis(y),
                hold_ms: d,
                state: self.state,
                holds_units: yes,
            },
            8 => Part::Goods { order: OrderNumber(a), units: vec![b, c].into() },
            7 => Part::Pricing(Pricing { created_at: Millis(x), moved_to: y }),
            5 => Part::Seat { order: OrderNumber(a), seat: seat([b, c], x, yes) },
            6 => Part::Room {
                deadline: Millis(x),
                members: vec![OrderNumber(a), OrderNumber(b)].into(),
                paid: c,
                settlement: yes.then_some(Settlement {
                    at: Millis(y),
                    tier: no.then_some(Tier { members: d.max(1), percent_off: 20 }),
                    unit_price: z,
                }),
            },
            11 => Part::Stores { totals: vec![b, c].into() },
            12 => Part::AtStore { order: OrderNumber(a), store: StoreNumber(b as u16) },
            13 => Part::Line { order: OrderNumber(a), line: line(id, b, x, yes), off: y },
            9 => Part::Enrolment(Arc::clone(&self.enrolment)),
            10 => Part::Discounts { order: OrderNumber(a), discounts: self.discounts },
            3 => Part::Payment { id, order: OrderNumber(a), amount: x, at: Millis(y), answer },
            _ => Part::Request { order: yes.then_some(OrderNumber(a)), id, fingerprint, answer },
        }
    }
}
