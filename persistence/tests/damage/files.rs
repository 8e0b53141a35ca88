//! The files of a real data directory: bytes changed, files cut short or missing, and what a crash leaves behind.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tidegate_persistence::{
    DirLock, Journal, JournalError, Options, RecoveryError, SledJournal, identity, inspect, recover,
};

use crate::common::{SEED, hashes, small};
use crate::judge::agree;
use crate::sale::{Hashes, Sale};

/// Whether `TIDEGATE_DAMAGE` asks for everything.
pub(crate) fn is_everything_tried() -> bool {
    std::env::var("TIDEGATE_DAMAGE").is_ok_and(|size| size == "all")
}

/// One place in so many; sixteen times as many of them if everything is tried, for each takes two starts of the storage.
fn sampled(bytes: usize, one_in: usize) -> impl Iterator<Item = usize> {
    (0..bytes).step_by(if is_everything_tried() { one_in.div_ceil(16) } else { one_in })
}

/// The content of a file: sled's are mostly a hole.
#[derive(Clone)]
struct Content {
    bytes: Vec<u8>,
    hole: usize,
}

/// A data directory, to be damaged and written out.
#[derive(Clone)]
struct Files(BTreeMap<PathBuf, Content>);

impl Files {
    fn read(dir: &Path) -> Self {
        fn read_into(files: &mut BTreeMap<PathBuf, Content>, root: &Path, dir: &Path) {
            for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    read_into(files, root, &entry.path());
                    continue;
                }
                let mut bytes = fs::read(entry.path()).unwrap();
                let whole = bytes.len();
                bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
                let hole = whole - bytes.len();
                files.insert(entry.path().strip_prefix(root).unwrap().to_owned(), Content { bytes, hole });
            }
        }
        let mut files = BTreeMap::new();
        read_into(&mut files, dir, dir);
        Self(files)
    }

    /// A directory with these files.
    fn write(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("journal")).unwrap();
        for (path, Content { bytes, hole }) in &self.0 {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut file = File::create(path).unwrap();
            file.write_all(bytes).unwrap();
            file.set_len((bytes.len() + hole) as u64).unwrap();
        }
        dir
    }

    fn content(&mut self, path: &Path) -> &mut Content {
        self.0.get_mut(path).unwrap()
    }

    fn remove(&mut self, path: impl AsRef<Path>) {
        let before = self.0.len();
        self.0.retain(|file, _| !file.starts_with(&path));
        assert!(self.0.len() < before, "{}", path.as_ref().display());
    }

    fn add(&mut self, path: impl AsRef<Path>, bytes: &[u8]) {
        self.0.insert(path.as_ref().to_owned(), Content { bytes: bytes.to_vec(), hole: 0 });
    }

    /// The files whose name, or that of a directory above, begins like this.
    fn named(&self, begin: &str) -> Vec<PathBuf> {
        let begins = |path: &&PathBuf| path.iter().any(|name| name.to_string_lossy().starts_with(begin));
        self.0.keys().filter(begins).cloned().collect()
    }
}

/// What a sale of so many turns leaves in a data directory whose mark is as old as half of it, and the state after each.
fn sale(options: &Options, turns: u32) -> (Files, Vec<Hashes>) {
    let dir = tempfile::tempdir().unwrap();
    let lock = DirLock::take(dir.path()).unwrap();
    let mut sale = Sale::go_on(recover(lock, options, 1, SEED, &|_| {}).unwrap(), options);
    let mut known = vec![sale.shop.hashes()];
    for turn in 1..=turns {
        assert!(sale.sell());
        known.push(sale.shop.hashes());
        if turn == turns / 4 || turn == turns / 2 {
            sale.writer.write_mark();
        }
    }
    drop(sale);
    identity(&DirLock::take(dir.path()).unwrap(), [7; 16]).unwrap();
    let files = Files::read(dir.path());
    assert!(!files.0.keys().any(|path| path.starts_with("journal/0000000001/blobs")));
    (files, known)
}

/// Inspects and starts; both must agree. How many blocks were there and what was told, or why not.
fn start(case: &str, files: &Files, known: &[Hashes]) -> Result<(usize, Vec<String>), RecoveryError> {
    let dir = files.write();
    let inspection = inspect(dir.path()).unwrap();
    let recovered = recover(DirLock::take(dir.path()).unwrap(), &small(), 1, SEED, &|_| {});
    let started = recovered.map(|recovered| (hashes(&recovered), recovered.report.warnings));
    agree(case, &inspection, &started);
    let (states, told) = started?;
    let blocks = known.iter().rposition(|known| *known == states);
    Ok((blocks.unwrap_or_else(|| panic!("{case}: the state was never there: {told:?}")), told))
}

