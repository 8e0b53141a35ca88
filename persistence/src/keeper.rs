//! What goes on beside the writer: the mark, the next epoch, snapshots and the end of old epochs.
//!
//! Three threads, so that none waits for another: the mark is quick and often, a new epoch is needed soon, a
//! snapshot takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use parking_lot::Mutex;

use crate::block::Tail;
use crate::epoch::Epochs;
use crate::snapshot::{Build, Built, SnapshotInfo, Snapshots};
use crate::status::KeeperCounts;
use crate::{Epoch, EpochNumber, Mark};

/// What the keeper works with.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) snapshots: Option<Snapshots>,
    /// The epoch that is written to.
    pub(crate) epoch: EpochNumber,
    pub(crate) mark_interval: Duration,
    pub(crate) retention_epochs: u32,
    pub(crate) pass_events: u64,
    pub(crate) seed: u64,
}

/// What the keeper tells.
#[derive(Debug, Default)]
struct News {
    mark: Option<Mark>,
    marked: Option<Mark>,
    snapshot: Option<SnapshotInfo>,
    trouble: Option<String>,
    counts: KeeperCounts,
}

/// An epoch that is not written to any more, and its last handle here.
#[derive(Debug)]
struct Closed {
    epoch: EpochNumber,
    handle: Option<Arc<dyn Epoch>>,
    /// How it ended, if this process wrote it.
    tail: Option<Tail>,
}

/// The writer's end of the keeper. None of its calls waits.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    news: Arc<Mutex<News>>,
    snapshot_running: Arc<AtomicBool>,
    marks: Sender<()>,
    requests: Sender<EpochNumber>,
    ready: Receiver<Arc<dyn Epoch>>,
    closed: Sender<Closed>,
}

impl Handle {
    /// Has this mark, or a later one, written.
    pub(crate) fn mark(&self, mark: Mark) {
        self.news.lock().mark = Some(mark);
        // A signal that is pending already stands for this mark too.
        let _ = self.marks.try_send(());
    }

    /// Whether the thread that makes snapshots is at work.
    pub(crate) fn is_snapshot_running(&self) -> bool {
        self.snapshot_running.load(Ordering::Relaxed)
    }

    pub(crate) fn request_epoch(&self, epoch: EpochNumber) {
        // One request at a time is enough: a full channel means that it is being made.
        if let Err(TrySendError::Disconnected(_)) = self.requests.try_send(epoch) {
            tracing::error!("the thread that makes epochs is gone");
        }
    }

    pub(crate) fn take_epoch(&self) -> Option<Arc<dyn Epoch>> {
        self.ready.try_recv().ok()
    }

    /// Nothing more is written to this epoch, which ended so.
    pub(crate) fn close_epoch(&self, epoch: EpochNumber, handle: Arc<dyn Epoch>, tail: Tail) {
        let _ = self.closed.send(Closed { epoch, handle: Some(handle), tail: Some(tail) });
    }
}

/// The keeper's threads.
#[derive(Debug)]
pub(crate) struct Keeper {
    news: Arc<Mutex<News>>,
    snapshot_running: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// What the threads do. Whoever has no threads can have them do it step by step.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) marker: Marker,
    pub(crate) epoch_maker: EpochMaker,
    pub(crate) snapshotter: Snapshotter,
    news: Arc<Mutex<News>>,
    stop: Arc<AtomicBool>,
}

