//! Reading for a consumer group: who is delivered what, and what is delivered again.

use std::sync::Arc;

use tidegate_actors::Seat;
use tidegate_engine::{Claimed, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command};
use tidegate_protocol::command::{StreamCall, StreamId};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::Writer;
use tokio::sync::watch;

use super::budget::Budget;
use super::call::{FeedCall, GroupWait};
use super::groups::no_group;
use super::page::{Found, Page, Stretch};
use super::reply::put_streams;
use super::{Feed, FeedError, STREAM};

/// The readers of one group take turns at finding what is next: two at once would find the same.
#[derive(Debug, Default)]
pub(super) struct Turn {
    position: tokio::sync::Mutex<Position>,
    /// Whether the group was moved or destroyed, and this is not to be used any more.
    over: watch::Sender<bool>,
}

/// Where a group will be when all that was sent to it is decided, so that a reader need not ask before it looks. A guess: the
/// group itself knows.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// Everything up to here was delivered.
    after: Option<u64>,
    /// Behind that, there is nothing before this.
    next: u64,
    /// How often it was found to be wrong. What was sent before that says nothing of it now.
    version: u64,
}

impl Turn {
    /// Nobody uses this any more, and who waits looks again.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// The guess of this version was wrong.
    async fn correct(&self, version: u64, after: Option<u64>) {
        let mut position = self.position.lock().await;
        if position.version == version {
            *position = Position { after, next: 0, version: version + 1 };
        }
    }
}

/// Who reads, and how.
#[derive(Clone, Copy)]
struct Reading<'c> {
    seat: &'c Arc<Seat>,
    consumer: &'c str,
    /// The most entries.
    most: usize,
    no_ack: bool,
    turn: &'c Turn,
    /// Whether the group is known to be there, and to know the consumer.
    is_known: bool,
}

/// The group was destroyed while it was waited for.
fn gone() -> WireError {
    WireError::new(ErrorCode::NoGroup, "the consumer group this client was blocked on no longer exists")
}

impl Feed {
    /// Reads for a consumer. False if there is nothing yet, and it is to be waited for.
    pub(super) async fn read_group(
        self: &Arc<Self>,
        call: &mut FeedCall,
        out: &mut Vec<u8>,
    ) -> Result<bool, WireError> {
        let StreamCall::ReadGroup { group, consumer, count, no_ack, streams, .. } = &call.asked else {
            return Ok(true);
        };
        // All of them before anything is delivered: what a reply with an error does not show would be lost.
        let seat = self.house.find_consumer_group(group);
        let stranger = streams.iter().find(|(key, _)| key != STREAM || seat.is_none());
        let (None, Some(seat)) = (stranger, &seat) else {
            let key = stranger.map_or(STREAM, |(key, _)| key);
            return Err(if call.wait.is_some() { gone() } else { no_group(key, group, true) });
        };
        let turn = Arc::clone(&self.turns.entry(group.as_str().into()).or_default());
        // Before looking, so that no end is missed.
        let over = turn.over.subscribe();
        let is_known = call.wait.as_ref().is_some_and(|wait| !*wait.over.borrow() && !*over.borrow());
        let (most, no_ack) = (self.most(*count), *no_ack);
        let mut reading = Reading { seat, consumer, most, no_ack, turn: &turn, is_known };
        let mut place = u64::MAX;
        let (mut found, mut may_wait) = (Vec::new(), call.may_wait());
        let mut budget = self.budget_with(call.loan());
        for (key, from) in streams {
            let page = match from {
                // What was delivered before is there or not: nobody waits for it.
                Some(after) => {
                    may_wait = false;
                    self.repeat(reading, *after, &mut budget).await
                }
                None => self.deliver(reading, &mut budget).await,
            };
            if let (None, Ok(page)) = (from, &page) {
                (place, reading.is_known) = (page.next, true);
            }
            match page {
                // A reply that is full must not say that there is nothing more.
                Ok(page) if page.ids.is_empty() && (from.is_none() || budget.is_spent()) => {}
                Ok(page) => found.push((key.clone(), page)),
                // What was delivered is told. The next read says what is wrong.
                Err(_) if found.iter().any(|(_, page): &(_, Page)| !page.ids.is_empty()) => break,
                Err(error) if error.code() == ErrorCode::NoGroup => {
                    // The place of a group that is gone: nobody takes turns there.
                    self.turns.remove_if(group.as_str(), |_, known| Arc::ptr_eq(known, &turn));
                    return Err(if call.wait.is_some() { gone() } else { error });
                }
                Err(error) => return Err(error),
            }
            if budget.is_spent() {
                break;
            }
        }
        call.wait = Some(GroupWait { place, over });
        call.looks += 1;
        let mut writer = Writer::new(out, call.protocol);
        match found.is_empty() {
            true if may_wait => return Ok(false),
            true => writer.null_array(),
            false => put_streams(&mut writer, &found),
        }
        Ok(true)
    }

