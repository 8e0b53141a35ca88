//! A growing list that never moves what it holds.

/// Rows in a full chunk.
const CHUNK: usize = 512;

/// A list of `T` in chunks of 512. Only the chunk at its end is ever reallocated, and only as long as there is no other,
/// so that a small list stays small.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    full: Vec<Vec<T>>,
    /// What comes behind them. Apart, so that whoever adds a row need not look up where that is.
    last: Vec<T>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { full: Vec::new(), last: Vec::new() }
    }
}

impl<T> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.last.len()
    }

    pub(crate) fn push(&mut self, row: T) {
        if self.last.len() == CHUNK {
            self.full.push(std::mem::replace(&mut self.last, Vec::with_capacity(CHUNK)));
        } else if self.last.capacity() == 0 {
            // Many lists have one row.
            self.last.reserve_exact(1);
        }
        self.last.push(row);
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.full.get(at / CHUNK).map_or_else(|| self.in_last(at), |chunk| chunk.get(at % CHUNK))
    }

    /// The row at this place, which is behind those of the full chunks.
    fn in_last(&self, at: usize) -> Option<&T> {
        self.last.get(at - self.full.len() * CHUNK)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let behind = self.full.len() * CHUNK;
        match self.full.get_mut(at / CHUNK) {
            Some(chunk) => chunk.get_mut(at % CHUNK),
            None => self.last.get_mut(at - behind),
        }
    }

    /// The last row.
    pub(crate) fn last(&self) -> Option<&T> {
        self.last.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.full.iter().flatten().chain(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_where_they_were_pushed() {
        let mut rows = Chunks::default();
        for i in 0..5000 {
            rows.push(i);
        }
        assert_eq!(rows.len(), 5000);
        assert!((0..5000).all(|i| rows.get(i) == Some(&i)));
        assert_eq!(rows.get(5000), None);
        if let Some(row) = rows.get_mut(4000) {
            *row = 7;
        }
        assert_eq!(rows.get(4000), Some(&7));
        assert_eq!(rows.iter().count(), 5000);
    }
}
