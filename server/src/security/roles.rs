//! Roles, as a set that is looked up once for every command.

use tidegate_protocol::command::Role;

/// The roles that a user may be given.
pub(crate) const ROLES: [Role; 4] = [Role::Storefront, Role::Admin, Role::Observer, Role::Feed];

/// Some of the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles(u8);

impl Roles {
    /// Those of somebody who has not said who it is.
    pub(crate) const NONE: Roles = Roles(0);
    /// Every role.
    pub(crate) const ALL: Roles = Roles(u8::MAX);

    /// These, and what everybody may who is known.
    pub(crate) fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(bit(Role::All), |set, role| set | bit(*role)))
    }

    pub(crate) fn include(self, role: Role) -> bool {
        self.0 & bit(role) != 0
    }
}

fn bit(role: Role) -> u8 {
    match role {
        Role::Storefront => 1,
        Role::Admin => 1 << 1,
        Role::Observer => 1 << 2,
        Role::Feed => 1 << 3,
        Role::All => 1 << 4,
    }
}
