//! A consumer group and a naive one do the same, whatever is asked of them; and a replay gives the same state.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests may fail like the tests they help

#[path = "common/cases.rs"]
mod cases;

use std::collections::BTreeMap;

use cases::for_all;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tidegate_engine::{
    Claimed, ConsumerGroupAnswer as Answer, ConsumerGroupCommand as Command, ConsumerGroupLimits,
    ConsumerGroupRestorer, ConsumerGroupState, Millis, PendingSpan,
};

const NAMES: [&str; 3] = ["ann", "bob", "cid"];
const LIMITS: ConsumerGroupLimits = ConsumerGroupLimits { max_consumers: 2, max_pending: 12 };

/// Where it is, its consumers, and what is pending: whose it is, since when, and how often it was delivered.
type Group = (u64, Vec<&'static str>, BTreeMap<u64, (&'static str, u64, u32)>);

/// The same in few words: entries with their consumer, time and count.
#[derive(Default)]
struct Naive {
    group: Option<Group>,
}

impl Naive {
    fn ask(&mut self, command: &Command<&'static str>, now: u64) -> Answer {
        let Some((last, consumers, pending)) = &mut self.group else {
            return match command {
                Command::Create { after } => {
                    self.group = Some((*after, Vec::new(), BTreeMap::new()));
                    Answer::Done
                }
                Command::Destroy | Command::Acknowledge { .. } => Answer::Count(0),
                _ => Answer::Missing,
            };
        };
        let mut make = |name: &'static str| {
            let is_new = !consumers.contains(&name);
            if is_new && consumers.len() == LIMITS.max_consumers as usize {
                return Err(Answer::Full { limit: "consumers" });
            }
            consumers.extend(is_new.then_some(name));
            Ok(u64::from(is_new))
        };
        match command {
            Command::Create { .. } => Answer::Exists,
            Command::Move { after } => {
                *last = *after;
                Answer::Done
            }
            Command::Destroy => {
                self.group = None;
                Answer::Count(1)
            }
            Command::AddConsumer { consumer } => make(consumer).map_or_else(|full| full, Answer::Count),
            Command::RemoveConsumer { consumer } => {
                consumers.retain(|name| name != consumer);
                let before = pending.len();
                pending.retain(|_, (of, ..)| of != consumer);
                Answer::Count((before - pending.len()) as u64)
            }
            Command::Deliver { consumer, after, entries, no_ack } => {
                if after != last {
                    return Answer::MovedOn { after: *last };
                }
                if !no_ack && pending.len() + entries.len() > LIMITS.max_pending as usize {
                    return Answer::Full { limit: "pending entries" };
                }
                if let Err(full) = make(consumer) {
                    return full;
                }
                for entry in entries {
                    *last = *entry;
                    if !no_ack {
                        let count = pending.get(entry).map_or(0, |(_, _, count)| *count);
                        pending.insert(*entry, (consumer, now, count + 1));
                    }
                }
                Answer::Delivered(entries.clone())
            }
            Command::Repeat { consumer, which } => {
                if let Err(full) = make(consumer) {
                    return full;
                }
                let (least, most) = match which {
                    Claimed::Entries(_) => (0, usize::MAX),
                    Claimed::From { from, most } => (*from, *most as usize),
                };
                let is_asked = |entry: &u64| match which {
                    Claimed::Entries(entries) => entries.contains(entry),
                    Claimed::From { .. } => *entry >= least,
                };
                let own = pending.iter_mut().filter(|(entry, (of, ..))| is_asked(entry) && of == consumer);
                let own = own.take(most).map(|(entry, row)| {
                    *row = (row.0, now, row.2 + 1);
                    *entry
                });
                Answer::Delivered(own.collect())
            }
            Command::Acknowledge { entries } => {
                Answer::Count(entries.iter().filter(|entry| pending.remove(entry).is_some()).count() as u64)
            }
            Command::Claim { consumer, min_idle, which, kept_from, counts } => {
                if let Err(full) = make(consumer) {
                    return full;
                }
                let candidates: Vec<u64> = match which {
                    Claimed::Entries(entries) => entries.clone(),
                    Claimed::From { from, .. } => pending.range(from..).map(|(entry, _)| *entry).collect(),
                };
                let most = match which {
                    Claimed::Entries(_) => usize::MAX,
                    Claimed::From { most, .. } => *most as usize,
                };
                let (mut entries, mut gone, mut next) = (Vec::new(), Vec::new(), 0);
                for (looks, entry) in candidates.into_iter().enumerate() {
                    if entries.len() == most || looks == most.saturating_mul(10) {
                        next = entry;
                        break;
                    }
                    let Some(row) = pending.get(&entry).copied() else { continue };
                    if now - row.1 < *min_idle {
                        continue;
                    }
                    if entry < *kept_from {
                        pending.remove(&entry);
                        gone.push(entry);
                    } else {
                        pending.insert(entry, (consumer, now, row.2 + u32::from(*counts)));
                        entries.push(entry);
                    }
                }
                Answer::Claimed { entries, gone, next }
            }
        }
    }
}

