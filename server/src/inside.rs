//! A server inside this process: what the demo and the tour sell with.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use anyhow::{anyhow, bail};
use tidegate_actors::Clock;

use crate::config::Config;
use crate::serve::{self, Addresses};
use crate::shutdown::{Ask, Shutdown};

/// A server in this process, on free ports.
pub(crate) struct Server {
    pub(crate) addresses: Addresses,
    ask: Ask,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// Starts in this directory, with the defaults but for what `adjust` does, and waits until it sells.
    ///
    /// # Errors
    /// What kept it from starting.
    pub(crate) fn start(
        clock: impl Clock,
        directory: &Path,
        adjust: impl FnOnce(&mut Config),
    ) -> anyhow::Result<Self> {
        let mut config = Config { data_dir: directory.to_owned(), ..Config::default() };
        config.tcp.listen.set_port(0);
        config.http.listen.set_port(0);
        adjust(&mut config);
        let (ask, shutdown) = Shutdown::by_hand();
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::Builder::new().name("server".to_owned()).spawn(move || {
            serve::run_by(clock, &config, shutdown, |addresses| {
                // Nobody waits only if whoever started it has failed.
                let _ = ready.send(addresses);
            })
        })?;
        match is_ready.recv() {
            Ok(addresses) => Ok(Self { addresses, ask, thread }),
            // It ended before it was ready, and says why.
            Err(_) => {
                join(thread)?;
                bail!("the server stopped before it was ready")
            }
        }
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// What kept it from ending with everything on disk.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.ask.stop("the demo's end");
        join(self.thread)
    }
}

fn join(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    thread.join().map_err(|_| anyhow!("the server panicked; its message is above"))?
}
