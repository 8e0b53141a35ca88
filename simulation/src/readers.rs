//! The readers of the feed: what they ask of consumer groups, and the accounts of what they were told.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use actix_rt::task::JoinHandle;
use tidegate_actors::{Body, CreateError, Fault, Outcome, Reply};
use tidegate_engine::{
    Claimed, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command, ConsumerGroupView, PendingEntry,
};
use tokio::sync::oneshot;

use crate::account::{Account, Asked, LONG_AGO};
use crate::life::Life;
use crate::reading::{Reading, Wish};
use crate::request::Whom;
use crate::sale::{CONSUMERS, GROUPS};

/// What may be asked of a group before it has answered.
const MOST_OPEN: usize = 5;

/// All readers.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// By group.
    accounts: [Account; GROUPS.len()],
    waiting: Vec<Waiting>,
    /// How much was ever asked.
    asked: u64,
    /// A group is being created. The next one has to wait for that.
    creating: Option<JoinHandle<()>>,
    /// How often each kind of answer was heard.
    heard: BTreeMap<String, u64>,
}

/// Something on its way.
#[derive(Debug)]
struct Waiting {
    group: usize,
    number: u64,
    answer: Coming,
}

#[derive(Debug)]
enum Coming {
    /// From the group.
    Outcome(oneshot::Receiver<Outcome>),
    /// From the house, of a group that is created.
    Created(oneshot::Receiver<Result<Answer, CreateError>>),
}

/// What is heard.
enum Heard {
    Answer(Answer),
    /// Nothing was done.
    Refused,
    /// Whether anything was done is not known.
    Unknown,
}

impl Coming {
    fn hear(&mut self) -> Option<Heard> {
        let refused = |fault| match fault {
            Fault::JournalFailed | Fault::Stopping => Heard::Unknown,
            _ => Heard::Refused,
        };
        match self {
            Self::Outcome(outcome) => match outcome.try_recv() {
                Ok(Outcome { replies: Ok(replies), .. }) => match replies.into_iter().next() {
                    Some(Reply::ConsumerGroup(answer)) => Some(Heard::Answer(*answer)),
                    _ => Some(Heard::Unknown),
                },
                Ok(Outcome { replies: Err(fault), .. }) => Some(refused(fault)),
                Err(oneshot::error::TryRecvError::Empty) => None,
                Err(oneshot::error::TryRecvError::Closed) => Some(Heard::Unknown),
            },
            Self::Created(created) => match created.try_recv() {
                Ok(Ok(answer)) => Some(Heard::Answer(answer)),
                Ok(Err(CreateError::Full { .. })) => Some(Heard::Refused),
                Ok(Err(CreateError::Refused(fault))) => Some(refused(fault)),
                Err(oneshot::error::TryRecvError::Empty) => None,
                Err(oneshot::error::TryRecvError::Closed) => Some(Heard::Unknown),
            },
        }
    }
}

impl Readers {
    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How often each kind of answer was heard.
    pub(crate) fn heard(&self) -> &BTreeMap<String, u64> {
        &self.heard
    }

    /// One of those that wait does so no more.
    pub(crate) fn leave(&mut self, who: usize) {
        let Waiting { group, number, .. } = self.waiting.remove(who);
        self.accounts[group].leave(number);
    }

    /// Somebody wants something of a group.
    pub(crate) async fn ask(&mut self, reading: Reading, life: &Life) {
        let group = usize::from(reading.group);
        if self.accounts[group].open() >= MOST_OPEN {
            return;
        }
        let command = self.command(reading, life);
        let answer = match command {
            Command::Create { after } => self.create(group, after, life).await,
            _ => {
                let mut body = Body::default();
                match reading.only_judged {
                    true => body.push_judged(GROUPS[group], &command),
                    false => body.push_consumer_group(GROUPS[group], &command),
                }
                life.send(Whom::Group(group), body).map(Coming::Outcome)
            }
        };
        let Some(answer) = answer else { return };
        self.asked += 1;
        let only_judged = reading.only_judged && !matches!(command, Command::Create { .. });
        self.accounts[group].ask(self.asked, Asked { command, only_judged });
        self.waiting.push(Waiting { group, number: self.asked, answer });
    }

    /// Has the house create a group. It is asked at once, so that what comes later comes behind it.
    async fn create(&mut self, group: usize, after: u64, life: &Life) -> Option<Coming> {
        if self.creating.as_ref().is_some_and(|creating| !creating.is_finished()) {
            return None;
        }
        let house = Arc::clone(&life.house);
        let (to, created) = oneshot::channel();
        let mut creating: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(tokio::task::unconstrained(async move {
                // Somebody who has left needs no answer.
                let _ = to.send(house.create_consumer_group(GROUPS[group], after).await);
            }));
        let first = std::future::poll_fn(|context| Poll::Ready(creating.as_mut().poll(context))).await;
        if first.is_pending() {
            self.creating = Some(actix_rt::spawn(creating));
        }
        Some(Coming::Created(created))
    }

