//! The coupons that a campaign granted, and the requests that asked for them.

use crate::hashing::Hashing;
use crate::tables::{Chunks, Index, TextRef, Texts};
use crate::{CouponCode, Grant, Millis};

/// A coupon as it is kept.
#[derive(Clone, Debug)]
pub(super) struct GrantRow {
    code: CouponCode,
    buyer: TextRef,
    event: TextRef,
    expires_at: Millis,
    percent_off: u8,
}

impl GrantRow {
    pub(super) fn buyer<'t>(&self, texts: &'t Texts) -> &'t str {
        texts.get(self.buyer)
    }

    pub(super) fn expires_at(&self) -> Millis {
        self.expires_at
    }

    pub(super) fn grant(&self, texts: &Texts) -> Grant {
        Grant {
            code: self.code,
            event: texts.get(self.event).into(),
            percent_off: self.percent_off,
            expires_at: self.expires_at,
        }
    }
}

/// An accepted request.
#[derive(Clone, Debug)]
pub(super) struct TriggerRow {
    buyer: TextRef,
    request: TextRef,
    /// The position of the grant that it was answered with.
    pub(super) grant: u32,
}

impl TriggerRow {
    pub(super) fn request<'t>(&self, texts: &'t Texts) -> &'t str {
        texts.get(self.request)
    }
}

/// All grants and accepted requests of a campaign, in the order in which they came to be.
#[derive(Debug, Default)]
pub(super) struct Grants {
    texts: Texts,
    rows: Chunks<GrantRow>,
    by_event: Index,
    triggers: Chunks<TriggerRow>,
    by_request: Index,
}

impl Grants {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn trigger_count(&self) -> usize {
        self.triggers.len()
    }

    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(super) fn get(&self, at: u32) -> Option<&GrantRow> {
        self.rows.get(at as usize)
    }

    /// The buyer's one grant for this event.
    pub(super) fn find(&self, buyer: &str, event: &str, hashing: Hashing) -> Option<u32> {
        let is_it = |at: u32| {
            self.get(at)
                .is_some_and(|row| row.buyer(&self.texts) == buyer && self.texts.get(row.event) == event)
        };
        self.by_event.find(hashing.pair(buyer, event), is_it)
    }

    pub(super) fn find_request(&self, buyer: &str, request: &str, hashing: Hashing) -> Option<&TriggerRow> {
        let row = |at: u32| self.triggers.get(at as usize);
        let is_it = |at: u32| {
            row(at)
                .is_some_and(|row| self.texts.get(row.buyer) == buyer && row.request(&self.texts) == request)
        };
        self.by_request.find(hashing.pair(buyer, request), is_it).and_then(row)
    }

    /// Adds a grant and says where it stands. `None` when a table is full or the buyer has one for this event.
    pub(super) fn add(&mut self, buyer: &str, grant: &Grant, hashing: Hashing) -> Option<u32> {
        if self.find(buyer, &grant.event, hashing).is_some() {
            return None;
        }
        let at = u32::try_from(self.rows.len()).ok()?;
        let (buyer_text, event) = (self.texts.push(buyer)?, self.texts.push(&grant.event)?);
        let Grant { code, percent_off, expires_at, .. } = *grant;
        self.rows.push(GrantRow { code, buyer: buyer_text, event, expires_at, percent_off });
        self.by_event.insert(hashing.pair(buyer, &grant.event), at);
        Some(at)
    }

    /// Keeps a request of this grant's buyer. `None` when a table is full or there is no such grant.
    pub(super) fn keep_request(&mut self, grant: u32, request: &str, hashing: Hashing) -> Option<()> {
        let at = u32::try_from(self.triggers.len()).ok()?;
        let buyer = self.get(grant)?.buyer;
        let hash = hashing.pair(self.texts.get(buyer), request);
        let request = self.texts.push(request)?;
        self.triggers.push(TriggerRow { buyer, request, grant });
        self.by_request.insert(hash, at);
        Some(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &GrantRow> {
        self.rows.iter()
    }

    pub(super) fn triggers(&self) -> impl Iterator<Item = &TriggerRow> {
        self.triggers.iter()
    }
}