/// What is asked, and how long after the last.
fn step() -> impl Strategy<Value = (Command<&'static str>, u64, bool)> {
    let name = || prop::sample::select(NAMES.to_vec());
    let some = || prop::collection::vec(1..40u64, 0..6);
    let command = prop_oneof![
        1 => (0..5u64).prop_map(|after| Command::Create { after }),
        1 => (0..40u64).prop_map(|after| Command::Move { after }),
        1 => Just(Command::Destroy),
        1 => name().prop_map(|consumer| Command::AddConsumer { consumer }),
        1 => name().prop_map(|consumer| Command::RemoveConsumer { consumer }),
        // The position is set when it is known; a wrong one now and then.
        8 => (name(), 0..6u64, any::<bool>()).prop_map(|(consumer, count, no_ack)| Command::Deliver {
            consumer,
            after: u64::from(no_ack && count == 5),
            entries: (0..count).collect(),
            no_ack: no_ack && count < 3,
        }),
        3 => (name(), 0..40u64, 0..4u32).prop_map(|(consumer, from, most)| {
            Command::Repeat { consumer, which: Claimed::From { from, most } }
        }),
        2 => (name(), prop::collection::btree_set(1..40u64, 0..6)).prop_map(|(consumer, entries)| {
            Command::Repeat { consumer, which: Claimed::Entries(entries.into_iter().collect()) }
        }),
        4 => some().prop_map(|entries| Command::Acknowledge { entries }),
        3 => (name(), 0..20u64, some(), 0..20u64, any::<bool>()).prop_map(
            |(consumer, min_idle, entries, kept_from, counts)| {
                let which = Claimed::Entries(entries);
                Command::Claim { consumer, min_idle, which, kept_from, counts }
            }
        ),
        3 => (name(), 0..20u64, 0..40u64, 1..4u32, 0..9u64).prop_map(
            |(consumer, min_idle, from, most, kept_from)| {
                let which = Claimed::From { from, most };
                Command::Claim { consumer, min_idle, which, kept_from, counts: true }
            }
        ),
    ];
    (command, 0..15u64, prop::bool::weighted(0.1))
}

fn agree(steps: Vec<(Command<&'static str>, u64, bool)>) -> Result<(), TestCaseError> {
    let (mut state, mut naive) = (ConsumerGroupState::default(), Naive::default());
    let (mut replayed, mut now) = (ConsumerGroupState::default(), 0);
    for (mut command, later, snapshot) in steps {
        now += later;
        if let (Command::Deliver { after, entries, .. }, Some(group)) = (&mut command, state.group()) {
            if *after == 0 {
                *after = group.last_delivered();
            }
            entries.iter_mut().for_each(|entry| *entry += group.last_delivered() + 1);
        }
        let (events, answer) = state.decide(&command, Millis(now), &LIMITS);
        for event in &events {
            prop_assert_eq!(state.apply(event, Millis(now)), Ok(()));
            prop_assert_eq!(replayed.apply(event, Millis(now)), Ok(()));
        }
        let mut command = command;
        if let Command::Acknowledge { entries } = &mut command {
            entries.sort_unstable();
            entries.dedup();
        }
        prop_assert_eq!(&answer, &naive.ask(&command, now), "{:?}", command);
        if snapshot && state.changes() > 0 {
            let mut restorer = ConsumerGroupRestorer::default();
            for part in replayed.parts() {
                prop_assert_eq!(restorer.push(part), Ok(()));
            }
            replayed = restorer.finish().unwrap();
        }
        prop_assert_eq!(state.state_hash(), replayed.state_hash());
        let pending = naive.group.iter().flat_map(|(_, _, pending)| pending);
        let expected: Vec<_> =
            pending.map(|(entry, (of, at, count))| (*entry, (*of).into(), Millis(*at), *count)).collect();
        let all = PendingSpan { from: 0, to: u64::MAX, most: u32::MAX, min_idle: 0, consumer: None };
        let found = state.group().map(|group| group.pending(&all, Millis(now))).unwrap_or_default();
        let found: Vec<(u64, Box<str>, Millis, u32)> = found
            .into_iter()
            .map(|row| (row.entry, row.consumer, row.delivered_at, row.deliveries))
            .collect();
        prop_assert_eq!(found, expected);
    }
    Ok(())
}

#[test]
fn a_group_and_the_naive_one_agree() {
    for_all(600, &prop::collection::vec(step(), 1..60), agree);
}