#[test]
fn bytes_of_the_storage() {
    const TURNS: u32 = 20;
    let (files, known) = sale(&Options::default(), TURNS);
    let db = Path::new("journal/0000000001/db");
    let indexes = files.named("snap.");
    let conf = Path::new("journal/0000000001/conf");
    let mut cases: Vec<(String, Files)> = Vec::new();
    let mut flip = |path: &Path, one_in: usize| {
        for at in sampled(files.0[path].bytes.len(), one_in) {
            let mut files = files.clone();
            files.content(path).bytes[at] ^= 1 << (at % 8);
            cases.push((format!("{} byte {at} flipped", path.display()), files));
        }
    };
    flip(db, 397);
    flip(conf, 17);
    indexes.iter().for_each(|index| flip(index, 31));
    let used = files.0[db].bytes.len();
    for at in sampled(used, 997) {
        let mut cut = files.clone();
        *cut.content(db) = Content { bytes: files.0[db].bytes[..at].to_vec(), hole: 0 };
        cases.push((format!("the storage is cut at byte {at}"), cut));
        let mut blank = files.clone();
        let end = used.min(at + 512);
        blank.content(db).bytes[at..end].fill(0);
        cases.push((format!("the storage has zeros at {at} to {end}"), blank));
    }
    let (mut refused, mut whole, mut shorter) = (0, 0, 0);
    for (case, files) in &cases {
        match start(case, files, &known) {
            Err(error) => {
                assert!(matches!(error, RecoveryError::Chain(_)), "{case}: {error}");
                refused += 1;
            }
            Ok((blocks, told)) => {
                assert!(blocks >= known.len() / 2, "{case}: {blocks} blocks are below the mark: {told:?}");
                if blocks == TURNS as usize { whole += 1 } else { shorter += 1 }
            }
        }
    }
    println!(
        "{} cases: {refused} refused, {whole} with everything, {shorter} ended behind the mark",
        cases.len()
    );
    assert!(refused > 0 && whole > 0);
}

/// The older mark is of a quarter of the sale, in the first place, the newer one of half of it, in the second.
#[test]
fn every_byte_and_every_length_of_the_mark() {
    const TURNS: u32 = 20;
    let (files, known) = sale(&Options::default(), TURNS);
    let mark = Path::new("journal/mark");
    let place = tempfile::tempdir().unwrap();
    let file = File::create(place.path().join("mark")).unwrap();
    let journal = SledJournal::new(place.path(), 1 << 20).unwrap();
    let read = |bytes: &[u8]| {
        file.set_len(bytes.len() as u64).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        journal.mark().map(|mark| mark.map(|mark| mark.block as u32))
    };
    let Content { bytes, hole } = files.0[mark].clone();
    let whole = [bytes, vec![0; hole]].concat();
    let (old, new, bytes) = (TURNS / 4, TURNS / 2, 48);
    assert_eq!((whole.len(), read(&whole)), (8192, Ok(Some(new))));
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        let left = if (4096..4096 + bytes).contains(&at) { old } else { new };
        assert_eq!(read(&flipped), Ok(Some(left)), "byte {at}");
        if (4096..4096 + bytes).contains(&at) {
            flipped[at - 4096] ^= 1;
            assert!(matches!(read(&flipped), Err(JournalError::Mark { .. })), "byte {at} and {}", at - 4096);
        }
        let left = if at < bytes { None } else { Some(if at < 4096 + bytes { old } else { new }) };
        assert_eq!(read(&whole[..at]), Ok(left), "cut at byte {at}");
    }

    let with = |bytes: &[u8]| {
        let mut files = files.clone();
        *files.content(mark) = Content { bytes: bytes.to_vec(), hole: 0 };
        files
    };
    let mut newer = whole.clone();
    newer[4100] ^= 1;
    let mut both = newer.clone();
    both[20] ^= 1;
    let told = |case: &str, files: &Files, words: &[&str]| {
        let (blocks, told) = start(case, files, &known).unwrap();
        assert_eq!((blocks, told.len()), (TURNS as usize, words.len()), "{case}: {told:?}");
        words
            .iter()
            .for_each(|words| assert!(told.iter().any(|told| told.contains(words)), "{case}: {told:?}"));
    };
    told("one place is damaged", &with(&newer), &["can't be read in one of its two places"]);
    told("its second half is gone", &with(&whole[..4096]), &["has only 4096 of its 8192 bytes"]);
    let unmarked = "there is no high-water mark";
    told(
        "it is cut within its first place",
        &with(&whole[..20]),
        &[unmarked, "has only 20 of its 8192 bytes"],
    );
    told("it is empty", &with(&[]), &[unmarked]);
    let error = start("both places are damaged", &with(&both), &known).unwrap_err().to_string();
    assert!(error.contains("journal/mark is damaged") && error.contains("or delete it to accept"), "{error}");
    let mut missing = files.clone();
    missing.remove(mark);
    told("it was deleted, as the error says", &missing, &[unmarked]);
}

