//! The task of one endpoint: takes entries from the feed, sends them one after the other, and acknowledges them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::Endpoint;
use super::consumer::{Consumer, Delivered, Entry, Trouble};
use super::post::{Outcome, Poster};
use super::progress::State;
use super::retry;
use crate::config::Deliveries;
use crate::feed::Feed;

/// Entries taken from the feed at once, and held in memory. Each is acknowledged by itself.
const PAGE: u64 = 64;

/// A busy sale commits thousands of times a second. After a look that found nothing, so much of it is waited for.
const REST: Duration = Duration::from_millis(5);

/// The same of an endpoint that does not want everything. Each look may find entries to pass over, which is a commit.
const LONG_REST: Duration = Duration::from_millis(50);

/// Sends to one endpoint.
pub(super) struct Sender {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) consumer: Consumer,
    pub(super) poster: Poster,
    pub(super) feed: Arc<Feed>,
    pub(super) settings: Deliveries,
    /// Entries that a group may have delivered and unacknowledged.
    pub(super) max_pending: u64,
    pub(super) closing: watch::Receiver<bool>,
}

/// What to do after a look.
enum Next {
    Look,
    Wait,
    End,
}

/// What became of an entry.
enum Sent {
    Taken,
    GivenUp,
    /// Nothing: the endpoint is gone, or the server stops.
    Kept,
}

impl Sender {
    /// Sends until the server stops or the endpoint is gone. `is_member`: its group is there.
    pub(super) async fn run(mut self, mut is_member: bool) {
        let feed = Arc::clone(&self.feed);
        let rest = if self.endpoint.events.is_empty() { REST } else { LONG_REST };
        while !*self.closing.borrow() {
            let moved = feed.moved();
            tokio::pin!(moved);
            // Before looking: what comes meanwhile is not missed.
            moved.as_mut().enable();
            let pause = async {
                moved.await;
                sleep(rest).await;
            };
            match self.look(&mut is_member).await {
                Ok(Next::Look) => {}
                Ok(Next::Wait) => self.unless_closing(pause).await,
                Ok(Next::End) => return,
                Err(trouble) => {
                    is_member &= !matches!(trouble, Trouble::NoGroup);
                    self.is_stuck(&trouble);
                    self.unless_closing(sleep(self.settings.first_retry_ms)).await;
                }
            }
        }
    }

    /// Takes what is next and sends it.
    async fn look(&mut self, is_member: &mut bool) -> Result<Next, Trouble> {
        if !*is_member {
            self.consumer.join().await?;
            *is_member = true;
        }
        let pending = self.consumer.pending().await?;
        self.endpoint.progress.lock().dead_letters = pending.dead_letters;
        let room = self.max_pending.saturating_sub(pending.all);
        // What a stop or a kill has left, or somebody claimed back, comes first.
        let page = match pending.sender {
            0 if room == 0 => {
                self.is_full();
                return Ok(Next::Wait);
            }
            0 if !self.endpoint.events.is_empty() => return self.look_for_wanted(room.min(PAGE)).await,
            0 => self.consumer.read(">", room.min(PAGE)).await?,
            _ => self.consumer.read("0", PAGE).await?,
        };
        if page.is_empty() {
            self.endpoint.progress.lock().rests();
            return Ok(Next::Wait);
        }
        self.hand_over(page).await
    }

    /// The same, of the types that the endpoint wants.
    async fn look_for_wanted(&mut self, most: u64) -> Result<Next, Trouble> {
        let wanted = self.consumer.read_wanted(&self.endpoint.events, most).await?;
        let next = {
            let mut progress = self.endpoint.progress.lock();
            progress.skipped += wanted.skipped;
            match (wanted.page.is_empty(), wanted.is_all) {
                (false, _) => None,
                (true, true) => {
                    progress.rests();
                    Some(Next::Wait)
                }
                (true, false) => {
                    progress.catches_up();
                    Some(Next::Look)
                }
            }
        };
        match next {
            Some(next) => Ok(next),
            None => self.hand_over(wanted.page).await,
        }
    }

