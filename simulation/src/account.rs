//! What a consumer group must have in its books, by what its readers were told.
//!
//! A group does one thing after the other, and the journal keeps that order. So whatever a crash leaves is what comes of the
//! first so many of the things that were asked: all of those that were answered, and some of those that were not.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_engine::{
    Claimed, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command, ConsumerGroupView, PendingEntry,
};

use crate::sale::{MOST_CONSUMERS, MOST_PENDING};

/// Longer ago than anything in a sale.
pub(crate) const LONG_AGO: u64 = u64::MAX / 2;

/// So many entries are looked at for each one that may be taken over.
const LOOKS: usize = 10;

/// What was asked of a group.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) command: Command<&'static str>,
    /// Nothing is to change.
    pub(crate) only_judged: bool,
}

/// How a group stands; nowhere, if there is none.
pub(crate) type Standing = Option<Books>;

/// The books of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Books {
    /// Everything up to here was delivered.
    pub(crate) last_delivered: u64,
    consumers: BTreeSet<Box<str>>,
    /// What nobody has acknowledged: whose it is, and how often it was delivered.
    pub(crate) pending: BTreeMap<u64, (Box<str>, u32)>,
}

/// The account of one group.
#[derive(Debug)]
pub(crate) struct Account {
    /// How it may stand after all that was answered. Never nothing; mostly one.
    certain: BTreeSet<Standing>,
    /// What was asked after that, in order, by the numbers that it was given.
    open: Vec<(u64, Asked, Fate)>,
}

/// What is known of something that was asked and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is waited for: it will be done, unless the server stops before.
    Awaited,
    /// Nobody hears the answer: it may have been refused.
    Unheard,
}

impl Default for Account {
    fn default() -> Self {
        Self { certain: BTreeSet::from([None]), open: Vec::new() }
    }
}

impl Account {
    /// One of the ways in which it may stand.
    pub(crate) fn standing(&self) -> &Standing {
        self.certain.first().unwrap_or(&None)
    }

    /// How much was asked and not answered.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// This is asked.
    pub(crate) fn ask(&mut self, number: u64, asked: Asked) {
        self.open.push((number, asked, Fate::Awaited));
    }

    /// The answer to this will not be heard.
    pub(crate) fn leave(&mut self, number: u64) {
        let found = self.open.iter_mut().filter(|(other, ..)| *other == number);
        found.for_each(|(_, _, fate)| *fate = Fate::Unheard);
    }

    /// This was refused: nothing came of it.
    pub(crate) fn refused(&mut self, number: u64) {
        self.open.retain(|(other, ..)| *other != number);
    }

    /// This was answered.
    ///
    /// # Errors
    /// It can't be, after what was answered before.
    pub(crate) fn answered(&mut self, number: u64, answer: &Answer) -> Result<(), String> {
        let Some(at) = self.open.iter().position(|(other, ..)| *other == number) else {
            return Err(format!("{answer:?} came twice"));
        };
        let mut before = self.certain.clone();
        let mut done: Vec<(u64, Asked, Fate)> = self.open.drain(..=at).collect();
        let asked = done.pop().map(|(_, asked, _)| asked).ok_or("nothing was asked")?;
        for (_, earlier, _) in done {
            // An answer to this never comes any more: nobody waits, or it was refused.
            before = also(before, &earlier);
        }
        let told = before.iter().filter_map(|standing| {
            let (expected, after) = come_to(standing, &asked);
            is_as(answer, &expected).then_some(after)
        });
        let after: BTreeSet<Standing> = told.collect();
        if after.is_empty() {
            return Err(format!("{asked:?} was answered {answer:?}, and stood {}", either(&before)));
        }
        self.certain = after;
        Ok(())
    }

    /// The server is gone. What was asked last may have been done, as far as the disk has it.
    pub(crate) fn cut_off(&mut self) {
        let mut last = self.certain.clone();
        for (_, asked, fate) in self.open.drain(..) {
            last = match fate {
                Fate::Awaited => last.iter().map(|standing| come_to(standing, &asked).1).collect(),
                Fate::Unheard => also(last, &asked),
            };
            self.certain.extend(last.iter().cloned());
        }
    }

