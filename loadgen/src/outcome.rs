//! Counting answers by their status word.

use std::collections::BTreeMap;

use crate::latency::{Latencies, LatencySummary};

/// No command has more different answers than this; further ones are counted as `other`.
const MOST_WORDS: usize = 32;

/// How often each status word (or error code) was the answer to one command.
///
/// A line of a few words is searched in order: the frequent words come early because they are met early.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    counts: Vec<(Box<[u8]>, u64)>,
    other: u64,
}

impl Outcomes {
    /// Counts one answer.
    pub(crate) fn count(&mut self, word: &[u8]) {
        self.add(word, 1);
    }

    /// Adds the counts of another worker.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (word, count) in &other.counts {
            self.add(word, *count);
        }
        self.other += other.other;
    }

    /// The counts by word.
    pub(crate) fn by_word(&self) -> BTreeMap<String, u64> {
        let words =
            self.counts.iter().map(|(word, count)| (String::from_utf8_lossy(word).into_owned(), *count));
        words.chain((self.other > 0).then(|| ("other".to_owned(), self.other))).collect()
    }

    fn add(&mut self, word: &[u8], count: u64) {
        if let Some((_, sum)) = self.counts.iter_mut().find(|(known, _)| **known == *word) {
            *sum += count;
        } else if self.counts.len() < MOST_WORDS {
            self.counts.push((word.into(), count));
        } else {
            self.other += count;
        }
    }
}

/// What one command got: its answers and how long they took.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommandStats {
    pub(crate) outcomes: Outcomes,
    pub(crate) latencies: Latencies,
}

impl CommandStats {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.outcomes.merge(&other.outcomes);
        self.latencies.merge(&other.latencies);
    }

    /// Whether any answer came.
    pub(crate) fn is_used(&self) -> bool {
        !self.outcomes.counts.is_empty()
    }

    pub(crate) fn result(&self) -> CommandResult {
        CommandResult { latency: self.latencies.summary(), outcomes: self.outcomes.by_word() }
    }
}

/// One command in a result.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct CommandResult {
    /// Latencies of the requests inside the measured window.
    pub latency: LatencySummary,
    /// Answers by status word or error code, of the whole run, warm-up included.
    pub outcomes: BTreeMap<String, u64>,
}

/// Whether an error leaves open if the write happened.
pub(crate) fn leaves_doubt(error: &[u8]) -> bool {
    error.starts_with(b"JOURNALFAIL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_and_their_number_is_bounded() {
        let mut outcomes = Outcomes::default();
        for number in 0..100 {
            outcomes.count(format!("W{number}").as_bytes());
            outcomes.count(b"W0");
        }
        let counts = outcomes.by_word();
        assert_eq!(counts["W0"], 101);
        assert_eq!(counts["other"], 68);
        assert_eq!(counts.len(), 33);
    }
}
