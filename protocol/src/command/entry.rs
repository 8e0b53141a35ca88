//! What the entries of the command table are made of, in whichever file they are.

use super::business as sale;
use super::spec::{Argument, CommandSpec, Flag, Group, Keys, Kind, Role};

const SINCE: &str = "0.1.0";

pub(super) const fn required(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, token: None, optional: false, multiple: false }
}

pub(super) const fn option(token: &'static str, name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, token: Some(token), optional: true, multiple: false }
}

pub(super) const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, token: None, optional: true, multiple: false }
}

pub(super) const fn repeated(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, token: None, optional: false, multiple: true }
}

pub(super) const fn any_number(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, token: None, optional: true, multiple: true }
}

pub(super) const ADMIN_WRITE: &[Flag] = &[Flag::Write, Flag::Admin, Flag::Fast];
pub(super) const WRITE: &[Flag] = &[Flag::Write, Flag::Fast];
pub(super) const READ: &[Flag] = &[Flag::Readonly, Flag::Fast];
pub(super) const ANYTIME: &[Flag] = &[Flag::Fast, Flag::Loading];
pub(super) const BEFORE_AUTH: &[Flag] = &[Flag::Fast, Flag::Loading, Flag::NoAuth];
pub(super) const SERVER: &[Flag] = &[Flag::Loading];

/// What most entries have in common; each says what is different.
pub(super) const SALE: CommandSpec = CommandSpec {
    name: "",
    summary: "",
    since: SINCE,
    group: Group::Sku,
    role: Role::Storefront,
    flags: &[],
    keys: Keys::First,
    arguments: &[],
    replies: &[],
    subcommands: &[],
    parse: sale::sku_get,
};

pub(super) const CONNECTION: CommandSpec =
    CommandSpec { group: Group::Connection, role: Role::All, flags: ANYTIME, keys: Keys::None, ..SALE };

pub(super) const PUBSUB: CommandSpec =
    CommandSpec { group: Group::Pubsub, flags: &[], keys: Keys::None, ..SALE };
