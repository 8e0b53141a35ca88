//! A server in a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};

use super::{Client, PATIENCE, until};

/// A running `tidegate serve`. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    log: Receiver<serde_json::Value>,
    tcp: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

impl Process {
    /// Starts in this directory and waits until it sells.
    pub(crate) fn start(dir: &Path) -> Self {
        let mut process = Self::start_listening(dir, &[]);
        process.wait_for("ready");
        process
    }

    /// Starts and waits until it listens; it may still be loading.
    pub(crate) fn start_listening(dir: &Path, more: &[&str]) -> Self {
        let mut process = Self::spawn(dir, more);
        process.wait_for("listening");
        process
    }

    /// Starts and waits for nothing.
    pub(crate) fn spawn(dir: &Path, more: &[&str]) -> Self {
        Self::run(command(dir, more))
    }

    /// Starts and waits until it sells: its exit code and what it said, if it ends before. `through` is a program and its
    /// arguments that the server is run through, or nothing; `more` are arguments of the server.
    pub(crate) fn try_start(
        dir: &Path,
        through: &[&str],
        more: &[&str],
    ) -> Result<Self, (Option<i32>, String)> {
        let server = command(dir, more);
        let mut process = Self::run(match through {
            [] => server,
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(server.get_program()).args(server.get_args());
                command.env("TIDEGATE_LOG_FORMAT", "json").env_remove("TIDEGATE_CONFIG").stdin(Stdio::null());
                command
            }
        });
        match process.comes_up() {
            Ok(()) => Ok(process),
            Err(said) => Err((process.end().code(), said)),
        }
    }

    /// Waits until it sells: what it said, if it ends before.
    pub(crate) fn comes_up(&mut self) -> Result<(), String> {
        let mut said = String::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line["message"] == "listening" => self.listens(&line),
                Ok(line) if line["message"] == "ready" => return Ok(()),
                Ok(line) => said.push_str(&format!("{}\n", line["message"].as_str().unwrap_or_default())),
                Err(RecvTimeoutError::Disconnected) => return Err(said),
                Err(RecvTimeoutError::Timeout) => panic!("it neither sells nor ends: {said}"),
            }
        }
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // What is not JSON is the last word of a program that fails.
                let line = serde_json::from_str(&line).unwrap_or(serde_json::json!({ "message": line }));
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, log, tcp: None, http: None }
    }

    fn listens(&mut self, line: &serde_json::Value) {
        let address = |name: &str| Some(line[name].as_str().unwrap().parse().unwrap());
        (self.tcp, self.http) = (address("tcp"), address("http"));
    }

    /// Waits for a line of the log.
    pub(crate) fn wait_for(&mut self, message: &str) -> serde_json::Value {
        self.wait_until(message, |found| found == message)
    }

    /// Waits for a line of the log whose message is such, and gives the message.
    pub(crate) fn wait_for_that(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        self.wait_until(what, is_it)["message"].as_str().unwrap_or_default().to_owned()
    }

    fn wait_until(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> serde_json::Value {
        let mut before = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if line["message"] == "listening" {
                        self.listens(&line);
                    }
                    if line["message"].as_str().is_some_and(&is_it) {
                        return line;
                    }
                    before.push(line.to_string());
                }
                Err(_) => panic!("the log never says {what:?}, only {before:#?}"),
            }
        }
    }

    /// What it logs from here to its end.
    pub(crate) fn rest_of_log(&mut self) -> String {
        self.log.iter().map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn tcp(&self) -> SocketAddr {
        self.tcp.unwrap()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.http.unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.tcp())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> ExitStatus {
        until("the end of the process", || self.child.try_wait().unwrap(), Option::is_some).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .arg("serve")
        .args(["--tcp-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir)
        .args(more)
        .env("TIDEGATE_LOG_FORMAT", "json")
        .env_remove("TIDEGATE_CONFIG")
        .stdin(Stdio::null());
    command
}

/// Runs `tidegate` with these arguments to its end: exit code, stdout, stderr.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let ended = command.args(arguments).env_remove("TIDEGATE_CONFIG").stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}
