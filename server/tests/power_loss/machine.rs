//! A machine that runs one server on its disk, and whose power goes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::{Disk, Node};
use super::fuse::Mounted;
use super::power::{Moment, Power};
use super::stored::Losses;
use crate::common::Process;

/// The machine. Servers come and go, its disk stays.
pub(crate) struct Machine {
    disk: Arc<Mutex<Disk>>,
    power: Arc<Power>,
    /// Unmounted before the directory that it is mounted in is deleted.
    mounted: Option<Mounted>,
    at: tempfile::TempDir,
}

impl Machine {
    /// A machine with this disk, and a server with these settings.
    ///
    /// # Errors
    /// If file systems can't be mounted here.
    pub(crate) fn new(disk: Disk, settings: &str) -> io::Result<Self> {
        let at = tempfile::tempdir()?;
        std::fs::create_dir(at.path().join("disk"))?;
        std::fs::write(at.path().join("tidegate.toml"), settings)?;
        let (disk, power) = (Arc::new(Mutex::new(disk)), Arc::new(Power::on()));
        let mut machine = Self { disk, power, mounted: None, at };
        machine.mount()?;
        Ok(machine)
    }

    fn mount(&mut self) -> io::Result<()> {
        let at = self.at.path().join("disk");
        self.mounted = Some(Mounted::new(&at, Arc::clone(&self.disk), Arc::clone(&self.power))?);
        Ok(())
    }

    /// Where the server keeps its data: it has to make the directory, and the one above it.
    pub(crate) fn data(&self) -> PathBuf {
        self.at.path().join("disk/shop/data")
    }

    /// Has something done with the disk itself.
    pub(crate) fn on_disk<T>(&self, look: impl FnOnce(&mut Disk) -> T) -> T {
        look(&mut self.disk.lock())
    }

    /// A file of the data directory, as the disk knows it.
    pub(crate) fn file(&self, name: &str) -> Node {
        self.on_disk(|disk| disk.at(&Path::new("shop/data").join(name)).unwrap().node)
    }

    /// Starts a server and waits until it sells: what it said, if it ends before.
    pub(crate) fn start(&self) -> Result<Process, String> {
        let mut process = self.spawn();
        process.comes_up()?;
        Ok(process)
    }

    /// The same, while the power is about to go: `None` if it went before the server sold. If it sells, the power stays.
    pub(crate) fn start_until(&self, power_goes: Moment) -> Result<Option<Process>, String> {
        let mut process = self.spawn();
        self.power_goes(power_goes, &process);
        let up = process.comes_up();
        if self.power.stays() { up.map(|()| Some(process)) } else { Ok(None) }
    }

    fn spawn(&self) -> Process {
        let settings = self.at.path().join("tidegate.toml");
        Process::spawn(&self.data(), &["--config", settings.to_str().unwrap()])
    }

    /// From now on the power is about to go, at this moment of a running server.
    pub(crate) fn power_goes(&self, moment: Moment, process: &Process) {
        self.power.goes(moment, process.id());
    }

    /// Waits until the server has ended because of that.
    pub(crate) fn ended(&self, process: Process) {
        process.end();
        assert!(!self.power.stays(), "the server has ended by itself");
    }

    /// After the server has ended: the power was gone, the disk loses what it loses then, and the power comes back.
    pub(crate) fn lose_power(&mut self, lose: impl FnOnce(&mut Disk) -> Losses) -> Losses {
        // What the kernel remembers of the disk goes too.
        self.mounted = None;
        let losses = lose(&mut self.disk.lock());
        self.power.comes_back();
        self.mount().unwrap();
        losses
    }

    /// After the server has ended: what the kernel remembers of the disk is forgotten, and nothing is lost.
    pub(crate) fn forget(&mut self) {
        self.mounted = None;
        self.mount().unwrap();
    }

    /// After the server has ended: it was killed and nothing else, and all that it wrote is there.
    pub(crate) fn keep_power(&self) {
        self.power.comes_back();
    }
}
