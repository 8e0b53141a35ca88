//! Delivers entries of some types only. The rest never becomes pending: it is passed over by the same event.

use std::sync::Arc;

use tidegate_actors::{Ask, Body, Fault, Reply};
use tidegate_engine::{ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command};
use tidegate_persistence::{ActorKind, WalkedBlock};
use tidegate_protocol::error::{ErrorCode, WireError};

use super::groups::no_group;
use super::page::Found;
use super::{Feed, FeedError, STREAM};
use crate::convert::entry::{Entry, campaign_entries, sku_entries};
use crate::convert::fault;

/// Bytes of the journal that are looked through at once. Others who read have to wait for a place no longer than that.
const STRETCH_BYTES: usize = 4 << 20;

/// So many of them without an entry are worth being remembered durably: they would be looked through again after each commit,
/// and at each start.
const EMPTY_BYTES: usize = 64 << 10;

/// What was delivered.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// The entries, as they stand in a reply.
    pub(crate) entries: Vec<Vec<u8>>,
    /// Entries that were passed over.
    pub(crate) skipped: u64,
    /// Whether nothing is known to come behind them.
    pub(crate) is_all: bool,
}

/// With what a group is to go on.
#[derive(Debug)]
enum Place {
    /// These entries.
    Wanted(Vec<u64>),
    /// What comes behind this one, which nobody waits for.
    Behind(u64),
    /// Where it is.
    Same,
}

/// A stretch of the feed that was looked through.
#[derive(Debug, Default)]
struct Sifted {
    /// What is wanted, each with how many entries before it are not.
    wanted: Vec<(u64, u64)>,
    /// The last entry that is not wanted, or what comes behind it and is no entry; and how many there are.
    skipped: Option<(u64, u64)>,
    is_all: bool,
}

impl Feed {
    /// Delivers to a consumer what comes next of these types, or passes over what was looked through if none of it is.
    ///
    /// # Errors
    /// As a command that reads for a group.
    pub(crate) async fn deliver_wanted(
        self: &Arc<Self>,
        (group, consumer): (&str, &str),
        types: &Arc<[String]>,
        most: usize,
    ) -> Result<Delivery, WireError> {
        if self.reader.failed().is_some() {
            return Err(WireError::new(ErrorCode::JournalFail, Fault::JournalFailed.to_string()));
        }
        let missing = || no_group(STREAM, group, true);
        let seat = self.house.find_consumer_group(group).ok_or_else(missing)?;
        let mut body = Body::default();
        body.push(Ask::View);
        let view = seat.ask(body).await.map_err(|why| fault(why, self.retry))?.pop();
        let Some(Reply::ConsumerGroupView(Some(view))) = view else { return Err(missing()) };
        let after = view.last_delivered;
        let (name, types) = (Box::<str>::from(group), Arc::clone(types));
        let found = self.read(move |feed| {
            let from = feed.behind(after, 0, &name)?;
            let sifted =
                feed.sift((from, &name), most, |entry| types.iter().any(|kind| kind == entry.kind()))?;
            feed.write_wanted(sifted)
        });
        let (place, delivery) = found.await?;
        let (ids, no_ack) = match place {
            // One that is not kept any more by now is delivered all the same, so that somebody hears of it.
            Place::Wanted(ids) => (ids, false),
            Place::Behind(last) => (vec![last], true),
            Place::Same => return Ok(delivery),
        };
        match self.tell(&seat, &Command::Deliver { consumer, after, entries: ids, no_ack }).await? {
            Answer::Delivered(ids) => {
                self.usage.delivered(if no_ack { 0 } else { ids.len() });
                Ok(delivery)
            }
            // Somebody moved it meanwhile: it is to be looked at again.
            Answer::MovedOn { .. } => Ok(Delivery::default()),
            other => Err(self.refused(other, missing)),
        }
    }

    /// Looks for entries that are wanted, and writes none.
    fn sift(
        &self,
        (from, group): (u64, &str),
        most: usize,
        wants: impl Fn(&Entry<'_>) -> bool,
    ) -> Result<Sifted, FeedError> {
        let (mut sifted, mut bytes, mut passed) = (Sifted::default(), 0, 0);
        let from = self.tail.skip(from);
        let mut block = self.reader.block_at(from)?;
        if let Some(oldest) = block.as_ref().map(|block| block.first_sequence).filter(|first| *first > from) {
            // It was deleted in this moment.
            return Err(FeedError::GroupTrimmed { group: group.into(), asked: from, oldest });
        }
        let mut looked = from;
        while let Some(here) = block.take_if(|_| bytes < STRETCH_BYTES && sifted.wanted.len() < most) {
            self.look_at_entries(&here, |sequence, entry| {
                if sequence < from {
                } else if wants(&entry) {
                    sifted.wanted.push((sequence, passed));
                } else {
                    passed += 1;
                    sifted.skipped = Some((sequence, passed));
                }
            })?;
            bytes += here.len();
            looked = here.last_sequence() + 1;
            block = self.reader.block_after(&here)?;
        }
        if sifted.wanted.is_empty() {
            let empty = sifted.skipped.map_or(from, |(last, _)| last + 1);
            if looked > empty {
                self.tail.note(empty, looked);
            }
            if bytes >= EMPTY_BYTES && sifted.skipped.is_none() {
                sifted.skipped = Some((looked - 1, 0));
            }
        }
        sifted.wanted.truncate(most);
        sifted.is_all = block.is_none();
        Ok(sifted)
    }

    /// Writes what is wanted, or as much of it as comes before an entry that can't be written now.
    fn write_wanted(&self, sifted: Sifted) -> Result<(Place, Delivery), FeedError> {
        let Sifted { mut wanted, skipped, is_all } = sifted;
        loop {
            let ids: Vec<u64> = wanted.iter().map(|(sequence, _)| *sequence).collect();
            let Some((_, skipped_before)) = wanted.last().copied() else {
                let (place, skipped) =
                    skipped.map_or((Place::Same, 0), |(last, count)| (Place::Behind(last), count));
                return Ok((place, Delivery { entries: Vec::new(), skipped, is_all }));
            };
            match self.entries(&ids, self.budget()) {
                // The reply is full before the last of them.
                Ok(Found { until: Some(until), .. }) if wanted.iter().any(|(id, _)| *id >= until) => {
                    wanted.retain(|(id, _)| *id < until);
                }
                Ok(found) => {
                    let entries = found.entries.into_values().collect();
                    return Ok((Place::Wanted(ids), Delivery { entries, skipped: skipped_before, is_all }));
                }
                Err(FeedError::Unasked { sequence, .. }) if ids.first().is_some_and(|id| *id < sequence) => {
                    wanted.retain(|(id, _)| *id < sequence);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The entries of a block.
    fn look_at_entries<'b>(
        &self,
        block: &'b WalkedBlock,
        mut look: impl FnMut(u64, Entry<'b>),
    ) -> Result<(), FeedError> {
        for group in block.groups() {
            let group = group?;
            let seat = self.seats.find(&self.house, group.actor);
            match seat.ok_or(FeedError::Unknown(group.first_sequence))?.kind() {
                ActorKind::Sku => sku_entries(&group, &mut look)?,
                ActorKind::Campaign => campaign_entries(&group, &mut look)?,
                ActorKind::ConsumerGroup => {}
            }
        }
        Ok(())
    }
}
