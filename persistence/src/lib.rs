//! The journal, snapshots and recovery.
//!
//! An actor encodes what it did in one turn with a [`GroupEncoder`] and hands it to its thread's [`Lane`]. One
//! thread, behind [`Writer`], writes all groups that wait as one block, makes it durable and wakes the lanes.
//! [`recover`] brings everything back. The formats are described in `docs/JOURNAL.md`.

mod actor_id;
mod block;
mod chain;
mod codec;
mod dirs;
mod epoch;
mod epoch_files;
mod error;
mod files;
mod group;
mod identity;
mod inspect;
mod journal;
mod keeper;
mod lane;
mod lock;
mod mark;
mod memory;
mod options;
mod powers;
mod rebuild;
mod recovery;
mod replay;
mod sled_journal;
mod snapshot;
mod state;
mod status;
mod sync;
mod walk;
mod writer;

pub use actor_id::{ActorId, ActorKind, Birth};
pub use block::{Block, BlockDamage, EpochNumber, FORMAT_VERSION, Tail};
pub use chain::ChainError;
pub use codec::CodecError;
pub use group::{
    EncodedGroup, EncodedGroups, Group, GroupEncoder, Groups, MAX_GROUP_BYTES, MAX_GROUP_EVENTS,
};
pub use identity::{IdentityError, identity};
pub use inspect::{
    CampaignInspection, ConsumerGroupInspection, EpochInspection, InspectError, Inspection, SkuInspection,
    SnapshotInspection, inspect, inspect_from,
};
pub use journal::{Epoch, Journal, JournalError, StoredBlock};
pub use lane::{Lane, Ticket, Wake};
pub use lock::{DirLock, LockError};
pub use mark::Mark;
pub use memory::{Crash, MemoryJournal, MemorySnapshots, Mishap};
pub use options::{Options, OptionsError};
pub use powers::Powers;
pub use rebuild::{Reader, RebuildError};
pub use recovery::{OpenJournal, Recovered, RecoveryError, RecoveryReport, recover, recover_from};
pub use replay::{RecoveredActor, ReplayError};
pub use sled_journal::SledJournal;
pub use snapshot::{SnapshotDir, SnapshotError, SnapshotInfo, SnapshotSource, SnapshotStore, SnapshotTarget};
pub use state::State;
pub use status::{JournalMeasures, JournalStatus, KeeperCounts, Percentiles};
pub use walk::WalkedBlock;
pub use writer::{SteppedWriter, StopError, Writer};
