//! A SKU that is rebuilt while the disk fails, or from what is damaged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Gate, Plan, accepted, ask, is_by, report, reserve, shown, story, until};
use parking_lot::Mutex;
use tidegate_actors::{Condition, Fault, Rebuild, RebuildError};
use tidegate_persistence::{ActorId, EpochNumber, MemoryJournal, Mishap, Reader, State};

/// Reads the journal on a disk to which something happens each time just before.
struct Harmed<F> {
    reader: Reader,
    /// Is told how often it failed; says whether it has to fail now.
    harm: F,
    gate: Gate,
    /// Attempts that the disk did not let go well.
    failed: Arc<AtomicU64>,
}

impl<F: Fn(u64) -> bool + Send + Sync + 'static> Rebuild for Harmed<F> {
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<Option<State>, RebuildError> {
        let made = loop {
            let is_to_fail = (self.harm)(self.failed.load(Ordering::Relaxed));
            let made = Rebuild::rebuild(&self.reader, id, seed);
            // If not, somebody else has asked the disk first, and met what was meant for this.
            if made.is_err() || !is_to_fail {
                break made;
            }
        };
        if let Err(RebuildError::Disk(_)) = &made {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        // Whoever waits for its turn now is told that the SKU is being rebuilt.
        self.gate.pass();
        made
    }
}

/// A SKU that panics over `boom`, on a disk to which `harm` happens before each attempt to rebuild it.
fn plan(
    disk: &MemoryJournal,
    gate: &Gate,
    failed: &Arc<AtomicU64>,
    harm: impl Fn(u64) -> bool + Send + Sync + 'static,
) -> Plan {
    let (gate, failed) = (gate.clone(), Arc::clone(failed));
    let plan = Plan { is_impatient: true, ..Plan::on(disk.clone()) };
    plan.probe(|body| assert!(!is_by(body, "boom"), "boom was here")).rebuild(move |reader| Harmed {
        reader,
        harm,
        gate,
        failed,
    })
}

/// What the log of all tests here says.
#[derive(Clone)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Written from now on.
    fn begin() -> Self {
        static LOG: Mutex<Option<Log>> = Mutex::new(None);
        let mut log = LOG.lock();
        let begun = log.get_or_insert_with(|| {
            let begun = Self(Arc::default());
            let writer = begun.clone();
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).init();
            begun
        });
        begun.clone()
    }

    /// The lines that say this of a SKU.
    fn lines(&self, sku: &str, words: &str) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().clone()).unwrap();
        let name = format!("name=\"{sku}\"");
        log.lines().filter(|line| line.contains(words) && line.contains(&name)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sku_comes_back_as_it_was_though_the_disk_fails_a_few_times() {
    let (disk, gate, failed) = (MemoryJournal::new(), Gate::default(), Arc::default());
    let log = Log::begin();
    let failing = disk.clone();
    let plan = plan(&disk, &gate, &failed, move |failed| {
        if failed < 3 {
            failing.mishap_after(0, Mishap::Error);
        }
        failed < 3
    });
    story(plan, async |shop| {
        let (vase, other) = (shop.put("vase", 10).await, shop.put("other", 10).await);
        accepted(&ask(&vase, &[reserve("r1", "u1", 2)]).await);
        gate.close();
        assert_eq!(ask(&vase, &[reserve("r2", "boom", 1)]).await.unwrap_err(), Fault::Panicked);
        until("the disk has failed", || gate.is_awaited()).await;
        assert_eq!(shop.house.status().rebuilding, ["vase"]);
        assert_eq!(ask(&vase, &[reserve("r3", "u3", 1)]).await.unwrap_err(), Fault::Rebuilding);
        accepted(&ask(&other, &[reserve("r1", "u1", 3)]).await);
        gate.open();
        until("it is in service or out of it", || vase.shown().condition() != Condition::Rebuilding).await;
        assert_eq!(shop.house.status().quarantined, Vec::<String>::new());
        assert_eq!((shown(&vase), failed.load(Ordering::Relaxed)), ((8, 2, 0), 3));
        assert_eq!(report(&vase).await.stock.reserved(), 2);
        let told = log.lines("vase", "it could not be rebuilt yet");
        assert!(told.len() == 3 && told.iter().all(|told| told.contains("the disk failed")), "{told:?}");
        shop.close();
    });
}

#[test]
fn a_sku_is_quarantined_in_the_end_if_the_disk_fails_for_good() {
    let (disk, gate, failed) = (MemoryJournal::new(), Gate::default(), Arc::default());
    let log = Log::begin();
    let failing = disk.clone();
    let plan = plan(&disk, &gate, &failed, move |_| {
        failing.mishap_after(0, Mishap::PowerCutBefore);
        true
    });
    story(plan, async |shop| {
        let bowl = shop.put("bowl", 10).await;
        accepted(&ask(&bowl, &[reserve("r1", "u1", 2)]).await);
        assert_eq!(ask(&bowl, &[reserve("r2", "boom", 1)]).await.unwrap_err(), Fault::Panicked);
        until("it is given up", || bowl.shown().condition() == Condition::Quarantined).await;
        assert_eq!((failed.load(Ordering::Relaxed), shop.house.rebuild_attempts()), (20, 20));
        assert_eq!(shop.house.status().quarantined, ["bowl"]);
        assert_eq!(ask(&bowl, &[reserve("r3", "u3", 1)]).await.unwrap_err(), Fault::Quarantined);
        let told = log.lines("bowl", "quarantined: it could not be rebuilt");
        assert!(matches!(&told[..], [told] if told.contains("the power is gone")), "{told:?}");
        shop.close();
    });
}

#[test]
fn a_sku_whose_journal_is_damaged_is_quarantined_at_once() {
    let (disk, gate, failed) = (MemoryJournal::new(), Gate::default(), Arc::default());
    let log = Log::begin();
    let harmed = disk.clone();
    let plan = plan(&disk, &gate, &failed, move |_| {
        harmed.tamper(EpochNumber::FIRST, 1, |block| block[60] ^= 1).unwrap();
        true
    });
    story(plan, async |shop| {
        let dish = shop.put("dish", 10).await;
        accepted(&ask(&dish, &[reserve("r1", "u1", 2)]).await);
        assert_eq!(ask(&dish, &[reserve("r2", "boom", 1)]).await.unwrap_err(), Fault::Panicked);
        until("it is given up", || dish.shown().condition() == Condition::Quarantined).await;
        assert_eq!((failed.load(Ordering::Relaxed), shop.house.rebuild_attempts()), (0, 1));
        let told = log.lines("dish", "quarantined: it could not be rebuilt");
        assert!(matches!(&told[..], [told] if told.contains("its bytes are damaged")), "{told:?}");
        shop.close();
    });
}
