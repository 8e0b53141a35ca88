//! The live line on a terminal. Hidden where standard error is no terminal.

use std::time::Duration;

use crate::replay::ReplayProgress;
use crate::run::Progress;
use crate::show::{milliseconds, thousands};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over the planned time or the trace's clock, with a message of figures.
pub struct Bar {
    bar: ProgressBar,
    last: (Duration, u64),
    rate: f64,
}

impl Bar {
    /// A bar that has nothing to show yet; `hidden` keeps it off the terminal.
    pub fn new(hidden: bool) -> Self {
        let target =
            if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
            bar.set_style(style);
        }
        Self { bar, last: (Duration::ZERO, 0), rate: 0.0 }
    }

    /// Shows how a run is doing.
    pub fn run(&mut self, progress: &Progress) {
        self.bar.set_length(progress.planned.as_millis() as u64);
        self.bar.set_position(progress.elapsed.min(progress.planned).as_millis() as u64);
        let rate = self.rate(progress.elapsed, progress.answered);
        self.bar.set_message(format!(
            "{:.1} s  {}/s  accepted {}  errors {}  in flight {}  waiting {}  p99 {}",
            progress.elapsed.as_secs_f64(),
            thousands(rate),
            thousands(progress.accepted),
            thousands(progress.errors),
            thousands(progress.in_flight),
            thousands(progress.backlog),
            milliseconds(progress.p99_us)
        ));
    }

    /// Shows how a replay is doing.
    pub fn replay(&mut self, progress: &ReplayProgress) {
        self.bar.set_length(progress.trace_total_ms.max(1));
        self.bar.set_position(progress.trace_ms);
        let rate = self.rate(progress.elapsed, progress.answered);
        self.bar.set_message(format!(
            "{:.1} s  {}/s  accepted {}  refused {}  SKUs sold out {}  units sold {}  p99 {}",
            progress.elapsed.as_secs_f64(),
            thousands(rate),
            thousands(progress.accepted),
            thousands(progress.sold_out_answers),
            thousands(progress.skus_sold_out),
            thousands(progress.units_sold),
            milliseconds(progress.p99_us)
        ));
    }

    /// Takes the line off the terminal.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Answers a second since the last call at least 100 ms ago.
    fn rate(&mut self, elapsed: Duration, answered: u64) -> u64 {
        let (then, before) = self.last;
        let since = elapsed.saturating_sub(then);
        if since >= Duration::from_millis(100) {
            self.rate = answered.saturating_sub(before) as f64 / since.as_secs_f64();
            self.last = (elapsed, answered);
        }
        self.rate.round() as u64
    }
}
