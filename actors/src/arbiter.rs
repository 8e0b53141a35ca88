//! One thread of the house: an actix arbiter, its lane into the journal and its held replies.

use std::sync::Arc;

use actix::dev::channel::channel;
use actix::{Addr, ArbiterHandle, Context};
use tidegate_persistence::Lane;
use tokio::sync::Notify;

use crate::desk_actor::DeskActor;
use crate::load::Load;
use crate::news::NewsSink;
use crate::release::Release;

/// A thread on which actors live.
#[derive(Debug)]
pub(crate) struct Floor {
    arbiter: ArbiterHandle,
    release: Arc<Release>,
}

impl Floor {
    /// Starts the task that sends held replies and news on.
    pub(crate) fn start(
        (arbiter, lane, wake): (ArbiterHandle, Lane, Arc<Notify>),
        news: Option<Arc<dyn NewsSink>>,
    ) -> Self {
        let release = Arc::new(Release::new(lane, wake, news));
        arbiter.spawn(Arc::clone(&release).run());
        Self { arbiter, release }
    }

    pub(crate) fn load(&self) -> &Arc<Load> {
        self.release.load()
    }

    pub(crate) fn release(&self) -> &Arc<Release> {
        &self.release
    }

    /// Runs a task here until it or the arbiter ends.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        // An arbiter that is gone has nothing to run for.
        let _ = self.arbiter.spawn(task);
    }

    /// Starts an actor here, with a mailbox of this size from the first message on: actix's own way begins with 16,
    /// until the actor has started.
    pub(crate) fn house(
        &self,
        mailbox_capacity: usize,
        make: impl FnOnce(Arc<Release>) -> DeskActor + Send + 'static,
    ) -> Addr<DeskActor> {
        let release = Arc::clone(&self.release);
        let (sender, receiver) = channel(mailbox_capacity);
        // An arbiter that is gone drops the mailbox, and whoever sends to it is told that the house is closing.
        let _ = self.arbiter.spawn_fn(move || {
            actix_rt::spawn(Context::with_receiver(receiver).into_future(make(release)));
        });
        Addr::new(sender)
    }
}
