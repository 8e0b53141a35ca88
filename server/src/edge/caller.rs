//! Commands that come by another door than TCP: whole, and answered in RESP3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::{FramingError, Protocol, RequestDecoder};
use tokio::sync::SemaphorePermit;

use super::Edge;
use super::batch::{Added, Batch};
use super::client::Guest;
use super::connection::KEPT_BYTES;
use super::session::Session;
use crate::metrics::Recorder;
use crate::pool::{Allowance, Share};
use crate::push::{Channel, Cut, Delivery};
use crate::security::{Buyer, Principal};

/// One client of another door, with a session as a TCP connection has one.
pub(crate) struct Caller {
    edge: Arc<Edge>,
    batch: Batch,
    session: Session,
    decoder: RequestDecoder,
    /// Commands, end to end.
    commands: Vec<u8>,
    /// Where those begin that wait to be carried out.
    taken: usize,
    /// Since when they wait.
    since: Option<Instant>,
}

impl Caller {
    /// Takes a client in; `None` if as many as the configuration admits are connected.
    pub(crate) fn admit(
        edge: &Arc<Edge>,
        recorder: &Arc<Recorder>,
        (address, local): (SocketAddr, SocketAddr),
    ) -> Option<Self> {
        let guest = edge.clients.admit(address, local, &edge.limits).ok()?;
        Some(Self::of(guest, edge, recorder))
    }

    /// Takes in who has one request and leaves after it. The door has counted that request: what it takes is not counted
    /// again, command by command.
    pub(crate) fn for_one_request(
        edge: &Arc<Edge>,
        recorder: &Arc<Recorder>,
        (address, local): (SocketAddr, SocketAddr),
    ) -> Self {
        let mut caller = Self::of(edge.clients.let_in(address, local), edge, recorder);
        caller.batch.prepay();
        caller.batch.allowance = Allowance::of_one_request(edge.limits.output_buffer_bytes);
        caller
    }

    fn of(guest: Guest, edge: &Arc<Edge>, recorder: &Arc<Recorder>) -> Self {
        Self {
            batch: Batch::new(Arc::clone(edge), Arc::clone(recorder)),
            session: Session::speaking(guest, edge, Protocol::Resp3),
            edge: Arc::clone(edge),
            decoder: RequestDecoder::new(edge.request_limits()),
            commands: Vec::new(),
            taken: 0,
            since: None,
        }
    }

    /// Says who it is, where the door found that out by itself. Without, it is a stranger, and may use `AUTH`.
    pub(crate) fn authenticate(&mut self, principal: Principal) {
        self.session.authenticate(principal, &self.edge);
    }

    /// Finds out who is behind a header or a token, and says so.
    ///
    /// # Errors
    /// If nobody is, or too many were tried. It stays who it was.
    pub(crate) async fn authorize(&mut self, header: &str) -> Result<(), WireError> {
        let principal = self.edge.security.authorize(header, self.session.standing().address()).await?;
        self.authenticate(principal);
        Ok(())
    }

    /// Whether it may still be told what it subscribed to: a buyer's token runs out.
    ///
    /// # Errors
    /// If it has.
    pub(crate) fn may_hear(&self) -> Result<(), WireError> {
        self.session.standing().buyer().map_or(Ok(()), Buyer::is_valid)
    }

    /// Counts something that it asked and that is no command: those are counted when they are carried out.
    ///
    /// # Errors
    /// It asks too much.
    pub(crate) fn charge(&self) -> Result<(), WireError> {
        self.session.standing().charge(&self.edge.security)
    }

    /// What is left of the time to say who it is; `None` if it need not.
    pub(crate) fn time_to_log_in(&self) -> Option<Duration> {
        self.session.standing().time_to_log_in(self.edge.security.login_timeout())
    }

    /// Takes in one whole command.
    ///
    /// # Errors
    /// If it is larger than the configuration admits. It is not taken in then.
    pub(crate) fn add(&mut self, command: &[u8]) -> Result<(), FramingError> {
        if let Some(request) = self.decoder.decode(command)? {
            self.since.get_or_insert_with(Instant::now);
            self.commands.extend_from_slice(&command[..request.consumed]);
        }
        Ok(())
    }

    /// Carries out whole commands, end to end in `commands`: takes them all in, or none, and runs.
    ///
    /// # Errors
    /// If one is larger than the configuration admits. Nothing was done then.
    pub(crate) async fn call(&mut self, commands: &[u8]) -> Result<Vec<u8>, FramingError> {
        let mut begins = 0;
        while let Some(request) = self.decoder.decode(&commands[begins..])? {
            begins += request.consumed;
        }
        self.since = Some(Instant::now());
        self.commands.extend_from_slice(&commands[..begins]);
        Ok(self.run_within(None).await)
    }

    /// Forgets so many of the commands that wait.
    pub(crate) fn forget(&mut self, count: usize) {
        for _ in 0..count {
            let Ok(Some(request)) = self.decoder.decode(&self.commands[self.taken..]) else { break };
            self.taken += request.consumed;
        }
        if self.taken >= self.commands.len() {
            self.rest();
        }
    }

    /// Nothing waits any more.
    fn rest(&mut self) {
        self.commands.clear();
        self.commands.shrink_to(KEPT_BYTES);
        (self.taken, self.since) = (0, None);
    }

    /// Whether it may hold so many bytes of replies, and a reply more.
    pub(crate) fn may_hold(&mut self, bytes: usize) -> bool {
        self.batch.allowance.admits(bytes)
    }

