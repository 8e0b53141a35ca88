//! A gate for another thread, so that it runs only while this one waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long anything may really take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Closed at first.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Who stands before it.
    waiting: usize,
    /// Who may go through.
    admitted: usize,
    /// Who went through and is done.
    done: usize,
    is_open_for_good: bool,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this when it is let through.
    pub(crate) fn pass<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        state.waiting += 1;
        self.changed.notify_all();
        let is_closed = |state: &mut State| state.admitted == 0 && !state.is_open_for_good;
        let mut state = self.changed.wait_while(state, is_closed).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.admitted = state.admitted.saturating_sub(1);
        drop(state);
        let done = work();
        self.state().done += 1;
        self.changed.notify_all();
        done
    }

    /// Waits until somebody stands before it, lets one through, and waits until that one is done. False if nobody comes.
    pub(crate) fn let_one_through(&self) -> bool {
        let state = self.state();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.waiting == 0);
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return false;
        }
        state.admitted += 1;
        let wanted = state.done + 1;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.done < wanted);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// From now on nobody waits before it.
    pub(crate) fn open_for_good(&self) {
        self.state().is_open_for_good = true;
        self.changed.notify_all();
    }
}
