//! What commands about the feed are answered.

use std::sync::Arc;
use std::time::Duration;

use tidegate_actors::Fault;
use tidegate_protocol::command::{Bound, ReadFrom, StreamCall, last_of};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::Writer;
use tokio::sync::futures::Notified;
use tokio::time::sleep;

use super::budget::Budget;
use super::call::FeedCall;
use super::page::{Page, Stretch};
use super::reply::{put_page, put_streams};
use super::{Feed, FeedError, STREAM};
use crate::pool::Loan;

/// How long a reader rests that was woken and found nothing: an entry that comes may take so much longer, and commits that
/// bring none wake nobody more often.
const REST: Duration = Duration::from_millis(5);

impl Feed {
    /// Carries out a command, or begins to wait: then nothing is written, and it is to be tried again when something
    /// moved.
    ///
    /// # Errors
    /// What the caller is told instead of a reply.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        call: &mut FeedCall,
        out: &mut Vec<u8>,
    ) -> Result<bool, WireError> {
        if self.reader.failed().is_some() {
            return Err(WireError::new(ErrorCode::JournalFail, Fault::JournalFailed.to_string()));
        }
        call.counts_in(self.usage.waiting_readers());
        let mut writer = Writer::new(out, call.protocol);
        match &call.asked {
            StreamCall::Len { key } if key != STREAM => writer.uint(0),
            StreamCall::Len { .. } => {
                writer.uint(self.counting(Self::counted).await?.entries);
            }
            StreamCall::Range { key, count: Some(0), .. } if key == STREAM => writer.null_array(),
            StreamCall::Range { key, from, to, count, backwards } => {
                let page = if key == STREAM {
                    self.range((*from, *to), (self.most(*count), call.loan()), *backwards).await?
                } else {
                    Page::default()
                };
                put_page(&mut writer, &page);
            }
            StreamCall::Read { .. } => return self.read_streams(call, out).await,
            StreamCall::ReadGroup { .. } => return self.read_group(call, out).await,
            StreamCall::Group { key, group, ask } => {
                self.answer_group((key, group, ask), call.loan(), &mut writer).await?;
            }
            StreamCall::InfoStream { key } | StreamCall::InfoGroups { key } if key != STREAM => {
                return Err(WireError::invalid("no such key"));
            }
            StreamCall::Help { lines } => {
                writer.array(lines.len());
                lines.iter().for_each(|line| writer.simple(line));
            }
            StreamCall::InfoStream { .. } => self.describe(&mut writer).await?,
            StreamCall::InfoGroups { .. } => self.describe_groups(&mut writer).await?,
        }
        Ok(true)
    }

    /// Waits until there may be more for a call that found nothing.
    pub(crate) async fn more(&self, call: &FeedCall) {
        if call.looks > 1 {
            sleep(REST).await;
        }
        let place = call.place();
        let is_due = || self.reader.durable_sequence() >= place || self.reader.failed().is_some();
        tokio::select! {
            () = self.waiters.wait(place, is_due) => {}
            () = call.group_is_over() => {}
        }
    }

    /// Waits for a commit after this was called. To be enabled before looking.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// How many entries one reply has at most.
    pub(super) fn most(&self, count: Option<u64>) -> usize {
        let limit = self.limits.max_entries_per_read;
        count.map_or(limit, |count| usize::try_from(count).unwrap_or(limit).min(limit))
    }

    async fn range(
        self: &Arc<Self>,
        (from, to): (Bound, Bound),
        (most, loan): (usize, &Arc<Loan>),
        backwards: bool,
    ) -> Result<Page, FeedError> {
        let mut budget = self.budget_with(loan);
        self.read(move |feed| {
            let Some(to) = last_of(to) else { return Ok(Page::default()) };
            let stretch = Stretch { from: feed.begin(from)?, to, most };
            if backwards {
                feed.page_backwards(stretch, &mut budget)
            } else {
                feed.page(stretch, &mut budget)
            }
        })
        .await
    }

    async fn read_streams(
        self: &Arc<Self>,
        call: &mut FeedCall,
        out: &mut Vec<u8>,
    ) -> Result<bool, WireError> {
        let StreamCall::Read { count, streams, .. } = &call.asked else { return Ok(true) };
        let most = (self.most(*count), self.budget_with(call.loan()));
        let mut places = call.places.take();
        let permit = if self.is_news(&mut places) { self.permit().await } else { None };
        let found = if permit.is_some() && self.is_news(&mut places) {
            let streams = streams.clone();
            let (next, found) =
                self.read_with(permit, move |feed| feed.pages(&streams, places, most)).await?;
            places = Some(next);
            found
        } else {
            Vec::new()
        };
        call.places = places;
        call.looks += 1;
        let mut writer = Writer::new(out, call.protocol);
        if found.is_empty() {
            if call.may_wait() {
                return Ok(false);
            }
            writer.null_array();
        } else {
            put_streams(&mut writer, &found);
        }
        Ok(true)
    }

    /// Whether there may be something behind these places that nobody has looked at. Moves them on to where that is.
    fn is_news(&self, places: &mut Option<Vec<Option<u64>>>) -> bool {
        let Some(places) = places else { return true };
        let durable = self.reader.durable_sequence();
        places.iter_mut().flatten().fold(false, |is_news, place| {
            *place = self.tail.skip(*place);
            is_news || *place <= durable
        })
    }

    /// What is behind these places, and where to look next.
    #[allow(clippy::type_complexity)] // places, and pages by stream
    fn pages(
        &self,
        streams: &[(String, ReadFrom)],
        places: Option<Vec<Option<u64>>>,
        (most, mut budget): (usize, Budget),
    ) -> Result<(Vec<Option<u64>>, Vec<(String, Page)>), FeedError> {
        let places = match places {
            Some(places) => places,
            None => streams.iter().map(|(key, from)| self.place(key, *from)).collect::<Result<_, _>>()?,
        };
        let (mut next, mut found) = (Vec::with_capacity(places.len()), Vec::new());
        for ((key, _), place) in streams.iter().zip(places) {
            let Some(from) = place else {
                next.push(None);
                continue;
            };
            let page = self.page(Stretch { from, to: u64::MAX, most }, &mut budget)?;
            next.push(Some(page.next));
            if !page.ids.is_empty() {
                found.push((key.clone(), page));
            }
        }
        Ok((next, found))
    }

    fn place(&self, key: &str, from: ReadFrom) -> Result<Option<u64>, FeedError> {
        if key != STREAM {
            return Ok(None);
        }
        let end = self.reader.durable_sequence() + 1;
        Ok(Some(match from {
            ReadFrom::After(id) => self.after(id)?,
            ReadFrom::Now => end,
            ReadFrom::Last => {
                let stretch = Stretch { from: self.oldest()?, to: u64::MAX, most: 1 };
                let last = self.page_backwards(stretch, &mut self.budget())?;
                last.ids.first().copied().unwrap_or(end)
            }
        }))
    }
}

impl From<FeedError> for WireError {
    fn from(error: FeedError) -> Self {
        WireError::invalid(error.to_string())
    }
}
