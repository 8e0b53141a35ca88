//! Somebody who asks.

use std::sync::Arc;
use std::time::SystemTime;

use governor::DefaultDirectRateLimiter;
use tidegate_protocol::command::{CommandSpec, Flag, Role};
use tidegate_protocol::error::{ErrorCode, WireError};

use super::roles::Roles;

/// Who asks. Made by [`super::Security`], but for the server itself.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// Has not said who it is, and must.
    Nobody,
    /// Has not said who it is and need not: no users are configured.
    Everyone,
    /// The server itself, for what it sends out of the feed.
    Itself,
    /// A configured user.
    User(Arc<Account>),
    /// A buyer, by a token.
    Buyer(Arc<Buyer>),
}

/// A user as it may act.
pub(crate) struct Account {
    pub(super) name: Box<str>,
    pub(super) roles: Roles,
    /// How fast it may ask, over all its connections.
    pub(super) rate: Option<DefaultDirectRateLimiter>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A buyer as it may act.
#[derive(Debug)]
pub(crate) struct Buyer {
    /// The `buyer` of its commands.
    pub(super) name: Arc<str>,
    /// When its token ends.
    pub(super) until: SystemTime,
    /// Whether it may send payments for its own orders.
    pub(super) may_pay: bool,
}

impl Principal {
    /// What it is called in `CLIENT LIST`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Nobody | Self::Everyone => super::DEFAULT_USER,
            Self::Itself => "(webhooks)",
            Self::User(account) => &account.name,
            Self::Buyer(buyer) => &buyer.name,
        }
    }

    /// Whether this is the same somebody, perhaps with another token.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.name() == other.name()
    }

    /// The buyer that it is.
    pub(crate) fn buyer(&self) -> Option<&Buyer> {
        match self {
            Self::Buyer(buyer) => Some(buyer),
            _ => None,
        }
    }

    /// Its roles. A buyer has a storefront's, within what [`super::must_own`] allows.
    pub(crate) fn roles(&self) -> Roles {
        match self {
            Self::Nobody => Roles::NONE,
            Self::Everyone => Roles::ALL,
            Self::Itself => Roles::of(&[Role::Feed]),
            Self::User(account) => account.roles,
            Self::Buyer(_) => Roles::of(&[Role::Storefront]),
        }
    }

    /// Whether it has one of these roles.
    ///
    /// # Errors
    /// `NOAUTH` or `NOPERM`.
    pub(crate) fn needs_one_of(&self, roles: &[Role]) -> Result<(), WireError> {
        if self.buyer().is_none() && roles.iter().any(|role| self.roles().include(*role)) {
            return Ok(());
        }
        let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        Err(self.lacks(&names.join(" or ")))
    }

    /// Why it may not use a command whose role it does not have.
    pub(crate) fn refusal(&self, spec: &CommandSpec) -> Option<WireError> {
        let open_to_all = matches!(self, Self::Nobody) && spec.has(Flag::NoAuth);
        (!open_to_all).then(|| self.lacks(spec.role.name()))
    }

    fn lacks(&self, role: &str) -> WireError {
        match self {
            Self::Nobody => no_auth(),
            Self::Buyer(_) => {
                WireError::new(ErrorCode::NoPerm, format!("a buyer does not have the role {role}"))
            }
            Self::User(_) | Self::Everyone | Self::Itself => WireError::new(
                ErrorCode::NoPerm,
                format!("user {} does not have the role {role}; ask for it", self.name()),
            ),
        }
    }
}

impl Buyer {
    /// Whether an order that names this buyer is its own.
    pub(crate) fn is(&self, buyer: &str) -> bool {
        *self.name == *buyer
    }

    /// Whether its token still holds.
    ///
    /// # Errors
    /// `NOAUTH` when it has run out.
    pub(crate) fn is_valid(&self) -> Result<(), WireError> {
        if SystemTime::now() < self.until {
            return Ok(());
        }
        Err(WireError::new(ErrorCode::NoAuth, "the token has run out; authenticate with a new one"))
    }
}

/// What somebody is told who has to say who it is.
pub(crate) fn no_auth() -> WireError {
    WireError::new(ErrorCode::NoAuth, "Authentication required.")
}
