//! shuttle's types under the names of the `sync.rs` of persistence, actors and server.
//!
//! What is not here is as it is in production, and so a single step: tokio's `Notify` and channels of one message,
//! `ArcSwap`, `OnceLock`. None of them waits for another thread.

use std::borrow::Borrow;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
pub(crate) use std::sync::OnceLock;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use shuttle::sync::mpsc::Sender;
pub(crate) use shuttle_dashmap::mapref::entry::Entry;
use shuttle_dashmap::mapref::multiple::RefMulti;
use shuttle_dashmap::mapref::one::Ref;
pub(crate) use shuttle_parking_lot::{Mutex, RwLock, RwLockReadGuard};

pub(crate) use crate::lane::{Lane, Ticket};

/// A table in two parts with a lock each, as dashmap's has many.
#[derive(Debug)]
pub(crate) struct DashMap<K: Eq + Hash, V>([shuttle_dashmap::DashMap<K, V>; 2]);

impl<K: Eq + Hash, V> Default for DashMap<K, V> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<K: Eq + Hash + Clone, V> DashMap<K, V> {
    fn part<Q: Hash + ?Sized>(&self, key: &Q) -> &shuttle_dashmap::DashMap<K, V> {
        &self.0[usize::from(BuildHasherDefault::<DefaultHasher>::new().hash_one(key) % 2 == 1)]
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<Ref<'_, K, V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.part(key).get(key)
    }

    pub(crate) fn entry(&self, key: K) -> Entry<'_, K, V> {
        self.part(&key).entry(key)
    }

    pub(crate) fn insert(&self, key: K, value: V) -> Option<V> {
        self.part(&key).insert(key, value)
    }

    pub(crate) fn remove<Q>(&self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.part(key).remove(key)
    }

    /// One part after the other: what it was in all at no moment, perhaps.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(shuttle_dashmap::DashMap::len).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = RefMulti<'_, K, V>> {
        self.0.iter().flat_map(shuttle_dashmap::DashMap::iter)
    }
}
