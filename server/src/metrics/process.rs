//! What the system tells of this process. All of it is missing where there is no `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Ticks of a second in `/proc/self/stat`: part of Linux' interface, whatever the kernel's own clock ticks at.
const TICKS_PER_SECOND: u64 = 100;

/// The process as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessReading {
    /// Time that it ran on a core, in the kernel too.
    pub cpu: Duration,
    /// Threads.
    pub threads: u64,
    /// Bytes of address space.
    pub virtual_bytes: u64,
    /// File descriptors open.
    pub open_fds: u64,
    /// File descriptors that it may have open; `None` if there is no limit.
    pub max_fds: Option<u64>,
}

/// One thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadReading {
    /// Time that it ran on a core.
    pub cpu: Duration,
    /// Time that it could have run and no core was free.
    pub waited: Duration,
}

/// Threads of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadGroup {
    /// How many there are.
    pub count: u64,
    /// Their sums.
    pub sum: ThreadReading,
}

/// Kinds of threads by the beginning of their names; any other is [`super::OTHER`]. The HTTP library names its workers as
/// arbiters are named: what is none of ours is one of them.
const KINDS: [(&str, &str); 9] = [
    ("actix-rt", "http"),
    ("actix-server", "http"),
    ("journal-mark", "journal_mark"),
    ("journal-epoch", "journal_epoch"),
    ("journal-snap", "journal_snapshot"),
    ("journal", "journal"),
    ("tokio", "blocking"),
    ("signals", "signals"),
    ("tidegate", "main"),
];

/// Kinds whose threads live as long as the server: only their sums never fall.
pub const LASTING: [&str; 7] =
    ["main", "arbiter", "http", "journal", "journal_mark", "journal_epoch", "journal_snapshot"];

/// Reads the process.
pub fn process() -> Option<ProcessReading> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut reading = parse_stat(&stat)?;
    reading.open_fds = open_fds();
    reading.max_fds = max_fds();
    Some(reading)
}

/// The name of a program may hold anything, so what counts begins behind its closing bracket.
fn parse_stat(stat: &str) -> Option<ProcessReading> {
    let fields: Vec<u64> =
        stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let ticks = fields.get(11)? + fields.get(12)?;
    Some(ProcessReading {
        cpu: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND),
        threads: *fields.get(17)?,
        virtual_bytes: *fields.get(20)?,
        ..ProcessReading::default()
    })
}

/// Newer kernels tell the number as the directory's size; elsewhere the entries are counted.
fn open_fds() -> u64 {
    let fds = "/proc/self/fd";
    let size = fs::metadata(fds).map_or(0, |metadata| metadata.len());
    if size > 0 { size } else { fs::read_dir(fds).map_or(0, |entries| entries.count() as u64) }
}

fn max_fds() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// The number by which the system knows the calling thread.
pub(crate) fn this_thread() -> Option<u32> {
    // A link to `<process>/task/<thread>`.
    let link = fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// Reads one thread of this process.
pub(crate) fn thread(number: u32) -> Option<ThreadReading> {
    read_thread(&Path::new("/proc/self/task").join(number.to_string()))
}

fn read_thread(task: &Path) -> Option<ThreadReading> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    let mut fields = text.split_whitespace().map(|field| field.parse().ok().map(Duration::from_nanos));
    Some(ThreadReading { cpu: fields.next()??, waited: fields.next()?? })
}

/// All threads by kind. `arbiters` are the numbers of those that actors live on.
pub(crate) fn threads(arbiters: &[u32]) -> BTreeMap<&'static str, ThreadGroup> {
    let mut kinds: BTreeMap<&'static str, ThreadGroup> = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        // One that has just ended is none any more.
        let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
        let number = task.file_name().to_str().and_then(|number| number.parse().ok());
        let kind = match KINDS.iter().find(|(begin, _)| name.starts_with(begin)) {
            _ if number.is_some_and(|number| arbiters.contains(&number)) => "arbiter",
            Some((_, kind)) => kind,
            None => super::OTHER,
        };
        let group = kinds.entry(kind).or_default();
        let reading = read_thread(&task.path()).unwrap_or_default();
        group.count += 1;
        group.sum.cpu += reading.cpu;
        group.sum.waited += reading.waited;
    }
    kinds
}

/// Free bytes for this process on the disk of a directory, and the disk's size.
pub(crate) fn disk(directory: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_bracket_in_its_name_is_read_all_the_same() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 900 0 3 0 1234 66 0 0 20 0 15 0 5000 987654321 400 18446744073709551615";
        let reading = parse_stat(stat).unwrap_or_else(|| panic!("it can be read"));
        assert_eq!((reading.cpu, reading.threads), (Duration::from_millis(13_000), 15));
        assert_eq!(reading.virtual_bytes, 987_654_321);
        assert!(parse_stat("7 (cut").is_none());
    }

    #[test]
    fn longer_names_of_kinds_come_before_their_beginnings() {
        for (at, (begin, _)) in KINDS.iter().enumerate() {
            assert!(!KINDS[..at].iter().any(|(before, _)| begin.starts_with(before)), "{begin}");
        }
    }
}
