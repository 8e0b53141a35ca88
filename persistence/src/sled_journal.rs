//! The journal on sled, one directory an epoch. No other file names sled.
//!
//! A block is filed under its first sequence, cut into values that sled keeps in its log (a larger one would go to
//! a file of its own that is never synced). What sled confirms is synced once more, by fdatasync on its log.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::epoch_files::{
    names, read_through, remove_dir, remove_half_made_index, settle_log, sync_dir, sync_path,
};
use crate::mark::MarkFile;
use crate::{Epoch, EpochNumber, Journal, JournalError, Mark, StoredBlock, dirs};

/// The size of log segments, fixed for a directory when it is made. It also bounds the values that stay in the log:
/// see [`VALUE_BYTES`].
const SEGMENT_BYTES: usize = 16 << 20;
/// The largest piece of a block. A leaf holds up to 17 of them and must stay below a quarter of a segment.
const VALUE_BYTES: usize = 192 << 10;
/// How long the lock of a directory that was just closed is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A journal in a directory of its own.
#[derive(Debug)]
pub struct SledJournal {
    dir: PathBuf,
    cache_bytes: u64,
    mark: MarkFile,
    settled: Settled,
    /// Held while an epoch is settled or fetched: nobody has the kernel forget what another has just fetched.
    fetching: Mutex<()>,
}

/// Epochs of which everything is on disk that this process reads of them.
type Settled = Arc<Mutex<BTreeSet<EpochNumber>>>;

impl SledJournal {
    /// The journal in `dir`, which is made if it does not exist. Each open epoch caches up to `cache_bytes`.
    ///
    /// # Errors
    /// If the directory can't be made.
    pub fn new(dir: &Path, cache_bytes: u64) -> Result<Self, JournalError> {
        dirs::make(dir).map_err(|error| JournalError::io("cannot make", dir, &error))?;
        let mark = MarkFile::new(dir.join("mark"));
        let (settled, fetching) = (Settled::default(), Mutex::default());
        Ok(Self { dir: dir.to_owned(), cache_bytes, mark, settled, fetching })
    }

    /// Deletes what an interrupted start, rotation or deletion left behind, and has on disk what they did do: an epoch may
    /// have got its name from a process that was killed before it could see to that.
    ///
    /// # Errors
    /// If something can't be deleted or synced.
    pub fn tidy(&self) -> Result<(), JournalError> {
        for name in names(&self.dir)? {
            let path = self.dir.join(&name);
            if name.ends_with(UNFINISHED) || name.ends_with(DOOMED) {
                remove_dir(&path)?;
            } else if epoch_of(&name).is_some() {
                remove_half_made_index(&path)?;
            }
        }
        sync_dir(&self.dir)
    }

    /// What is wrong with the mark's file although [`Journal::mark`] can do with it.
    ///
    /// # Errors
    /// If it can't be read.
    pub(crate) fn damage_of_mark(&self) -> Result<Option<String>, JournalError> {
        self.mark.damage()
    }

    fn path(&self, epoch: EpochNumber) -> PathBuf {
        self.dir.join(dir_name(epoch))
    }

    /// Settles an epoch, unless that was done before; true if it was not. A process that was killed may not have synced what it
    /// wrote, or may have tried in vain, and whoever reads it relies on it. Readers open it again and again, and others wait
    /// meanwhile: once is enough.
    fn settle(&self, epoch: EpochNumber) -> Result<bool, JournalError> {
        if self.settled.lock().contains(&epoch) {
            return Ok(false);
        }
        settle_log(&self.path(epoch))?;
        self.settled.lock().insert(epoch);
        Ok(true)
    }

    /// Opens the epoch of this number that lies in `path`.
    fn open_in(&self, path: &Path, epoch: EpochNumber) -> Result<SledEpoch, JournalError> {
        SledEpoch::open(epoch, path, self.cache_bytes, Arc::clone(&self.settled))
    }
}

/// The end of the name of a directory that is being made.
const UNFINISHED: &str = ".new";
/// The end of the name of a directory that is being deleted.
const DOOMED: &str = ".old";

fn dir_name(epoch: EpochNumber) -> String {
    format!("{:010}", epoch.0)
}

fn epoch_of(name: &str) -> Option<EpochNumber> {
    let number = EpochNumber(name.parse().ok()?);
    (dir_name(number) == name).then_some(number)
}

impl Journal for SledJournal {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        let mut epochs: Vec<_> = names(&self.dir)?.iter().filter_map(|name| epoch_of(name)).collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    fn create(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        // Made under another name first: a directory with an epoch's name is whole.
        let unfinished = self.dir.join(dir_name(epoch) + UNFINISHED);
        remove_dir(&unfinished)?;
        self.open_in(&unfinished, epoch)?.close()?;
        for name in names(&unfinished)? {
            sync_path(&unfinished.join(name))?;
        }
        sync_dir(&unfinished)?;
        let path = self.path(epoch);
        fs::rename(&unfinished, &path)
            .map_err(|error| JournalError::io("cannot rename", &unfinished, &error))?;
        let opened = sync_dir(&self.dir).and_then(|()| self.open_in(&path, epoch));
        match opened {
            Ok(opened) => {
                self.settled.lock().insert(epoch);
                Ok(Arc::new(opened))
            }
            Err(error) => {
                // Whoever tries again needs the name. If that fails too, it is told what was the matter first.
                let _ = self.remove(epoch);
                Err(error)
            }
        }
    }

