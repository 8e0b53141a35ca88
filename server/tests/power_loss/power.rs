//! The power of a machine, and when it goes.

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

/// When the power goes: when one of these has been done so often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Requests to the disk that change or sync something.
    pub(crate) requests: u64,
    /// Those among them that make, rename, delete or sync names: of epochs, snapshots and what is in them. `None` if they
    /// do not matter.
    pub(crate) namings: Option<u64>,
}

#[derive(Debug)]
enum State {
    On(Option<(Moment, Pid)>),
    Off,
}

/// Goes at a moment between two requests to the disk. What runs on the machine is killed in that moment; it never hears of
/// the request that was to be next.
#[derive(Debug)]
pub(crate) struct Power(Mutex<State>);

impl Power {
    pub(crate) fn on() -> Self {
        Self(Mutex::new(State::On(None)))
    }

    /// From here on this moment of this process is waited for.
    pub(crate) fn goes(&self, moment: Moment, process: u32) {
        let process = i32::try_from(process).ok().and_then(Pid::from_raw).unwrap();
        *self.0.lock() = State::On(Some((moment, process)));
    }

    /// It stays on after all, if it is still on: whether it is.
    pub(crate) fn stays(&self) -> bool {
        let mut state = self.0.lock();
        let is_on = matches!(*state, State::On(_));
        if is_on {
            *state = State::On(None);
        }
        is_on
    }

    pub(crate) fn comes_back(&self) {
        *self.0.lock() = State::On(None);
    }

    /// Whether it lasts for one more request.
    pub(crate) fn lasts(&self, is_naming: bool) -> bool {
        let mut state = self.0.lock();
        let State::On(moment) = &mut *state else { return false };
        let Some((moment, process)) = moment else { return true };
        if moment.requests == 0 || is_naming && moment.namings == Some(0) {
            // One that is not there any more has ended by itself, and whoever waits for it will say so.
            let _ = kill_process(*process, Signal::KILL);
            *state = State::Off;
            return false;
        }
        moment.requests -= 1;
        if is_naming {
            moment.namings = moment.namings.map(|namings| namings - 1);
        }
        true
    }
}
