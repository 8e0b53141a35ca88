//! What a SKU remembers of each buyer.

use crate::hashing::Hashing;
use crate::orders::Chain;
use crate::tables::{Chunks, Index, TextRef, Texts};

/// The position of a buyer in its SKU, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BuyerNumber(pub(crate) u32);

/// Whether a buyer's reservations are refused, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Block {
    /// They are not.
    #[default]
    None,
    /// An admin said so.
    ByAdmin,
    /// Too many reservations ended unpaid. Lifted when a late payment makes one of them good.
    ByLapses,
}

/// One buyer on one SKU.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    name: TextRef,
    /// Units of RESERVED and PAID orders: what purchase limits count.
    pub(crate) held: u32,
    /// Reservations that ended unpaid since the buyer was last unblocked.
    pub(crate) lapses: u16,
    block: Block,
    /// Whether an order was ever paid.
    pub(crate) bought: bool,
    /// The orders by which requests of this buyer are found.
    pub(crate) chain: Chain,
}

const _: () = assert!(std::mem::size_of::<Buyer>() == 16);

/// All buyers of a SKU, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Buyers {
    rows: Chunks<Buyer>,
    by_name: Index,
    blocked: usize,
}

impl Buyers {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn find(&self, name: &str, texts: &Texts, hashing: Hashing) -> Option<BuyerNumber> {
        self.find_hashed(hashing.text(name), name, texts)
    }

    fn find_hashed(&self, hash: u64, name: &str, texts: &Texts) -> Option<BuyerNumber> {
        let is_it = |row: u32| self.name(BuyerNumber(row), texts) == name;
        self.by_name.find(hash, is_it).map(BuyerNumber)
    }

    /// See [`Index::touch`].
    pub(crate) fn touch(&self, name: &str, hashing: Hashing) -> u64 {
        self.by_name.touch(hashing.text(name))
    }

    /// Reads behind what the next buyer will stand.
    pub(crate) fn touch_end(&self) -> usize {
        self.rows.last().map_or(0, |row| row.held as usize)
    }

    pub(crate) fn get(&self, buyer: BuyerNumber) -> Option<&Buyer> {
        self.rows.get(buyer.0 as usize)
    }

    /// Whether any buyer is blocked.
    pub(crate) fn has_blocked(&self) -> bool {
        self.blocked > 0
    }

    /// Refuses this buyer from now on, or admits it again. `None` if there is no such buyer.
    pub(crate) fn set_block(&mut self, buyer: BuyerNumber, block: Block) -> Option<()> {
        let row = self.rows.get_mut(buyer.0 as usize)?;
        let was = std::mem::replace(&mut row.block, block);
        self.blocked -= usize::from(was != Block::None);
        self.blocked += usize::from(block != Block::None);
        Some(())
    }

    pub(crate) fn get_mut(&mut self, buyer: BuyerNumber) -> Option<&mut Buyer> {
        self.rows.get_mut(buyer.0 as usize)
    }

    pub(crate) fn name<'t>(&self, buyer: BuyerNumber, texts: &'t Texts) -> &'t str {
        self.get(buyer).map_or("", |row| texts.get(row.name))
    }

    /// The buyer of this name, new if need be. `None` when there is no room.
    pub(crate) fn find_or_add(
        &mut self,
        name: &str,
        texts: &mut Texts,
        hashing: Hashing,
    ) -> Option<BuyerNumber> {
        let hash = hashing.text(name);
        if let Some(known) = self.find_hashed(hash, name, texts) {
            return Some(known);
        }
        let number = u32::try_from(self.rows.len()).ok()?;
        let place = texts.push(name)?;
        self.rows.push(Buyer {
            name: place,
            held: 0,
            lapses: 0,
            block: Block::None,
            bought: false,
            chain: Chain::default(),
        });
        self.by_name.insert(hash, number);
        Some(BuyerNumber(number))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Buyer> {
        self.rows.iter()
    }
}

impl Buyer {
    pub(crate) fn block(&self) -> Block {
        self.block
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.block != Block::None
    }

    /// Whether there are as many lapses as the terms admit, or more.
    pub(crate) fn lapsed_too_often(&self, max_lapses: Option<u32>) -> bool {
        max_lapses.is_some_and(|max| u32::from(self.lapses) >= max)
    }

    pub(crate) fn name<'t>(&self, texts: &'t Texts) -> &'t str {
        texts.get(self.name)
    }
}
