//! A disk that forgets what was not synced.
//!
//! It takes POSIX at its word: what was written to a file is there after its fsync or fdatasync, a name in a directory
//! after the fsync of the directory, and nothing else is sure. A file that was synced is gone if its name was not.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::Path;

use rand::Rng;
use rand::rngs::StdRng;
use rustix::io::Errno;

use super::content::Content;
use super::stored::{Change, Losses, Stored};

/// The number of a file or directory. Numbers are never used again.
pub(crate) type Node = u64;

/// The uppermost directory.
pub(crate) const ROOT: Node = 1;

/// Sectors are written whole or not at all.
const SECTOR: u64 = 512;

#[derive(Clone, Debug)]
enum Write {
    Bytes { at: u64, bytes: Vec<u8> },
    Resize(u64),
}

impl Change for Write {
    type Of = Content;

    fn apply(&self, to: &mut Content) {
        match self {
            Self::Bytes { at, bytes } => to.write(*at, bytes),
            Self::Resize(length) => to.resize(*length),
        }
    }

    /// Some of its sectors.
    fn tear(&self, random: &mut StdRng) -> Vec<Self> {
        let Self::Bytes { at, bytes } = self else { return Vec::new() };
        let mut kept = Vec::new();
        let mut done = 0;
        while done < bytes.len() {
            let here = at + done as u64;
            let end = bytes.len().min(done + (SECTOR - here % SECTOR) as usize);
            if random.random() {
                kept.push(Self::Bytes { at: here, bytes: bytes[done..end].to_vec() });
            }
            done = end;
        }
        kept
    }
}

type Names = BTreeMap<OsString, Node>;

#[derive(Clone, Debug)]
enum Naming {
    Added(OsString, Node),
    Removed(OsString, Node),
    Renamed(OsString, Node),
}

impl Change for Naming {
    type Of = Names;

    fn apply(&self, to: &mut Names) {
        match self {
            Self::Added(name, node) => drop(to.insert(name.clone(), *node)),
            Self::Removed(name, node) => to.retain(|there, of| !(there == name && of == node)),
            Self::Renamed(name, node) => {
                to.retain(|_, of| of != node);
                to.insert(name.clone(), *node);
            }
        }
    }

    /// It has its old name or its new one.
    fn tear(&self, _: &mut StdRng) -> Vec<Self> {
        Vec::new()
    }
}

#[derive(Debug)]
enum Thing {
    File(Stored<Write>),
    Directory(Stored<Naming>),
}

/// Whose sync is to fail.
#[derive(Debug, PartialEq, Eq)]
enum Failing {
    Of(Node),
    OfNext(OsString),
}

/// What there is to know of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) node: Node,
    pub(crate) is_directory: bool,
    pub(crate) length: u64,
}

/// The disk.
#[derive(Debug)]
pub(crate) struct Disk {
    things: BTreeMap<Node, Thing>,
    next: Node,
    has_fdatasync: bool,
    /// What can't be read of a file.
    unreadable: Option<(Node, Range<u64>)>,
    /// A file, or the next one that is made with this name, whose syncs do so often what they should, and then one fails.
    failing: Option<(Failing, u64)>,
}

impl Disk {
    /// An empty disk.
    pub(crate) fn new() -> Self {
        let root = Thing::Directory(Stored::default());
        Self {
            things: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            has_fdatasync: true,
            unreadable: None,
            failing: None,
        }
    }

    /// One that hears of no fdatasync: what a program gets that does without.
    pub(crate) fn without_fdatasync() -> Self {
        Self { has_fdatasync: false, ..Self::new() }
    }

    /// From now on these bytes of a file can't be read, and nothing that is asked for together with one of them.
    pub(crate) fn fail_reads(&mut self, file: Node, of: Range<u64>) {
        self.unreadable = Some((file, of));
    }

