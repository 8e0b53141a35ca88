//! Looks at a data directory and changes nothing: epochs are copied elsewhere before they are opened.
//!
//! Where a start stops at the first damage, this goes on and lists all of it.

mod render;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tidegate_engine::{Currency, Millis, Stock, Tally};

use crate::block::{Block, Tail};
use crate::replay::{Replayer, Whose};
use crate::snapshot::{Frame, SnapshotDir, SnapshotError, Snapshots};
use crate::{DirLock, Epoch, EpochNumber, Journal, JournalError, LockError, Mark, SledJournal, State};

/// What one open epoch may cache here.
const CACHE_BYTES: u64 = 16 << 20;

/// What is in a data directory.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The high-water mark.
    pub mark: Option<Mark>,
    /// The epochs, oldest first.
    pub epochs: Vec<EpochInspection>,
    /// The snapshots, oldest first.
    pub snapshots: Vec<SnapshotInspection>,
    /// The SKUs as a start would have them, by name. Empty if a start would refuse.
    pub skus: Vec<SkuInspection>,
    /// The campaigns in the same way.
    pub campaigns: Vec<CampaignInspection>,
    /// The consumer groups in the same way, without those that were destroyed.
    pub consumer_groups: Vec<ConsumerGroupInspection>,
    /// Everything that is wrong. A start refuses, or passes it over if it can, as each line says.
    pub damage: Vec<String>,
}

/// One epoch.
#[derive(Clone, Debug)]
pub struct EpochInspection {
    /// Which.
    pub epoch: EpochNumber,
    /// Whole blocks in it.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first block's number.
    pub first_block: Option<u64>,
    /// The first sequence.
    pub first_sequence: Option<u64>,
    /// The last sequence.
    pub last_sequence: Option<u64>,
    /// What is wrong with its blocks.
    pub damage: Vec<String>,
}

/// One snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotInspection {
    /// The last epoch it covers.
    pub covers: EpochNumber,
    /// How many actors it holds.
    pub actors: u64,
    /// The last sequence in it.
    pub last_sequence: u64,
    /// The size of its file.
    pub bytes: u64,
    /// What is wrong with it.
    pub damage: Option<String>,
}

/// One SKU.
#[derive(Clone, Debug)]
pub struct SkuInspection {
    /// Its name.
    pub name: Box<str>,
    /// The four counts.
    pub stock: Stock,
    /// Orders, units and money by state.
    pub tally: Tally,
    /// The currency.
    pub currency: Currency,
    /// Whether the counts and the orders agree.
    pub balanced: bool,
    /// How many events made it.
    pub changes: u64,
    /// The hash of its state.
    pub state_hash: u64,
    /// When its last turn was.
    pub last_at: Millis,
}

/// One campaign.
#[derive(Clone, Debug)]
pub struct CampaignInspection {
    /// Its name.
    pub name: Box<str>,
    /// Coupons it granted.
    pub coupons: usize,
    /// How many events made it.
    pub changes: u64,
    /// The hash of its state.
    pub state_hash: u64,
}

/// One consumer group.
#[derive(Clone, Debug)]
pub struct ConsumerGroupInspection {
    /// Its name.
    pub name: Box<str>,
    /// Everything up to here was delivered, or is not to be.
    pub last_delivered: u64,
    /// Its consumers.
    pub consumers: usize,
    /// Entries that were delivered and not acknowledged.
    pub pending: u64,
    /// How many events made it, and those that were in its place before.
    pub changes: u64,
    /// The hash of its state.
    pub state_hash: u64,
}

