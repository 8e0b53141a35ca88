//! Makes a sale in which something goes wrong as short as it can be.

use crate::{Failure, Plan, run};

/// The shortest sale that was found in which something goes wrong too, and what. Takes steps away, many at once at first,
/// until none can be spared. What goes wrong may become another thing on the way: each is worth a look. Of a sale that does
/// not come to an end only what comes behind is taken away: each try would leave another thread behind that never ends.
#[must_use]
pub fn shrink(plan: &Plan, failure: Failure) -> (Plan, Failure) {
    let (mut best, mut why) = (plan.clone(), failure);
    // What comes behind the failure does not matter.
    best.steps.truncate(why.step);
    if why.is_stuck {
        return (best, why);
    }
    if let Err(failure) = run(&best) {
        why = failure;
    } else {
        best.steps = plan.steps.clone();
    }
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 && !why.is_stuck {
        let mut from = 0;
        let mut found = false;
        while from < best.steps.len() && !why.is_stuck {
            let mut shorter = best.clone();
            shorter.steps.drain(from..(from + size).min(best.steps.len()));
            match run(&shorter) {
                Err(failure) => {
                    (best, why) = (shorter, failure);
                    found = true;
                }
                Ok(_) => from += size,
            }
        }
        if !found || size > 1 {
            size /= 2;
        }
    }
    (best, why)
}
