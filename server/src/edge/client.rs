//! Who is connected.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use parking_lot::Mutex;
use tidegate_protocol::resp::Protocol;

use super::ended::Ended;
use crate::config::Limits;
use crate::security::network;

/// All connections.
#[derive(Debug, Default)]
pub struct Clients {
    open: DashMap<u64, Arc<Client>>,
    /// Connections by address, where these have a limit.
    by_address: DashMap<IpAddr, usize>,
    count: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    last_id: AtomicU64,
    accept_errors: AtomicU64,
    ended: [AtomicU64; Ended::ALL.len()],
}

impl Clients {
    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Connections accepted since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections refused since the start, because as many as configured were open.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Times that the system did not hand a connection over.
    #[must_use]
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Ordering::Relaxed)
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// TCP connections that ended since the start, by reason.
    pub fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.ended.iter().map(|count| count.load(Ordering::Relaxed));
        Ended::ALL.iter().map(|reason| reason.name()).zip(counts)
    }

    /// Takes a new connection in, or counts a refusal when there are too many.
    ///
    /// # Errors
    /// The setting that says how many there may be.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: SocketAddr,
        local: SocketAddr,
        limits: &Limits,
    ) -> Result<Guest, &'static str> {
        let refused = |setting| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Err(setting)
        };
        if self.open() >= limits.max_connections {
            return refused("limits.max_connections");
        }
        let mut counted = None;
        if limits.max_connections_per_address > 0 {
            let network = network(address.ip());
            let mut count = self.by_address.entry(network).or_default();
            if *count >= limits.max_connections_per_address {
                return refused("limits.max_connections_per_address");
            }
            *count += 1;
            counted = Some(network);
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Ok(self.take_in(address, local, counted))
    }

    /// Takes in who stays for one request only, and whose number another door bounds: it is no connection.
    pub(super) fn let_in(self: &Arc<Self>, address: SocketAddr, local: SocketAddr) -> Guest {
        self.take_in(address, local, None)
    }

    fn take_in(self: &Arc<Self>, address: SocketAddr, local: SocketAddr, counted: Option<IpAddr>) -> Guest {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        self.count.fetch_add(1, Ordering::AcqRel);
        let client = Arc::new(Client { id, address, local, since: Instant::now(), said: Mutex::default() });
        self.open.insert(id, Arc::clone(&client));
        Guest { client, clients: Arc::clone(self), counted }
    }

    /// The text of `CLIENT LIST`.
    pub(super) fn list(&self) -> String {
        let mut clients: Vec<_> = self.open.iter().map(|entry| Arc::clone(&entry)).collect();
        clients.sort_by_key(|client| client.id);
        clients.iter().map(|client| client.line()).collect()
    }
}

/// A connection that is taken in; leaving is its end.
#[derive(Debug)]
pub(super) struct Guest {
    client: Arc<Client>,
    clients: Arc<Clients>,
    /// The address that it is counted under.
    counted: Option<IpAddr>,
}

impl Guest {
    /// Notes why its connection ends.
    pub(super) fn ended(&self, reason: Ended) {
        self.clients.ended[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl std::ops::Deref for Guest {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.clients.open.remove(&self.client.id);
        self.clients.count.fetch_sub(1, Ordering::AcqRel);
        if let Some(network) = self.counted {
            self.clients.by_address.remove_if_mut(&network, |_, count| {
                *count -= 1;
                *count == 0
            });
        }
    }
}

/// One connection as others see it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) address: SocketAddr,
    local: SocketAddr,
    since: Instant,
    said: Mutex<Said>,
}

/// What a client said about itself.
#[derive(Debug)]
pub(super) struct Said {
    /// The user or buyer, as authenticated.
    pub(super) user: String,
    pub(super) name: String,
    pub(super) library: String,
    pub(super) library_version: String,
    pub(super) protocol: Protocol,
}

impl Default for Said {
    fn default() -> Self {
        let (user, name, library, library_version) = Default::default();
        Self { user, name, library, library_version, protocol: Protocol::Resp2 }
    }
}

impl Client {
    pub(super) fn said(&self) -> parking_lot::MutexGuard<'_, Said> {
        self.said.lock()
    }

    /// Its line in `CLIENT LIST` and `CLIENT INFO`, with the fields that Redis gives which mean something here.
    pub(super) fn line(&self) -> String {
        let said = self.said.lock();
        format!(
            "id={} addr={} laddr={} name={} age={} db=0 resp={} lib-name={} lib-ver={} user={}\n",
            self.id,
            self.address,
            self.local,
            said.name,
            self.since.elapsed().as_secs(),
            said.protocol.number(),
            said.library,
            said.library_version,
            said.user,
        )
    }
}