/// A directory that can't be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A server has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It is none of ours.
    #[error("{0} is no data directory: it has no folder `journal`")]
    NotADirectory(String),
    /// It can't be read or copied.
    #[error("cannot read the data directory: {0}")]
    Io(#[from] io::Error),
    /// The journal can't be read at all.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Reads and verifies everything in the data directory `dir`. Each epoch is copied to the system's directory for
/// temporary files first, one at a time.
///
/// # Errors
/// If a server runs on it, or it can't be read or copied. Damage is no error: it is what the result tells.
pub fn inspect(dir: &Path) -> Result<Inspection, InspectError> {
    let source = dir.join("journal");
    if !source.is_dir() {
        return Err(InspectError::NotADirectory(dir.display().to_string()));
    }
    let _lock = DirLock::take_untouched(dir)?;
    let mut inspection = Inspection::default();
    let journal = SledJournal::new(&source, CACHE_BYTES)?;
    match journal.mark() {
        Ok(mark) => inspection.mark = mark,
        Err(error) => inspection.damage.push(format!("a start refuses: {error}")),
    }
    let snapshots = Snapshots::new(Arc::new(SnapshotDir::new(dir.join("snapshots"))));
    let mut walk = Walk::new();
    inspection.snapshots(&snapshots, &mut walk)?;
    for epoch in journal.epochs()? {
        let found = copied(&source, epoch, |copy| walk.epoch(epoch, copy, inspection.mark))?;
        let found = found.unwrap_or_else(|error| EpochInspection {
            damage: vec![error.to_string()],
            ..EpochInspection::empty(epoch)
        });
        inspection.damage.extend(found.damage.iter().map(|damage| format!("{epoch}, {damage}")));
        inspection.epochs.push(found);
    }
    walk.conclude(&mut inspection);
    Ok(inspection)
}

/// Opens a copy of one epoch.
fn copied<T>(
    source: &Path,
    epoch: EpochNumber,
    look: impl FnOnce(&dyn Epoch) -> T,
) -> Result<Result<T, JournalError>, InspectError> {
    let place = tempfile::Builder::new().prefix("tidegate-inspect-").tempdir()?;
    let name = format!("{:010}", epoch.0);
    copy_dir(&source.join(&name), &place.path().join(&name))?;
    let copy = SledJournal::new(place.path(), CACHE_BYTES)?;
    Ok(copy.open(epoch).map(|epoch| look(&*epoch)))
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

impl EpochInspection {
    fn empty(epoch: EpochNumber) -> Self {
        let (first_block, first_sequence, last_sequence) = (None, None, None);
        Self { epoch, blocks: 0, bytes: 0, first_block, first_sequence, last_sequence, damage: Vec::new() }
    }
}

impl Inspection {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }

    /// Verifies all snapshots; the newest good one is where the walk begins to replay.
    fn snapshots(&mut self, snapshots: &Snapshots, walk: &mut Walk) -> io::Result<()> {
        let mut found = Vec::new();
        for covers in snapshots.list()? {
            let (mut states, mut footer) = (Some(Replayer::new(EVERYONE, SEED)), None);
            let read: Result<(), SnapshotError> = snapshots.read(covers, |frame| {
                if let Frame::Footer(last) = &frame {
                    footer = Some(*last);
                }
                if let Some(replayer) = &mut states
                    && let Err(error) = replayer.frame(&frame)
                {
                    states = None;
                    self.damage.push(format!("a start passes the snapshot of {covers} over: {error}"));
                }
                Ok(())
            });
            let damage = read.err().map(|error| error.to_string());
            if let Some(damage) = &damage {
                self.damage.push(format!("a start passes the snapshot of {covers} over: {damage}"));
            }
            let bytes = snapshots.bytes(covers)?;
            if let (Some(states), Some(footer), None) = (states, footer, &damage) {
                walk.begin(covers, footer.tail, states);
            }
            found.push(SnapshotInspection {
                covers,
                actors: footer.map_or(0, |footer| footer.sections),
                last_sequence: footer.map_or(0, |footer| footer.tail.sequence - 1),
                bytes,
                damage,
            });
        }
        found.reverse();
        self.snapshots = found;
        Ok(())
    }
}

const EVERYONE: Whose = Whose::Part { part: 0, of: 1 };
/// Nothing outside can choose what is hashed here and see the time it takes.
const SEED: u64 = 0;

/// Walks over all blocks, and replays those that a start would.
struct Walk {
    /// Where the next block is expected, once one was seen.
    tail: Option<Tail>,
    /// The last epoch of the snapshot that replaying begins with, its end, and the states so far; `None` once a
    /// block is damaged.
    base: Option<(EpochNumber, Tail)>,
    states: Option<Replayer>,
    last_epoch: Option<EpochNumber>,
    torn: bool,
    problems: Vec<String>,
}

impl Walk {
    fn new() -> Self {
        Self {
            tail: None,
            base: None,
            states: Some(Replayer::new(EVERYONE, SEED)),
            last_epoch: None,
            torn: false,
            problems: Vec::new(),
        }
    }

    /// Begins with a snapshot, unless a newer one was found before.
    fn begin(&mut self, covers: EpochNumber, tail: Tail, states: Replayer) {
        if self.base.is_none() {
            self.base = Some((covers, tail));
            self.states = Some(states);
        }
    }

    fn epoch(&mut self, number: EpochNumber, epoch: &dyn Epoch, mark: Option<Mark>) -> EpochInspection {
        let mut found = EpochInspection::empty(number);
        self.enter(number);
        let mut from = 0;
        loop {
            let stored = match epoch.block_from(from) {
                Ok(Some(stored)) => stored,
                Ok(None) => return found,
                Err(error) => {
                    found.damage.push(format!("a start refuses: {error}"));
                    self.states = None;
                    return found;
                }
            };
            from = stored.first_sequence + 1;
            let expected = self.tail.map_or(0, |tail| tail.block);
            match Block::parse(&stored.bytes) {
                Ok(block) => self.block(number, &block, &stored.bytes, mark, &mut found),
                Err(damage) => {
                    let last = matches!(epoch.block_from(from), Ok(None));
                    let beyond = mark.is_none_or(|mark| expected > mark.block);
                    if last && beyond && damage.may_be_torn() {
                        self.torn = true;
                        found.damage.push(format!(
                            "block {expected}: a start cuts it if nothing is behind it: {damage}"
                        ));
                    } else {
                        self.states = None;
                        found.damage.push(format!("block {expected}: a start refuses: {damage}"));
                    }
                }
            }
        }
    }

    fn enter(&mut self, number: EpochNumber) {
        if let Some(last) = self.last_epoch
            && number != last.next()
        {
            self.problems.push(format!("a start refuses: {} is missing", last.next()));
            self.states = None;
        }
        let begins_late = self.last_epoch.is_none() && number > EpochNumber::FIRST;
        if begins_late && self.base.is_none_or(|(covers, _)| covers.next() < number) {
            self.problems.push(format!("a start refuses: no good snapshot reaches {number}"));
            self.states = None;
        }
        if self.last_epoch.is_none() && number == EpochNumber::FIRST {
            self.tail = Some(Tail::EMPTY);
        }
        // The snapshot knows how the journal goes on, also where the epochs before it are gone.
        if let Some((covers, tail)) = self.base
            && number == covers.next()
            && self.tail.is_none()
        {
            self.tail = Some(tail);
        }
        self.last_epoch = Some(number);
    }

    fn block(
        &mut self,
        number: EpochNumber,
        block: &Block<'_>,
        bytes: &[u8],
        mark: Option<Mark>,
        found: &mut EpochInspection,
    ) {
        if self.torn {
            self.states = None;
            found
                .damage
                .push(format!("block {}: a start refuses: it lies behind a torn block", block.number));
            self.torn = false;
        }
        let next = Tail {
            block: block.number + 1,
            hash: block.hash(),
            sequence: block.first_sequence + u64::from(block.events),
        };
        if let Some(Err(damage)) = self.tail.map(|tail| tail.follow(number, block)) {
            found.damage.push(format!("block {}: a start refuses: {damage}", block.number));
            self.states = None;
        }
        if let Some(mark) = mark
            && mark.block == block.number
            && mark.hash != next.hash
        {
            found.damage.push(format!(
                "block {}: a start refuses: it is not the one that the high-water mark knows",
                block.number
            ));
            self.states = None;
        }
        self.tail = Some(next);
        found.blocks += 1;
        found.bytes += bytes.len() as u64;
        found.first_block.get_or_insert(block.number);
        found.first_sequence.get_or_insert(block.first_sequence);
        found.last_sequence = Some(next.sequence - 1);
        if self.base.is_none_or(|(covers, _)| number > covers)
            && let Some(states) = &mut self.states
            && let Err(error) = states.block(bytes, block.first_sequence)
        {
            found.damage.push(format!("block {}: a start refuses: {error}", block.number));
            self.states = None;
        }
    }

    fn conclude(self, inspection: &mut Inspection) {
        let mut states = self.states;
        let last = self.tail.map_or(0, |tail| tail.block - 1);
        inspection.damage.extend(self.problems);
        if let Some(mark) = inspection.mark
            && last < mark.block
        {
            states = None;
            inspection.damage.push(format!(
                "a start refuses: the journal ends with block {last}, but block {} was acknowledged",
                mark.block
            ));
        }
        let actors = states.map(Replayer::into_actors).unwrap_or_default();
        inspection.skus = actors
            .iter()
            .filter_map(|actor| {
                let sku = actor.state.sku()?;
                let report = sku.report();
                Some(SkuInspection {
                    name: actor.name.clone(),
                    stock: report.stock,
                    tally: report.tally,
                    currency: report.currency,
                    balanced: report.balanced,
                    changes: sku.changes(),
                    state_hash: sku.state_hash(),
                    last_at: actor.last_at,
                })
            })
            .collect();
        let campaigns = actors.iter().filter_map(|actor| {
            let campaign = actor.state.campaign()?;
            Some(CampaignInspection {
                name: actor.name.clone(),
                coupons: campaign.grants().count(),
                changes: campaign.view().changes,
                state_hash: campaign.state_hash(),
            })
        });
        inspection.campaigns = campaigns.collect();
        let groups = actors.iter().filter_map(|actor| {
            let State::ConsumerGroup(state) = &actor.state else { return None };
            let view = state.group()?.view();
            Some(ConsumerGroupInspection {
                name: actor.name.clone(),
                last_delivered: view.last_delivered,
                consumers: view.consumers.len(),
                pending: view.pending,
                changes: state.changes(),
                state_hash: state.state_hash(),
            })
        });
        inspection.consumer_groups = groups.collect();
        inspection.consumer_groups.sort_by(|a, b| a.name.cmp(&b.name));
        inspection.campaigns.sort_by(|a, b| a.name.cmp(&b.name));
        inspection.skus.sort_by(|a, b| a.name.cmp(&b.name));
        for sku in inspection.skus.iter().filter(|sku| !sku.balanced) {
            inspection.damage.push(format!("SKU {} does not balance", sku.name));
        }
    }
}
