//! Making an actor's state anew after a panic: from the journal, and again after a while if only the disk failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_persistence::{self as persistence, ActorId, Lane, Reader, State};

use crate::house::Shared;

/// How long to wait before what failed because of the disk is tried again. Twice as long each time,
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// but no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So often it is tried: for about a minute. Somebody has to look at what lasts longer.
const MOST_ATTEMPTS: u32 = 20;

/// Makes one actor's state anew from what is durable.
pub trait Rebuild: Send + Sync + 'static {
    /// The state after the actor's last durable event; `None` if it has none. `seed` as in [`State::new`].
    ///
    /// # Errors
    /// Why it can't be made.
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<Option<State>, RebuildError>;
}

/// Why a state can't be made anew, in words for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// The disk or the system fails: at another time it may be made.
    #[error("{0}")]
    Disk(String),
    /// What there is is damaged or contradicts itself. It will be the same at any time.
    #[error("{0}")]
    Damage(String),
}

impl Rebuild for Reader {
    fn rebuild(&self, id: ActorId, seed: u64) -> Result<Option<State>, RebuildError> {
        match Reader::rebuild(self, id, seed) {
            Ok(actor) => Ok(Some(actor.state)),
            // It had done nothing yet.
            Err(persistence::RebuildError::Unknown(_)) => Ok(None),
            Err(error) if error.may_pass() => Err(RebuildError::Disk(error.to_string())),
            Err(error) => Err(RebuildError::Damage(error.to_string())),
        }
    }
}

/// Makes an actor's state anew, as soon as the disk lets it. What the actor wrote is durable.
///
/// # Errors
/// It can't be made, or not for too long.
pub(crate) async fn make_anew(
    shared: &Arc<Shared>,
    lane: &Lane,
    (id, name): (ActorId, &str),
) -> Result<Option<State>, RebuildError> {
    let (mut attempt, mut pause) = (1, FIRST_PAUSE);
    loop {
        let made = attempt_once(Arc::clone(shared), id).await;
        shared.attempts.fetch_add(1, Ordering::Relaxed);
        match made {
            // A journal that failed is not written to before the next start, and nobody asks for what is in it.
            Err(RebuildError::Disk(error)) if attempt < MOST_ATTEMPTS && lane.failed().is_none() => {
                tracing::warn!(
                    name,
                    error,
                    attempt,
                    pause_ms = pause.as_millis(),
                    "it could not be rebuilt yet"
                );
            }
            made => return made,
        }
        tokio::time::sleep(pause).await;
        (attempt, pause) = (attempt + 1, (pause * 2).min(LONGEST_PAUSE));
    }
}

async fn attempt_once(shared: Arc<Shared>, id: ActorId) -> Result<Option<State>, RebuildError> {
    let seed = shared.options.seed;
    let made = tokio::task::spawn_blocking(move || {
        catch_unwind(AssertUnwindSafe(|| shared.rebuild.rebuild(id, seed)))
    });
    match made.await {
        Ok(Ok(made)) => made,
        Ok(Err(_)) | Err(_) => Err(RebuildError::Damage("the replay panicked".to_owned())),
    }
}
