//! Group-buy rooms: buyers who join get a lower price, the lower the more of them pay before the room closes.

use std::collections::BTreeSet;

use crate::tables::Chunks;
use crate::{Contradiction, Millis, OrderNumber};

/// The number of a room within its SKU, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomNumber(pub u32);

/// How a SKU is sold to groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBuy {
    /// The tiers, by ascending members and percentages. The members of the last are a room's seats.
    pub tiers: Box<[Tier]>,
    /// How long a room is open, in milliseconds.
    pub ttl_ms: u64,
}

/// What a room earns with so many members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Members that have paid.
    pub members: u32,
    /// What is taken off the unit price, in percent.
    pub percent_off: u8,
}

impl GroupBuy {
    /// How many seats a room has.
    #[must_use]
    pub fn seats(&self) -> u32 {
        self.tiers.last().map_or(0, |tier| tier.members)
    }

    /// The tier that so many members reach, if they reach any.
    #[must_use]
    pub fn reached(&self, members: u32) -> Option<Tier> {
        self.tiers.iter().rev().find(|tier| tier.members <= members).copied()
    }

    /// The tier that so many members reach, or else the lowest: what is due on joining.
    #[must_use]
    pub fn due(&self, members: u32) -> Tier {
        let lowest = self.tiers.first().copied();
        self.reached(members).or(lowest).unwrap_or(Tier { members: 1, percent_off: 0 })
    }

    /// The tier above this one.
    #[must_use]
    pub fn above(&self, tier: Tier) -> Option<Tier> {
        self.tiers.iter().find(|other| other.members > tier.members).copied()
    }
}

/// What became of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomState {
    /// Buyers may join.
    Forming,
    /// It closed with enough members.
    Succeeded,
    /// It closed with too few.
    Failed,
}

/// How a room ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// When.
    pub at: Millis,
    /// The tier that its paid members reached; `None`: it failed.
    pub tier: Option<Tier>,
    /// The price of one unit at that time, before the tier, in minor units.
    pub unit_price: u64,
}

/// One room.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// When it closes, unless the sale ends before.
    pub(crate) deadline: Millis,
    /// The orders that hold its seats, in the order in which they came; the first one's buyer leads. Of a settled
    /// room those that had paid.
    pub(crate) members: Vec<OrderNumber>,
    /// How many of them are paid.
    pub(crate) paid: u32,
    pub(crate) settlement: Option<Settlement>,
}

impl Room {
    pub(crate) fn is_forming(&self) -> bool {
        self.settlement.is_none()
    }

    pub(crate) fn state(&self) -> RoomState {
        match self.settlement {
            None => RoomState::Forming,
            Some(Settlement { tier: Some(_), .. }) => RoomState::Succeeded,
            Some(_) => RoomState::Failed,
        }
    }
}

/// All rooms of a SKU.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    rows: Chunks<Room>,
    /// Those that are forming, by deadline.
    forming: BTreeSet<(Millis, RoomNumber)>,
    succeeded: u32,
}

/// How many rooms of a SKU are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomCounts {
    /// Buyers may join.
    pub forming: u32,
    /// Closed with enough paid members.
    pub succeeded: u32,
    /// Closed with too few.
    pub failed: u32,
}

impl Rooms {
    pub(crate) fn get(&self, room: RoomNumber) -> Option<&Room> {
        self.rows.get((room.0 as usize).checked_sub(1)?)
    }

    fn get_mut(&mut self, room: RoomNumber) -> Result<&mut Room, Contradiction> {
        let row = (room.0 as usize).checked_sub(1).and_then(|at| self.rows.get_mut(at));
        row.ok_or(Contradiction::Room(room))
    }

    /// A room that is forming.
    fn forming(&mut self, number: RoomNumber) -> Result<&mut Room, Contradiction> {
        let room = self.get_mut(number)?;
        if room.is_forming() { Ok(room) } else { Err(Contradiction::Room(number)) }
    }

    /// The number that the next room gets, or `None` when all are used up.
    pub(crate) fn next_number(&self) -> Option<RoomNumber> {
        u32::try_from(self.rows.len()).ok()?.checked_add(1).map(RoomNumber)
    }

    /// How many rooms are forming.
    pub(crate) fn forming_count(&self) -> usize {
        self.forming.len()
    }

