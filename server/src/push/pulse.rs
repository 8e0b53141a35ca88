//! How the server stands, once a second for whoever subscribed to the status. Nobody is asked while nobody has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_engine::Millis;
use tokio::time::{MissedTickBehavior, interval};

use super::activity::Activity;
use super::hub::Hub;
use super::message::Message;
use crate::convert::Fields;
use crate::http::status_document;
use crate::metrics::{
    CommandTotals, FeedReading, JournalStatus, Metrics, StatusSnapshot, StatusSource, rates,
};
use crate::webhooks::{WebhookStatus, Webhooks};

/// Between two looks.
const BEAT: Duration = Duration::from_secs(1);

/// Tells the status to its subscribers.
pub struct Pulse {
    hub: Arc<Hub>,
    status: Arc<dyn StatusSource>,
    metrics: Arc<Metrics>,
    webhooks: Arc<Webhooks>,
}

impl Pulse {
    /// For the subscribers of this hub.
    #[must_use]
    pub fn new(
        hub: Arc<Hub>,
        status: Arc<dyn StatusSource>,
        metrics: Arc<Metrics>,
        webhooks: Arc<Webhooks>,
    ) -> Self {
        Self { hub, status, metrics, webhooks }
    }

    /// Beats for as long as the server runs.
    pub async fn run(self) {
        let pulse = Arc::new(self);
        let watchers = &pulse.hub.watchers;
        let mut looks = 0;
        loop {
            watchers.come().await;
            // Rates are since the look before, and there is none.
            let mut before = Before::default();
            let mut beat = interval(BEAT);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while watchers.are_there() {
                beat.tick().await;
                looks += 1;
                let (looking, feed) = (Arc::clone(&pulse), pulse.status.feed().await);
                let asked = (feed, pulse.webhooks.look().await);
                // A million SKUs take a while to look at, and this thread accepts connections.
                let looked = tokio::task::spawn_blocking(move || looking.look(looks, before, asked)).await;
                let Ok((message, seen)) = looked else {
                    // It panicked, and has said so.
                    before = Before::default();
                    continue;
                };
                before = seen;
                watchers.tell(&Arc::new(message));
            }
        }
    }

    /// Looks at everything, and says what became of what was seen `before`.
    fn look(
        &self,
        looks: u64,
        mut before: Before,
        (feed, webhooks): (Option<FeedReading>, Vec<WebhookStatus>),
    ) -> (Message, Before) {
        let status = self.status.snapshot();
        let commands = self.metrics.commands();
        let since = before.since();
        let mut fields = Fields::new();
        fields.insert("rates".to_owned(), before.rates(since, &status.journal, &commands));
        let house = self.hub.house().ok();
        let now = house.as_ref().map_or_else(|| by_status(&status), |house| house.now());
        fields.extend(before.activity.look(house.as_deref(), now, since));
        before = Before {
            at: Some(Instant::now()),
            events: status.journal.durable_sequence,
            commits: status.journal.commits,
            commands: commands.clone(),
            activity: before.activity,
        };
        fields.insert("status".to_owned(), status_document(status, commands, feed, webhooks));
        (Message::new((looks, now), fields), before)
    }
}

/// The time, before there is a house.
fn by_status(status: &StatusSnapshot) -> Millis {
    let started = u64::try_from(status.started_at_ms).unwrap_or_default();
    Millis(started.saturating_add(u64::try_from(status.uptime.as_millis()).unwrap_or_default()))
}

/// What was seen at the last look.
#[derive(Default)]
struct Before {
    at: Option<Instant>,
    events: u64,
    commits: u64,
    commands: Vec<CommandTotals>,
    activity: Activity,
}

impl Before {
    fn since(&self) -> Option<Duration> {
        self.at.map(|at| at.elapsed())
    }

    /// What happened since; null if nothing was seen before.
    fn rates(&self, since: Option<Duration>, journal: &JournalStatus, commands: &[CommandTotals]) -> Value {
        let Some(since) = since else { return Value::Null };
        let per_second = |now: u64, before: u64| rates::per_second(now.saturating_sub(before), since);
        let mut all = json!(rates::of(commands, &self.commands, since));
        all["events"] = json!(per_second(journal.durable_sequence, self.events));
        all["commits"] = json!(per_second(journal.commits, self.commits));
        all
    }
}
