//! Starting from bytes that nobody has vouched for.

use std::sync::Arc;

use tidegate_persistence::{ActorId, MemoryJournal, RecoveryError, recover_from};

use crate::memory;

/// What a start may ask for, besides what each byte on the disk may: threads, queues and the buffers of readers.
const MEMORY: usize = 8 << 20;
const MEMORY_OF_A_BYTE: usize = 16 << 10;

/// What was recovered: the actors by number with the hashes of their states, and the sequence that comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) actors: Vec<(ActorId, Box<str>, u64)>,
    pub(crate) next_sequence: u64,
    pub(crate) has_snapshot: bool,
}

/// Recovers twice, for one and for two workers, with other hash tables: both times the same, or both times not.
///
/// # Panics
/// If it makes a difference, if it panics, or if it asks for more memory than so many bytes can fill.
pub(crate) fn recover_both_ways(disk: &MemoryJournal, bytes: usize) -> Result<Found, RecoveryError> {
    let most = MEMORY + MEMORY_OF_A_BYTE * bytes;
    let one = memory::within(most, "a start", || recover(disk, 1, 7));
    let two = recover(disk, 2, 8);
    match (&one, &two) {
        (Ok(one), Ok(two)) => assert_eq!(one, two, "two workers find something else"),
        (Err(RecoveryError::Panic(panic)), _) | (_, Err(RecoveryError::Panic(panic))) => panic!("{panic}"),
        (Err(_), Err(_)) => {}
        _ => panic!("one worker: {one:?}, two: {two:?}"),
    }
    one
}

fn recover(disk: &MemoryJournal, workers: usize, seed: u64) -> Result<Found, RecoveryError> {
    let snapshots = Arc::new(disk.snapshots());
    let recovered = recover_from(Arc::new(disk.clone()), Some(snapshots), workers, seed, &|_| {})?;
    let mut actors: Vec<_> = recovered
        .workers
        .into_iter()
        .flatten()
        .map(|actor| (actor.id, actor.name, actor.state.hash()))
        .collect();
    actors.sort();
    let has_snapshot = recovered.report.snapshot.is_some();
    Ok(Found { actors, next_sequence: recovered.next_sequence, has_snapshot })
}
