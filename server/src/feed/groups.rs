//! Commands about a consumer group, but for reading.

use std::sync::Arc;

use tidegate_actors::{Ask, Body, Fault, Reply, Seat};
use tidegate_engine::{
    Claimed, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command, ConsumerGroupView,
};
use tidegate_protocol::command::GroupAsk;
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::Writer;

use super::budget::Budget;
use super::reply::{ID_BYTES, PENDING_BYTES, ids, put_claimed};
use super::{Feed, FeedError, STREAM};
use crate::convert::{self, Kept};
use crate::pool::{Loan, OWN_BYTES};

/// Which words Redis has for a group that is not there depends on the command.
pub(super) fn no_group(key: &str, group: &str, reading: bool) -> WireError {
    let rest = if reading { " in XREADGROUP with GROUP option" } else { "" };
    WireError::new(ErrorCode::NoGroup, format!("No such key '{key}' or consumer group '{group}'{rest}"))
}

fn no_group_of(key: &str, group: &str) -> WireError {
    WireError::new(ErrorCode::NoGroup, format!("No such consumer group '{group}' for key name '{key}'"))
}

impl Feed {
    /// Carries out a command about one group.
    pub(super) async fn answer_group(
        self: &Arc<Self>,
        (key, group, ask): (&str, &str, &GroupAsk),
        loan: &Arc<Loan>,
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
            return self.show((&seat, ask), loan, writer).await;
        };
        if let Command::Claim { .. } = command {
            return self.claim((&seat, ask), command, loan, writer).await;
        }
        let answer = self.tell(&seat, &command).await?;
        if matches!(command, Command::Move { .. } | Command::Destroy) {
            self.turns.remove(group).inspect(|(_, turn)| turn.end());
        }
        match answer {
            Answer::Done => writer.simple("OK"),
            Answer::Count(count) => writer.uint(count),
            other => return Err(self.refused(other, || missing(key, group, ask))),
        }
        Ok(())
    }

    async fn kept_now(self: &Arc<Self>, ask: &GroupAsk) -> Result<Kept, FeedError> {
        // Only who takes something over, or begins with the oldest, has to know what is still there.
        let has_to_know = match ask {
            GroupAsk::AutoClaim { .. } | GroupAsk::Claim { .. } => true,
            GroupAsk::Create { after, .. } | GroupAsk::SetId { after } => {
                after.is_some_and(|id| id.first == 0)
            }
            _ => false,
        };
        let from = if has_to_know { self.read(|feed| feed.oldest()).await? } else { 0 };
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
        let Some(Command::Create { after }) = convert::group_command(ask, kept) else { return Ok(()) };
        let answer = self.house.create_consumer_group(group, after).await;
        match answer.map_err(|error| convert::not_created(&error, self.retry))? {
            Answer::Done => writer.simple("OK"),
            other => return Err(self.refused(other, || no_group_of(key, group))),
        }
        Ok(())
    }

    /// Takes over what fits into the reply. What that is, is found out before anything is taken over: what nobody is
    /// shown, nobody works off.
    async fn claim(
        self: &Arc<Self>,
        (seat, ask): (&Arc<Seat>, &GroupAsk),
        mut command: Command<&str>,
        loan: &Arc<Loan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let (GroupAsk::AutoClaim { just_id, .. } | GroupAsk::Claim { just_id, .. }) = ask else {
            return Ok(());
        };
        let (entries, gone, next) = match self.judge(seat, &command).await? {
            Answer::Claimed { entries, gone, next } => (entries, gone, next),
            other => return Err(self.refused(other, || missing(STREAM, seat.name(), ask))),
        };
        let budget = self.budget_with(loan);
        let found = if *just_id { None } else { Some(self.find(entries.clone(), budget.clone()).await?) };
        let length = |entry| found.as_ref().map_or(Some(ID_BYTES), |found| found.length(entry));
        let (chosen, next) = match ask {
            GroupAsk::AutoClaim { .. } => first_that_fit((entries, gone, next), length, budget),
            _ => (those_that_fit((entries, gone), length, budget), next),
        };
        if let Command::Claim { which, .. } = &mut command {
            *which = Claimed::Entries(chosen);
        }
        match self.tell(seat, &command).await? {
            Answer::Claimed { entries, gone, .. } => {
                let page = found.map_or_else(|| ids(&entries), |found| found.page(&entries));
                let rest = matches!(ask, GroupAsk::AutoClaim { .. }).then_some((next, &gone[..]));
                put_claimed(writer, &page, rest);
                Ok(())
            }
            other => Err(self.refused(other, || missing(STREAM, seat.name(), ask))),
        }
    }

    async fn show(
        self: &Arc<Self>,
        (seat, ask): (&Arc<Seat>, &GroupAsk),
        loan: &Arc<Loan>,
        writer: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let mut body = Body::default();
        let within = |bytes: usize| {
            let bytes = self.max_page_bytes.min(bytes);
            convert::pending_span(ask, self.limits.max_entries_per_read.min(bytes / PENDING_BYTES))
        };
        let (mut lent, all) = (0, within(usize::MAX));
        while within(OWN_BYTES + lent) != all {
            let more = loan.beyond(lent);
            if more <= lent {
                break;
            }
            lent = more;
        }
        match within(OWN_BYTES + lent) {
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
        self.send(seat, command)?.await
    }

    /// Sends a command, and gives what waits for its answer: that is durable when it comes.
    pub(super) fn send(
        &self,
        seat: &Seat,
        command: &Command<&str>,
    ) -> Result<impl Future<Output = Result<Answer, WireError>>, WireError> {
        let mut body = Body::default();
        body.push_consumer_group(seat.name(), command);
        let retry = self.retry;
        let outcome = seat.send(body).map_err(|(_, fault)| convert::fault(fault, retry))?;
        Ok(async move {
            let replies = outcome.await.map_or(Err(Fault::Stopping), |outcome| outcome.replies);
            match replies.map_err(|fault| convert::fault(fault, retry))?.pop() {
                Some(Reply::ConsumerGroup(answer)) => Ok(*answer),
                _ => Err(WireError::from(FeedError::Panicked)),
            }
        })
    }

    /// What would be answered to a command.
    pub(super) async fn judge(&self, seat: &Arc<Seat>, command: &Command<&str>) -> Result<Answer, WireError> {
        let mut body = Body::default();
        body.push_judged(seat.name(), command);
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

/// Of what can be claimed and what is gone, the first that a reply has room for, and where to go on.
fn first_that_fit(
    (entries, gone, next): (Vec<u64>, Vec<u64>, u64),
    length: impl Fn(u64) -> Option<usize>,
    mut budget: Budget,
) -> (Vec<u64>, u64) {
    let entries = entries.into_iter().map(|entry| (entry, length(entry)));
    // It tells of these too.
    let gone = gone.into_iter().map(|entry| (entry, Some(ID_BYTES)));
    let mut both: Vec<_> = entries.chain(gone).collect();
    both.sort_unstable_by_key(|(entry, _)| *entry);
    let end = both.iter().position(|(_, length)| !budget.take_found(*length));
    let next = end.map_or(next, |end| both[end].0);
    (both.into_iter().take(end.unwrap_or(usize::MAX)).map(|(entry, _)| entry).collect(), next)
}

/// What a reply has room for of what can be claimed, and all that is gone: of that nothing is told.
fn those_that_fit(
    (entries, gone): (Vec<u64>, Vec<u64>),
    length: impl Fn(u64) -> Option<usize>,
    mut budget: Budget,
) -> Vec<u64> {
    let mut chosen = entries;
    chosen.retain(|entry| budget.take_found(length(*entry)));
    chosen.extend(gone);
    chosen
}