    /// Its turn to translate a long reply, for as long as the permit lives.
    pub(crate) async fn translating(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.edge.translating.acquire().await.ok()
    }

    /// What it was lent for the replies that it was given, for whoever holds them now.
    pub(crate) fn end_loan(&mut self) -> Option<Share> {
        self.batch.allowance.end()
    }

    /// Carries out what was taken in, grouped by actor, as a read of a connection is: all of it, or as much as it may hold
    /// replies, and a reply more, if it holds so many bytes of others. The replies are in its order. What is left waits for
    /// the next call.
    pub(crate) async fn run(&mut self, held: usize) -> Vec<u8> {
        self.run_within(Some(held)).await
    }

    async fn run_within(&mut self, held: Option<usize>) -> Vec<u8> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let mut output = Vec::new();
        loop {
            let mut more = false;
            // Each was decoded when it was taken in.
            while let Ok(Some(request)) = self.decoder.decode(&self.commands[self.taken..]) {
                let added = self.batch.add(request.args, &mut self.session);
                if added != Added::Again {
                    self.taken += request.consumed;
                }
                let bytes = output.len() + self.batch.reply_bytes();
                if added != Added::Taken || held.is_some_and(|held| !self.may_hold(held + bytes)) {
                    more = true;
                    break;
                }
            }
            self.batch.visit(&mut self.session).await;
            while let Some(call) = self.batch.read_feed().await {
                // Nothing is waited for at such a door.
                call.give_up();
            }
            let mut replies = Vec::new();
            self.batch.put_together(since, usize::MAX, &mut replies);
            if output.is_empty() {
                output = replies;
            } else {
                output.append(&mut replies);
            }
            if !more {
                self.rest();
                return output;
            }
            if held.is_some_and(|held| !self.may_hold(held + output.len())) {
                // What is left waits for the client to take this, which is no time of ours.
                self.since = None;
                return output;
            }
        }
    }

    /// Subscribes to these channels and waits for how each of them stands; whoever calls it hands that over before
    /// anything that is pushed.
    ///
    /// # Errors
    /// If that can't be for one of them. Then there is a subscription to none of them.
    pub(crate) async fn subscribe(&mut self, channels: Vec<Channel>) -> Result<Vec<Delivery>, WireError> {
        self.session.subscribe(channels, &self.edge).await
    }

    /// Unsubscribes from these channels, or from all. How many there are still.
    pub(crate) fn unsubscribe(&mut self, channels: Option<Vec<Channel>>) -> usize {
        self.session.unsubscribe(channels)
    }

    /// Waits until something is to be pushed; for ever, if nothing was subscribed to.
    pub(crate) async fn pushed(&self) {
        self.session.pushes().ready().await;
    }

    /// What is to be pushed next, if it is there.
    ///
    /// # Errors
    /// If this client is cut off.
    pub(crate) fn next_push(&self) -> Result<Option<Delivery>, Cut> {
        self.session.pushes().try_next()
    }

    /// Waits until this client is cut off: for whoever is writing to one that does not read.
    pub(crate) async fn cut(&self) -> Cut {
        self.session.pushes().cut().await
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::SaltString;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    use tidegate_protocol::command::Role;

    use super::super::{Information, command_labels, outcome_labels};
    use super::*;
    use crate::config::{Config, User};
    use crate::metrics::Metrics;
    use crate::push::Hub;
    use crate::security::{SecretHash, Security};

    struct Nothing;

    impl Information for Nothing {}

    /// Somebody at a door of a server with one user, `shop`.
    fn caller() -> (Caller, Arc<Security>) {
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let salt = SaltString::encode_b64(b"salt of a test").unwrap();
        let hash = cheap.hash_password(b"secret", &salt).unwrap().to_string();
        let secret_hash = SecretHash::parse(&hash).unwrap();
        let shop = User { name: "shop".to_owned(), secret_hash, roles: vec![Role::Storefront] };
        let config = Config { users: vec![shop], ..Config::default() };
        let security = Security::new(&config).unwrap();
        let edge = Edge::new(
            config.limits,
            Arc::clone(&security),
            Arc::default(),
            Arc::new(Nothing),
            Hub::new(config.push),
        );
        let metrics = Metrics::new(&command_labels(), &outcome_labels());
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        (Caller::admit(&edge, &metrics.recorder(), (here, here)).unwrap(), security)
    }

    #[test]
    fn a_caller_logs_in_between_its_commands() {
        actix_rt::System::new().block_on(async {
            let (mut caller, _) = caller();
            let replies =
                caller.call(b"PING\r\nAUTH shop secret\r\nPING\r\nAUTH shop x\r\nPING\r\n").await.unwrap();
            let replies = String::from_utf8(replies).unwrap();
            let mut lines = replies.lines();
            assert_eq!(lines.next(), Some("-NOAUTH Authentication required."));
            assert_eq!((lines.next(), lines.next()), (Some("+OK"), Some("+PONG")));
            assert!(lines.next().unwrap().starts_with("-WRONGPASS"));
            assert_eq!((lines.next(), lines.next()), (Some("+PONG"), None));
        });
    }

    #[test]
    fn a_door_says_who_its_caller_is() {
        actix_rt::System::new().block_on(async {
            let (mut caller, security) = caller();
            let here = [127, 0, 0, 1].into();
            caller.authenticate(security.authorize("Bearer shop:secret", here).await.unwrap());
            let replies = String::from_utf8(caller.call(b"PING\r\nREPORT lamp\r\n").await.unwrap()).unwrap();
            assert!(replies.starts_with("+PONG\r\n-NOPERM user shop"), "{replies}");
        });
    }
}
