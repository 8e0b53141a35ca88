//! Reading for a consumer group: who is delivered what, and what is delivered again.

use std::sync::Arc;

use tidegate_actors::Seat;
use tidegate_engine::{Claimed, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command};
use tidegate_protocol::command::{StreamCall, StreamId};
use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::Writer;

use super::budget::Budget;
use super::call::FeedCall;
use super::groups::no_group;
use super::page::{Found, Page, Stretch};
use super::reply::put_streams;
use super::{Feed, FeedError, STREAM};

/// Where a group is known to be, so that a reader need not ask before it looks. A guess: the group itself knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// Everything up to here was delivered.
    after: Option<u64>,
    /// Behind that, there is nothing before this.
    next: u64,
}

/// Who reads, and how.
#[derive(Clone, Copy)]
struct Reading<'c> {
    seat: &'c Arc<Seat>,
    consumer: &'c str,
    /// The most entries.
    most: usize,
    no_ack: bool,
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
            return Err(no_group(key, group, true));
        };
        let reading = Reading { seat, consumer, most: self.most(*count), no_ack: *no_ack };
        let (mut found, mut may_wait) = (Vec::new(), call.may_wait());
        let mut budget = self.budget();
        for (key, from) in streams {
            let page = match from {
                // What was delivered before is there or not: nobody waits for it.
                Some(after) => {
                    may_wait = false;
                    self.repeat(reading, *after, &mut budget).await
                }
                None => self.deliver(reading, &mut budget).await,
            };
            match page {
                // A reply that is full must not say that there is nothing more.
                Ok(page) if page.ids.is_empty() && (from.is_none() || budget.is_spent()) => {}
                Ok(page) => found.push((key.clone(), page)),
                // What was delivered is told. The next read says what is wrong.
                Err(_) if found.iter().any(|(_, page): &(_, Page)| !page.ids.is_empty()) => break,
                Err(error) => return Err(error),
            }
            if budget.is_spent() {
                break;
            }
        }
        let mut writer = Writer::new(out, call.protocol);
        match found.is_empty() {
            true if may_wait => return Ok(false),
            true => writer.null_array(),
            false => put_streams(&mut writer, &found),
        }
        Ok(true)
    }

    /// Delivers the next entries. Readers of one group take turns: two at once would find the same ones.
    async fn deliver(self: &Arc<Self>, reading: Reading<'_>, budget: &mut Budget) -> Result<Page, WireError> {
        let Reading { seat, consumer, most, no_ack } = reading;
        let turn = Arc::clone(&self.positions.entry(seat.name().into()).or_default());
        let mut position = turn.lock().await;
        loop {
            let (page, left) = match position.after {
                // Nothing is known yet: the group says where it is.
                None => (Page::default(), budget.clone()),
                Some(after) => {
                    let (next, group) = (position.next, Box::<str>::from(seat.name()));
                    let mut budget = budget.clone();
                    self.read(move |feed| {
                        let from = feed.behind(after, next, &group)?;
                        Ok((feed.page(Stretch { from, to: u64::MAX, most }, &mut budget)?, budget))
                    })
                    .await?
                }
            };
            let after = position.after.unwrap_or(u64::MAX);
            let command = Command::Deliver { consumer, after, entries: page.ids.clone(), no_ack };
            match self.tell(seat, &command).await? {
                Answer::Delivered(entries) => {
                    let after = entries.last().copied().unwrap_or(after);
                    *position = Position { after: Some(after), next: page.next };
                    *budget = left;
                    return Ok(page);
                }
                Answer::MovedOn { after } => *position = Position { after: Some(after), next: 0 },
                other => return Err(self.refused(other, || no_group(STREAM, seat.name(), true))),
            }
        }
    }

    /// Where a group goes on. `looked` is known to be free of entries up to there.
    fn behind(&self, after: u64, looked: u64, group: &str) -> Result<u64, FeedError> {
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

    /// Looks for these entries, which ascend, as far as they fit.
    pub(super) async fn find(self: &Arc<Self>, ids: Vec<u64>, budget: Budget) -> Result<Found, FeedError> {
        if ids.is_empty() {
            return Ok(Found::default());
        }
        self.read(move |feed| feed.entries(&ids, budget)).await
    }
}