    /// This is how it is found to stand.
    ///
    /// # Errors
    /// It can't.
    pub(crate) fn found(
        &mut self,
        found: Option<&(ConsumerGroupView, Vec<PendingEntry>)>,
    ) -> Result<(), String> {
        let found = found.map(|(view, pending)| books(view, pending)).transpose()?;
        if !self.certain.contains(&found) {
            return Err(format!("it stands {}, and stood {}", one(&found), either(&self.certain)));
        }
        self.certain = BTreeSet::from([found]);
        Ok(())
    }
}

/// The books as they are shown.
fn books(view: &ConsumerGroupView, pending: &[PendingEntry]) -> Result<Books, String> {
    let of = |consumer: &str| pending.iter().filter(|entry| *entry.consumer == *consumer).count() as u64;
    let counts = view.consumers.iter().all(|consumer| consumer.pending == of(&consumer.name));
    let span = pending.first().zip(pending.last()).map(|(first, last)| (first.entry, last.entry));
    if !counts || view.pending != pending.len() as u64 || view.span != span {
        return Err(format!("its counts do not agree: {view:?}, {pending:?}"));
    }
    Ok(Books {
        last_delivered: view.last_delivered,
        consumers: view.consumers.iter().map(|consumer| consumer.name.clone()).collect(),
        pending: pending
            .iter()
            .map(|entry| (entry.entry, (entry.consumer.clone(), entry.deliveries)))
            .collect(),
    })
}

/// These, and what comes of them if this is done.
fn also(mut standings: BTreeSet<Standing>, asked: &Asked) -> BTreeSet<Standing> {
    let after: Vec<Standing> = standings.iter().map(|standing| come_to(standing, asked).1).collect();
    standings.extend(after);
    standings
}

/// Whether this is the answer that was expected. Of a group that there is not, nothing is acknowledged or deleted: a place
/// that is another's by now says that it is missing, which is the same.
fn is_as(answer: &Answer, expected: &Answer) -> bool {
    answer == expected || matches!((answer, expected), (Answer::Missing, Answer::Count(0)))
}

/// What is answered, and how the group stands then.
fn come_to(standing: &Standing, asked: &Asked) -> (Answer, Standing) {
    let mut after = standing.clone();
    let answer = match (&mut after, &asked.command) {
        (Some(_), Command::Create { .. }) => Answer::Exists,
        (none @ None, Command::Create { after }) => {
            *none = Some(Books { last_delivered: *after, ..Books::default() });
            Answer::Done
        }
        (None, Command::Destroy | Command::Acknowledge { .. }) => Answer::Count(0),
        (None, _) => Answer::Missing,
        (some @ Some(_), Command::Destroy) => {
            *some = None;
            Answer::Count(1)
        }
        (Some(books), command) => books.come_to(command),
    };
    (answer, if asked.only_judged { standing.clone() } else { after })
}

