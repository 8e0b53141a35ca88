//! Epochs that are made, read and deleted at once, on a disk where each can be open once, as sled's can.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use shuttle::rand::{Rng as _, thread_rng};
use shuttle::thread;
use tidegate_persistence::{Epoch, EpochNumber, Journal, JournalError, Mark, StoredBlock};

use crate::epoch::Epochs;
use crate::explore;
use crate::sync::{AtomicBool, Mutex};

/// Who holds the lock of an epoch: a handle that may be on its way out. Nobody, if it is closed.
type Locks = Arc<Mutex<BTreeMap<EpochNumber, Option<Weak<Handle>>>>>;

#[derive(Debug, Default)]
struct Disk {
    locks: Locks,
    /// Whether what changes names, or asks for them, fails now and then.
    fails: bool,
    /// Whether reads do.
    reads_fail: bool,
}

#[derive(Debug)]
struct Handle {
    number: EpochNumber,
    locks: Locks,
    reads_fail: bool,
    /// Whether one has.
    doubtful: AtomicBool,
}

impl Disk {
    fn handle(&self, number: EpochNumber) -> Arc<Handle> {
        let (locks, doubtful) = (Arc::clone(&self.locks), AtomicBool::new(false));
        let handle = Arc::new(Handle { number, locks, reads_fail: self.reads_fail, doubtful });
        self.locks.lock().insert(number, Some(Arc::downgrade(&handle)));
        handle
    }

    fn trouble(&self) -> Result<(), JournalError> {
        match self.fails && thread_rng().gen_bool(0.4) {
            true => Err(JournalError::Full("the disk fails".to_owned())),
            false => Ok(()),
        }
    }
}

impl Journal for Disk {
    fn epochs(&self) -> Result<Vec<EpochNumber>, JournalError> {
        self.trouble()?;
        Ok(self.locks.lock().keys().copied().collect())
    }

    fn create(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        let handle = self.handle(number);
        // There to see, and not finished.
        thread::yield_now();
        if let Err(error) = self.trouble() {
            drop(handle);
            self.locks.lock().remove(&number);
            return Err(error);
        }
        Ok(handle)
    }

    fn open(&self, number: EpochNumber) -> Result<Arc<dyn Epoch>, JournalError> {
        loop {
            let lock = self.locks.lock().get(&number).cloned();
            let Some(holder) = lock.unwrap_or_else(|| panic!("{number} is opened, and was deleted")) else {
                return Ok(self.handle(number));
            };
            assert_eq!(holder.strong_count(), 0, "{number} is opened a second time");
            // Its last handle is closing it.
            thread::yield_now();
        }
    }

    fn remove(&self, number: EpochNumber) -> Result<(), JournalError> {
        // Before the name is gone,
        self.trouble()?;
        let lock = self.locks.lock().remove(&number);
        assert!(lock.is_some_and(|holder| holder.is_none()), "{number} is deleted, and somebody has it");
        // and what it was the name of.
        self.trouble()
    }

    fn mark(&self) -> Result<Option<Mark>, JournalError> {
        Ok(None)
    }

    fn set_mark(&self, _: Mark) -> Result<(), JournalError> {
        Ok(())
    }
}

impl Epoch for Handle {
    fn append(&self, _: u64, _: &[u8]) -> Result<(), JournalError> {
        Ok(())
    }

    fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }

    fn block_from(&self, _: u64) -> Result<Option<StoredBlock>, JournalError> {
        if self.reads_fail && thread_rng().gen_bool(0.4) {
            self.doubtful.store(true, Ordering::SeqCst);
            return Err(JournalError::Full("the disk does not read".to_owned()));
        }
        let first_sequence = u64::from(self.number.0);
        Ok(Some(StoredBlock { first_sequence, bytes: Vec::new() }))
    }

    fn block_of(&self, sequence: u64) -> Result<Option<StoredBlock>, JournalError> {
        self.block_from(sequence)
    }

    fn cut(&self, _: u64) -> Result<(), JournalError> {
        Ok(())
    }

    fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::SeqCst)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        thread::yield_now();
        if let Some(lock) = self.locks.lock().get_mut(&self.number) {
            *lock = None;
        }
    }
}

/// The epochs of these numbers, all closed.
fn closed(numbers: &[u32]) -> Arc<Epochs> {
    on_a_disk(numbers, Disk::default()).0
}

fn on_a_disk(numbers: &[u32], disk: Disk) -> (Arc<Epochs>, Locks) {
    let locks = Arc::clone(&disk.locks);
    locks.lock().extend(numbers.iter().map(|number| (EpochNumber(*number), None)));
    (Arc::new(Epochs::new(Arc::new(disk))), locks)
}