    /// How many are in which state.
    pub(crate) fn counts(&self) -> RoomCounts {
        // There are no more of them than numbers.
        let count = |rooms: usize| u32::try_from(rooms).unwrap_or(u32::MAX);
        let (all, forming) = (count(self.rows.len()), count(self.forming.len()));
        RoomCounts { forming, succeeded: self.succeeded, failed: all - forming - self.succeeded }
    }

    /// The forming room that closes first, and when; all of them close when the sale ends.
    pub(crate) fn next_to_close(&self, ends_at: Option<Millis>) -> Option<(Millis, RoomNumber)> {
        let (deadline, room) = *self.forming.first()?;
        Some((ends_at.map_or(deadline, |end| end.min(deadline)), room))
    }

    pub(crate) fn add(&mut self, number: RoomNumber, room: Room) -> Result<(), Contradiction> {
        if self.next_number() != Some(number) {
            return Err(Contradiction::Room(number));
        }
        if room.is_forming() {
            self.forming.insert((room.deadline, number));
        }
        self.succeeded += u32::from(room.state() == RoomState::Succeeded);
        self.rows.push(room);
        Ok(())
    }

    /// An order takes a seat.
    pub(crate) fn join(&mut self, room: RoomNumber, order: OrderNumber) -> Result<(), Contradiction> {
        self.forming(room)?.members.push(order);
        Ok(())
    }

    /// The order in a seat was paid.
    pub(crate) fn paid(&mut self, room: RoomNumber) -> Result<(), Contradiction> {
        let room = self.forming(room)?;
        room.paid = room.paid.saturating_add(1);
        Ok(())
    }

    /// An order gives its seat up, if the room is forming and it has one.
    pub(crate) fn leave(
        &mut self,
        room: RoomNumber,
        order: OrderNumber,
        was_paid: bool,
    ) -> Result<(), Contradiction> {
        let room = self.get_mut(room)?;
        if room.is_forming() {
            room.members.retain(|member| *member != order);
            room.paid -= u32::from(was_paid && room.paid > 0);
        }
        Ok(())
    }

    pub(crate) fn settle(&mut self, number: RoomNumber, settlement: Settlement) -> Result<(), Contradiction> {
        let room = self.forming(number)?;
        room.settlement = Some(settlement);
        room.members.shrink_to_fit();
        let (deadline, has_succeeded) = (room.deadline, room.state() == RoomState::Succeeded);
        self.succeeded += u32::from(has_succeeded);
        self.forming.remove(&(deadline, number));
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.rows.iter()
    }
}

/// What is known of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomView {
    /// Its number within the SKU.
    pub number: RoomNumber,
    /// What became of it.
    pub state: RoomState,
    /// Who is in, in the order in which they came; the first one leads.
    pub members: Vec<RoomMember>,
    /// How many of them have paid.
    pub paid_members: u32,
    /// The tier that they reach, at least the lowest.
    pub tier: Tier,
    /// The price of one unit at that tier, in minor units.
    pub unit_price: u64,
    /// The next tier and its price of one unit.
    pub next: Option<(Tier, u64)>,
    /// When it closes, or would have closed.
    pub deadline: Millis,
    /// When it closed.
    pub settled_at: Option<Millis>,
}

/// One buyer in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomMember {
    /// Who.
    pub buyer: Box<str>,
    /// The order that holds the seat.
    pub order: OrderNumber,
    /// Whether it was paid.
    pub paid: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_reached_by_members_and_never_below_the_lowest_on_joining() {
        let tier = |members, percent_off| Tier { members, percent_off };
        let group_buy = GroupBuy { tiers: [tier(2, 10), tier(5, 20), tier(10, 30)].into(), ttl_ms: 1 };
        assert_eq!(group_buy.seats(), 10);
        let reached = |members| group_buy.reached(members).map(|tier| tier.percent_off);
        assert_eq!(
            [0, 1, 2, 4, 5, 9, 10, 11].map(reached),
            [None, None, Some(10), Some(10), Some(20), Some(20), Some(30), Some(30)]
        );
        assert_eq!([0, 1, 2, 5].map(|members| group_buy.due(members).percent_off), [10, 10, 10, 20]);
        assert_eq!(group_buy.above(tier(5, 20)), Some(tier(10, 30)));
        assert_eq!(group_buy.above(tier(10, 30)), None);
    }
}
