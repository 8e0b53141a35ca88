//! A server on a thread of this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tempfile::TempDir;
use tidegate_server::config::Config;
use tidegate_server::serve::{self, Addresses};
use tidegate_server::shutdown::{Ask, Shutdown};

use super::Client;

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    addresses: Addresses,
    stop: Ask,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
    /// Its own data directory, unless it was given one.
    _dir: Option<TempDir>,
}

impl Server {
    /// With the defaults and a directory of its own.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// With a directory of its own.
    pub(crate) fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(dir.path(), adjust);
        server._dir = Some(dir);
        server
    }

    /// In this directory.
    pub(crate) fn start_in(dir: &Path, adjust: impl FnOnce(&mut Config)) -> Self {
        match Self::try_start_in(dir, adjust) {
            Ok(server) => server,
            Err(error) => panic!("the server does not start: {error:#}"),
        }
    }

    /// In this directory, if it can be.
    pub(crate) fn try_start_in(dir: &Path, adjust: impl FnOnce(&mut Config)) -> anyhow::Result<Self> {
        let mut config = Config { data_dir: dir.to_owned(), ..Config::default() };
        config.tcp.listen.set_port(0);
        config.http.listen.set_port(0);
        adjust(&mut config);
        let (stop, shutdown) = Shutdown::by_hand();
        let (ready, addresses) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            serve::run(&config, shutdown, |addresses| ready.send(addresses).unwrap())
        });
        match addresses.recv() {
            Ok(addresses) => Ok(Self { addresses, stop, thread: Some(thread), _dir: None }),
            Err(_) => Err(thread.join().unwrap().unwrap_err()),
        }
    }

    pub(crate) fn tcp(&self) -> SocketAddr {
        self.addresses.tcp
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.addresses.http
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.addresses.tcp)
    }

    /// Asks it to stop and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.stop("the test");
    }

    /// Stops it in order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.ask_to_stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap().unwrap();
            }
        }
    }
}