impl Hands {
    /// What went wrong last.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.news.lock().trouble.clone()
    }

    /// The hands, and the writer's end.
    pub(crate) fn new(housekeeping: Housekeeping) -> (Self, Handle) {
        let news = Arc::new(Mutex::new(News::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (marks, mark_inbox) = bounded(1);
        let (requests, request_inbox) = bounded(1);
        let (ready_outbox, ready) = bounded(1);
        let (closed, closed_inbox) = unbounded();
        let Housekeeping { epochs, snapshots, epoch, mark_interval, retention_epochs, pass_events, seed } =
            housekeeping;
        if epoch > EpochNumber::FIRST {
            // What the last run closed may still want its snapshot.
            let _ = closed.send(Closed { epoch: EpochNumber(epoch.0 - 1), handle: None, tail: None });
        }
        if let Some(snapshots) = &snapshots {
            news.lock().snapshot = snapshots.newest_info();
        }
        let marker = Marker {
            inbox: mark_inbox,
            epochs: Arc::clone(&epochs),
            news: Arc::clone(&news),
            interval: mark_interval,
        };
        let epoch_maker = EpochMaker {
            inbox: request_inbox,
            ready: ready_outbox,
            epochs: Arc::clone(&epochs),
            news: Arc::clone(&news),
            made: None,
        };
        let snapshotter = Snapshotter {
            closed: closed_inbox,
            epochs,
            snapshots,
            retention_epochs,
            pass_events,
            seed,
            news: Arc::clone(&news),
            snapshot_running: Arc::default(),
            stop: Arc::clone(&stop),
        };
        let handle = Handle {
            news: Arc::clone(&news),
            snapshot_running: Arc::clone(&snapshotter.snapshot_running),
            marks,
            requests,
            ready,
            closed,
        };
        (Self { marker, epoch_maker, snapshotter, news, stop }, handle)
    }
}

/// The lowest priority, with which a snapshot gets a seventieth of what each of the sale's threads gets where they want all of
/// the processor. Nobody waits for a snapshot; with a tenth (10) it made the slowest of a hundred answers ten times as slow.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// Lets this thread come after those of the sale.
#[cfg(target_os = "linux")]
fn step_back() {
    // On Linux each thread has a priority of its own, by its number.
    let set = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
    if let Err(error) = set {
        tracing::debug!(%error, "snapshots are made at the priority of the sale");
    }
}

/// Elsewhere a priority is a whole process's.
#[cfg(not(target_os = "linux"))]
fn step_back() {}

impl Keeper {
    /// Starts the threads; they end when the handle is dropped and [`Self::stop`] is called.
    pub(crate) fn start(hands: Hands) -> std::io::Result<Self> {
        let Hands { marker, epoch_maker, snapshotter, news, stop } = hands;
        let snapshot_running = Arc::clone(&snapshotter.snapshot_running);
        let mut threads = Vec::new();
        let mut spawn = |name: &str, work: Box<dyn FnOnce() + Send>| -> std::io::Result<()> {
            threads.push(std::thread::Builder::new().name(name.to_owned()).spawn(work)?);
            Ok(())
        };
        spawn("journal-mark", Box::new(move || marker.run()))?;
        spawn("journal-epoch", Box::new(move || epoch_maker.run()))?;
        spawn(
            "journal-snapshot",
            Box::new(move || {
                step_back();
                snapshotter.run();
            }),
        )?;
        Ok(Self { news, snapshot_running, threads, stop })
    }

    /// The newest snapshot, whether one is being made, and the last trouble.
    pub(crate) fn report(&self) -> (Option<SnapshotInfo>, bool, Option<String>) {
        let news = self.news.lock();
        (news.snapshot.clone(), self.snapshot_running.load(Ordering::Relaxed), news.trouble.clone())
    }

    /// The newest snapshot, and what was done since the start.
    pub(crate) fn counts(&self) -> (Option<SnapshotInfo>, KeeperCounts) {
        let news = self.news.lock();
        (news.snapshot.clone(), news.counts)
    }

    /// Ends the threads once the writer's end is gone. A snapshot that is being made is given up.
    pub(crate) fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn trouble(news: &Mutex<News>, text: String) {
    tracing::warn!(trouble = %text, "the journal goes on");
    news.lock().trouble = Some(text);
}

/// Writes the high-water mark.
#[derive(Debug)]
pub(crate) struct Marker {
    inbox: Receiver<()>,
    epochs: Arc<Epochs>,
    news: Arc<Mutex<News>>,
    interval: Duration,
}

impl Marker {
    fn run(self) {
        // After the last signal the newest mark is written once more, so that a clean stop leaves nothing unmarked.
        let mut open = true;
        while open {
            open = self.inbox.recv().is_ok();
            self.step();
            if open {
                std::thread::sleep(self.interval);
            }
        }
    }

    /// Writes the newest mark, if it is not written yet.
    pub(crate) fn step(&self) {
        let (mark, marked) = {
            let news = self.news.lock();
            (news.mark, news.marked)
        };
        let Some(mark) = mark.filter(|mark| Some(*mark) != marked) else { return };
        match self.epochs.journal().set_mark(mark) {
            Ok(()) => {
                let mut news = self.news.lock();
                news.marked = Some(mark);
                news.counts.marks += 1;
            }
            Err(error) => {
                self.news.lock().counts.failed_marks += 1;
                trouble(&self.news, error.to_string());
            }
        }
    }
}

/// Makes epochs before they are needed.
#[derive(Debug)]
pub(crate) struct EpochMaker {
    inbox: Receiver<EpochNumber>,
    ready: Sender<Arc<dyn Epoch>>,
    epochs: Arc<Epochs>,
    news: Arc<Mutex<News>>,
    made: Option<EpochNumber>,
}

impl EpochMaker {
    fn run(mut self) {
        while let Ok(wanted) = self.inbox.recv() {
            self.make(wanted);
        }
    }

    /// Makes the epoch that is asked for, if one is.
    pub(crate) fn step(&mut self) {
        if let Ok(wanted) = self.inbox.try_recv() {
            self.make(wanted);
        }
    }

    fn make(&mut self, wanted: EpochNumber) {
        if self.made == Some(wanted) {
            return;
        }
        match self.epochs.create(wanted) {
            Ok(epoch) => {
                self.made = Some(wanted);
                self.news.lock().counts.epochs += 1;
                // A writer that is gone needs none.
                let _ = self.ready.send(epoch);
            }
            Err(error) => {
                self.news.lock().counts.failed_epochs += 1;
                trouble(&self.news, error.to_string());
            }
        }
    }
}

/// Makes snapshots of closed epochs and deletes what is covered.
#[derive(Debug)]
pub(crate) struct Snapshotter {
    closed: Receiver<Closed>,
    epochs: Arc<Epochs>,
    snapshots: Option<Snapshots>,
    retention_epochs: u32,
    pass_events: u64,
    seed: u64,
    news: Arc<Mutex<News>>,
    /// Whether it is at work.
    snapshot_running: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

/// Says that somebody is at work, until it is dropped: also if that panics.
struct AtWork<'a>(&'a AtomicBool);

impl<'a> AtWork<'a> {
    fn begin(running: &'a AtomicBool) -> Self {
        running.store(true, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Snapshotter {
    fn run(self) {
        while let Ok(closed) = self.closed.recv() {
            self.take(closed);
        }
    }

    /// Makes a snapshot of what was closed, if anything was.
    pub(crate) fn step(&self) {
        if let Ok(closed) = self.closed.try_recv() {
            self.take(closed);
        }
    }

    fn take(&self, mut newest: Closed) {
        let _at_work = AtWork::begin(&self.snapshot_running);
        // Closing takes a while if this is the last handle; here nobody waits for it.
        newest.handle = None;
        // Whoever waits behind is closed too; one snapshot covers them all.
        while let Ok(mut closed) = self.closed.try_recv() {
            closed.handle = None;
            if closed.epoch > newest.epoch {
                newest = closed;
            }
        }
        if self.stopping() {
            return;
        }
        if let Some(snapshots) = &self.snapshots {
            self.cover(snapshots, newest.epoch, newest.tail);
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn cover(&self, snapshots: &Snapshots, upto: EpochNumber, tail: Option<Tail>) {
        let stopping = || self.stopping();
        let began = Instant::now();
        let (epochs, pass_events, seed) = (&*self.epochs, self.pass_events, self.seed);
        let build = Build { epochs, snapshots, upto, tail, pass_events, seed, stopping: &stopping };
        let built = build.run();
        match built {
            Ok(Built::New { info, base }) => {
                {
                    let mut news = self.news.lock();
                    news.snapshot = Some(info);
                    news.counts.snapshots += 1;
                    news.counts.snapshot_took = began.elapsed();
                    news.counts.snapshot_at = Some(SystemTime::now());
                }
                if let Some(base) = base
                    && let Err(error) = self.retire(snapshots, upto, base)
                {
                    self.news.lock().counts.failed_removals += 1;
                    trouble(&self.news, error);
                }
            }
            Ok(Built::There(info)) => self.news.lock().snapshot = Some(info),
            Ok(Built::Stopped) => {}
            Err(error) => {
                self.news.lock().counts.failed_snapshots += 1;
                trouble(&self.news, format!("no snapshot of {upto}: {error}"));
            }
        }
    }

    /// Deletes all snapshots but the new one and that which it was built upon, both of which were just read from beginning to
    /// end, and epochs that the older of these covers (it may have to stand in for the newer) and retention lets go.
    fn retire(&self, snapshots: &Snapshots, new: EpochNumber, base: EpochNumber) -> Result<(), String> {
        snapshots.keep(&[new, base]).map_err(|error| error.to_string())?;
        let current = new.next();
        for epoch in self.epochs.list().map_err(|error| error.to_string())? {
            let beyond = u64::from(epoch.0) + u64::from(self.retention_epochs) < u64::from(current.0);
            if epoch <= base && beyond {
                self.epochs.remove(epoch).map_err(|error| error.to_string())?;
                self.news.lock().counts.removed_epochs += 1;
            }
        }
        Ok(())
    }
}
