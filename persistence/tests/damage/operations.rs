//! A disk that fails once, at every one of its operations; that does not sync; that fills up at every byte.

use std::sync::Arc;

use tidegate_persistence::{
    Crash, MemoryJournal, Mishap, RecoveryError, SnapshotStore, inspect_from, recover_from,
};

use crate::common::SEED;
use crate::image::Image;
use crate::judge::{agree, start};
use crate::sale::{Hashes, Sale, short_epochs};

const TURNS: u32 = 30;

fn open(disk: &MemoryJournal) -> Result<Sale, RecoveryError> {
    let snapshots: Arc<dyn SnapshotStore> = Arc::new(disk.snapshots());
    let recovered = recover_from(Arc::new(disk.clone()), Some(snapshots), 1, SEED, &|_| {})?;
    Ok(Sale::go_on(recovered, &short_epochs()))
}

/// What was sold on a disk with a fault.
#[derive(Default)]
struct Sold {
    /// The state after each turn that was tried.
    known: Vec<Hashes>,
    /// So many turns were acknowledged.
    acknowledged: usize,
    /// Why the journal failed.
    failed: Option<String>,
    /// The start was refused.
    refused: Option<String>,
}

/// Sells as long as the journal does not fail, and then twice more: nothing may be acknowledged any more.
fn sell(disk: &MemoryJournal) -> Sold {
    let mut sale = match open(disk) {
        Ok(sale) => sale,
        Err(error) => {
            return Sold { known: vec![Hashes::new()], refused: Some(error.to_string()), ..Sold::default() };
        }
    };
    let mut sold = Sold { known: vec![sale.shop.hashes()], ..Sold::default() };
    let mut after = 0;
    for _ in 0..TURNS {
        let is_acknowledged = sale.sell();
        sold.known.push(sale.shop.hashes());
        if sale.writer.failed().is_some() {
            assert!(!is_acknowledged, "acknowledged after the journal failed");
            after += 1;
            if after == 3 {
                break;
            }
        } else {
            assert!(is_acknowledged, "neither acknowledged nor failed");
            sold.acknowledged += 1;
        }
        sale.writer.write_mark();
    }
    sold.failed = sale.writer.failed().map(str::to_owned);
    sold
}

/// The machine starts again with the fault repaired: everything acknowledged is there, and at most the one block more
/// that was being written. The sale goes on.
fn comes_back(case: &str, disk: &MemoryJournal, sold: &Sold, crash: Crash) {
    disk.crash(crash);
    let inspection = inspect_from(disk, Some(Arc::new(disk.snapshots()))).unwrap();
    let started = start(disk);
    agree(case, &inspection, &started);
    let (states, _) = started.unwrap_or_else(|error| panic!("{case}: {error}"));
    let most = sold.known.len().min(sold.acknowledged + 2);
    let kept = &sold.known[sold.acknowledged..most];
    assert!(kept.contains(&states), "{case}: {} turns were acknowledged", sold.acknowledged);
    let mut sale = open(disk).unwrap();
    let known = sale.sell_all(3);
    drop(sale);
    let (states, told) = start(disk).unwrap();
    assert_eq!((&states, told.len()), (&known[3], 0), "{case}: {told:?}");
}

#[test]
fn every_operation_of_a_sale_fails_once() {
    for crash in [Crash::LoseUnsynced, Crash::KeepUnsynced] {
        let (mut refused, mut failed, mut went_on) = (0, 0, 0);
        for at in 0.. {
            let disk = MemoryJournal::new();
            disk.mishap_after(at, Mishap::Error);
            let sold = sell(&disk);
            if !disk.has_failed() {
                break;
            }
            match (&sold.refused, &sold.failed) {
                (Some(_), _) => refused += 1,
                (_, Some(_)) => failed += 1,
                // A mark, an epoch or a snapshot can't be made: the journal goes on.
                _ => went_on += 1,
            }
            comes_back(&format!("operation {at}, {crash:?}"), &disk, &sold, crash);
        }
        println!("{crash:?}: {refused} starts refused, {failed} journals failed, {went_on} went on");
        assert!(refused > 0 && failed >= 2 * TURNS && went_on > TURNS);
    }
}

#[test]
fn every_operation_of_a_start_fails_once() {
    let (mut image, known) = Image::of_a_sale(&short_epochs(), TURNS);
    let last = *image.blocks().last().unwrap();
    image.mark = Some(image.mark_at(TURNS as usize - 1));
    image.block(last).truncate(20);
    let sold = Sold { acknowledged: TURNS as usize - 1, known, ..Sold::default() };
    for at in 0.. {
        let disk = image.disk();
        disk.mishap_after(at, Mishap::Error);
        let started = start(&disk);
        if !disk.has_failed() {
            assert!(at > 10, "a start has more operations than {at}");
            break;
        }
        // A snapshot that can't be read is passed over; nothing else is.
        if let Ok((states, told)) = started {
            assert_eq!(states, sold.known[sold.acknowledged], "operation {at}");
            assert_eq!(told.len(), 2, "operation {at}: {told:?}");
        }
        comes_back(&format!("operation {at} of a start"), &disk, &sold, Crash::LoseUnsynced);
    }
}

#[test]
fn every_commit_is_not_synced_once() {
    for commit in 0..TURNS {
        for crash in
            [Crash::LoseUnsynced, Crash::KeepUnsynced, Crash::Tear { keep: 40 }, Crash::Blank { keep: 90 }]
        {
            let disk = MemoryJournal::new();
            disk.fail_sync_after(u64::from(commit));
            let sold = sell(&disk);
            let case = format!("sync {commit}, {crash:?}");
            assert_eq!(sold.acknowledged, commit as usize, "{case}");
            assert!(sold.failed.as_ref().unwrap().contains("the sync failed"), "{case}: {:?}", sold.failed);
            comes_back(&case, &disk, &sold, crash);
        }
    }
}

#[test]
fn the_disk_is_full_at_every_byte() {
    let disk = MemoryJournal::new();
    assert!(sell(&disk).failed.is_none());
    let whole = disk.bytes();
    let step = if crate::files::is_everything_tried() { 1 } else { 13 };
    let (mut failed, mut went_on) = (0, 0);
    for capacity in (0..whole).step_by(step) {
        let disk = MemoryJournal::new();
        disk.set_capacity(capacity);
        let sold = sell(&disk);
        let case = format!("{capacity} of {whole} bytes");
        match &sold.failed {
            Some(reason) => {
                assert!(reason.contains("no space is left"), "{case}: {reason}");
                failed += 1;
            }
            // It was a snapshot that had no room.
            None => went_on += 1,
        }
        comes_back(&case, &disk, &sold, Crash::LoseUnsynced);
    }
    println!("{whole} bytes: {failed} journals failed, {went_on} went on without a snapshot");
    assert!(failed > 0 && went_on > 0);
}
