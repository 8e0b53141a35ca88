//! How many HTTP connections there may be, and from where.
//!
//! A connection that has just come has no place yet: it may be silent, or half a handshake. Only so many of these are
//! borne with, and the oldest leaves when one more comes, so that silence keeps nobody out. Its first request takes one of
//! `http.max_connections` places, if one is free; without one it is told so and closed. A WebSocket gives its place back,
//! because it has a limit of its own.
//!
//! An address has `limits.max_connections_per_address` connections of either kind. One more is closed before it costs a
//! handshake.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::security::network;

/// As many connections as there are places may have asked nothing yet, but never fewer than this: clients that come
/// together must not send each other away.
const LEAST_SILENT: usize = 64;

/// The connections of all workers.
#[derive(Debug)]
pub(super) struct Entrance {
    max_connections: usize,
    /// 0: any number.
    max_per_address: usize,
    accepted: AtomicU64,
    refused: AtomicU64,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// Those that have asked nothing yet, the oldest first, and how each is sent away.
    silent: BTreeMap<u64, oneshot::Sender<()>>,
    /// Those that have a place.
    seated: usize,
    /// All of them by address, where these have a limit.
    by_address: HashMap<IpAddr, usize>,
    last: u64,
}

impl Entrance {
    pub(super) fn new(max_connections: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max_connections,
            max_per_address,
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            inside: Mutex::default(),
        })
    }

    /// The places that there are.
    pub(super) fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// The connections that may be open, with a place and without.
    pub(super) fn most(&self) -> usize {
        self.max_connections.saturating_add(self.most_silent())
    }

    /// Connections open now, WebSockets not among them.
    pub(super) fn open(&self) -> usize {
        let inside = self.inside.lock();
        inside.silent.len() + inside.seated
    }

    /// Connections taken in since the start.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections that had to go for lack of a place since the start.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Takes in a connection, and says when it has to leave; `None` if its address has too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<(Visitor, oneshot::Receiver<()>)> {
        let counted = (self.max_per_address > 0).then(|| network(address));
        let mut inside = self.inside.lock();
        if let Some(network) = counted {
            let count = inside.by_address.entry(network).or_default();
            if *count >= self.max_per_address {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            *count += 1;
        }
        if inside.silent.len() >= self.most_silent()
            && let Some((_, oldest)) = inside.silent.pop_first()
        {
            self.refused.fetch_add(1, Ordering::Relaxed);
            // It may have gone in this moment.
            let _ = oldest.send(());
        }
        inside.last += 1;
        let number = inside.last;
        let (sender, receiver) = oneshot::channel();
        inside.silent.insert(number, sender);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let visitor =
            Visitor { entrance: Arc::clone(self), number, counted, standing: Cell::new(Standing::Silent) };
        Some((visitor, receiver))
    }

    fn most_silent(&self) -> usize {
        self.max_connections.max(LEAST_SILENT)
    }
}

/// One connection, until it ends or becomes a WebSocket.
pub(super) struct Visitor {
    entrance: Arc<Entrance>,
    number: u64,
    /// The address that it is counted under.
    counted: Option<IpAddr>,
    standing: Cell<Standing>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Silent,
    Seated,
    Gone,
}

impl Visitor {
    /// It asks something: whether it has a place now.
    pub(super) fn sit(&self) -> bool {
        if self.standing.get() != Standing::Silent {
            return true;
        }
        let mut inside = self.entrance.inside.lock();
        if inside.seated >= self.entrance.max_connections {
            return false;
        }
        // Who has been sent away is not taken in again.
        let is_here = inside.silent.remove(&self.number).is_some();
        if is_here {
            inside.seated += 1;
            self.standing.set(Standing::Seated);
        }
        is_here
    }

    /// It found no place, and what it asked for needs one.
    pub(super) fn turned_away(&self) {
        self.entrance.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// It ends, or is none of this door's any more.
    pub(super) fn leave(&self) {
        let mut inside = self.entrance.inside.lock();
        match self.standing.replace(Standing::Gone) {
            Standing::Silent => drop(inside.silent.remove(&self.number)),
            Standing::Seated => inside.seated -= 1,
            Standing::Gone => return,
        }
        if let Some(network) = self.counted
            && let Some(count) = inside.by_address.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                inside.by_address.remove(&network);
            }
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn silence_gives_way_and_a_place_does_not() {
        let entrance = Entrance::new(2, 0);
        let (asker, mut its_end) = entrance.enter(HERE).unwrap();
        assert!(asker.sit() && asker.sit());
        let mut silent: Vec<_> = (0..=LEAST_SILENT).map(|_| entrance.enter(HERE).unwrap()).collect();
        assert_eq!(silent[0].1.try_recv(), Ok(()), "the oldest leaves");
        assert!(!silent[0].0.sit(), "and gets no place any more");
        assert!(silent[1].1.try_recv().is_err() && its_end.try_recv().is_err());
        assert!(silent[1].0.sit() && !silent[2].0.sit(), "there were two places");
        assert_eq!((entrance.open(), entrance.refused()), (LEAST_SILENT + 1, 1));
        silent[2].0.turned_away();
        assert_eq!(entrance.refused(), 2);
        drop(asker);
        assert!(silent[2].0.sit());
        silent.clear();
        assert_eq!(entrance.open(), 0);
    }

    #[test]
    fn an_address_has_its_share_until_a_connection_ends_or_is_none_of_this_doors() {
        let entrance = Entrance::new(100, 2);
        let (one, _) = entrance.enter(HERE).unwrap();
        let (two, _) = entrance.enter(HERE).unwrap();
        assert!(two.sit() && entrance.enter(HERE).is_none());
        assert!(entrance.enter([192, 0, 2, 7].into()).is_some());
        drop(one);
        let (three, _) = entrance.enter(HERE).unwrap();
        assert!(entrance.enter(HERE).is_none());
        two.leave();
        drop((entrance.enter(HERE).unwrap(), two, three));
        assert!(entrance.inside.lock().by_address.is_empty());
    }
}
