//! One thread of the house: an actix arbiter, its lane into the journal and its held replies.

use std::sync::Arc;

use actix::{Actor, ArbiterHandle};
use tidegate_persistence::Lane;
use tokio::sync::Notify;

use crate::release::Release;
use crate::sku_actor::SkuActor;

/// A thread on which actors live.
#[derive(Debug)]
pub(crate) struct Floor {
    arbiter: ArbiterHandle,
    release: Arc<Release>,
}

impl Floor {
    /// Starts the task that sends held replies on.
    pub(crate) fn start(arbiter: ArbiterHandle, lane: Lane, wake: Arc<Notify>) -> Self {
        let release = Arc::new(Release::new(lane, wake));
        arbiter.spawn(Arc::clone(&release).run());
        Self { arbiter, release }
    }

    pub(crate) fn release(&self) -> &Arc<Release> {
        &self.release
    }

    /// Starts an actor here.
    pub(crate) fn house(&self, make: impl FnOnce(Arc<Release>) -> SkuActor + Send + 'static) -> actix::Addr<SkuActor> {
        let release = Arc::clone(&self.release);
        SkuActor::start_in_arbiter(&self.arbiter, move |_| make(release))
    }
}
