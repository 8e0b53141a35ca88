//! Consumer groups as bytes: their events and parts.

use tidegate_engine::{ConsumerGroupEvent as Event, ConsumerGroupPart as Part, Millis};

use super::wire::{Cursor, put_option, put_text, put_varint};
use super::{CodecError, unknown};

const CREATED: u8 = 1;
const MOVED: u8 = 2;
const DESTROYED: u8 = 3;
const CONSUMER_ADDED: u8 = 4;
const CONSUMER_REMOVED: u8 = 5;
const DELIVERED: u8 = 6;
const REDELIVERED: u8 = 7;
const SETTLED: u8 = 8;

const HEAD: u8 = 1;
const CONSUMER: u8 = 2;
const PENDING: u8 = 3;

/// Appends one event.
pub(crate) fn put_consumer_group_event(out: &mut Vec<u8>, event: &Event<'_>) {
    match event {
        Event::Created { after } => {
            out.push(CREATED);
            put_varint(out, *after);
        }
        Event::Moved { after } => {
            out.push(MOVED);
            put_varint(out, *after);
        }
        Event::Destroyed => out.push(DESTROYED),
        Event::ConsumerAdded { consumer } => {
            out.push(CONSUMER_ADDED);
            put_text(out, consumer);
        }
        Event::ConsumerRemoved { consumer } => {
            out.push(CONSUMER_REMOVED);
            put_text(out, consumer);
        }
        Event::Delivered { consumer, entries, no_ack } => {
            out.push(DELIVERED);
            put_text(out, consumer);
            out.push(u8::from(*no_ack));
            put_entries(out, entries);
        }
        Event::Redelivered { consumer, entries, counts } => {
            out.push(REDELIVERED);
            put_text(out, consumer);
            out.push(u8::from(*counts));
            put_entries(out, entries);
        }
        Event::Settled { entries } => {
            out.push(SETTLED);
            put_entries(out, entries);
        }
    }
}

/// The next event.
pub(crate) fn get_consumer_group_event<'a>(from: &mut Cursor<'a>) -> Result<Event<'a>, CodecError> {
    Ok(match from.byte("event of a consumer group")? {
        CREATED => Event::Created { after: from.varint("position")? },
        MOVED => Event::Moved { after: from.varint("position")? },
        DESTROYED => Event::Destroyed,
        CONSUMER_ADDED => Event::ConsumerAdded { consumer: from.text("consumer")? },
        CONSUMER_REMOVED => Event::ConsumerRemoved { consumer: from.text("consumer")? },
        DELIVERED => Event::Delivered {
            consumer: from.text("consumer")?,
            no_ack: from.flag("flag of acknowledgement")?,
            entries: get_entries(from)?,
        },
        REDELIVERED => Event::Redelivered {
            consumer: from.text("consumer")?,
            counts: from.flag("flag of a delivery")?,
            entries: get_entries(from)?,
        },
        SETTLED => Event::Settled { entries: get_entries(from)? },
        other => return Err(unknown("event of a consumer group", other)),
    })
}

/// Entries ascend, mostly by little: each is written as its distance from the one before. The few that don't, because somebody
/// claimed them in another order, wrap around.
fn put_entries(out: &mut Vec<u8>, entries: &[u64]) {
    put_varint(out, entries.len() as u64);
    let mut before = 0;
    for entry in entries {
        put_varint(out, entry.wrapping_sub(before));
        before = *entry;
    }
}

fn get_entries(from: &mut Cursor<'_>) -> Result<Vec<u64>, CodecError> {
    let count = from.varint("number of entries")?;
    let mut before = 0u64;
    super::room::get_list(from, count, |from| {
        before = before.wrapping_add(from.varint("entry")?);
        Ok(before)
    })
}

/// Appends one part.
pub(crate) fn put_consumer_group_part(out: &mut Vec<u8>, part: &Part<'_>) {
    match part {
        Part::Head { last_delivered, changes, last_event_at } => {
            out.push(HEAD);
            put_option(out, *last_delivered);
            put_varint(out, *changes);
            put_varint(out, last_event_at.0);
        }
        Part::Consumer { number, name, active_at } => {
            out.push(CONSUMER);
            put_varint(out, u64::from(*number));
            put_text(out, name);
            put_varint(out, active_at.0);
        }
        Part::Pending { entry, consumer, delivered_at, deliveries } => {
            out.push(PENDING);
            put_varint(out, *entry);
            put_varint(out, u64::from(*consumer));
            put_varint(out, delivered_at.0);
            put_varint(out, u64::from(*deliveries));
        }
    }
}

/// The next part.
pub(crate) fn get_consumer_group_part<'a>(from: &mut Cursor<'a>) -> Result<Part<'a>, CodecError> {
    Ok(match from.byte("part of a consumer group")? {
        HEAD => Part::Head {
            last_delivered: from.option("position")?,
            changes: from.varint("number of changes")?,
            last_event_at: Millis(from.varint("time of the last event")?),
        },
        CONSUMER => Part::Consumer {
            number: from.small("number of a consumer")?,
            name: from.text("consumer")?,
            active_at: Millis(from.varint("time of a delivery")?),
        },
        PENDING => Part::Pending {
            entry: from.varint("entry")?,
            consumer: from.small("number of a consumer")?,
            delivered_at: Millis(from.varint("time of a delivery")?),
            deliveries: from.small("number of deliveries")?,
        },
        other => return Err(unknown("part of a consumer group", other)),
    })
}
