//! Commands that come by another door than TCP: whole, and answered in RESP3.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tidegate_protocol::resp::{FramingError, Limits, Protocol, RequestDecoder};

use super::Edge;
use super::batch::{Added, Batch};
use super::session::Session;
use crate::metrics::Recorder;
use crate::security::Principal;

/// One client of another door, with a session as a TCP connection has one.
pub(crate) struct Caller {
    edge: Arc<Edge>,
    batch: Batch,
    session: Session,
    decoder: RequestDecoder,
}

impl Caller {
    /// Takes a client in; `None` if as many as the configuration admits are connected.
    pub(crate) fn admit(
        edge: &Arc<Edge>,
        recorder: &Arc<Recorder>,
        (address, local): (SocketAddr, SocketAddr),
    ) -> Option<Self> {
        let guest = edge.clients.admit(address, local, &edge.limits).ok()?;
        let limits = Limits {
            max_command_bytes: edge.limits.max_command_bytes,
            max_arguments: edge.limits.max_arguments,
        };
        Some(Self {
            batch: Batch::new(Arc::clone(edge), Arc::clone(recorder)),
            session: Session::speaking(guest, edge, Protocol::Resp3),
            edge: Arc::clone(edge),
            decoder: RequestDecoder::new(limits),
        })
    }

    /// Says who it is, where the door found that out by itself. Without, it is a stranger, and may use `AUTH`.
    pub(crate) fn authenticate(&mut self, principal: Principal) {
        self.session.authenticate(principal, &self.edge);
    }

    /// Carries out whole commands, end to end in `commands`: groups them by actor as a read of a connection is. The
    /// replies are in their order.
    ///
    /// # Errors
    /// If one is larger than the configuration admits. Nothing was done then.
    pub(crate) async fn call(&mut self, commands: &[u8]) -> Result<Vec<u8>, FramingError> {
        let mut begins = 0;
        // Looked through first: either all of it is done, or nothing.
        while let Some(request) = self.decoder.decode(&commands[begins..])? {
            begins += request.consumed;
        }
        let since = Instant::now();
        let (mut taken, mut output) = (0, Vec::new());
        loop {
            let mut more = false;
            while let Some(request) = self.decoder.decode(&commands[taken..])? {
                let added = self.batch.add(request.args, &mut self.session);
                if added != Added::Again {
                    taken += request.consumed;
                }
                if added != Added::Taken {
                    more = true;
                    break;
                }
            }
            self.batch.visit(&mut self.session).await;
            let mut replies = Vec::new();
            self.batch.put_together(since, usize::MAX, &mut replies);
            output.append(&mut replies);
            if !more {
                break;
            }
        }
        Ok(output)
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
    use crate::security::{SecretHash, Security};

    struct Nothing;

    impl Information for Nothing {
        fn section(&self, _: &str) -> Option<String> {
            None
        }

        fn sections(&self) -> &'static [&'static str] {
            &[]
        }
    }

    /// Somebody at a door of a server with one user, `shop`.
    fn caller() -> (Caller, Arc<Security>) {
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let salt = SaltString::encode_b64(b"salt of a test").unwrap();
        let hash = cheap.hash_password(b"secret", &salt).unwrap().to_string();
        let secret_hash = SecretHash::parse(&hash).unwrap();
        let shop = User { name: "shop".to_owned(), secret_hash, roles: vec![Role::Storefront] };
        let config = Config { users: vec![shop], ..Config::default() };
        let security = Security::new(&config).unwrap();
        let edge = Edge::new(config.limits, Arc::clone(&security), Arc::default(), Arc::new(Nothing));
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
