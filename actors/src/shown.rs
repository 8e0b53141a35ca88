//! What an actor publishes, for whoever does not want to wait for a turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwapOption;
use tidegate_engine::{CampaignView, SkuView};

use crate::sync::{AtomicBool, AtomicU8, AtomicUsize};

/// What an actor shows the edge without being asked. Written by the actor after each turn that changed something.
///
/// A view may be one commit ahead of what is durable: it is for shoppers to look at, not to act on.
#[derive(Debug, Default)]
pub struct Shown {
    view: ArcSwapOption<SkuView>,
    campaign: ArcSwapOption<CampaignView>,
    condition: AtomicU8,
    waiting: AtomicUsize,
    vacant: AtomicBool,
}

/// Whether an actor is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In service.
    Live,
    /// Failed, and being rebuilt from the journal.
    Rebuilding,
    /// Failed while it was rebuilt: out of service.
    Quarantined,
}

impl Shown {
    /// The last published view; `None` if there is no such SKU (yet).
    pub fn view(&self) -> arc_swap::Guard<Option<Arc<SkuView>>> {
        self.view.load()
    }

    /// The same of a campaign.
    pub fn campaign(&self) -> arc_swap::Guard<Option<Arc<CampaignView>>> {
        self.campaign.load()
    }

    /// Whether there is a SKU or a campaign, not only a seat for one.
    pub(crate) fn is_there(&self) -> bool {
        self.view.load().is_some() || self.campaign.load().is_some()
    }

    /// Whether the actor is in service.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self.condition.load(Ordering::Acquire) {
            0 => Condition::Live,
            1 => Condition::Rebuilding,
            _ => Condition::Quarantined,
        }
    }

    /// Bodies that were sent and not yet begun.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether this is the place of a consumer group, and there is none.
    pub(crate) fn set_vacant(&self, vacant: bool) {
        self.vacant.store(vacant, Ordering::Release);
    }

    /// The same.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.vacant.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, view: Option<SkuView>) {
        self.view.store(view.map(Arc::new));
    }

    pub(crate) fn publish_campaign(&self, view: Option<CampaignView>) {
        self.campaign.store(view.map(Arc::new));
    }

    pub(crate) fn set_condition(&self, condition: Condition) {
        self.condition.store(condition as u8, Ordering::Release);
    }

    /// A body is on its way. Says how many others are.
    pub(crate) fn sent(&self) -> usize {
        self.waiting.fetch_add(1, Ordering::Relaxed)
    }

    /// It is there, or was refused.
    pub(crate) fn begun(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
