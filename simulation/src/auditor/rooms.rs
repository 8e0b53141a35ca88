//! What may become of a group-buy room and of the orders in it.

use tidegate_engine::{OrderState, OrderView, RoomState, RoomView};

use super::Audited;
use crate::photograph::SkuPhotograph;
use crate::sale::TIERS;

/// Holds the rooms of a SKU against their orders.
pub(super) fn audit(found: &SkuPhotograph) -> Audited {
    found.rooms.iter().try_for_each(|room| {
        let orders: Vec<&OrderView> =
            found.orders.iter().filter(|order| order.room == Some(room.number)).collect();
        audit_room(room, &orders).map_err(|wrong| format!("{wrong}: {room:?} with {orders:?}"))
    })
}

fn audit_room(room: &RoomView, orders: &[&OrderView]) -> Result<(), &'static str> {
    let paid = room.members.iter().filter(|member| member.paid).count();
    let (least, most) = (TIERS[0].0, TIERS[TIERS.len() - 1].0);
    if room.members.len() > most as usize || room.paid_members as usize != paid {
        return Err("it has too many, or counts wrongly who has paid");
    }
    let seat = |order: &&&OrderView| room.members.iter().any(|member| member.order == order.number);
    let seated: Vec<_> = orders.iter().filter(seat).collect();
    let mut buyers: Vec<&str> = room.members.iter().map(|member| &*member.buyer).collect();
    buyers.sort_unstable();
    buyers.dedup();
    if seated.len() != room.members.len() || buyers.len() != room.members.len() {
        return Err("somebody has two seats, or one without an order");
    }
    let is_open = |order: &&OrderView| order.state == OrderState::Reserved;
    match room.state {
        RoomState::Forming if room.paid_members >= most => Err("all have paid, and it goes on"),
        RoomState::Forming => Ok(()),
        RoomState::Succeeded if room.paid_members < least => Err("it has succeeded with too few"),
        RoomState::Failed if room.paid_members >= least => Err("it has failed with enough"),
        _ if orders.iter().any(is_open) => Err("it has closed, and somebody is still waited for"),
        RoomState::Failed if orders.iter().any(|order| order.state == OrderState::Paid) => {
            Err("it has failed, and somebody's money is not due back")
        }
        RoomState::Succeeded => {
            let tier = TIERS.iter().rev().find(|(members, _)| *members <= room.paid_members);
            let percent = tier.map_or(0, |(_, percent)| u64::from(*percent));
            let costs_more = |order: &&&&OrderView| {
                let line = order.unit_price * u64::from(order.qty);
                order.amount > line - line * percent / 100
            };
            seated.iter().find(costs_more).map_or(Ok(()), |_| Err("somebody paid more than the tier's price"))
        }
        RoomState::Failed => Ok(()),
    }
}