    async fn hand_over(&mut self, page: Vec<Delivered>) -> Result<Next, Trouble> {
        let mut unsent = Vec::new();
        for delivered in page {
            let entry = match delivered {
                Ok(entry) if self.endpoint.wants(&entry.kind) => entry,
                Ok(entry) => {
                    self.endpoint.progress.lock().skipped += 1;
                    unsent.push(entry.id);
                    continue;
                }
                Err(id) => {
                    self.endpoint.progress.lock().lost += 1;
                    tracing::error!(
                        endpoint = self.endpoint.name,
                        id,
                        "an entry was not kept long enough to send it"
                    );
                    unsent.push(id);
                    continue;
                }
            };
            match self.send(&entry).await {
                Sent::Taken => self.consumer.acknowledge(&[entry.id]).await?,
                Sent::GivenUp => self.give_up(&entry.id).await?,
                Sent::Kept => {
                    self.consumer.acknowledge(&unsent).await?;
                    return Ok(Next::End);
                }
            }
        }
        self.consumer.acknowledge(&unsent).await?;
        Ok(Next::Look)
    }

    /// Tries until the endpoint has it, or it has been tried often enough. What comes behind it waits.
    async fn send(&self, entry: &Entry) -> Sent {
        for attempt in 1..=self.settings.max_attempts {
            if *self.closing.borrow() {
                return Sent::Kept;
            }
            self.endpoint.progress.lock().state = State::Sending;
            let outcome = self.poster.post(entry, &self.endpoint.secrets).await;
            match self.note(entry, attempt, outcome) {
                Ok(sent) => return sent,
                Err(_) if attempt == self.settings.max_attempts => {}
                Err(after) => self.unless_closing(sleep(retry::wait(&self.settings, attempt, after))).await,
            }
        }
        Sent::GivenUp
    }

    /// Notes what came of an attempt. Without success it is to be tried again, not before this time is over.
    fn note(&self, entry: &Entry, attempt: u32, outcome: Outcome) -> Result<Sent, Option<Duration>> {
        let mut progress = self.endpoint.progress.lock();
        progress.attempts += 1;
        match outcome {
            Outcome::Taken => {
                progress.taken();
                Ok(Sent::Taken)
            }
            Outcome::Gone => {
                progress.failures += 1;
                progress.state = State::Off;
                progress.trouble = Some("answered 410".to_owned());
                tracing::warn!(
                    endpoint = self.endpoint.name,
                    "the endpoint is gone (410): nothing is sent to it until a restart"
                );
                Ok(Sent::Kept)
            }
            Outcome::Failed { reason, after } => {
                // Once for each entry is enough.
                if attempt == 1 {
                    let (endpoint, id) = (&self.endpoint.name, &entry.id);
                    tracing::warn!(endpoint, id, reason, "an entry could not be sent");
                }
                progress.failures += 1;
                progress.state = State::Retrying;
                progress.trouble = Some(reason);
                Err(after)
            }
        }
    }

    async fn give_up(&self, id: &str) -> Result<(), Trouble> {
        self.consumer.set_aside(id).await?;
        let mut progress = self.endpoint.progress.lock();
        progress.given_up += 1;
        progress.dead_letters += 1;
        tracing::error!(
            endpoint = self.endpoint.name,
            id,
            reason = progress.trouble,
            "an entry is a dead letter: it was tried deliveries.max_attempts times"
        );
        Ok(())
    }

    fn is_full(&self) {
        let mut progress = self.endpoint.progress.lock();
        if progress.state != State::Full {
            tracing::error!(
                endpoint = self.endpoint.name,
                "nothing is sent until dead letters are acknowledged or claimed back (feed.max_pending_per_group)"
            );
        }
        progress.state = State::Full;
        progress.trouble = Some("too many dead letters (feed.max_pending_per_group)".to_owned());
    }

    fn is_stuck(&self, trouble: &Trouble) {
        let mut progress = self.endpoint.progress.lock();
        let text = trouble.to_string();
        if progress.trouble.as_ref() != Some(&text) {
            tracing::warn!(endpoint = self.endpoint.name, reason = text, "entries can't be sent");
        }
        progress.state = State::Stuck;
        progress.trouble = Some(text);
    }

    /// Waits for something, but no longer than the server runs.
    async fn unless_closing(&self, what: impl Future<Output = ()>) {
        let mut closing = self.closing.clone();
        tokio::select! {
            () = what => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}
