//! The arbiters: how busy, how far behind, and what went wrong on each.

use tidegate_actors::{FloorCensus, LoadReading};

use super::page::Page;
use crate::metrics::families::{self as f, Family};
use crate::metrics::{ArbiterReading, Readings, StatusSnapshot};

pub(super) fn write(page: &mut Page, now: &StatusSnapshot, readings: &Readings) {
    page.gauge(&f::ARBITERS, now.actors.arbiters as f64);
    let all = readings.arbiters.as_slice();
    let floors = readings.census.as_ref().map_or(&[][..], |reading| &reading.census.floors);
    census(page, &f::ARBITER_ACTORS, floors, |floor| floor.actors);
    threads(page, all);
    counter(page, &f::ARBITER_TURN, all, |load| load.turn_time.as_secs_f64());
    let turns = all.iter().enumerate().flat_map(|(at, ArbiterReading { load, .. })| {
        let number = at.to_string();
        let asked = ([number.clone(), "asked".to_owned()], load.turns as f64);
        [asked, ([number, "clock".to_owned()], load.timer_turns as f64)]
    });
    page.samples(&f::ARBITER_TURNS, turns);
    counter(page, &f::ARBITER_ASKS, all, |load| load.asks as f64);
    counter(page, &f::ARBITER_PANICS, all, |load| load.panics as f64);
    counter(page, &f::ARBITER_GROUPS, all, |load| load.groups as f64);
    counter(page, &f::ARBITER_GROUP_BYTES, all, |load| load.group_bytes as f64);
    page.samples(&f::ARBITER_HELD, numbered(all).map(|(number, arbiter)| (number, arbiter.load.held as f64)));
    counter(page, &f::ARBITER_WAKES, all, |load| load.wakes as f64);
    page.gauge(&f::MAILBOX_CAPACITY, now.mailboxes.capacity as f64);
    census(page, &f::MAILBOX_DEEPEST, floors, |floor| floor.deepest);
    census(page, &f::MAILBOX_WAITING, floors, |floor| floor.waiting);
    counter(page, &f::MAILBOX_FULL, all, |load| load.mailbox_full as f64);
    counter(page, &f::JOURNAL_FULL, all, |load| load.journal_full as f64);
}

fn threads(page: &mut Page, all: &[ArbiterReading]) {
    let threads: Vec<_> =
        numbered(all).filter_map(|(number, arbiter)| Some((number, arbiter.thread?))).collect();
    let seconds = |of: fn(&crate::metrics::process::ThreadReading) -> f64| {
        threads.iter().map(move |(number, thread)| (number.clone(), of(thread)))
    };
    page.samples(&f::ARBITER_CPU, seconds(|thread| thread.cpu.as_secs_f64()));
    page.samples(&f::ARBITER_WAIT, seconds(|thread| thread.waited.as_secs_f64()));
}

fn numbered<T>(all: &[T]) -> impl Iterator<Item = ([String; 1], &T)> {
    all.iter().enumerate().map(|(at, one)| ([at.to_string()], one))
}

fn counter(page: &mut Page, family: &Family, all: &[ArbiterReading], of: impl Fn(&LoadReading) -> f64) {
    page.samples(family, numbered(all).map(|(number, arbiter)| (number, of(&arbiter.load))));
}

fn census(page: &mut Page, family: &Family, floors: &[FloorCensus], of: impl Fn(&FloorCensus) -> u64) {
    page.samples(family, numbered(floors).map(|(number, floor)| (number, of(floor) as f64)));
}
