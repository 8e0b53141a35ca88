//! How much processor time this process has used.

use std::time::Duration;

/// The kernel counts in these, whatever its own tick is.
const TICKS_PER_SECOND: u32 = 100;

/// Processor time of all threads of this process, or `None` where there is no `/proc`.
pub(crate) fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold spaces. Behind it, user and system time are fields 12 and 13.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(Duration::from_secs(1) / TICKS_PER_SECOND * (user + system))
}
