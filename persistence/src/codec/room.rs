//! Group-buy rooms as bytes.

use std::borrow::Cow;

use tidegate_engine::{GroupBuy, Millis, OrderNumber, Part, RoomNumber, Seat, Settlement, Tier};

use super::CodecError;
use super::wire::{Cursor, put_varint};

pub(super) fn put_group_buy(out: &mut Vec<u8>, group_buy: &GroupBuy) {
    put_varint(out, group_buy.ttl_ms);
    put_varint(out, group_buy.tiers.len() as u64);
    for tier in &group_buy.tiers {
        put_tier(out, *tier);
    }
}

pub(super) fn get_group_buy(from: &mut Cursor<'_>) -> Result<GroupBuy, CodecError> {
    let ttl_ms = from.varint("time that rooms are open")?;
    let count = from.varint("number of tiers")?;
    let tiers = get_list(from, count, get_tier)?;
    Ok(GroupBuy { tiers: tiers.into_boxed_slice(), ttl_ms })
}

fn put_tier(out: &mut Vec<u8>, tier: Tier) {
    put_varint(out, u64::from(tier.members));
    out.push(tier.percent_off);
}

fn get_tier(from: &mut Cursor<'_>) -> Result<Tier, CodecError> {
    Ok(Tier { members: from.small("members of a tier")?, percent_off: from.byte("percentage of a tier")? })
}

/// An absent tier has no members.
pub(super) fn put_reached(out: &mut Vec<u8>, tier: Option<Tier>) {
    put_tier(out, tier.unwrap_or(Tier { members: 0, percent_off: 0 }));
}

pub(super) fn get_reached(from: &mut Cursor<'_>) -> Result<Option<Tier>, CodecError> {
    Ok(Some(get_tier(from)?).filter(|tier| tier.members > 0))
}

pub(super) fn put_seat(out: &mut Vec<u8>, seat: &Seat) {
    put_varint(out, u64::from(seat.room.0));
    out.push(u8::from(seat.opened));
    put_varint(out, u64::from(seat.members));
    put_varint(out, seat.off_at_first);
    put_varint(out, seat.off);
}

pub(super) fn get_seat(from: &mut Cursor<'_>) -> Result<Seat, CodecError> {
    Ok(Seat {
        room: RoomNumber(from.small("room number")?),
        opened: from.flag("flag of the opener")?,
        members: from.small("members")?,
        off_at_first: from.varint("discount")?,
        off: from.varint("discount")?,
    })
}

pub(super) fn put_room(
    out: &mut Vec<u8>,
    deadline: Millis,
    members: &[OrderNumber],
    paid: u32,
    settlement: Option<&Settlement>,
) {
    put_varint(out, deadline.0);
    put_varint(out, members.len() as u64);
    for member in members {
        put_varint(out, u64::from(member.0));
    }
    put_varint(out, u64::from(paid));
    out.push(u8::from(settlement.is_some()));
    if let Some(Settlement { at, tier, unit_price }) = settlement {
        put_varint(out, at.0);
        put_reached(out, *tier);
        put_varint(out, *unit_price);
    }
}

pub(super) fn get_room<'a>(from: &mut Cursor<'_>) -> Result<Part<'a>, CodecError> {
    let deadline = Millis(from.varint("deadline")?);
    let count = from.varint("number of members")?;
    let members = get_list(from, count, |from| from.small("order number").map(OrderNumber))?;
    let paid = from.small("number of paid members")?;
    let settlement = if from.flag("flag of the settlement")? {
        Some(Settlement {
            at: Millis(from.varint("time of the settlement")?),
            tier: get_reached(from)?,
            unit_price: from.varint("price")?,
        })
    } else {
        None
    };
    Ok(Part::Room { deadline, members: Cow::Owned(members), paid, settlement })
}

pub(super) fn get_list<'a, T>(
    from: &mut Cursor<'a>,
    count: u64,
    mut get: impl FnMut(&mut Cursor<'a>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    // Every entry takes at least one byte, so a damaged count can't ask for more memory than the record has.
    let room = usize::try_from(count).unwrap_or(usize::MAX).min(from.left());
    let mut entries = Vec::with_capacity(room);
    for _ in 0..count {
        entries.push(get(from)?);
    }
    Ok(entries)
}
