//! Group-buy rooms.

use tidegate_engine::{Answer, Command, Millis, NoChange, OrderState, Refusal, Rejection, RoomNumber};

use super::orders::ModelOrder;
use super::{Model, number};
use crate::common::Told;

/// A room.
#[derive(Clone, Debug)]
pub(crate) struct ModelRoom {
    pub(crate) deadline: Millis,
    /// What it ended with: the percentage of its tier, or nothing if it failed.
    pub(crate) settled: Option<Option<u8>>,
}

impl Model {
    pub(crate) fn closes_at(&self, room: u32) -> Millis {
        let deadline = self.rooms[room as usize - 1].deadline;
        self.ends_at().map_or(deadline, |end| end.min(deadline))
    }

    /// The orders with a seat in this room.
    pub(crate) fn members(&self, room: u32) -> Vec<usize> {
        let sits = |order: &ModelOrder| {
            order.room == Some(room) && matches!(order.state, OrderState::Reserved | OrderState::Paid)
        };
        self.orders.iter().enumerate().filter(|(_, order)| sits(order)).map(|(at, _)| at).collect()
    }

    pub(super) fn paid_members(&self, room: u32) -> usize {
        self.members(room).into_iter().filter(|at| self.orders[*at].state == OrderState::Paid).count()
    }

    /// The last one out closes the room.
    pub(super) fn left(&mut self, order: usize) {
        let Some(room) = self.orders[order].room else { return };
        if self.members(room).is_empty() {
            self.rooms[room as usize - 1].settled.get_or_insert(None);
        }
    }

    /// A room closes, if it has not.
    pub(crate) fn settle(&mut self, room: u32, now: Millis) {
        if self.rooms[room as usize - 1].settled.is_some() {
            return;
        }
        let paid = self.paid_members(room);
        let tiers = self.terms.group_buy.as_ref().map(|group_buy| group_buy.tiers.to_vec());
        let reached = tiers.iter().flatten().rfind(|tier| tier.members as usize <= paid);
        let percent_off = reached.map(|tier| tier.percent_off);
        for at in self.members(room) {
            let unpaid = self.orders[at].state == OrderState::Reserved;
            let run_out = self.has_run_out(at, now);
            let order = &mut self.orders[at];
            match percent_off {
                _ if unpaid => order.state = OrderState::Expired,
                Some(percent_off) => {
                    if order.price_at(Some(percent_off)) < order.due() {
                        order.tier[1] = Some(percent_off);
                    }
                }
                None => {
                    order.state = OrderState::RefundDue;
                    order.keeps_units = false;
                }
            }
            if unpaid && run_out {
                self.lapsed(self.orders[at].buyer);
            }
        }
        self.rooms[room as usize - 1].settled = Some(percent_off);
        if percent_off.is_some() {
            self.members(room).into_iter().for_each(|member| self.give(member));
        }
    }

    /// Closes the room that this command is about, if its time is over.
    pub(super) fn close_overdue(&mut self, command: &Command<&'static str>, now: Millis) {
        let room = match command {
            Command::JoinRoom { room, .. } => Some(room.0).filter(|room| *room as usize <= self.rooms.len()),
            Command::Pay { order, .. } | Command::Cancel { order, .. } | Command::Refund { order, .. } => {
                self.orders.get(order.0 as usize - 1).and_then(|order| order.room)
            }
            _ => None,
        };
        if let Some(room) = room.filter(|room| self.closes_at(*room) <= now) {
            self.settle(room, now);
        }
    }

    pub(super) fn open(&mut self, buyer: &'static str, qty: u32, now: Millis) -> Told {
        let group_buy = self.terms.group_buy.clone();
        let group_buy = group_buy.ok_or(NoChange::Refused(Refusal::NoGroupBuy))?;
        let at = self.reserve(buyer, qty, (None, None, false), now)?;
        let deadline = now.plus(group_buy.ttl_ms);
        self.rooms.push(ModelRoom { deadline, settled: None });
        let room = RoomNumber(u32::try_from(self.rooms.len()).unwrap_or(0));
        let (amount, expires_at) = self.sit(at, room.0, group_buy.tiers[0].percent_off);
        Ok(Answer::Opened { room, order: number(at), amount, expires_at })
    }

    pub(super) fn join(&mut self, room: u32, buyer: &'static str, qty: u32, now: Millis) -> Told {
        let found = self.rooms.get(room as usize - 1).cloned();
        let found = found.ok_or(NoChange::Rejected(Rejection::NotFound))?;
        let members = self.members(room);
        let tiers =
            self.terms.group_buy.as_ref().map(|group_buy| group_buy.tiers.to_vec()).unwrap_or_default();
        let seats = tiers.last().map_or(0, |tier| tier.members as usize);
        let reasons = [
            (found.settled.is_some() || self.closes_at(room) <= now, Rejection::RoomClosed),
            (members.iter().any(|at| self.orders[*at].buyer == buyer), Rejection::AlreadyMember),
            (members.len() >= seats, Rejection::RoomFull),
        ];
        if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
            return Err(NoChange::Rejected(reason));
        }
        let with_this_one = self.paid_members(room) + 1;
        let reached = tiers.iter().rfind(|tier| tier.members as usize <= with_this_one);
        let percent_off = reached.unwrap_or(&tiers[0]).percent_off;
        let at = self.reserve(buyer, qty, (None, None, false), now)?;
        let (amount, expires_at) = self.sit(at, room, percent_off);
        let members = u32::try_from(members.len() + 1).unwrap_or(0);
        Ok(Answer::Joined { order: number(at), amount, members, expires_at })
    }

    /// Gives an order its seat and its price: what is due, and until when.
    pub(super) fn sit(&mut self, at: usize, room: u32, percent_off: u8) -> (u64, Millis) {
        let order = &mut self.orders[at];
        order.room = Some(room);
        order.tier = [Some(percent_off); 2];
        (order.due(), order.expires_at)
    }
}
