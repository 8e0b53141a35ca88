//! The disk as a mounted file system.
//!
//! Without a writeback cache in the kernel, every write reaches the disk when it is made. sync_file_range, in which sled's
//! flush ends, does not: it is about the kernel's cache alone, and promises no more than that on any file system.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use parking_lot::Mutex;
use rustix::mount::{UnmountFlags, unmount};

use super::disk::{About, Disk};
use super::power::Power;

/// Nobody but the kernel changes anything, so that it may remember what it knows.
const REMEMBERED: Duration = Duration::from_secs(3600);
const BLOCK: u32 = 4096;
/// The kernel goes on remembering what is in a file that is opened again, as it does with file systems of its own.
const KEPT: FopenFlags = FopenFlags::FOPEN_KEEP_CACHE;
/// Blocks that there are and that are free, for who asks.
const BLOCKS: u64 = 1 << 30;

/// A mounted disk. Dropping it unmounts it, whoever still uses it.
#[derive(Debug)]
pub(crate) struct Mounted {
    at: PathBuf,
    /// Ends when the last one lets go of the file system, which may be somebody who has a copy of all mounts: nobody waits
    /// for that. Where only a program may unmount, dropping it calls that.
    _session: BackgroundSession,
}

impl Mounted {
    /// Mounts it in this empty directory.
    pub(crate) fn new(at: &Path, disk: Arc<Mutex<Disk>>, power: Arc<Power>) -> io::Result<Self> {
        let face = Face { disk, power, listings: Mutex::default(), handles: AtomicU64::new(1) };
        let mut config = fuser::Config::default();
        config.mount_options = vec![MountOption::FSName("power-loss".to_owned()), MountOption::NoAtime];
        Ok(Self { at: at.to_owned(), _session: fuser::spawn_mount(face, at, &config)? })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.at, UnmountFlags::DETACH) {
            eprintln!("{} is left to others to unmount: {error}", self.at.display());
        }
    }
}

/// What answers the kernel, in one thread that waits for nobody.
struct Face {
    disk: Arc<Mutex<Disk>>,
    power: Arc<Power>,
    /// Of the directories that are being read: names come and go meanwhile.
    listings: Mutex<BTreeMap<u64, Vec<(OsString, About)>>>,
    handles: AtomicU64,
}

impl Face {
    fn look<T>(&self, look: impl FnOnce(&Disk) -> Result<T, rustix::io::Errno>) -> Result<T, Errno> {
        look(&self.disk.lock()).map_err(errno)
    }

    /// Changes or syncs a file.
    fn write<T>(&self, write: impl FnOnce(&mut Disk) -> Result<T, rustix::io::Errno>) -> Result<T, Errno> {
        self.change(false, write)
    }

    /// Changes or syncs a directory.
    fn name<T>(&self, name: impl FnOnce(&mut Disk) -> Result<T, rustix::io::Errno>) -> Result<T, Errno> {
        self.change(true, name)
    }

    fn change<T>(
        &self,
        is_naming: bool,
        change: impl FnOnce(&mut Disk) -> Result<T, rustix::io::Errno>,
    ) -> Result<T, Errno> {
        if !self.power.lasts(is_naming) {
            return Err(Errno::EIO);
        }
        change(&mut self.disk.lock()).map_err(errno)
    }
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_i32(error.raw_os_error())
}

fn attributes(about: About) -> FileAttr {
    let (kind, perm) =
        if about.is_directory { (FileType::Directory, 0o755) } else { (FileType::RegularFile, 0o644) };
    // No time is kept: nobody here asks for one.
    let time = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino: INodeNo(about.node),
        size: about.length,
        blocks: about.length.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

fn tell_entry(found: Result<About, Errno>, reply: ReplyEntry) {
    match found {
        Ok(about) => reply.entry(&REMEMBERED, &attributes(about), Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn tell_attributes(found: Result<About, Errno>, reply: ReplyAttr) {
    match found {
        Ok(about) => reply.attr(&REMEMBERED, &attributes(about)),
        Err(error) => reply.error(error),
    }
}

fn tell_done(done: Result<(), Errno>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Face {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        tell_entry(self.look(|disk| disk.find(parent.0, name)), reply);
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        tell_attributes(self.look(|disk| disk.about(node.0)), reply);
    }

    /// Sets the length; there is nothing else to set.
    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = match size {
            Some(size) => self.write(|disk| disk.resize(node.0, size)),
            None => Ok(()),
        };
        tell_attributes(set.and_then(|()| self.look(|disk| disk.about(node.0))), reply);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        tell_entry(self.name(|disk| disk.make_directory(parent.0, name)), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.name(|disk| disk.make_file(parent.0, name)) {
            Ok(about) => {
                let attributes = attributes(about);
                reply.created(&REMEMBERED, &attributes, Generation(0), FileHandle(0), KEPT);
            }
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        tell_done(self.name(|disk| disk.remove(parent.0, name)), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        tell_done(self.name(|disk| disk.remove(parent.0, name)), reply);
    }

    /// Within one directory: nothing else is done here.
    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if parent != new_parent || !flags.is_empty() {
            return reply.error(Errno::EXDEV);
        }
        tell_done(self.name(|disk| disk.rename(parent.0, name, new_name)), reply);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), KEPT);
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        at: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.look(|disk| disk.read(node.0, at, size as usize)) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        at: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write(|disk| disk.write(node.0, at, bytes)) {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(&self, _: &Request, node: INodeNo, _: FileHandle, data_only: bool, reply: ReplyEmpty) {
        let sync = if data_only { Disk::sync_data } else { Disk::sync };
        tell_done(self.write(|disk| sync(disk, node.0)), reply);
    }

    fn fsyncdir(&self, _: &Request, node: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        tell_done(self.name(|disk| disk.sync(node.0)), reply);
    }

    fn opendir(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.look(|disk| disk.names(node.0)) {
            Ok(names) => {
                let handle = self.handles.fetch_add(1, Ordering::Relaxed);
                self.listings.lock().insert(handle, names);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(&self, _: &Request, node: INodeNo, handle: FileHandle, from: u64, mut reply: ReplyDirectory) {
        let listings = self.listings.lock();
        let Some(names) = listings.get(&handle.0) else { return reply.error(Errno::EBADF) };
        // Its parent is asked for by nobody: the kernel knows it.
        let dots = [".", ".."].map(|dot| (OsStr::new(dot), node.0, FileType::Directory));
        let named = names.iter().map(|(name, about)| (&**name, about.node, attributes(*about).kind));
        for (at, (name, node, kind)) in (1..).zip(dots.into_iter().chain(named)).skip(from as usize) {
            if reply.add(INodeNo(node), at, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.listings.lock().remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK, 255, BLOCK);
    }
}