#[test]
fn an_epoch_that_is_being_made_is_there_for_nobody_yet() {
    explore(|| {
        let epochs = closed(&[]);
        let _first = epochs.create(EpochNumber(1)).unwrap();
        let maker = Arc::clone(&epochs);
        let maker = thread::spawn(move || maker.create(EpochNumber(2)).unwrap());
        let readers = [(); 2].map(|()| {
            let epochs = Arc::clone(&epochs);
            thread::spawn(move || {
                let _kept = epochs.keep();
                for number in epochs.list().unwrap() {
                    epochs.reading(number).unwrap();
                }
            })
        });
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        let _second = maker.join().unwrap();
        assert_eq!(epochs.list().unwrap(), [EpochNumber(1), EpochNumber(2)]);
    });
}

#[test]
fn an_epoch_is_open_once_however_many_read_it_and_come_and_go() {
    explore(|| {
        let epochs = closed(&[1, 2, 3, 4]);
        let readers = [[1, 2], [3, 4], [1, 4]].map(|numbers| {
            let epochs = Arc::clone(&epochs);
            thread::spawn(move || {
                for number in numbers.map(EpochNumber) {
                    let _kept = epochs.keep();
                    let first = epochs.reading(number).unwrap().block_from(0).unwrap();
                    assert_eq!(first.map(|block| block.first_sequence), Some(u64::from(number.0)));
                }
            })
        });
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn no_epoch_is_deleted_under_its_reader() {
    explore(|| {
        let epochs = closed(&[1, 2]);
        let remover = Arc::clone(&epochs);
        let remover = thread::spawn(move || remover.remove(EpochNumber(1)).unwrap());
        let readers = [(); 2].map(|()| {
            let epochs = Arc::clone(&epochs);
            thread::spawn(move || {
                let _kept = epochs.keep();
                for number in epochs.list().unwrap() {
                    assert_eq!(epochs.first_sequence(number).unwrap(), Some(u64::from(number.0)));
                }
            })
        });
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        remover.join().unwrap();
        assert_eq!(epochs.list().unwrap(), [EpochNumber(2)]);
    });
}

#[test]
fn an_epoch_of_which_a_read_failed_is_opened_anew_and_never_twice() {
    explore(|| {
        let (epochs, _) = on_a_disk(&[1, 2], Disk { reads_fail: true, ..Disk::default() });
        let (closed, current) = (EpochNumber(1), EpochNumber(2));
        let writers = epochs.get(current).unwrap();
        let readers = [(); 3].map(|()| {
            let epochs = Arc::clone(&epochs);
            thread::spawn(move || {
                for number in [closed, current, closed] {
                    let _kept = epochs.keep();
                    // Who rebuilds an actor, or makes a snapshot, is not likely to come back.
                    let epoch = if thread_rng().gen_bool(0.3) {
                        epochs.get(number).unwrap()
                    } else {
                        epochs.reading(number).unwrap()
                    };
                    let _ = epoch.block_from(0);
                }
            })
        });
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert!(!epochs.reading(closed).unwrap().is_doubtful(), "what failed once is still kept for readers");
        // The writer has its own for good, and readers get no other one.
        assert!(Arc::ptr_eq(&epochs.reading(current).unwrap(), &writers));
    });
}

#[test]
fn what_is_listed_is_what_is_there_while_epochs_are_made_and_deleted_and_the_disk_fails() {
    explore(|| {
        let (epochs, on_disk) = on_a_disk(&[1, 2, 3], Disk { fails: true, ..Disk::default() });
        let (maker, remover) = (Arc::clone(&epochs), Arc::clone(&epochs));
        let maker = thread::spawn(move || {
            // As the writer does: until one is made. Then it goes on in that one.
            (0..4).find_map(|_| maker.create(EpochNumber(4)).ok())
        });
        let remover = thread::spawn(move || {
            for number in [EpochNumber(1), EpochNumber(2)] {
                // As whoever prunes does: what it lists, and it comes back to it.
                for _ in 0..3 {
                    if remover.list().is_ok_and(|there| there.contains(&number)) {
                        let _ = remover.remove(number);
                    }
                }
            }
        });
        let reader = Arc::clone(&epochs);
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                let _kept = reader.keep();
                for number in reader.list().into_iter().flatten() {
                    reader.reading(number).unwrap();
                }
            }
        });
        reader.join().unwrap();
        remover.join().unwrap();
        let made = maker.join().unwrap();
        let there: Vec<EpochNumber> = on_disk.lock().keys().copied().collect();
        assert_eq!(there.contains(&EpochNumber(4)), made.is_some());
        if let Ok(listed) = epochs.list() {
            assert_eq!(listed, there);
        }
    });
}