    /// Delivers the next entries. What they are is decided one reader after the other; until a delivery is durable its
    /// reader alone waits, so that those of many share a commit.
    async fn deliver(self: &Arc<Self>, reading: Reading<'_>, budget: &mut Budget) -> Result<Page, WireError> {
        let Reading { seat, consumer, no_ack, turn, .. } = reading;
        loop {
            let mut position = turn.position.lock().await;
            let (mut page, left) = self.next_for(reading, *position, budget.clone()).await?;
            if page.ids.is_empty() && position.after.is_some() {
                position.next = page.next;
                if reading.is_known {
                    return Ok(page);
                }
            }
            let (version, after) = (position.version, position.after.unwrap_or(u64::MAX));
            let command = Command::Deliver { consumer, after, entries: page.ids.clone(), no_ack };
            // The group decides in the order in which it was asked, and so as is guessed here.
            let answer = self.send(seat, &command)?;
            if let Some(last) = page.ids.last() {
                *position = Position { after: Some(*last), next: page.next, version };
            }
            drop(position);
            match answer.await {
                Ok(Answer::Delivered(entries)) => {
                    self.usage.delivered(entries.len());
                    if after == u64::MAX {
                        // Behind the last place that there can be, nothing is waited for.
                        page.next = u64::MAX;
                    }
                    *budget = left;
                    return Ok(page);
                }
                Ok(Answer::MovedOn { after }) => turn.correct(version, Some(after)).await,
                Ok(other) => {
                    turn.correct(version, None).await;
                    return Err(self.refused(other, || no_group(STREAM, seat.name(), true)));
                }
                Err(error) => {
                    turn.correct(version, None).await;
                    return Err(error);
                }
            }
        }
    }

    /// What a group that is there is to be delivered next, and what that leaves of the reply.
    async fn next_for(
        self: &Arc<Self>,
        reading: Reading<'_>,
        position: Position,
        mut budget: Budget,
    ) -> Result<(Page, Budget), WireError> {
        let Position { after, next, .. } = position;
        // Where nothing is known yet, the group says where it is.
        let Some(after) = after else { return Ok((Page::default(), budget)) };
        let next = self.tail.skip(next);
        if next > self.reader.durable_sequence() {
            return Ok((Page { next, ..Page::default() }, budget));
        }
        let (most, group) = (reading.most, Box::<str>::from(reading.seat.name()));
        let read = self.read(move |feed| {
            let from = feed.behind(after, next, &group)?;
            Ok((feed.page(Stretch { from, to: u64::MAX, most }, &mut budget)?, budget))
        });
        Ok(read.await?)
    }

    /// Where a group goes on. `looked` is known to be free of entries up to there.
    pub(super) fn behind(&self, after: u64, looked: u64, group: &str) -> Result<u64, FeedError> {
        let (oldest, asked) = (self.oldest()?, after.saturating_add(1));
        let next = asked.max(looked);
        if next < oldest {
            return Err(FeedError::GroupTrimmed { group: group.into(), asked, oldest });
        }
        Ok(next)
    }

    /// Delivers again what a consumer has not acknowledged, as far as it fits: what is not shown does not count as delivered.
    async fn repeat(
        self: &Arc<Self>,
        reading: Reading<'_>,
        after: StreamId,
        budget: &mut Budget,
    ) -> Result<Page, WireError> {
        let Reading { seat, consumer, most, .. } = reading;
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let which = Claimed::From { from: after.first.saturating_add(1), most };
        let missing = || no_group(STREAM, seat.name(), true);
        let pending = match self.judge(seat, &Command::Repeat { consumer, which }).await? {
            Answer::Delivered(entries) => entries,
            other => return Err(self.refused(other, missing)),
        };
        let found = self.find(pending.clone(), budget.clone()).await?;
        let fits = |entry: &u64| budget.take_found(found.length(*entry));
        let which = Claimed::Entries(pending.into_iter().take_while(fits).collect());
        match self.tell(seat, &Command::Repeat { consumer, which }).await? {
            Answer::Delivered(entries) => Ok(found.page(&entries)),
            other => Err(self.refused(other, missing)),
        }
    }

    /// Looks for these entries, as far as they fit.
    pub(super) async fn find(self: &Arc<Self>, ids: Vec<u64>, budget: Budget) -> Result<Found, FeedError> {
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Found::default());
        }
        self.read(move |feed| feed.entries(&ids, budget)).await
    }
}
