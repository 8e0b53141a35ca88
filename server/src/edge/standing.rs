//! Who is behind a session, and what follows from that for each of its commands.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tidegate_protocol::command::CommandSpec;
use tidegate_protocol::error::WireError;

use crate::security::{Buyer, Principal, Roles, Security, network};

/// What is worked out once, when somebody says who it is, so that a command costs no more than to look at it.
pub(super) struct Standing {
    principal: Principal,
    roles: Roles,
    /// Whether its commands are counted; most servers count none.
    counted: bool,
    address: IpAddr,
    /// Since when it has been asked to say who it is.
    nobody_since: Option<Instant>,
}

impl Standing {
    pub(super) fn new(principal: Principal, security: &Security, address: IpAddr) -> Self {
        Self {
            roles: principal.roles(),
            counted: security.rates().limit(&principal),
            address: network(address),
            nobody_since: matches!(principal, Principal::Nobody).then(Instant::now),
            principal,
        }
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The buyer that it is: then each command is judged once more, with its arguments.
    pub(super) fn buyer(&self) -> Option<&Buyer> {
        self.principal.buyer()
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    pub(super) fn is_nobody(&self) -> bool {
        self.nobody_since.is_some()
    }

    /// What is left of the time to say who it is; `None` if it need not.
    pub(super) fn time_to_log_in(&self, patience: Duration) -> Option<Duration> {
        Some(patience.saturating_sub(self.nobody_since?.elapsed()))
    }

    /// Counts a command.
    pub(super) fn charge(&self, security: &Security) -> Result<(), WireError> {
        if self.counted { security.rates().charge(&self.principal, self.address) } else { Ok(()) }
    }

    /// Whether it may use this command, as far as its role says.
    pub(super) fn admit(&self, spec: &CommandSpec) -> Result<(), WireError> {
        if self.roles.include(spec.role) {
            return Ok(());
        }
        self.principal.refusal(spec).map_or(Ok(()), Err)
    }
}
