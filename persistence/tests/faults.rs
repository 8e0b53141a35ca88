//! A disk that loses, tears and fails: nothing acknowledged is lost, nothing lost is acknowledged.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use std::sync::Arc;

use common::{SEED, Shop, hashes, small, start, wait};
use tidegate_persistence::{
    ChainError, Crash, EpochNumber, Journal, Lane, MemoryJournal, Options, Recovered, RecoveryError,
    StopError, Ticket, recover_from,
};

/// State hashes by actor.
type Hashes = Vec<(u32, u64)>;

fn reopen(journal: &MemoryJournal) -> Result<Recovered, RecoveryError> {
    recover_from(Arc::new(journal.clone()), None, 2, SEED, &|_| {})
}

/// Sells until the journal fails or `turns` are durable, and gives the state hashes at every durable ticket.
fn sell(journal: &MemoryJournal, options: &Options, turns: u32) -> (Vec<Hashes>, Ticket, Option<String>) {
    let mut recovered = reopen(journal).unwrap();
    let mut shop = Shop::recovered(&mut recovered);
    let (writer, lane, wakes) = start(recovered.journal, options);
    let mut known = vec![shop.hashes()];
    for turn in 0..turns {
        let ticket = lane.submit(shop.sell(turn % 3, 1 + turn % 5).finish().unwrap());
        known.push(shop.hashes());
        wait(&lane, &wakes, ticket);
    }
    let durable: Ticket = Lane::durable(&lane);
    let failed = match writer.stop() {
        Ok(()) => None,
        Err(StopError::Failed(reason)) => Some(reason),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(lane.has_room(), failed.is_none());
    (known, durable, failed)
}

#[test]
fn a_failed_sync_acknowledges_nothing_more_whatever_the_disk_kept() {
    for crash in
        [Crash::LoseUnsynced, Crash::KeepUnsynced, Crash::Tear { keep: 30 }, Crash::Tear { keep: 60 }]
    {
        let journal = MemoryJournal::new();
        journal.fail_sync_after(10);
        let (known, durable, failed) = sell(&journal, &Options::default(), 20);
        assert_eq!((durable, failed.is_some()), (Ticket(10), true), "{crash:?}");
        journal.crash(crash);
        let recovered = reopen(&journal).unwrap();
        let kept = if crash == Crash::KeepUnsynced { 11 } else { 10 };
        assert_eq!(hashes(&recovered), known[kept], "{crash:?}");
        let torn = matches!(crash, Crash::Tear { .. });
        assert_eq!(recovered.report.warnings.len(), usize::from(torn), "{:?}", recovered.report.warnings);
        // What was cut is gone: the sale goes on and starts again without a word.
        drop(recovered);
        let (known, ..) = sell(&journal, &Options::default(), 5);
        let recovered = reopen(&journal).unwrap();
        assert_eq!((hashes(&recovered), recovered.report.warnings.len()), (known[5].clone(), 0));
    }
}

#[test]
fn a_failed_write_and_a_full_disk_are_said_once_and_never_tried_again() {
    for full in [false, true] {
        let journal = MemoryJournal::new();
        if full {
            journal.set_capacity(3_000)
        } else {
            journal.fail_append_after(7)
        }
        let (known, durable, failed) = sell(&journal, &Options::default(), 40);
        let reason = failed.unwrap();
        assert!(reason.contains(if full { "no space" } else { "the write failed" }), "{reason}");
        assert!(durable.0 >= 7 && durable.0 < 40, "{durable:?}");
        journal.crash(Crash::LoseUnsynced);
        assert_eq!(hashes(&reopen(&journal).unwrap()), known[durable.0 as usize]);
    }
}

#[test]
fn everything_that_waits_becomes_durable_before_the_journal_stops() {
    let journal = MemoryJournal::new();
    let mut shop = Shop::default();
    let (writer, lane, _wakes) = start(reopen(&journal).unwrap().journal, &small());
    let tickets: Vec<_> =
        (0..500).map(|turn| lane.submit(shop.sell(turn % 9, 3).finish().unwrap())).collect();
    writer.stop().unwrap();
    assert_eq!(Some(&lane.durable()), tickets.last());
    // After the stop nothing is taken any more, and nothing pretends to be.
    let late = lane.submit(shop.sell(0, 1).finish().unwrap());
    assert!(lane.durable() < late);
}

#[test]
fn a_lane_has_no_room_while_too_much_is_in_flight() {
    let options = Options { max_inflight_bytes: 4 << 10, max_commit_bytes: 4 << 10, ..Options::default() };
    let journal = MemoryJournal::new();
    let mut shop = Shop::default();
    let (gate, passed) = crossbeam::channel::bounded::<()>(0);
    // The first wake holds the writer back until the test says so.
    let wake: tidegate_persistence::Wake = Arc::new(move || {
        let _ = passed.recv();
    });
    let (writer, lanes) = reopen(&journal).unwrap().journal.start(&options, vec![wake]).unwrap();
    let lane = &lanes[0];
    lane.submit(shop.sell(0, 1).finish().unwrap());
    assert!(lane.has_room());
    for _ in 0..3 {
        lane.submit(shop.sell(0, 60).finish().unwrap());
    }
    assert!(!lane.has_room());
    drop(gate);
    writer.stop().unwrap();
    assert!(lane.has_room());
}

#[test]
fn every_lane_hears_of_its_own_commits_and_of_a_failure() {
    let journal = MemoryJournal::new();
    let (first, first_wakes) = crossbeam::channel::unbounded();
    let (second, second_wakes) = crossbeam::channel::unbounded();
    let wake = |outbox: crossbeam::channel::Sender<()>| -> tidegate_persistence::Wake {
        Arc::new(move || {
            let _ = outbox.send(());
        })
    };
    let recovered = reopen(&journal).unwrap();
    let (writer, lanes) = recovered.journal.start(&small(), vec![wake(first), wake(second)]).unwrap();
    let mut shop = Shop::default();
    for _ in 0..3 {
        let ticket = lanes[0].submit(shop.sell(0, 1).finish().unwrap());
        wait(&lanes[0], &first_wakes, ticket);
    }
    assert!(second_wakes.is_empty());
    assert_eq!((lanes[0].durable(), lanes[1].durable()), (Ticket(3), Ticket(0)));
    journal.fail_sync_after(0);
    lanes[0].submit(shop.sell(0, 1).finish().unwrap());
    second_wakes.recv().unwrap();
    assert!(lanes[1].failed().unwrap().contains("the sync failed"));
    assert!(writer.failed().is_some());
    assert!(!lanes[1].has_room());
}

#[test]
fn every_changed_byte_of_a_block_in_the_middle_refuses_the_start_and_names_the_block() {
    let (journal, blocks, _) = five_blocks();
    for at in 0..journal.tamper(EpochNumber(1), blocks[2], |block| block.len()).unwrap() {
        journal.tamper(EpochNumber(1), blocks[2], |block| block[at] ^= 0x40).unwrap();
        match reopen(&journal) {
            Err(RecoveryError::Chain(ChainError::Damaged { epoch: EpochNumber(1), block: 3, .. })) => {}
            other => panic!("byte {at}: {other:?}"),
        }
        journal.tamper(EpochNumber(1), blocks[2], |block| block[at] ^= 0x40).unwrap();
    }
    reopen(&journal).unwrap();
}

#[test]
fn a_lost_block_in_the_middle_refuses_the_start() {
    for lost in 0..4 {
        let (journal, blocks, _) = five_blocks();
        journal.lose(EpochNumber(1), blocks[lost]).unwrap();
        let error = reopen(&journal).unwrap_err().to_string();
        assert!(error.contains(&format!("epoch 1, block {}", lost + 1)), "{error}");
    }
}

#[test]
fn whatever_happens_to_the_last_block_it_is_cut_beyond_the_mark_and_refused_below_it() {
    let (journal, blocks, known) = five_blocks();
    let whole = journal.tamper(EpochNumber(1), blocks[4], |block| block.clone()).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
    for at in 0..whole.len() {
        let mut block = whole.clone();
        block[at] ^= 0x10;
        damaged.push(block);
    }
    let mark = journal.mark().unwrap().unwrap();
    assert_eq!(mark.block, 5);
    let before = last_mark_but_one(&journal, &blocks);
    for block in damaged {
        let restore = |bytes: &[u8]| {
            // Cutting removed it: file it again.
            let epoch = journal.open(EpochNumber(1)).unwrap();
            epoch.cut(blocks[4]).unwrap();
            epoch.append(blocks[4], bytes).unwrap();
            epoch.sync().unwrap();
        };
        restore(&block);
        journal.set_mark(mark).unwrap();
        match reopen(&journal) {
            Err(RecoveryError::Chain(
                ChainError::Damaged { block: 5, .. } | ChainError::BelowMark { .. },
            )) => {}
            other => panic!("below the mark: {other:?}"),
        }
        journal.set_mark(before).unwrap();
        let recovered = reopen(&journal).unwrap();
        assert_eq!(recovered.report.warnings.len(), 1);
        assert_eq!(hashes(&recovered), known[4]);
    }
}

#[test]
fn a_journal_that_ends_below_the_mark_is_refused_and_says_how_far_it_should_reach() {
    let (journal, blocks, _) = five_blocks();
    journal.lose(EpochNumber(1), blocks[4]).unwrap();
    let error = reopen(&journal).unwrap_err();
    assert!(matches!(error, RecoveryError::Chain(ChainError::BelowMark { block: 4, mark: 5 })), "{error}");
}

#[test]
fn an_epoch_that_is_gone_is_missed() {
    let journal = MemoryJournal::new();
    let options = Options { epoch_bytes: 4 << 10, ..small() };
    sell(&journal, &options, 150);
    let epochs = journal.epochs().unwrap();
    assert!(epochs.len() > 3, "{epochs:?}");
    reopen(&journal).unwrap();
    journal.remove(epochs[1]).unwrap();
    let error = reopen(&journal).unwrap_err().to_string();
    assert!(error.contains("epoch 2 is missing"), "{error}");
}

/// A journal of five blocks, their first sequences, and the state hashes after each.
fn five_blocks() -> (MemoryJournal, Vec<u64>, Vec<Hashes>) {
    let journal = MemoryJournal::new();
    let (known, durable, failed) = sell(&journal, &Options::default(), 5);
    assert_eq!((durable, failed), (Ticket(5), None));
    let blocks = journal.durable_blocks(EpochNumber(1));
    assert_eq!(blocks.len(), 5);
    (journal, blocks, known)
}

/// The mark as it was when the fourth block was the last.
fn last_mark_but_one(journal: &MemoryJournal, blocks: &[u64]) -> tidegate_persistence::Mark {
    let hash = journal
        .tamper(EpochNumber(1), blocks[3], |block| tidegate_persistence::Block::parse(block).unwrap().hash())
        .unwrap();
    tidegate_persistence::Mark { epoch: EpochNumber(1), block: 4, hash, sequence: blocks[4] - 1 }
}