    /// The n-th sync of a file from now on fails, the first being 1. What it should have kept is gone; only the kernel, who
    /// takes it for written, remembers it.
    pub(crate) fn fail_sync(&mut self, file: Node, n: u64) {
        self.failing = Some((Failing::Of(file), n - 1));
    }

    /// The same of a file that is about to be made, whose name this will be.
    pub(crate) fn fail_sync_of_next(&mut self, name: &OsStr, n: u64) {
        self.failing = Some((Failing::OfNext(name.to_owned()), n - 1));
    }

    /// From now on everything succeeds. Whether a sync that was to fail has done so.
    pub(crate) fn heal(&mut self) -> bool {
        self.unreadable = None;
        self.failing.take().is_none()
    }

    pub(crate) fn about(&self, node: Node) -> Result<About, Errno> {
        let (is_directory, length) = match self.things.get(&node).ok_or(Errno::NOENT)? {
            Thing::File(file) => (false, file.now().length()),
            Thing::Directory(_) => (true, 0),
        };
        Ok(About { node, is_directory, length })
    }

    pub(crate) fn find(&self, directory: Node, name: &OsStr) -> Result<About, Errno> {
        let node = self.directory(directory)?.now().get(name).ok_or(Errno::NOENT)?;
        self.about(*node)
    }

    /// What has this path.
    pub(crate) fn at(&self, path: &Path) -> Result<About, Errno> {
        path.iter().try_fold(self.about(ROOT)?, |above, name| self.find(above.node, name))
    }

    /// The names in a directory.
    pub(crate) fn names(&self, directory: Node) -> Result<Vec<(OsString, About)>, Errno> {
        let names = self.directory(directory)?.now();
        names.iter().map(|(name, node)| Ok((name.clone(), self.about(*node)?))).collect()
    }

    pub(crate) fn make_file(&mut self, directory: Node, name: &OsStr) -> Result<About, Errno> {
        self.make(directory, name, Thing::File(Stored::default()))
    }

    pub(crate) fn make_directory(&mut self, directory: Node, name: &OsStr) -> Result<About, Errno> {
        self.make(directory, name, Thing::Directory(Stored::default()))
    }

    fn make(&mut self, directory: Node, name: &OsStr, thing: Thing) -> Result<About, Errno> {
        let node = self.next;
        let names = self.directory_mut(directory)?;
        if names.now().contains_key(name) {
            return Err(Errno::EXIST);
        }
        names.change(Naming::Added(name.to_owned(), node));
        if let Some((failing, _)) = &mut self.failing
            && *failing == Failing::OfNext(name.to_owned())
        {
            *failing = Failing::Of(node);
        }
        self.things.insert(node, thing);
        self.next += 1;
        self.about(node)
    }

    /// Takes a name away. Who has the file open keeps it.
    pub(crate) fn remove(&mut self, directory: Node, name: &OsStr) -> Result<(), Errno> {
        let found = self.find(directory, name)?;
        self.is_no_full_directory(found.node)?;
        self.directory_mut(directory)?.change(Naming::Removed(name.to_owned(), found.node));
        Ok(())
    }

    /// Gives something another name in the same directory.
    pub(crate) fn rename(&mut self, directory: Node, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        let node = self.find(directory, from)?.node;
        if let Ok(there) = self.find(directory, to) {
            self.is_no_full_directory(there.node)?;
        }
        self.directory_mut(directory)?.change(Naming::Renamed(to.to_owned(), node));
        Ok(())
    }

    pub(crate) fn read(&self, file: Node, at: u64, size: usize) -> Result<Vec<u8>, Errno> {
        let is_among = |bad: &Range<u64>| at < bad.end && bad.start < at + size as u64;
        if self.unreadable.as_ref().is_some_and(|(of, bad)| *of == file && is_among(bad)) {
            return Err(Errno::IO);
        }
        match self.things.get(&file) {
            Some(Thing::File(file)) => Ok(file.now().read(at, size)),
            Some(Thing::Directory(_)) => Err(Errno::ISDIR),
            None => Err(Errno::NOENT),
        }
    }

