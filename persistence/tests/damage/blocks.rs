//! Blocks: changed, cut short, missing, or not the ones that belong there; and marks that are not the last ones.

use tidegate_persistence::{EpochNumber, FORMAT_VERSION, Mark};

use crate::image::{Image, Place, seal};
use crate::judge::{Inspected, Outcome, judge};
use crate::sale::{Hashes, short_epochs};

const TURNS: usize = 30;
const DAMAGED: &str = "this is no interrupted write";

fn sale() -> (Image, Vec<Hashes>) {
    Image::of_a_sale(&short_epochs(), TURNS as u32)
}

/// The same without snapshots: a start reads every block.
fn unsnapped() -> (Image, Vec<Hashes>) {
    let (mut image, known) = sale();
    assert!(image.epochs.len() >= 4 && image.snapshots.len() == 2, "{:?}", image.snapshots.keys());
    image.snapshots.clear();
    (image, known)
}

/// Everything that can become of the bytes of a block: cut short at every byte, every bit flipped, zeros from every byte
/// on.
fn ruins(block: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut ruins = Vec::new();
    for at in 0..block.len() {
        ruins.push((format!("cut at byte {at}"), block[..at].to_vec()));
        for bit in 0..8 {
            let mut flipped = block.to_vec();
            flipped[at] ^= 1 << bit;
            ruins.push((format!("bit {bit} of byte {at} flipped"), flipped));
        }
        let mut blank = block.to_vec();
        blank[at..].fill(0);
        if blank != block {
            ruins.push((format!("zeros from byte {at} on"), blank));
        }
    }
    ruins
}

#[test]
fn every_bit_and_every_length_of_the_last_two_blocks() {
    // Few blocks before them, for there are thousands of cases.
    const TURNS: usize = 10;
    let (mut image, known) = Image::of_a_sale(&short_epochs(), TURNS as u32);
    image.snapshots.clear();
    let blocks = image.blocks();
    assert!(blocks[0].epoch < blocks[TURNS - 1].epoch);
    let marks = [None, Some(TURNS - 2), Some(TURNS - 1), Some(TURNS)];
    let mut cases = 0;
    for damaged in [TURNS - 1, TURNS] {
        let whole = image.clone().block(blocks[damaged - 1]).clone();
        for (what, bytes) in ruins(&whole) {
            for mark in marks {
                let mut image = Image { mark: mark.map(|block| image.mark_at(block)), ..image.clone() };
                *image.block(blocks[damaged - 1]) = bytes.clone();
                let is_beyond = mark.is_none_or(|mark| damaged > mark);
                let expected = if damaged == TURNS && is_beyond {
                    let warnings = 1 + usize::from(mark.is_none());
                    Outcome::Starts { blocks: TURNS - 1, warnings }
                } else {
                    Outcome::Refused(DAMAGED)
                };
                let case = format!("block {damaged} of {TURNS} {what}, mark at {mark:?}");
                judge(&case, &image, &known, expected, Inspected::AsStarted);
                cases += 1;
            }
        }
    }
    println!("{cases} cases");
}

#[test]
fn a_torn_block_at_the_end_of_an_epoch_that_is_followed_by_an_empty_one_is_cut_too() {
    let (mut image, known) = unsnapped();
    let last = *image.blocks().last().unwrap();
    image.epochs.entry(last.epoch.next()).or_default();
    image.mark = Some(image.mark_at(TURNS - 1));
    image.block(last).truncate(20);
    judge("torn", &image, &known, Outcome::Starts { blocks: TURNS - 1, warnings: 1 }, Inspected::AsStarted);
    // With something behind it, it is none.
    image.epochs.get_mut(&last.epoch.next()).unwrap().insert(last.sequence + 1, vec![0; 60]);
    judge("not torn", &image, &known, Outcome::Refused(DAMAGED), Inspected::AsStarted);
}

#[test]
fn a_block_that_is_missing_anywhere() {
    let (image, known) = unsnapped();
    let blocks = image.blocks();
    for lost in 1..=TURNS {
        for mark in [None, Some(1), Some(TURNS - 1), Some(TURNS)] {
            let mut image = Image { mark: mark.map(|block| image.mark_at(block)), ..image.clone() };
            image.lose(blocks[lost - 1]);
            let expected = match mark {
                _ if lost < TURNS => Outcome::Refused(DAMAGED),
                Some(TURNS) => Outcome::Refused("but block 30 was acknowledged"),
                _ => Outcome::Starts { blocks: TURNS - 1, warnings: usize::from(mark.is_none()) },
            };
            judge(
                &format!("block {lost} lost, mark at {mark:?}"),
                &image,
                &known,
                expected,
                Inspected::AsStarted,
            );
        }
    }
}

