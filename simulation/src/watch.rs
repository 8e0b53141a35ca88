//! Runs sales so that one that does not come to an end is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::{Failure, Finished, Plan, world};

/// How long a sale may really take. It takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a sale.
///
/// # Errors
/// What went wrong.
pub fn run(plan: &Plan) -> Result<Finished, Failure> {
    run_within(plan, PATIENCE)
}

/// Runs a sale that may take so long. It has a thread of its own, which is left behind if it takes longer: nobody can stop a
/// turn that does not end.
///
/// # Errors
/// What went wrong.
pub fn run_within(plan: &Plan, patience: Duration) -> Result<Finished, Failure> {
    let step = Arc::<AtomicUsize>::default();
    let (to, result) = sync_channel(1);
    let (its_plan, its_step) = (plan.clone(), Arc::clone(&step));
    let begun = std::thread::Builder::new().name(format!("sale {}", plan.seed)).spawn(move || {
        // Nobody waits for what comes too late.
        let _ = to.send(world::run(&its_plan, &its_step));
    });
    let wrong = |what: String, is_stuck| Failure { what, step: step.load(Ordering::Relaxed), is_stuck };
    let thread = begun.map_err(|error| wrong(format!("it does not begin: {error}"), false))?;
    match result.recv_timeout(patience) {
        Ok(result) => {
            // Whatever is to be done at its end is done before the next one begins.
            let _ = thread.join();
            result
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(wrong(format!("it has not come to an end after {} s", patience.as_secs()), true))
        }
        Err(RecvTimeoutError::Disconnected) => Err(wrong("its thread is gone".to_owned(), false)),
    }
}
