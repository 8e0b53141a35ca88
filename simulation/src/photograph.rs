//! How a sale stands, as far as it tells anybody who asks.

use std::collections::BTreeMap;

use tidegate_actors::{Ask, Body, Reply};
use tidegate_engine::{
    CartNumber, CartView, ConsumerGroupView, OrderNumber, OrderState, OrderView, PendingEntry, PendingSpan,
    Report, RoomNumber, RoomView, SkuView,
};

use crate::life::{Life, Unavailable};
use crate::request::Whom;
use crate::sale::{GROUPS, SKUS};

/// Everything that can be asked.
#[derive(Debug)]
pub(crate) struct Photograph {
    /// `None`: it was not created.
    pub(crate) skus: Vec<Option<SkuPhotograph>>,
    /// By number. There may be gaps: a number is given out before there is a cart.
    pub(crate) carts: BTreeMap<u32, CartView>,
    /// Consumer groups and what they have delivered. `None`: there is none.
    pub(crate) groups: Vec<Option<(ConsumerGroupView, Vec<PendingEntry>)>>,
}

#[derive(Debug)]
pub(crate) struct SkuPhotograph {
    pub(crate) view: SkuView,
    pub(crate) report: Report,
    /// From order 1 on.
    pub(crate) orders: Vec<OrderView>,
    /// From room 1 on.
    pub(crate) rooms: Vec<RoomView>,
}

impl Photograph {
    /// Takes one. `carts`: the highest number of a cart that anybody was told.
    pub(crate) async fn take(life: &mut Life, carts: u32) -> Result<Self, Unavailable> {
        let mut skus = Vec::new();
        let mut highest = carts;
        for sku in 0..SKUS.len() {
            let found = SkuPhotograph::take(life, sku).await?;
            let marks = found.iter().flat_map(|sku| &sku.orders).filter_map(|order| order.cart.as_ref());
            highest = marks.map(|(_, cart)| cart.0).fold(highest, u32::max);
            skus.push(found);
        }
        let mut body = Body::default();
        (1..=highest).for_each(|cart| body.push(Ask::Cart(CartNumber(cart))));
        let replies = life.ask(Whom::Campaign, body).await?;
        let cart = |reply| match reply {
            Reply::Cart(Some(cart)) => Some((cart.number.0, *cart)),
            _ => None,
        };
        let carts = replies.into_iter().filter_map(cart).collect();
        let mut groups = Vec::new();
        for group in 0..GROUPS.len() {
            groups.push(take_group(life, group).await?);
        }
        Ok(Self { skus, carts, groups })
    }
}

impl SkuPhotograph {
    async fn take(life: &mut Life, sku: usize) -> Result<Option<Self>, Unavailable> {
        let mut body = Body::default();
        body.push(Ask::View);
        body.push(Ask::Report);
        let replies = life.ask(Whom::Sku(sku), body).await?;
        let (Some(Reply::View(Some(view))), Some(Reply::Report(Some(report)))) =
            (replies.first(), replies.get(1))
        else {
            return Ok(None);
        };
        let (view, report) = ((**view).clone(), report.0.clone());
        let orders: u64 = OrderState::ALL.iter().map(|state| view.tally.orders(*state)).sum();
        let rooms = view.rooms.forming + view.rooms.succeeded + view.rooms.failed;
        let mut body = Body::default();
        (1..=u32::try_from(orders).unwrap_or(0)).for_each(|order| body.push(Ask::Order(OrderNumber(order))));
        (1..=rooms).for_each(|room| body.push(Ask::Room(RoomNumber(room))));
        let (mut orders, mut rooms) = (Vec::new(), Vec::new());
        for reply in life.ask(Whom::Sku(sku), body).await? {
            match reply {
                Reply::Order(Some(order)) => orders.push(*order),
                Reply::Room(Some(room)) => rooms.push(*room),
                _ => {}
            }
        }
        Ok(Some(Self { view, report, orders, rooms }))
    }
}

async fn take_group(
    life: &mut Life,
    group: usize,
) -> Result<Option<(ConsumerGroupView, Vec<PendingEntry>)>, Unavailable> {
    let mut body = Body::default();
    body.push(Ask::View);
    body.push_pending(&PendingSpan { from: 0, to: u64::MAX, most: u32::MAX, min_idle: 0, consumer: None });
    let mut replies = life.ask(Whom::Group(group), body).await?.into_iter();
    Ok(match (replies.next(), replies.next()) {
        (Some(Reply::ConsumerGroupView(Some(view))), Some(Reply::Pending(Some(pending)))) => {
            Some((*view, pending))
        }
        _ => None,
    })
}