#[test]
fn blocks_that_are_covered_by_a_snapshot_are_not_read_by_a_start_but_inspected() {
    let (image, known) = sale();
    let covered = *image.snapshots.keys().last().unwrap();
    let starts = Outcome::Starts { blocks: TURNS, warnings: 0 };
    for (index, place) in image.blocks().into_iter().enumerate() {
        let mut flipped = image.clone();
        flipped.block(place)[50] ^= 1;
        let mut lost = image.clone();
        lost.lose(place);
        for (what, image) in [("flipped", flipped), ("lost", lost)] {
            let case = format!("block {} {what}", index + 1);
            if place.epoch <= covered {
                judge(&case, &image, &known, starts, Inspected::Damaged);
            } else if index + 1 == TURNS && what == "lost" {
                judge(&case, &image, &known, Outcome::Refused("was acknowledged"), Inspected::AsStarted);
            } else {
                judge(&case, &image, &known, Outcome::Refused(DAMAGED), Inspected::AsStarted);
            }
        }
    }
    // The same of whole epochs, but for the one that the snapshot goes on in.
    for number in image.epochs.keys().copied() {
        let mut image = image.clone();
        image.epochs.remove(&number);
        let case = format!("{number} lost");
        match number {
            // Nothing reads back that far, and nothing is known to be missing: an epoch is deleted in time.
            EpochNumber::FIRST => judge(&case, &image, &known, starts, Inspected::AsStarted),
            // The older snapshot could not stand in any more.
            _ if number == covered => {
                let warned = Outcome::Starts { blocks: TURNS, warnings: 1 };
                judge(&case, &image, &known, warned, Inspected::AsStarted);
            }
            _ if number < covered => judge(&case, &image, &known, starts, Inspected::Damaged),
            _ => judge(
                &case,
                &image,
                &known,
                Outcome::Refused("is missing from the journal"),
                Inspected::AsStarted,
            ),
        }
    }
}

#[test]
fn every_epoch_that_is_missing_without_a_snapshot() {
    let (image, known) = unsnapped();
    for number in image.epochs.keys().copied() {
        let mut image = image.clone();
        image.epochs.remove(&number);
        let is_last = image.epochs.keys().all(|other| *other < number);
        let words = match number {
            EpochNumber::FIRST => "no snapshot can be used",
            _ if is_last => "was acknowledged",
            _ => "is missing from the journal",
        };
        judge(&format!("{number} lost"), &image, &known, Outcome::Refused(words), Inspected::AsStarted);
    }
}

/// A checksum that is right says nothing of where a block belongs.
#[test]
fn a_whole_block_that_is_not_the_one_that_belongs_there() {
    let (mut image, known) = unsnapped();
    // All at or beyond the mark, where a torn block would be cut: these are not torn.
    image.mark = Some(image.mark_at(TURNS - 2));
    let blocks = image.blocks();
    for place in [blocks[TURNS - 2], blocks[TURNS - 1]] {
        for (at, words) in [
            (8, "its epoch is"),
            (16, "its number is"),
            (24, "its hash of the block before is"),
            (32, "its first sequence is"),
        ] {
            let mut image = image.clone();
            image.block(place)[at] ^= 1;
            seal(image.block(place));
            judge(words, &image, &known, Outcome::Refused(words), Inspected::AsStarted);
        }
        let mut later = image.clone();
        later.block(place)[4] = FORMAT_VERSION as u8 + 1;
        seal(later.block(place));
        judge("a later version", &later, &known, Outcome::Refused("format version 2"), Inspected::AsStarted);
    }
    // Another sale's block that has the right number and place.
    let (other, _) = Image::of_a_sale(&crate::common::small(), TURNS as u32);
    let mut foreign = image.clone();
    let Place { sequence, .. } = blocks[1];
    *foreign.block(blocks[1]) = other.epochs[&EpochNumber::FIRST][&sequence].clone();
    assert_eq!(foreign.block(blocks[1]), image.block(blocks[1]), "the same sale gives the same bytes");
    foreign.block(blocks[1])[60] ^= 1;
    seal(foreign.block(blocks[1]));
    // It is whole and follows; the one behind it does not follow it.
    judge("foreign", &foreign, &known, Outcome::Refused("epoch 1, block 3"), Inspected::AsStarted);
    // Filed under another sequence than its own.
    let mut misfiled = image.clone();
    let last = blocks[TURNS - 1];
    let bytes = misfiled.block(last).clone();
    misfiled.lose(last);
    misfiled.epochs.get_mut(&last.epoch).unwrap().insert(last.sequence + 1, bytes);
    judge("misfiled", &misfiled, &known, Outcome::Refused("first sequence"), Inspected::AsStarted);
    // Twice.
    let mut twice = image;
    let bytes = twice.block(last).clone();
    twice.epochs.get_mut(&last.epoch).unwrap().insert(last.sequence + 2, bytes);
    judge("twice", &twice, &known, Outcome::Refused("its number is 30 and not 31"), Inspected::AsStarted);
}

#[test]
fn marks_that_are_stale_missing_ahead_or_of_another_journal() {
    for (image, known) in [sale(), unsnapped()] {
        let all = Outcome::Starts { blocks: TURNS, warnings: 0 };
        for block in 1..=TURNS {
            let stale = Image { mark: Some(image.mark_at(block)), ..image.clone() };
            judge(&format!("mark at {block}"), &stale, &known, all, Inspected::AsStarted);
        }
        let unmarked = Image { mark: None, ..image.clone() };
        let warned = Outcome::Starts { blocks: TURNS, warnings: 1 };
        judge("no mark", &unmarked, &known, warned, Inspected::AsStarted);
        let last = image.mark_at(TURNS);
        let ahead = Image { mark: Some(Mark { block: last.block + 1, ..last }), ..image.clone() };
        let words = "the journal ends with block 30, but block 31 was acknowledged";
        judge("ahead", &ahead, &known, Outcome::Refused(words), Inspected::AsStarted);
        let foreign = Image { mark: Some(Mark { hash: last.hash ^ 1, ..last }), ..image.clone() };
        judge(
            "foreign",
            &foreign,
            &known,
            Outcome::Refused("the high-water mark knows"),
            Inspected::AsStarted,
        );
    }
}
