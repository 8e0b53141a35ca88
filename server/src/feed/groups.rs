//! Consumer groups: who is delivered what, and what is still waited for.

use std::sync::Arc;

use tidegate_actors::{Ask, Body, CreateError, Reply, Seat};
use tidegate_engine::{ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command, ConsumerGroupView};
use tidegate_protocol::command::{GroupAsk, StreamCall, StreamId};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::Writer;

use super::call::FeedCall;
use super::page::{Page, Stretch};
use super::reply::{id, put_claimed, put_kept, put_streams};
use super::{Feed, FeedError, STREAM};
use crate::convert::{self, Kept};

/// Where a group is known to be, so that a reader need not ask before it looks. A guess: the group itself knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// Everything up to here was delivered.
    after: Option<u64>,
    /// Behind that, there is nothing before this.
    next: u64,
}

/// Which words Redis has for a group that is not there depends on the command.
pub(super) fn no_group(key: &str, group: &str, reading: bool) -> WireError {
    let rest = if reading { " in XREADGROUP with GROUP option" } else { "" };
    WireError::new(ErrorCode::NoGroup, format!("No such key '{key}' or consumer group '{group}'{rest}"))
}

fn no_group_of(key: &str, group: &str) -> WireError {
    WireError::new(ErrorCode::NoGroup, format!("No such consumer group '{group}' for key name '{key}'"))
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
        let most = self.most(*count);
        let (mut found, mut may_wait) = (Vec::new(), call.may_wait());
        for (key, from) in streams {
            let seat = self.house.find_consumer_group(group).filter(|_| key == STREAM);
            let seat = seat.ok_or_else(|| no_group(key, group, true))?;
            match from {
                Some(after) => {
                    // What was delivered before is there or not: nobody waits for it.
                    may_wait = false;
                    found.push((key.clone(), self.repeat(&seat, consumer, *after, most).await?));
                }
                None => {
                    let page = self.deliver(&seat, consumer, most, *no_ack).await?;
                    if !page.ids.is_empty() {
                        found.push((key.clone(), page));
                    }
                }
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
    async fn deliver(
        self: &Arc<Self>,
        seat: &Arc<Seat>,
        consumer: &str,
        most: usize,
        no_ack: bool,
    ) -> Result<Page, WireError> {
        let turn = Arc::clone(&self.positions.entry(seat.name().into()).or_default());
        let mut position = turn.lock().await;
        loop {
            let page = match position.after {
                // Nothing is known yet: the group says where it is.
                None => Page::default(),
                Some(after) => {
                    let (next, group) = (position.next, Box::<str>::from(seat.name()));
                    self.read(move |feed| {
                        let from = feed.behind(after, &group)?.max(next);
                        feed.page(Stretch { from, to: u64::MAX, most })
                    })
                    .await?
                }
            };
            let after = position.after.unwrap_or(u64::MAX);
            let command = Command::Deliver { consumer, after, entries: page.ids.clone(), no_ack };
            match self.tell(seat, &command).await? {
                Answer::Delivered(entries) => {
                    self.usage.delivered(entries.len());
                    let after = entries.last().copied().unwrap_or(after);
                    *position = Position { after: Some(after), next: page.next };
                    return Ok(page);
                }
                Answer::MovedOn { after } => *position = Position { after: Some(after), next: 0 },
                other => return Err(self.refused(other, || no_group(STREAM, seat.name(), true))),
            }
        }
    }

    /// Where a group goes on.
    pub(super) fn behind(&self, after: u64, group: &str) -> Result<u64, FeedError> {
        let oldest = self.oldest()?;
        match after.saturating_add(1) {
            next if next >= oldest || after == 0 => Ok(next.max(oldest)),
            asked => Err(FeedError::GroupTrimmed { group: group.into(), asked, oldest }),
        }
    }

    /// Delivers again what a consumer has not acknowledged.
    async fn repeat(
        self: &Arc<Self>,
        seat: &Arc<Seat>,
        consumer: &str,
        after: StreamId,
        most: usize,
    ) -> Result<Page, WireError> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let command = Command::Repeat { consumer, after: after.first, most };
        match self.tell(seat, &command).await? {
            Answer::Delivered(entries) => Ok(self.entries_in_page(entries).await?),
            other => Err(self.refused(other, || no_group(STREAM, seat.name(), true))),
        }
    }

    /// These entries, and for those that are not kept any more their id and nil.
    async fn entries_in_page(self: &Arc<Self>, ids: Vec<u64>) -> Result<Page, FeedError> {
        self.read(move |feed| {
            let kept = feed.entries(&ids)?;
            let mut page = Page { ids, ..Page::default() };
            for sequence in &page.ids {
                put_kept(&mut page.entries, *sequence, kept.get(sequence).map(Vec::as_slice));
            }
            Ok(page)
        })
        .await
    }

    /// Carries out a command about one group.
    pub(super) async fn answer_group(
        self: &Arc<Self>,
        (key, group, ask): (&str, &str, &GroupAsk),
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        if let GroupAsk::Create { make_stream, .. } = ask {
            return self.create((key, group, ask), *make_stream, writer).await;
        }
        let Some(seat) = self.house.find_consumer_group(group).filter(|_| key == STREAM) else {
            // Of what there is not, nothing is acknowledged or deleted.
            let nothing =
                matches!(ask, GroupAsk::Ack { .. }) || (matches!(ask, GroupAsk::Destroy) && key == STREAM);
            if !nothing {
                return Err(missing(key, group, ask));
            }
            writer.uint(0);
            return Ok(());
        };
        let Some(command) = convert::group_command(ask, self.kept_now(ask).await?) else {
            return self.show(&seat, ask, writer).await;
        };
        let answer = self.tell(&seat, &command).await?;
        if matches!(command, Command::Move { .. } | Command::Destroy) {
            self.positions.remove(group);
        }
        match answer {
            Answer::Done => writer.simple("OK"),
            Answer::Count(count) => writer.uint(count),
            Answer::Claimed { entries, gone, next } => {
                self.show_claimed(ask, entries, (next, &gone), writer).await?;
            }
            other => return Err(self.refused(other, || missing(key, group, ask))),
        }
        Ok(())
    }

    async fn kept_now(self: &Arc<Self>, ask: &GroupAsk) -> Result<Kept, FeedError> {
        // Only who takes something over has to know what is still there.
        let is_claim = matches!(ask, GroupAsk::AutoClaim { .. } | GroupAsk::Claim { .. });
        let from = if is_claim { self.read(|feed| feed.oldest()).await? } else { 0 };
        let (durable, most) = (self.reader.durable_sequence(), self.limits.max_entries_per_read);
        Ok(Kept { from, durable, most })
    }

    async fn create(
        self: &Arc<Self>,
        (key, group, ask): (&str, &str, &GroupAsk),
        make_stream: bool,
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        if key != STREAM {
            return Err(WireError::invalid(if make_stream {
                format!("no stream can be made: the only one is {STREAM}")
            } else {
                "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
                 option to create an empty stream automatically."
                    .to_owned()
            }));
        }
        let kept = self.kept_now(ask).await?;
        let seat = self.house.find_or_create_consumer_group(group);
        let seat = seat.map_err(|error: CreateError| convert::not_created(&error, self.retry))?;
        let Some(command) = convert::group_command(ask, kept) else { return Ok(()) };
        match self.tell(&seat, &command).await? {
            Answer::Done => writer.simple("OK"),
            other => return Err(self.refused(other, || no_group_of(key, group))),
        }
        Ok(())
    }

    /// Shows what was taken over.
    async fn show_claimed(
        self: &Arc<Self>,
        ask: &GroupAsk,
        entries: Vec<u64>,
        rest: (u64, &[u64]),
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let (GroupAsk::AutoClaim { just_id, .. } | GroupAsk::Claim { just_id, .. }) = ask else {
            return Ok(());
        };
        let page = if *just_id {
            let mut page = Page { ids: entries, ..Page::default() };
            let mut ids = Writer::new(&mut page.entries, writer.protocol());
            page.ids.iter().for_each(|entry| ids.bulk(id(*entry)));
            page
        } else {
            self.entries_in_page(entries).await?
        };
        put_claimed(writer, &page, matches!(ask, GroupAsk::AutoClaim { .. }).then_some(rest));
        Ok(())
    }

    async fn show(
        self: &Arc<Self>,
        seat: &Arc<Seat>,
        ask: &GroupAsk,
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let mut body = Body::default();
        match convert::pending_span(ask, self.limits.max_entries_per_read) {
            Some(span) => body.push_pending(&span),
            None => body.push(Ask::View),
        }
        let now = self.house.now();
        match (ask, self.ask(seat, body).await?) {
            (GroupAsk::PendingSummary, Reply::ConsumerGroupView(Some(view))) => {
                convert::put_summary(writer, &view)
            }
            (GroupAsk::InfoConsumers, Reply::ConsumerGroupView(Some(view))) => {
                convert::put_consumers(writer, &view, now);
            }
            (GroupAsk::Pending { .. }, Reply::Pending(Some(entries))) => {
                convert::put_pending(writer, &entries, now);
            }
            _ => return Err(missing(STREAM, seat.name(), ask)),
        }
        Ok(())
    }

    /// The groups that there are, by name.
    pub(super) async fn groups(&self) -> Result<Vec<(Arc<Seat>, ConsumerGroupView)>, WireError> {
        let mut groups = Vec::new();
        for seat in self.house.consumer_groups() {
            let mut body = Body::default();
            body.push(Ask::View);
            if let Reply::ConsumerGroupView(Some(view)) = self.ask(&seat, body).await? {
                groups.push((seat, *view));
            }
        }
        Ok(groups)
    }

    pub(super) async fn tell(&self, seat: &Arc<Seat>, command: &Command<&str>) -> Result<Answer, WireError> {
        let mut body = Body::default();
        body.push_consumer_group(command);
        match self.ask(seat, body).await? {
            Reply::ConsumerGroup(answer) => Ok(*answer),
            _ => Err(WireError::from(FeedError::Panicked)),
        }
    }

    async fn ask(&self, seat: &Arc<Seat>, body: Body) -> Result<Reply, WireError> {
        let mut replies = seat.ask(body).await.map_err(|fault| convert::fault(fault, self.retry))?;
        replies.pop().ok_or_else(|| WireError::from(FeedError::Panicked))
    }

    /// What the caller is told when a group does not do what it was asked.
    pub(super) fn refused(&self, answer: Answer, missing: impl FnOnce() -> WireError) -> WireError {
        match answer {
            Answer::Exists => WireError::new(ErrorCode::BusyGroup, "Consumer Group name already exists"),
            Answer::Missing => missing(),
            Answer::Full { limit: "consumers" } => WireError::invalid(
                "the group has as many consumers as it may (feed.max_consumers_per_group); delete some, or raise it",
            ),
            Answer::Full { .. } => convert::overloaded(
                "the group has delivered as much as it may without acknowledgement (feed.max_pending_per_group)",
                self.retry,
            ),
            _ => WireError::from(FeedError::Panicked),
        }
    }
}

fn missing(key: &str, group: &str, ask: &GroupAsk) -> WireError {
    match ask {
        GroupAsk::InfoConsumers if key != STREAM => WireError::invalid("no such key"),
        GroupAsk::PendingSummary
        | GroupAsk::Pending { .. }
        | GroupAsk::AutoClaim { .. }
        | GroupAsk::Claim { .. } => no_group(key, group, false),
        _ if key != STREAM => WireError::invalid(format!(
            "The XGROUP subcommand requires the key to exist, and the only one is {STREAM}"
        )),
        _ => no_group_of(key, group),
    }
}