impl Books {
    fn come_to(&mut self, command: &Command<&'static str>) -> Answer {
        match command {
            // Of the group as a whole.
            Command::Create { .. } | Command::Destroy => Answer::Exists,
            Command::Move { after } => {
                self.last_delivered = *after;
                Answer::Done
            }
            Command::AddConsumer { consumer } => match self.admit(consumer) {
                Ok(is_new) => Answer::Count(u64::from(is_new)),
                Err(full) => full,
            },
            Command::RemoveConsumer { consumer } => {
                let before = self.pending.len();
                self.consumers.remove(*consumer);
                self.pending.retain(|_, (whose, _)| **whose != **consumer);
                Answer::Count((before - self.pending.len()) as u64)
            }
            Command::Deliver { consumer, after, entries, no_ack } => {
                if *after != self.last_delivered {
                    return Answer::MovedOn { after: self.last_delivered };
                }
                if !no_ack && self.pending.len() + entries.len() > MOST_PENDING as usize {
                    return Answer::Full { limit: "pending entries" };
                }
                if let Err(full) = self.admit(consumer) {
                    return full;
                }
                let entries: Vec<u64> = entries.iter().copied().filter(|entry| entry > after).collect();
                self.last_delivered = entries.iter().copied().fold(*after, u64::max);
                if !no_ack {
                    entries.iter().for_each(|entry| self.give(*entry, consumer, true));
                }
                Answer::Delivered(entries)
            }
            Command::Repeat { consumer, which } => {
                if let Err(full) = self.admit(consumer) {
                    return full;
                }
                let own = self.pending.iter().filter(|(_, (whose, _))| **whose == **consumer);
                let own: Vec<u64> = match which {
                    Claimed::From { from, most } => own
                        .map(|(entry, _)| *entry)
                        .filter(|entry| entry >= from)
                        .take(*most as usize)
                        .collect(),
                    Claimed::Entries(wanted) => {
                        let own: BTreeSet<u64> = own.map(|(entry, _)| *entry).collect();
                        wanted.iter().copied().filter(|entry| own.contains(entry)).collect()
                    }
                };
                own.iter().for_each(|entry| self.give(*entry, consumer, true));
                Answer::Delivered(own)
            }
            Command::Acknowledge { entries } => {
                let gone = entries.iter().filter(|entry| self.pending.remove(entry).is_some()).count();
                Answer::Count(gone as u64)
            }
            Command::Claim { consumer, min_idle, which, kept_from, counts } => {
                if let Err(full) = self.admit(consumer) {
                    return full;
                }
                self.claim(consumer, (*min_idle < LONG_AGO, *kept_from, *counts), which)
            }
        }
    }

    /// Whether it is new; or that there are too many.
    fn admit(&mut self, consumer: &str) -> Result<bool, Answer> {
        if self.consumers.contains(consumer) {
            return Ok(false);
        }
        if self.consumers.len() >= MOST_CONSUMERS as usize {
            return Err(Answer::Full { limit: "consumers" });
        }
        Ok(self.consumers.insert(consumer.into()))
    }

    fn give(&mut self, entry: u64, consumer: &str, counts: bool) {
        let deliveries = self.pending.get(&entry).map_or(0, |(_, deliveries)| *deliveries);
        self.pending.insert(entry, (consumer.into(), deliveries + u32::from(counts)));
    }

    fn claim(
        &mut self,
        consumer: &str,
        (at_once, kept_from, counts): (bool, u64, bool),
        which: &Claimed,
    ) -> Answer {
        let (looked_at, most) = match which {
            Claimed::Entries(entries) => (entries.clone(), usize::MAX),
            Claimed::From { from, most } => {
                let looked_at = self.pending.range(from..).map(|(entry, _)| *entry);
                (looked_at.take(LOOKS * *most as usize).collect(), *most as usize)
            }
        };
        let (mut entries, mut gone, mut last) = (Vec::new(), Vec::new(), None);
        for entry in looked_at {
            if entries.len() == most {
                break;
            }
            last = Some(entry);
            match self.pending.contains_key(&entry) && at_once {
                true if entry < kept_from => gone.push(entry),
                true => entries.push(entry),
                false => {}
            }
        }
        let behind = last.filter(|_| matches!(which, Claimed::From { .. })).map(|last| last + 1);
        let next =
            behind.and_then(|behind| self.pending.range(behind..).next()).map_or(0, |(entry, _)| *entry);
        entries.iter().for_each(|entry| self.give(*entry, consumer, counts));
        gone.iter().for_each(|entry| drop(self.pending.remove(entry)));
        Answer::Claimed { entries, gone, next }
    }
}

/// A way to stand, in words.
fn one(standing: &Standing) -> String {
    standing.as_ref().map_or_else(|| "nowhere".to_owned(), |books| format!("{books:?}"))
}

fn either(standings: &BTreeSet<Standing>) -> String {
    standings.iter().map(one).collect::<Vec<_>>().join(" or ")
}
