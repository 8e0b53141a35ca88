//! When to try again.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;

use crate::config::Deliveries;

/// How long to wait after so many failures of one entry: twice as long each time, less up to half of it, so that those
/// who failed together do not come again together; and not before the endpoint wants it.
pub(super) fn wait(settings: &Deliveries, failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = settings.first_retry_ms.saturating_mul(doubled).min(settings.max_retry_ms);
    let jittered = longest.mul_f64(1.0 - 0.5 * random_fraction());
    jittered.max(asked.unwrap_or_default()).min(settings.max_retry_ms)
}

/// From 0 to just below 1. Without random numbers nothing is taken off.
fn random_fraction() -> f64 {
    getrandom::u32().map_or(0.0, |random| f64::from(random) / (f64::from(u32::MAX) + 1.0))
}

/// What a `Retry-After` header asks for: seconds, or until when.
pub(super) fn asked_for(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until: SystemTime = header.parse::<HttpDate>().ok()?.into();
    until.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_failure_doubles_the_wait_to_a_limit() {
        let settings = Config::default().deliveries;
        for failures in 1..200 {
            let longest =
                (0..failures - 1).fold(Duration::from_secs(1), |wait, _| (wait * 2).min(wait * 600));
            let longest = longest.min(Duration::from_secs(600));
            let wait = wait(&settings, failures, None);
            assert!(wait <= longest && wait >= longest / 2, "{failures}: {wait:?}");
            if longest == Duration::from_secs(600) && failures > 40 {
                return;
            }
        }
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_but_not_for_any() {
        let settings = Config::default().deliveries;
        assert_eq!(wait(&settings, 1, asked_for("120", SystemTime::now())), Duration::from_secs(120));
        assert_eq!(wait(&settings, 1, asked_for("99999999", SystemTime::now())), Duration::from_secs(600));
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_420);
        assert_eq!(asked_for("Wed, 21 Oct 2015 07:28:00 GMT", before), Some(Duration::from_secs(60)));
        assert_eq!(asked_for("soon", before), None);
    }
}
