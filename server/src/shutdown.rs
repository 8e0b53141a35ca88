//! Stopping on SIGTERM and SIGINT: the first one asks, the second one insists.

use std::io;
use std::thread;

use actix_rt::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What has been asked of the server so far.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Option<&'static str>>);

impl Shutdown {
    /// Listens for SIGTERM and SIGINT on a thread of its own, so that a signal is heard while every other
    /// thread is busy replaying or draining. The second signal ends the process at once with 128 plus the
    /// signal's number, as a shell reports a process that died of it: nothing acknowledged is lost by that,
    /// only what was under way has an unknown outcome.
    ///
    /// # Errors
    /// The thread, its runtime or the handlers can't be set up.
    pub fn on_signals() -> io::Result<Self> {
        let (asked, shutdown) = watch::channel(None);
        let (ready, set_up) = std::sync::mpsc::sync_channel(1);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async {
                match handlers() {
                    Ok(signals) => {
                        drop(ready.send(Ok(())));
                        listen(signals, &asked).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })?;
        set_up.recv().map_err(|_| io::Error::other("the thread that listens for signals ended"))??;
        Ok(Self(shutdown))
    }

    /// A stop that the program itself asks for, by the returned handle: for the demo and for tests.
    pub fn by_hand() -> (Ask, Self) {
        let (asked, shutdown) = watch::channel(None);
        (Ask(asked), Self(shutdown))
    }

    /// Waits until a stop is asked for and says by what. Answers at once if it was before.
    pub async fn asked(&mut self) -> &'static str {
        loop {
            if let Some(by) = *self.0.borrow_and_update() {
                return by;
            }
            if self.0.changed().await.is_err() {
                // Whoever could ask is gone, and with it every reason to stop.
                return std::future::pending().await;
            }
        }
    }

    /// Whether a stop was asked for, for work that looks between two steps, such as replay.
    pub fn is_asked(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// Asks a server to stop as a signal would.
#[derive(Debug)]
pub struct Ask(watch::Sender<Option<&'static str>>);

impl Ask {
    /// Asks; `by` is what the log names.
    pub fn stop(&self, by: &'static str) {
        self.0.send_replace(Some(by));
    }
}

struct Signals {
    terminate: actix_rt::signal::unix::Signal,
    interrupt: actix_rt::signal::unix::Signal,
}

impl Signals {
    /// The next signal's name and number.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        }
    }
}

fn handlers() -> io::Result<Signals> {
    Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
}

async fn listen(mut signals: Signals, asked: &watch::Sender<Option<&'static str>>) {
    let (first, _) = signals.next().await;
    asked.send_replace(Some(first));
    let (second, number) = signals.next().await;
    tracing::warn!(signal = second, "second signal: stopping at once, without waiting for what is under way");
    std::process::exit(128 + number);
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_stop_by_hand_is_heard_before_and_after_someone_waits() {
        let (ask, shutdown) = Shutdown::by_hand();
        assert!(!shutdown.is_asked());
        let waiting = thread::spawn({
            let mut shutdown = shutdown.clone();
            move || actix_rt::Runtime::new().unwrap().block_on(shutdown.asked())
        });
        ask.stop("the test");
        assert_eq!(waiting.join().unwrap(), "the test");
        assert!(shutdown.is_asked());
        assert_eq!(actix_rt::Runtime::new().unwrap().block_on(shutdown.clone().asked()), "the test");
    }

    /// The other half of the next test: a process that listens, says what it heard and goes on working.
    #[test]
    #[ignore = "a process that the_first_signal_asks_and_the_second_ends_the_process starts"]
    fn process_that_never_stops_by_itself() {
        let mut shutdown = Shutdown::on_signals().unwrap();
        println!("\nlistening");
        let by = actix_rt::Runtime::new().unwrap().block_on(shutdown.asked());
        println!("asked by {by}");
        loop {
            thread::park();
        }
    }

    #[test]
    fn the_first_signal_asks_and_the_second_ends_the_process() {
        for (first, heard, second, code) in
            [("-TERM", "asked by SIGTERM", "-INT", 130), ("-INT", "asked by SIGINT", "-TERM", 143)]
        {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", "--nocapture"])
                .arg("shutdown::tests::process_that_never_stops_by_itself")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            let kill = |signal: &str| {
                assert!(
                    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success()
                );
            };
            assert!(lines.any(|line| line == "listening"));
            kill(first);
            assert!(lines.any(|line| line == heard));
            kill(second);
            assert_eq!(child.wait().unwrap().code(), Some(code));
        }
    }
}
