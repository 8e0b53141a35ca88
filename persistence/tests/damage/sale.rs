//! A sale of two SKUs, one block a turn, without threads: the same bytes each time.

use std::sync::Arc;

use tidegate_persistence::{Lane, Options, Recovered, SteppedWriter};

use crate::common::{Shop, small};

/// State hashes by actor.
pub(crate) type Hashes = Vec<(u32, u64)>;

/// Epochs of a few blocks, none of them deleted.
pub(crate) fn short_epochs() -> Options {
    Options { epoch_bytes: 1 << 10, retention_epochs: 1_000, ..small() }
}

/// A sale that is going on.
pub(crate) struct Sale {
    pub(crate) shop: Shop,
    pub(crate) writer: SteppedWriter,
    lane: Lane,
    turn: u32,
}

impl Sale {
    /// Goes on with what was recovered.
    pub(crate) fn go_on(mut recovered: Recovered, options: &Options) -> Self {
        let shop = Shop::recovered(&mut recovered);
        let (writer, mut lanes) = recovered.journal.start_stepped(options, vec![Arc::new(|| {})]);
        Self { shop, writer, lane: lanes.pop().unwrap(), turn: 0 }
    }

    /// One turn, and whatever housekeeping it makes necessary. True if it is acknowledged.
    pub(crate) fn sell(&mut self) -> bool {
        let is_acknowledged = self.sell_without_snapshot();
        self.writer.make_snapshot();
        is_acknowledged
    }

    /// The same, and no snapshot is made.
    pub(crate) fn sell_without_snapshot(&mut self) -> bool {
        let ticket = self.lane.submit(self.shop.sell(self.turn % 2, 1).finish().unwrap());
        self.turn += 1;
        self.writer.commit();
        self.writer.make_epoch();
        self.lane.durable() >= ticket
    }

    /// Sells this often and marks the end. What is there before the first turn and after each.
    pub(crate) fn sell_all(&mut self, turns: u32) -> Vec<Hashes> {
        let mut known = vec![self.shop.hashes()];
        for _ in 0..turns {
            assert!(self.sell());
            known.push(self.shop.hashes());
        }
        self.writer.write_mark();
        known
    }
}
