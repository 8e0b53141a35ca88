//! The bytes of a file, of which most may never have been written: sled's files are sparse.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

const PAGE: u64 = 4096;

/// Bytes in pages, which clones share until they are written to. A page that is not there is zeros.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pages: BTreeMap<u64, Arc<Vec<u8>>>,
    length: u64,
}

impl Content {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// What is there from `at` on: fewer than `size` bytes at the end.
    pub(crate) fn read(&self, at: u64, size: usize) -> Vec<u8> {
        let size = usize::try_from(self.length.saturating_sub(at)).unwrap().min(size);
        let mut bytes = vec![0; size];
        for (page, start, range) in spans(at, size) {
            if let Some(page) = self.pages.get(&page) {
                let end = start + range.len();
                bytes[range].copy_from_slice(&page[start..end]);
            }
        }
        bytes
    }

    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        for (page, start, range) in spans(at, bytes.len()) {
            let page = self.pages.entry(page).or_default();
            let page = Arc::make_mut(page);
            page.resize(PAGE as usize, 0);
            let end = start + range.len();
            page[start..end].copy_from_slice(&bytes[range]);
        }
        self.length = self.length.max(at + bytes.len() as u64);
    }

    /// Cuts it, or makes it longer by zeros.
    pub(crate) fn resize(&mut self, length: u64) {
        self.pages.split_off(&length.div_ceil(PAGE));
        if let Some(page) = self.pages.get_mut(&(length / PAGE)) {
            Arc::make_mut(page)[(length % PAGE) as usize..].fill(0);
        }
        self.length = length;
    }
}

/// The pages of a stretch: the number of each, where the stretch begins in it, and which bytes of the stretch are there.
fn spans(at: u64, size: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let here = at + done as u64;
        let start = (here % PAGE) as usize;
        let range = done..size.min(done + PAGE as usize - start);
        done = range.end;
        (!range.is_empty()).then_some((here / PAGE, start, range))
    })
}

#[test]
fn a_file_reads_back_as_it_was_written_with_zeros_between() {
    let mut content = Content::default();
    content.write(4090, b"over the edge of a page");
    content.write(3 * PAGE, b"far");
    assert_eq!(content.length(), 3 * PAGE + 3);
    assert_eq!(content.read(4088, 10), b"\0\0over the");
    assert_eq!(content.read(3 * PAGE - 1, 100), b"\0far");
    assert_eq!(content.read(4 * PAGE, 1), b"");
}

#[test]
fn what_was_cut_off_is_zeros_when_the_file_grows_again() {
    let mut content = Content::default();
    content.write(0, &[7; 3 * PAGE as usize]);
    content.resize(PAGE + 1);
    content.resize(3 * PAGE);
    assert_eq!(content.read(PAGE, 3), [7, 0, 0]);
    assert!(content.read(PAGE + 1, 3 * PAGE as usize).iter().all(|byte| *byte == 0));
    content.resize(PAGE);
    content.resize(2 * PAGE);
    assert_eq!(content.read(PAGE - 1, 2), [7, 0]);
}
