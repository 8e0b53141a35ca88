//! Snapshots: bytes of the newest one changed, cut short at any of them, and none.

use std::collections::BTreeMap;
use std::ops::Range;

use tidegate_persistence::EpochNumber;

use crate::files::is_everything_tried;
use crate::image::Image;
use crate::judge::{Inspected, Outcome, judge};
use crate::sale::short_epochs;

const TURNS: usize = 30;

fn newest(image: &Image) -> EpochNumber {
    *image.snapshots.keys().last().unwrap()
}

#[test]
fn bytes_and_lengths_of_the_newest_snapshot() {
    let (image, known) = Image::of_a_sale(&short_epochs(), TURNS as u32);
    let covers = newest(&image);
    let good = image.snapshots[&covers].clone();
    let mut trimmed = image.clone();
    // As retention leaves it: only the older snapshot can stand in.
    trimmed.epochs.retain(|epoch, _| epoch.next() >= covers);
    // The older one is damaged too.
    let mut hopeless = trimmed.clone();
    hopeless.snapshots.values_mut().for_each(|bytes| bytes[20] ^= 1);
    let words = "no snapshot can be used and the journal begins only with";
    let mut cases = 0;
    let step = if is_everything_tried() { 1 } else { 3 };
    for at in (0..good.len()).step_by(step) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for (what, bytes) in [("flipped", flipped), ("cut", good[..at].to_vec())] {
            for (whose, image, expected) in [
                ("all epochs", &image, Outcome::Starts { blocks: TURNS, warnings: 1 }),
                ("the last epochs", &trimmed, Outcome::Starts { blocks: TURNS, warnings: 1 }),
                ("no other snapshot", &hopeless, Outcome::Refused(words)),
            ] {
                let mut image = image.clone();
                image.snapshots.insert(covers, bytes.clone());
                let case = format!("byte {at} of {} {what}, {whose}", good.len());
                judge(&case, &image, &known, expected, Inspected::AsStarted);
                cases += 1;
            }
        }
    }
    println!("{cases} cases");
}

#[test]
fn snapshots_that_are_missing_too_long_misnamed_or_from_elsewhere() {
    let (image, known) = Image::of_a_sale(&short_epochs(), TURNS as u32);
    let covers = newest(&image);
    let all = |warnings| Outcome::Starts { blocks: TURNS, warnings };
    let change = |image: &Image, change: fn(&mut BTreeMap<EpochNumber, Vec<u8>>, EpochNumber)| {
        let mut image = image.clone();
        change(&mut image.snapshots, covers);
        image
    };
    let without = change(&image, |snapshots, covers| drop(snapshots.remove(&covers)));
    judge("the newest is missing", &without, &known, all(0), Inspected::AsStarted);
    let none = change(&image, |snapshots, _| snapshots.clear());
    judge("all are missing", &none, &known, all(0), Inspected::AsStarted);
    let longer = change(&image, |snapshots, covers| snapshots.get_mut(&covers).unwrap().push(0));
    judge("one byte more", &longer, &known, all(1), Inspected::AsStarted);
    let twice = change(&image, |snapshots, covers| {
        let bytes = snapshots.get_mut(&covers).unwrap();
        bytes.extend_from_within(..);
    });
    judge("twice in one file", &twice, &known, all(1), Inspected::AsStarted);
    let misnamed = change(&image, |snapshots, covers| {
        let older = snapshots.values().next().unwrap().clone();
        snapshots.insert(covers, older);
    });
    judge("the older one's bytes", &misnamed, &known, all(1), Inspected::AsStarted);
    let ahead = change(&image, |snapshots, covers| {
        let bytes = snapshots[&covers].clone();
        snapshots.insert(EpochNumber(covers.0 + 9), bytes);
    });
    judge("under a later name", &ahead, &known, all(1), Inspected::AsStarted);

    // The epochs from the beginning on are gone: without a snapshot there is nothing to begin with.
    let mut trimmed = none;
    trimmed.epochs.retain(|epoch, _| *epoch > EpochNumber::FIRST);
    let words = "no snapshot can be used and the journal begins only with epoch 2: there is none";
    judge("nothing to begin with", &trimmed, &known, Outcome::Refused(words), Inspected::AsStarted);
}

/// Checksums that are right don't help states that are not those that were there.
#[test]
fn a_whole_snapshot_that_does_not_make_the_states_it_names() {
    let (image, known) = Image::of_a_sale(&short_epochs(), TURNS as u32);
    let covers = newest(&image);
    for (what, at) in [("another number of parts", 0), ("another state hash", 8)] {
        let mut image = image.clone();
        let bytes = image.snapshots.get_mut(&covers).unwrap();
        let payload = end_of_an_actor(bytes);
        bytes[payload.start + at] ^= 1;
        let checked = [&bytes[payload.start - 9..payload.start - 4], &bytes[payload.clone()]].concat();
        bytes[payload.start - 4..payload.start].copy_from_slice(&crc32c::crc32c(&checked).to_le_bytes());
        judge(what, &image, &known, Outcome::Starts { blocks: TURNS, warnings: 1 }, Inspected::AsStarted);
    }
}

/// Where the payload of the first frame lies that ends an actor.
fn end_of_an_actor(snapshot: &[u8]) -> Range<usize> {
    let mut frame = 8;
    loop {
        let bytes = u32::from_le_bytes(snapshot[frame + 1..frame + 5].try_into().unwrap()) as usize;
        let payload = frame + 9..frame + 9 + bytes;
        if snapshot[frame] == 3 {
            return payload;
        }
        frame = payload.end;
    }
}

/// What a snapshot says of the journal counts, also where the mark is lost with it.
#[test]
fn a_journal_that_ends_before_its_snapshot_is_refused_even_without_a_mark() {
    let (image, known) = Image::of_a_sale(&short_epochs(), TURNS as u32);
    let covers = newest(&image);
    let mut cut_off = Image { mark: None, ..image.clone() };
    cut_off.epochs.retain(|epoch, _| *epoch <= covers);
    judge(
        "its next epoch",
        &cut_off,
        &known,
        Outcome::Refused("is missing from the journal"),
        Inspected::AsStarted,
    );
    cut_off.epochs.retain(|epoch, _| *epoch < covers);
    judge(
        "the epoch it covers",
        &cut_off,
        &known,
        Outcome::Refused("is missing from the journal"),
        Inspected::AsStarted,
    );
    cut_off.epochs.clear();
    let words = "the journal holds nothing, but a snapshot is there";
    judge("all epochs", &cut_off, &known, Outcome::Refused(words), Inspected::AsStarted);
    // A mark says it too, and how far it was.
    cut_off.mark = image.mark;
    let words = "ends with block 0, but block 30 was acknowledged";
    judge("all epochs but the mark", &cut_off, &known, Outcome::Refused(words), Inspected::AsStarted);
}
