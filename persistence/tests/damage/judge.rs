//! What is to come of damage, and whether it does: a start and an inspection must agree on it.

use std::sync::Arc;

use tidegate_persistence::{
    Inspection, MemoryJournal, RecoveryError, SnapshotStore, inspect_from, recover_from,
};

use crate::common::{SEED, hashes};
use crate::image::Image;
use crate::sale::Hashes;

/// What a start is to make of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It refuses, with an error that says this.
    Refused(&'static str),
    /// It has the state after so many blocks, and so much to say.
    Starts { blocks: usize, warnings: usize },
}

/// What inspection says besides, where a start goes on without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inspected {
    /// As a start does: damage if that refuses or warns, nothing if it does neither.
    AsStarted,
    /// Damage that no start meets any more.
    Damaged,
}

/// Starts and inspects what is on this disk.
pub(crate) fn start(disk: &MemoryJournal) -> Result<(Hashes, Vec<String>), RecoveryError> {
    let snapshots: Arc<dyn SnapshotStore> = Arc::new(disk.snapshots());
    let recovered = recover_from(Arc::new(disk.clone()), Some(snapshots), 1, SEED, &|_| {})?;
    Ok((hashes(&recovered), recovered.report.warnings))
}

/// Holds a start and an inspection of this image against what is to come of it. `known` is the state after each block.
pub(crate) fn judge(case: &str, image: &Image, known: &[Hashes], expected: Outcome, inspected: Inspected) {
    let disk = image.disk();
    let inspection = inspect_from(&disk, Some(Arc::new(disk.snapshots()))).unwrap();
    let started = start(&disk);
    agree(case, &inspection, &started);
    match (expected, &started) {
        (Outcome::Refused(words), Err(error)) => {
            assert!(error.to_string().contains(words), "{case}: {error}\nshould say: {words}");
        }
        (Outcome::Starts { blocks, warnings }, Ok((states, told))) => {
            assert_eq!(*states, known[blocks], "{case}: the state after {blocks} blocks; told {told:?}");
            assert_eq!(told.len(), warnings, "{case}: {told:?}");
            let is_damaged = warnings > 0 || inspected == Inspected::Damaged;
            assert_eq!(!inspection.is_sound(), is_damaged, "{case}: {inspection}");
            // What was cut is gone for good: the next start finds nothing to cut, and inspection nothing torn.
            let (again, told_again) = start(&disk).unwrap();
            assert_eq!(again, *states, "{case}: at the next start");
            assert!(!told_again.iter().any(|told| told.contains("cut ")), "{case}: {told_again:?}");
        }
        _ => panic!("{case}: should be {expected:?}, but is {started:?}"),
    }
}

/// Whatever a start does, inspection has said so.
pub(crate) fn agree(
    case: &str,
    inspection: &Inspection,
    started: &Result<(Hashes, Vec<String>), RecoveryError>,
) {
    let refusals = inspection.damage.iter().filter(|damage| damage.contains("a start refuses")).count();
    let mut found: Vec<_> = inspection.skus.iter().map(|sku| sku.state_hash).collect();
    match started {
        Ok((states, told)) => {
            assert_eq!(refusals, 0, "{case}: a start does not refuse: {inspection}");
            assert!(told.is_empty() || !inspection.is_sound(), "{case}: it is not sound: {told:?}");
            let mut states: Vec<_> = states.iter().map(|(_, hash)| *hash).collect();
            states.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, states, "{case}: inspection has the states of a start");
        }
        Err(error) => {
            assert!(refusals > 0, "{case}: a start refuses: {error}; but: {inspection}");
            assert!(found.is_empty(), "{case}: there are no states where a start refuses");
        }
    }
}
