//! How the feed and its consumer groups stand, for `/status` and `/metrics`. Looking takes no reader's place, and of the
//! journal only what came since the last look is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_actors::{Ask, Body, Outcome, Reply, Seat};
use tidegate_engine::{Millis, PendingSpan};
use tokio::time::timeout;

use super::{Feed, FeedError};
use crate::metrics::{FeedReading, GroupReading};

/// Groups that are told of by name. A label must be bounded, and clients name groups.
const MOST_GROUPS: usize = 50;

/// Groups are looked at at most so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long who looks waits for the groups, and for entries to be counted. The first time, all that are kept are.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everything of a consumer group that nobody has acknowledged; of it the first.
const OLDEST: PendingSpan<&str> = PendingSpan { from: 0, to: u64::MAX, most: 1, min_idle: 0, consumer: None };

/// A group, and up to where it was delivered.
type Found = (GroupReading, u64);

impl Feed {
    /// How the feed is used, and how its groups stand. What can't be found out in time is missing.
    pub(crate) async fn look(self: &Arc<Self>) -> FeedReading {
        let told = self.look_at_groups().await;
        let groups = self.house.consumer_groups().iter().filter(|seat| !seat.shown().is_vacant()).count();
        let (limits, (entries_read, entries_delivered)) = (&self.limits, self.usage.entries());
        FeedReading {
            groups: groups as u64,
            groups_limit: limits.max_groups as u64,
            pending_limit: u64::from(limits.max_pending_per_group),
            waiting_readers: self.usage.blocked(),
            reads: self.usage.reads(limits.reads_at_once, self.permits.available_permits()),
            entries_read,
            entries_delivered,
            told,
        }
    }

    /// Whoever comes while somebody looks, or just after, is told what was seen last.
    async fn look_at_groups(self: &Arc<Self>) -> Arc<[GroupReading]> {
        if let Ok(mut looked_at) = Arc::clone(&self.looked_at).try_lock_owned()
            && looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY)
        {
            let feed = Arc::clone(self);
            // It goes on when nobody waits for it any more: the next one finds most of it counted.
            let look = actix_rt::spawn(async move {
                let found = feed.ask_groups().await;
                // What they are behind may take longer to find out.
                *feed.told.lock() = found.iter().map(|(group, _)| group.clone()).collect();
                *feed.told.lock() = feed.with_lags(found).await;
                *looked_at = Some(Instant::now());
            });
            // If it can't be in time, that shows.
            let _ = timeout(PATIENCE, look).await;
        }
        Arc::clone(&self.told.lock())
    }

    /// The groups in the places that are there longest, so that nobody hides one by making others beyond them; by name.
    async fn ask_groups(&self) -> Vec<Found> {
        let mut seats = self.house.consumer_groups();
        seats.sort_unstable_by_key(|seat| seat.id().0);
        let mut found = Vec::new();
        for some in seats.chunks(MOST_GROUPS) {
            // All at once: each answers when what it did last is on disk.
            let asked: Vec<_> = some.iter().map(|seat| (seat, seat.send(questions()))).collect();
            for (seat, sent) in asked {
                let Ok(outcome) = sent else { continue };
                found.extend(outcome.await.ok().and_then(|outcome| group(seat, outcome, self.house.now())));
            }
            if found.len() >= MOST_GROUPS {
                break;
            }
        }
        found.truncate(MOST_GROUPS);
        found.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        found
    }

    async fn with_lags(self: &Arc<Self>, found: Vec<Found>) -> Arc<[GroupReading]> {
        let places = found.iter().map(|(group, after)| (group.name.clone(), *after)).collect();
        let lags = self.behind_all(places).await;
        let lag = |at: usize| lags.as_ref().ok().and_then(|lags| lags.get(at).copied());
        let groups = found.into_iter().enumerate();
        groups.map(|(at, (group, _))| GroupReading { lag: lag(at), ..group }).collect()
    }

    /// How many entries a consumer of a group has still to acknowledge, or to be delivered; `None` if that can't be found
    /// out.
    pub(crate) async fn lag(self: &Arc<Self>, group: &str, consumer: &str) -> Option<u64> {
        let Some(seat) = self.house.find_consumer_group(group) else { return Some(0) };
        let mut body = Body::default();
        body.push(Ask::View);
        let Some(Reply::ConsumerGroupView(view)) = seat.ask(body).await.ok()?.pop() else { return None };
        let Some(view) = view else { return Some(0) };
        let own = view.consumers.iter().find(|known| *known.name == *consumer);
        let own = own.map_or(0, |known| known.pending);
        let behind = self.behind_all(vec![(group.into(), view.last_delivered)]).await.ok()?;
        Some(own + behind.iter().sum::<u64>())
    }

    /// How many entries are kept behind the places of these groups.
    async fn behind_all(self: &Arc<Self>, places: Vec<(Box<str>, u64)>) -> Result<Vec<u64>, FeedError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        while !self.counting(|feed, count| feed.count_a_little(count)).await? {}
        self.counting(move |feed, count| {
            places.iter().map(|(group, after)| feed.count_behind(count, group, *after)).collect()
        })
        .await
    }
}

/// How a group stands, and what it waits for longest.
fn questions() -> Body {
    let mut body = Body::default();
    body.push(Ask::View);
    body.push_pending(&OLDEST);
    body
}

/// What a group answered; `None` if it is destroyed or can't be asked.
fn group(seat: &Seat, outcome: Outcome, now: Millis) -> Option<Found> {
    let replies = outcome.replies.ok()?;
    let [Reply::ConsumerGroupView(Some(view)), Reply::Pending(Some(oldest))] = &replies[..] else {
        return None;
    };
    let idle = oldest.first().map(|oldest| now.0.saturating_sub(oldest.delivered_at.0));
    let group = GroupReading {
        name: seat.name().into(),
        consumers: view.consumers.len() as u64,
        pending: view.pending,
        oldest_idle: Duration::from_millis(idle.unwrap_or(0)),
        lag: None,
    };
    Some((group, view.last_delivered))
}