    fn open(&self, epoch: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        let path = self.path(epoch);
        // Opening would make a new, empty one.
        if !path.join("db").exists() {
            return Err(JournalError::Corrupt {
                epoch,
                path: path.display().to_string(),
                cause: "its file db is missing".to_owned(),
            });
        }
        remove_half_made_index(&path)?;
        {
            let _alone = self.fetching.lock();
            self.settle(epoch)?;
        }
        Ok(Arc::new(self.open_in(&path, epoch)?))
    }

    fn fetch(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        let _alone = self.fetching.lock();
        if self.settle(epoch)? { read_through(&self.path(epoch)) } else { Ok(()) }
    }

    fn remove(&self, epoch: EpochNumber) -> Result<(), JournalError> {
        // Renamed first, so that a half deleted epoch is not taken for a damaged one.
        self.settled.lock().remove(&epoch);
        let path = self.path(epoch);
        let doomed = self.dir.join(dir_name(epoch) + DOOMED);
        // Of an earlier time that came to nothing.
        remove_dir(&doomed)?;
        fs::rename(&path, &doomed).map_err(|error| JournalError::io("cannot rename", &path, &error))?;
        sync_dir(&self.dir)?;
        remove_dir(&doomed)
    }

    fn mark(&self) -> Result<Option<Mark>, JournalError> {
        self.mark.read()
    }

    fn set_mark(&self, mark: Mark) -> Result<(), JournalError> {
        self.mark.write(mark)
    }
}

/// One sled directory.
struct SledEpoch {
    number: EpochNumber,
    path: PathBuf,
    /// Taken when it is dropped.
    db: Option<sled::Db>,
    /// sled's log, kept open for fdatasync.
    log: File,
    /// Set by the first write or sync that fails, and by a panic of sled: whatever it says after that is not to be trusted.
    broken: AtomicBool,
    /// Set by a read that fails. See [`Epoch::is_doubtful`].
    doubtful: AtomicBool,
    /// Left by an epoch that breaks: what of its last writes is on disk is not known.
    settled: Settled,
}

impl std::fmt::Debug for SledEpoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledEpoch").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SledEpoch {
    fn open(
        number: EpochNumber,
        path: &Path,
        cache_bytes: u64,
        settled: Settled,
    ) -> Result<Self, JournalError> {
        // sled takes an error for the end of its log when it looks for that, and then overwrites what lies behind. So it is
        // given nothing that can't be read: what it reads a moment later is what the kernel remembers of this.
        read_through(path)?;
        let config = config(path, cache_bytes);
        let deadline = Instant::now() + LOCK_PATIENCE;
        let db = loop {
            match guarded(|| config.open()) {
                Err(Trouble::Sled(error)) if is_locked(&error) && Instant::now() < deadline => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                other => break other.map_err(|trouble| trouble.at(number, path))?,
            }
        };
        let log_path = path.join("db");
        let log =
            File::open(&log_path).map_err(|error| JournalError::io("cannot open", &log_path, &error))?;
        let (broken, doubtful) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { number, path: path.to_owned(), db: Some(db), log, broken, doubtful, settled })
    }

    /// Has sled write something. If that fails, the epoch is broken.
    fn write<T>(&self, action: impl FnOnce(&sled::Db) -> Result<T, sled::Error>) -> Result<T, JournalError> {
        self.on(action, |_| self.breaks())
    }

    /// Has sled read something. An error of the disk, or a checksum that is wrong, leaves sled as it was before: it keeps
    /// nothing of a page that it could not read. It is its writes that set the error which sled never lets go of; a reader can
    /// come to one too, for it may finish the split of a page, and then sled refuses the next write by itself.
    fn read<T>(&self, action: impl FnOnce(&sled::Db) -> Result<T, sled::Error>) -> Result<T, JournalError> {
        self.on(action, |trouble| {
            if !self.doubtful.swap(true, Ordering::AcqRel) {
                tracing::warn!(path = %self.path.display(), "a read of this epoch failed; it will be tried again");
            }
            if !matches!(trouble, Trouble::Sled(sled::Error::Io(_) | sled::Error::Corruption { .. })) {
                self.breaks();
            }
        })
    }

    fn on<T>(
        &self,
        action: impl FnOnce(&sled::Db) -> Result<T, sled::Error>,
        on_trouble: impl FnOnce(&Trouble),
    ) -> Result<T, JournalError> {
        let db = match &self.db {
            Some(db) if !self.broken.load(Ordering::Acquire) => db,
            _ => return Err(self.refused()),
        };
        guarded(|| action(db)).map_err(|trouble| {
            on_trouble(&trouble);
            trouble.at(self.number, &self.path)
        })
    }

    fn breaks(&self) {
        self.broken.store(true, Ordering::Release);
        self.settled.lock().remove(&self.number);
    }

    fn refused(&self) -> JournalError {
        JournalError::Io {
            action: "no more use of",
            path: self.path.display().to_string(),
            cause: "an earlier error".to_owned(),
        }
    }

    fn sync_log(&self) -> Result<(), JournalError> {
        self.log.sync_data().map_err(|error| {
            self.breaks();
            JournalError::io("cannot sync", &self.path, &error)
        })
    }

    /// Closes it, with everything on disk.
    fn close(mut self) -> Result<(), JournalError> {
        self.shut()
    }

    fn shut(&mut self) -> Result<(), JournalError> {
        let db = self.db.take();
        // sled panics here if its last sync fails.
        guarded(move || {
            drop(db);
            Ok(())
        })
        .map_err(|trouble| {
            self.breaks();
            trouble.at(self.number, &self.path)
        })
    }
}