    /// What a wish comes to, out of what is known now.
    fn command(&self, reading: Reading, life: &Life) -> Command<&'static str> {
        let reader = life.writer.reader();
        let durable = reader.durable_sequence();
        let books = self.accounts[usize::from(reading.group)].standing().as_ref();
        let consumer = CONSUMERS[usize::from(reading.consumer)];
        // Entries that wait for somebody, from one of them on; any, if there are none.
        let some = |from: u8, most: u8| -> Vec<u64> {
            let pending: Vec<u64> = books.iter().flat_map(|books| books.pending.keys().copied()).collect();
            let from = usize::from(from).checked_rem(pending.len()).unwrap_or(0);
            let some: Vec<u64> = pending.into_iter().skip(from).take(most.into()).collect();
            if some.is_empty() { vec![1] } else { some }
        };
        match reading.instead(books.is_some()) {
            Wish::Create { from_now } => Command::Create { after: if from_now { durable } else { 0 } },
            Wish::Destroy => Command::Destroy,
            Wish::Move { back } => Command::Move { after: durable.saturating_sub(back.into()) },
            Wish::AddConsumer => Command::AddConsumer { consumer },
            Wish::RemoveConsumer => Command::RemoveConsumer { consumer },
            Wish::Deliver { most, no_ack } => {
                let after = books.map_or(durable, |books| books.last_delivered);
                let entries = (after + 1..=durable).take(most.into()).collect();
                Command::Deliver { consumer, after, entries, no_ack }
            }
            Wish::Repeat { most } => {
                Command::Repeat { consumer, which: Claimed::From { from: 0, most: most.into() } }
            }
            Wish::Acknowledge { from, most } => Command::Acknowledge { entries: some(from, most) },
            Wish::Claim { from, most, by_place, long_ago, counts } => {
                let entries = some(from, most);
                let which = match by_place {
                    true => Claimed::From { from: entries[0], most: most.into() },
                    false => Claimed::Entries(entries),
                };
                let min_idle = if long_ago { LONG_AGO } else { 0 };
                // A disk that fails does so to whoever reads it next, too.
                let kept_from = reader.oldest_sequence().ok().flatten().unwrap_or(0);
                Command::Claim { consumer, min_idle, which, kept_from, counts }
            }
        }
    }

    /// Hears what was answered meanwhile.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn collect(&mut self) -> Result<(), String> {
        let mut is_waited_for = [false; GROUPS.len()];
        let mut at = 0;
        while at < self.waiting.len() {
            let Waiting { group, number, answer } = &mut self.waiting[at];
            let (group, number) = (*group, *number);
            // In the order in which it was asked.
            match if is_waited_for[group] { None } else { answer.hear() } {
                None => {
                    is_waited_for[group] = true;
                    at += 1;
                }
                Some(heard) => {
                    self.waiting.remove(at);
                    self.note(group, number, heard)?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, group: usize, number: u64, heard: Heard) -> Result<(), String> {
        let account = &mut self.accounts[group];
        match heard {
            Heard::Refused => account.refused(number),
            Heard::Unknown => account.leave(number),
            Heard::Answer(answer) => {
                let kind: String =
                    format!("{answer:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
                *self.heard.entry(format!("group{kind}")).or_default() += 1;
                let answered = account.answered(number, &answer);
                answered.map_err(|wrong| format!("group {}: {wrong}", GROUPS[group]))?;
            }
        }
        Ok(())
    }

    /// The server is gone, or about to be asked how things stand.
    ///
    /// # Errors
    /// What was answered before is wrong.
    pub(crate) fn cut_off(&mut self) -> Result<(), String> {
        self.collect()?;
        for Waiting { group, number, mut answer } in std::mem::take(&mut self.waiting) {
            if let Some(Heard::Refused) = answer.hear() {
                self.accounts[group].refused(number);
            }
        }
        self.accounts.iter_mut().for_each(Account::cut_off);
        self.creating = None;
        Ok(())
    }

    /// Holds what was told against how the groups stand.
    ///
    /// # Errors
    /// What can't be.
    pub(crate) fn audit(
        &mut self,
        groups: &[Option<(ConsumerGroupView, Vec<PendingEntry>)>],
    ) -> Result<(), String> {
        for (group, account) in self.accounts.iter_mut().enumerate() {
            let found = groups.get(group).and_then(Option::as_ref);
            account.found(found).map_err(|wrong| format!("group {}: {wrong}", GROUPS[group]))?;
        }
        Ok(())
    }
}