    pub(crate) fn write(&mut self, file: Node, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.file_mut(file)?.change(Write::Bytes { at, bytes: bytes.to_vec() });
        Ok(())
    }

    pub(crate) fn resize(&mut self, file: Node, length: u64) -> Result<(), Errno> {
        self.file_mut(file)?.change(Write::Resize(length));
        Ok(())
    }

    /// fsync.
    pub(crate) fn sync(&mut self, node: Node) -> Result<(), Errno> {
        let fails = self.fails_to_sync(node);
        match self.things.get_mut(&node).ok_or(Errno::NOENT)? {
            Thing::File(file) if fails => {
                file.lose(None);
                return Err(Errno::IO);
            }
            Thing::File(file) => file.sync(),
            Thing::Directory(names) => names.sync(),
        }
        Ok(())
    }

    /// fdatasync. It keeps the length of a file too, without which its bytes can't be read.
    pub(crate) fn sync_data(&mut self, node: Node) -> Result<(), Errno> {
        if self.has_fdatasync { self.sync(node) } else { Ok(()) }
    }

    fn fails_to_sync(&mut self, node: Node) -> bool {
        let Some((Failing::Of(of), more)) = &mut self.failing else { return false };
        if *of != node {
            return false;
        }
        let fails = *more == 0;
        match fails {
            true => self.failing = None,
            false => *more -= 1,
        }
        fails
    }

    /// The power goes. Of what was not synced, all is lost, or some of it was on the disk nevertheless.
    pub(crate) fn lose_power(&mut self, random: &mut StdRng) -> Losses {
        if random.random_ratio(1, 3) {
            return self.lose_unsynced();
        }
        self.lose(Some(random))
    }

    /// The power goes, and all is lost that was not synced.
    pub(crate) fn lose_unsynced(&mut self) -> Losses {
        self.lose(None)
    }

    fn lose(&mut self, mut random: Option<&mut StdRng>) -> Losses {
        let mut losses = Losses::default();
        for thing in self.things.values_mut() {
            losses += match thing {
                Thing::File(file) => file.lose(random.as_deref_mut()),
                Thing::Directory(names) => names.lose(random.as_deref_mut()),
            };
        }
        self.let_go_of_the_nameless();
        losses
    }

    fn let_go_of_the_nameless(&mut self) {
        let (mut named, mut ahead) = (BTreeSet::new(), vec![ROOT]);
        while let Some(node) = ahead.pop() {
            named.insert(node);
            if let Some(Thing::Directory(names)) = self.things.get(&node) {
                ahead.extend(names.now().values());
            }
        }
        self.things.retain(|node, _| named.contains(node));
    }

    fn is_no_full_directory(&self, node: Node) -> Result<(), Errno> {
        match self.things.get(&node) {
            Some(Thing::Directory(names)) if !names.now().is_empty() => Err(Errno::NOTEMPTY),
            _ => Ok(()),
        }
    }

    fn directory(&self, node: Node) -> Result<&Stored<Naming>, Errno> {
        match self.things.get(&node) {
            Some(Thing::Directory(names)) => Ok(names),
            Some(Thing::File(_)) => Err(Errno::NOTDIR),
            None => Err(Errno::NOENT),
        }
    }

    fn directory_mut(&mut self, node: Node) -> Result<&mut Stored<Naming>, Errno> {
        match self.things.get_mut(&node) {
            Some(Thing::Directory(names)) => Ok(names),
            Some(Thing::File(_)) => Err(Errno::NOTDIR),
            None => Err(Errno::NOENT),
        }
    }

    fn file_mut(&mut self, node: Node) -> Result<&mut Stored<Write>, Errno> {
        match self.things.get_mut(&node) {
            Some(Thing::File(file)) => Ok(file),
            Some(Thing::Directory(_)) => Err(Errno::ISDIR),
            None => Err(Errno::NOENT),
        }
    }
}
