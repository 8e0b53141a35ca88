//! How much one reply may hold.

use std::sync::Arc;

use crate::pool::Loan;

/// About what an entry takes, in bytes.
const ENTRY_BYTES: usize = 256;

/// What is left of a reply. All streams of it share one.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    entries: usize,
    bytes: usize,
    is_untouched: bool,
    /// What may be added, and how much of it was.
    loan: Option<(Arc<Loan>, usize)>,
}

impl Budget {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        Self { entries, bytes, is_untouched: true, loan: None }
    }

    /// The same with what is lent when it is needed.
    pub(super) fn or_more(self, loan: Arc<Loan>) -> Self {
        Self { loan: Some((loan, 0)), ..self }
    }

    /// The most entries that may still come.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// How many entries to look at together: about as many as fit now, for those that don't would be looked at for nothing.
    pub(super) fn room(&self) -> usize {
        self.entries.min(self.bytes / ENTRY_BYTES + 1)
    }

    /// Takes an entry of so many bytes, if it fits. The first one does, however long: otherwise nobody could ever read it.
    /// When one does not, nothing behind it does, because entries are read in order.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        while bytes > self.bytes
            && self.entries > 0
            && let Some((loan, lent)) = &mut self.loan
        {
            let more = loan.beyond(*lent);
            if more <= *lent {
                self.loan = None;
                break;
            }
            self.bytes += more - *lent;
            *lent = more;
        }
        let fits = self.entries > 0 && (bytes <= self.bytes || self.is_untouched);
        self.is_untouched = false;
        if fits {
            self.entries -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
        } else {
            self.entries = 0;
        }
        fits
    }

    /// The same of one that may have been found not to fit before: then it has no length.
    pub(super) fn take_found(&mut self, bytes: Option<usize>) -> bool {
        match bytes {
            Some(bytes) => self.take(bytes),
            None => {
                self.entries = 0;
                false
            }
        }
    }

    /// Whether nothing more fits.
    pub(super) fn is_spent(&self) -> bool {
        self.entries == 0 || (self.bytes == 0 && self.loan.is_none() && !self.is_untouched)
    }
}
