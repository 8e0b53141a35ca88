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
    full: Vec<String>,
    /// What comes behind them. Apart, so that whoever adds a text need not look up where that is.
    last: String,
}

impl Texts {
    /// How many bytes of texts, each with its length byte, fit for certain. Asked before a change is decided, since
    /// applying it can't be refused.
    pub(crate) fn room(&self) -> u64 {
        // What is left of a chunk when a text does not fit is less than the longest text.
        let usable = |taken: usize| CHUNK.saturating_sub(taken + MAX_TEXT);
        (MAX_CHUNKS.saturating_sub(self.full.len() + 1) * usable(0) + usable(self.last.len())) as u64
    }

    /// As if all but so many chunks were full.
    #[cfg(test)]
    pub(crate) fn fill_up_to(&mut self, chunks_left: usize) {
        self.full.resize(MAX_CHUNKS - chunks_left - 1, String::new());
        self.last = "-".repeat(CHUNK);
    }

    /// Keeps a text, or `None` if it is too long or there is no room.
    pub(crate) fn push(&mut self, text: &str) -> Option<TextRef> {
        let length = char::from(u8::try_from(text.len()).ok().filter(u8::is_ascii)?);
        if self.last.len() + 1 + text.len() > CHUNK {
            if self.full.len() + 1 == MAX_CHUNKS {
                return None;
            }
            self.full.push(std::mem::replace(&mut self.last, String::with_capacity(CHUNK)));
        }
        let place = u32::try_from(self.full.len() << OFFSET_BITS | self.last.len()).ok()?;
        self.last.push(length);
        self.last.push_str(text);
        Some(TextRef(place))
    }

    /// Reads where the next text will stand behind.
    pub(crate) fn touch_end(&self) -> usize {
        self.last.as_bytes().last().map_or(0, |byte| usize::from(*byte))
    }

    /// The text at a place. Empty for a place that this table never gave.
    pub(crate) fn get(&self, place: TextRef) -> &str {
        let (number, offset) = ((place.0 >> OFFSET_BITS) as usize, place.0 as usize % CHUNK);
        let last = || (number == self.full.len()).then_some(&self.last);
        let found = self.full.get(number).or_else(last).and_then(|chunk| {
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
        assert!(!texts.full.is_empty());
        assert!(texts.full.iter().chain([&texts.last]).all(|chunk| chunk.len() <= CHUNK));
    }

    #[test]
    fn a_text_that_is_too_long_is_not_kept() {
        let mut texts = Texts::default();
        assert!(texts.push(&"x".repeat(MAX_TEXT)).is_some());
        assert_eq!(texts.push(&"x".repeat(MAX_TEXT + 1)), None);
    }
}
