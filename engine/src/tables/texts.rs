//! Where the ids of buyers, requests and payments stand: end to end, one length byte before each.

/// Bits of a place that say where in its chunk. Chunks of 16 KiB fill the allocator's pages nearly without waste; of
/// 64 KiB, one page in eight stays empty.
const OFFSET_BITS: u32 = 14;

/// Bytes in a full chunk.
const CHUNK: usize = 1 << OFFSET_BITS;

/// The most chunks that a place can name: 4 GiB of text.
const MAX_CHUNKS: usize = 1 << (32 - OFFSET_BITS);

/// The longest id that is kept, in bytes. (Its length byte must stay ASCII, for the chunks are strings.)
pub const MAX_TEXT: usize = 127;

/// The place of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextRef(u32);

/// Short texts that are never changed or removed.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    chunks: Vec<String>,
}

impl Texts {
    /// How many bytes of texts, each with its length byte, fit for certain. Asked before a change is decided, since
    /// applying it can't be refused.
    pub(crate) fn room(&self) -> u64 {
        // What is left of a chunk when a text does not fit is less than the longest text.
        let usable = |taken: usize| CHUNK.saturating_sub(taken + MAX_TEXT);
        let begun = self.chunks.last().map_or(0, |chunk| usable(chunk.len()));
        (MAX_CHUNKS.saturating_sub(self.chunks.len()) * usable(0) + begun) as u64
    }

    /// As if all but so many chunks were full.
    #[cfg(test)]
    pub(crate) fn fill_up_to(&mut self, chunks_left: usize) {
        self.chunks.resize(MAX_CHUNKS - chunks_left, String::new());
    }

    /// Keeps a text, or `None` if it is too long or there is no room.
    pub(crate) fn push(&mut self, text: &str) -> Option<TextRef> {
        let length = char::from(u8::try_from(text.len()).ok().filter(u8::is_ascii)?);
        let fits = self.chunks.last().is_some_and(|chunk| chunk.len() + 1 + text.len() <= CHUNK);
        if !fits {
            if self.chunks.len() == MAX_CHUNKS {
                return None;
            }
            // A SKU with a few orders must not pay for a whole chunk.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(String::with_capacity(capacity));
        }
        let number = self.chunks.len() - 1;
        let chunk = self.chunks.last_mut()?;
        let place = u32::try_from(number << OFFSET_BITS | chunk.len()).ok()?;
        chunk.push(length);
        chunk.push_str(text);
        Some(TextRef(place))
    }

    /// The text at a place. Empty for a place that this table never gave.
    pub(crate) fn get(&self, place: TextRef) -> &str {
        let offset = place.0 as usize % CHUNK;
        let found = self.chunks.get((place.0 >> OFFSET_BITS) as usize).and_then(|chunk| {
            let length = usize::from(*chunk.as_bytes().get(offset)?);
            chunk.get(offset + 1..offset + 1 + length)
        });
        found.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_found_at_its_place() {
        let mut texts = Texts::default();
        let places: Vec<_> = (0..10_000).map(|i| (i, texts.push(&format!("buyer-{i}")))).collect();
        for (i, place) in places {
            assert_eq!(place.map(|p| texts.get(p).to_owned()), Some(format!("buyer-{i}")));
        }
        assert!(texts.chunks.len() > 1);
        assert!(texts.chunks.iter().all(|chunk| chunk.len() <= CHUNK));
    }

    #[test]
    fn a_text_that_is_too_long_is_not_kept() {
        let mut texts = Texts::default();
        assert!(texts.push(&"x".repeat(MAX_TEXT)).is_some());
        assert_eq!(texts.push(&"x".repeat(MAX_TEXT + 1)), None);
    }
}
