//! A growing list that never moves what it holds.

/// Rows in a full chunk.
const CHUNK: usize = 512;

/// A list of `T` in chunks of 512. Only the first chunk is ever reallocated, so that a small list stays small.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, row: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(row),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(row);
                self.chunks.push(chunk);
            }
            None => self.chunks.push(vec![row]),
        }
        self.len += 1;
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
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
