//! Looks at a data directory and changes nothing: epochs are copied elsewhere before they are opened.
//!
//! Where a start stops at the first damage, this goes on and lists all of it.

mod copies;
mod render;
mod walk;

use std::io;
use std::path::Path;
use std::sync::Arc;

use tidegate_engine::{Currency, Millis, Stock, Tally};

use crate::identity::{UNIDENTIFIED, known_identity};
use crate::recovery::UNMARKED;
use crate::replay::{RecoveredActor, Replayer};
use crate::snapshot::{SnapshotDir, SnapshotError, SnapshotStore, Snapshots};
use crate::{DirLock, Epoch, EpochNumber, Journal, JournalError, LockError, Mark, SledJournal, State};
use walk::{EVERYONE, SEED, Walk};

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
    #[error("{0} is no data directory, or its journal is gone: it has no folder `journal`")]
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
    let journal = SledJournal::new(&source, CACHE_BYTES)?;
    let mut signs = Signs { damage: Vec::from_iter(journal.damage_of_mark()?), ..Signs::default() };
    match known_identity(dir) {
        Ok(identity) => {
            (signs.was_used, signs.is_unidentified) = (identity.is_some(), identity.is_none());
        }
        Err(error) => signs.refusal = Some(error.to_string()),
    }
    let snapshots: Arc<dyn SnapshotStore> = Arc::new(SnapshotDir::new(dir.join("snapshots")));
    examine(&journal, Some(snapshots), signs, |epoch, look| copies::look_at(&source, epoch, look))
}

/// As [`inspect`], of any journal that nobody writes to.
///
/// # Errors
/// If it can't be read at all.
pub fn inspect_from(
    journal: &dyn Journal,
    snapshots: Option<Arc<dyn SnapshotStore>>,
) -> Result<Inspection, InspectError> {
    examine(journal, snapshots, Signs::default(), |epoch, look| {
        match journal.open(epoch) {
            Ok(epoch) => look(Ok(&*epoch)),
            Err(error) => look(Err(error)),
        }
        Ok(())
    })
}

/// What a data directory tells besides its journal and its snapshots.
#[derive(Default)]
struct Signs {
    /// Why a start refuses whatever the journal holds.
    refusal: Option<String>,
    /// A start passes it over.
    damage: Vec<String>,
    /// There was a journal.
    was_used: bool,
    /// The identity is not there.
    is_unidentified: bool,
}

/// Is shown an epoch, if that can be opened.
type Look<'a> = &'a mut dyn FnMut(Result<&dyn Epoch, JournalError>);

fn examine(
    journal: &dyn Journal,
    snapshots: Option<Arc<dyn SnapshotStore>>,
    signs: Signs,
    open: impl Fn(EpochNumber, Look<'_>) -> Result<(), InspectError>,
) -> Result<Inspection, InspectError> {
    let (mark, unreadable) = match journal.mark() {
        Ok(mark) => (mark, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let is_unmarked = mark.is_none() && unreadable.is_none();
    let mut inspection = Inspection { mark, damage: signs.damage, ..Inspection::default() };
    let mut walk = Walk::new(mark);
    inspection.damage.extend(signs.refusal.into_iter().chain(unreadable).map(|what| walk.refuse(what)));
    let epochs = journal.epochs()?;
    if let Some(snapshots) = snapshots {
        inspection.snapshots(&Snapshots::new(snapshots), &epochs, &mut walk)?;
    }
    if epochs.is_empty() && is_unmarked && (signs.was_used || !inspection.snapshots.is_empty()) {
        inspection.damage.push(walk.refuse("the journal holds nothing, but there was one before"));
    }
    for epoch in epochs {
        open(epoch, &mut |opened| {
            let found = walk.epoch(epoch, opened, &mut inspection.damage);
            inspection.damage.extend(found.damage.iter().map(|damage| format!("{epoch}, {damage}")));
            inspection.epochs.push(found);
        })?;
    }
    let holds_something = inspection.epochs.iter().any(|epoch| epoch.blocks > 0) || walk.is_based();
    if is_unmarked && holds_something {
        inspection.damage.push(UNMARKED.to_owned());
    }
    if signs.is_unidentified && holds_something {
        inspection.damage.push(UNIDENTIFIED.to_owned());
    }
    let (missing, actors) = walk.conclude();
    inspection.damage.extend(missing);
    inspection.actors(&actors);
    Ok(inspection)
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

    /// Verifies all snapshots; the newest good one that the epochs go on from is where the walk begins to replay.
    fn snapshots(
        &mut self,
        snapshots: &Snapshots,
        epochs: &[EpochNumber],
        walk: &mut Walk,
    ) -> io::Result<()> {
        let mut found = Vec::new();
        let mut newest = None;
        for covers in snapshots.list()? {
            let bytes = snapshots.bytes(covers)?;
            let next = covers.next();
            // Its end is known before the rest is read, as in a start.
            let footer = snapshots.footer(covers);
            if footer.is_ok() {
                newest.get_or_insert(covers);
            }
            if footer.is_ok() && !epochs.contains(&next) && !epochs.is_empty() {
                self.damage.push(if newest == Some(covers) {
                    walk.refuse(format_args!("{next} is missing"))
                } else {
                    format!("a start passes the snapshot of {covers} over: {next} is missing")
                });
            }
            let info = footer.as_ref().ok().map(|(_, info)| info.clone());
            let read = footer.map_err(|error| error.to_string());
            let read = read.and_then(|(footer, _)| Ok((footer, states_of(snapshots, covers)?)));
            let damage = match read {
                Ok((footer, states)) => {
                    if epochs.contains(&next) {
                        walk.begin(covers, footer.tail, states);
                    }
                    None
                }
                Err(damage) => {
                    self.damage.push(format!("a start passes the snapshot of {covers} over: {damage}"));
                    Some(damage)
                }
            };
            let (actors, last_sequence) = info.map_or((0, 0), |info| (info.actors, info.last_sequence));
            found.push(SnapshotInspection { covers, actors, last_sequence, bytes, damage });
        }
        found.reverse();
        self.snapshots = found;
        Ok(())
    }

    /// The actors as a start would have them.
    fn actors(&mut self, actors: &[RecoveredActor]) {
        self.skus = actors
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
        self.campaigns = campaigns.collect();
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
        self.consumer_groups = groups.collect();
        self.consumer_groups.sort_by(|a, b| a.name.cmp(&b.name));
        self.campaigns.sort_by(|a, b| a.name.cmp(&b.name));
        self.skus.sort_by(|a, b| a.name.cmp(&b.name));
        for sku in self.skus.iter().filter(|sku| !sku.balanced) {
            self.damage.push(format!("SKU {} does not balance", sku.name));
        }
    }
}

/// The states that a snapshot makes, or what is wrong with it.
fn states_of(snapshots: &Snapshots, covers: EpochNumber) -> Result<Replayer, String> {
    let mut states = Replayer::new(EVERYONE, SEED);
    let mut wrong = None;
    let read: Result<(), SnapshotError> = snapshots.read(covers, |frame| {
        // The rest is read all the same: a broken checksum says more than what it led to.
        if wrong.is_none() {
            wrong = states.frame(&frame).err().map(|error| error.to_string());
        }
        Ok(())
    });
    match (read, wrong) {
        (Err(error), _) => Err(error.to_string()),
        (Ok(()), Some(wrong)) => Err(wrong),
        (Ok(()), None) => Ok(states),
    }
}