impl Epoch for SledEpoch {
    fn append(&self, first_sequence: u64, block: &[u8]) -> Result<(), JournalError> {
        if block.len() <= VALUE_BYTES {
            // Most blocks are one value, and a batch costs sled more than that.
            return self.write(|db| db.insert(key(first_sequence, 0), block)).map(drop);
        }
        let mut batch = sled::Batch::default();
        for (index, piece) in block.chunks(VALUE_BYTES).enumerate() {
            batch.insert(&key(first_sequence, index as u16), piece);
        }
        self.write(|db| db.apply_batch(batch))
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.write(|db| db.flush())?;
        self.sync_log()
    }

    fn block_from(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.read(|db| {
            let mut pieces = db.range(key(sequence, 0)..);
            let Some(first) = pieces.next() else { return Ok(None) };
            let (at, value) = first?;
            let first_sequence = sequence_of(&at);
            let mut bytes = value.to_vec();
            // Only a full piece can have another one behind it.
            let mut last = value.len();
            let mut index = 1;
            while last == VALUE_BYTES {
                match pieces.next().transpose()? {
                    Some((at, value)) if *at == key(first_sequence, index) => {
                        bytes.extend_from_slice(&value);
                        last = value.len();
                        index += 1;
                    }
                    _ => break,
                }
            }
            Ok(Some(StoredBlock { first_sequence, bytes }))
        })
    }

    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        let found = self.read(|db| db.range(..=key(sequence, u16::MAX)).next_back().transpose())?;
        match found {
            Some((at, _)) => self.block_from(sequence_of(&at)),
            None => Ok(None),
        }
    }

    fn cut(&self, sequence: u64) -> Result<(), JournalError> {
        self.write(|db| {
            let mut batch = sled::Batch::default();
            for entry in db.range(key(sequence, 0)..) {
                batch.remove(entry?.0);
            }
            db.apply_batch(batch)
        })?;
        self.sync()
    }

    fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Acquire) || self.broken.load(Ordering::Acquire)
    }
}

impl Drop for SledEpoch {
    fn drop(&mut self) {
        // Whatever was acknowledged was synced before.
        if let Err(error) = self.shut() {
            tracing::error!(%error, "closing the epoch failed; nothing acknowledged is affected");
        }
    }
}

fn config(path: &Path, cache_bytes: u64) -> sled::Config {
    sled::Config::new()
        .path(path)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        .mode(sled::Mode::HighThroughput)
        // Every commit flushes; a timer would only get in its way.
        .flush_every_ms(None)
}

/// What can go wrong in a call of sled.
enum Trouble {
    Sled(sled::Error),
    /// It panicked: some of its checks on what it reads are assertions.
    Panic(String),
}

impl Trouble {
    fn at(self, epoch: EpochNumber, path: &Path) -> JournalError {
        let cause = match self {
            Self::Sled(sled::Error::Io(error)) => {
                return JournalError::io("cannot use", path, &error);
            }
            Self::Sled(error) => error.to_string(),
            Self::Panic(message) => message,
        };
        JournalError::Corrupt { epoch, path: path.display().to_string(), cause }
    }
}

fn guarded<T>(action: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(action)) {
        Ok(result) => result.map_err(Trouble::Sled),
        Err(panic) => Err(Trouble::Panic(crate::error::panic_message(&*panic))),
    }
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(cause) if cause.to_string().contains("could not acquire lock"))
}

fn key(first_sequence: u64, piece: u16) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&first_sequence.to_be_bytes());
    key[8..].copy_from_slice(&piece.to_be_bytes());
    key
}

/// Keys of another shape do not occur; zero makes the block's own check find them.
fn sequence_of(key: &[u8]) -> u64 {
    key.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