/// Epochs 1 and 2 are closed and have snapshots.
#[test]
fn files_that_are_missing_and_files_that_a_crash_leaves_behind() {
    const TURNS: u32 = 80;
    let options = Options { retention_epochs: 1_000, epoch_bytes: 4 << 10, ..small() };
    let (files, known) = sale(&options, TURNS);
    let snapshots = files.named("snapshots");
    assert_eq!((snapshots.len(), files.named("0000000003").len()), (2, 3), "{:?}", files.0.keys());
    let mut leftovers = files.clone();
    let third = Path::new("journal/0000000003");
    for epoch in 1..=3 {
        leftovers.add(format!("journal/000000000{epoch}/snap.0000000000000FFF.generating"), b"half");
    }
    leftovers.0.extend(files.0.iter().filter_map(|(path, content)| {
        let name = path.strip_prefix(third).ok()?;
        let half = Content { bytes: content.bytes[..content.bytes.len() / 2].to_vec(), hole: 0 };
        Some((Path::new("journal/0000000004.new").join(name), half))
    }));
    leftovers.add("journal/0000000001.old/db", b"half");
    leftovers.add("snapshots/0000000003.snap.tmp", &files.0[&snapshots[1]].bytes[..99]);
    leftovers.add("identity.tmp", b"12");
    let all = |case: &str, files: &Files, words: &[&str]| {
        let (blocks, told) = start(case, files, &known).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!((blocks, told.len()), (TURNS as usize, words.len()), "{case}: {told:?}");
        words.iter().zip(&told).for_each(|(words, told)| assert!(told.contains(words), "{case}: {told}"));
    };
    all("leftovers", &leftovers, &[]);
    let dir = leftovers.write();
    drop(recover(DirLock::take(dir.path()).unwrap(), &options, 1, SEED, &|_| {}).unwrap());
    let left = Files::read(dir.path());
    for begin in ["snap.0000000000000FFF", "0000000004", "0000000001.old", "0000000003.snap"] {
        assert!(left.named(begin).is_empty(), "{begin}");
    }

    let without = |path: &Path| {
        let mut files = files.clone();
        files.remove(path);
        files
    };
    let refuses = |case: &str, files: &Files, words: &str| {
        let error = start(case, files, &known).unwrap_err().to_string();
        assert!(error.contains(words), "{case}: {error}\nshould say: {words}");
    };
    all("the newest snapshot is missing", &without(&snapshots[1]), &[]);
    all("all snapshots are missing", &without(Path::new("snapshots")), &[]);
    let mut half = files.clone();
    half.content(&snapshots[1]).bytes.truncate(700);
    all("half a snapshot", &half, &["the snapshot of epoch 2 was passed over"]);
    refuses("the epoch that is written to is missing", &without(third), "epoch 3 is missing");
    refuses("its log is missing", &without(&third.join("db")), "its file db is missing");
    refuses(
        "the journal is missing",
        &without(Path::new("journal")),
        "holds nothing, but the data directory's identity",
    );
    let mut young = without(Path::new("journal"));
    young.remove("snapshots");
    refuses("all but the identity is missing", &young, "holds nothing, but the data directory's identity");
    young = without(Path::new("journal"));
    young.remove("identity");
    refuses("only snapshots are left", &young, "holds nothing, but a snapshot");
    let mut changed = files.clone();
    changed.content(Path::new("identity")).bytes[3] = b'X';
    refuses("the identity is changed", &changed, "holds no identity of 32 hexadecimal digits");
    let unidentified = "has no identity, though its journal holds something";
    all("the identity is missing", &without(Path::new("identity")), &[unidentified]);
    let mut copy = without(Path::new("identity"));
    copy.remove("journal/mark");
    all("the identity and the mark are missing", &copy, &["there is no high-water mark", unidentified]);
    // The server makes one, as `identity` does, and the next start is content.
    let dir = without(Path::new("identity")).write();
    identity(&DirLock::take(dir.path()).unwrap(), [9; 16]).unwrap();
    all("a new identity was made", &Files::read(dir.path()), &[]);
    // What the storage can make again by itself.
    for index in files.named("snap.") {
        all(&index.display().to_string(), &without(&index), &[]);
    }
}
