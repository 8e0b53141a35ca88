//! Users: `[[users]]` in the file, which only a file can list.

use figment::value::{Dict, Value};
use serde::Serialize;
use tidegate_protocol::command::Role;

use super::listed::{self, Table, text};
use super::problem::Problems;
use crate::security::{HIDDEN, ROLES, SecretHash};

/// The name under which tokens are given to `AUTH`. No user can have it.
pub(crate) const TOKEN_USER: &str = "token";

/// Somebody who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What `AUTH` calls it. The one called `default` is meant when no name is given.
    pub name: String,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// A user as the effective configuration shows it.
#[derive(Serialize)]
pub(super) struct ShownUser {
    name: String,
    secret_hash: &'static str,
    roles: Vec<&'static str>,
}

impl From<&User> for ShownUser {
    fn from(user: &User) -> Self {
        let roles = user.roles.iter().map(|role| role.name()).collect();
        Self { name: user.name.clone(), secret_hash: HIDDEN, roles }
    }
}

impl Table for User {
    const KEY: &'static str = "users";
    const ONE: &'static str = "user";
    const MOST: usize = 1_000;
    const REQUIRED: &'static [&'static str] = &["name", "secret_hash", "roles"];

    fn name(&self) -> &str {
        &self.name
    }

    fn read(at: &str, fields: &Dict, problems: &mut Problems) -> Option<Self> {
        let name = problems.check(&format!("{at}.name"), name(fields));
        let secret_hash = problems.check(&format!("{at}.secret_hash"), secret_hash(fields));
        let roles = problems.check(&format!("{at}.roles"), roles(fields));
        Some(Self { name: name?, secret_hash: secret_hash?, roles: roles? })
    }
}

fn name(fields: &Dict) -> Result<String, String> {
    let name = listed::name(fields)?;
    if name == TOKEN_USER {
        return Err(format!("{TOKEN_USER:?} is what AUTH calls a buyer's token; choose another name"));
    }
    Ok(name)
}

/// Never says what was written: it may be the secret itself.
fn secret_hash(fields: &Dict) -> Result<SecretHash, String> {
    SecretHash::parse(text(fields, "secret_hash"))
}

fn roles(fields: &Dict) -> Result<Vec<Role>, String> {
    let known = || ROLES.map(Role::name).join(", ");
    let written = fields.get("roles").and_then(Value::as_array).unwrap_or_default();
    if written.is_empty() {
        return Err(format!("must be a list of one or more of {}", known()));
    }
    let role = |value: &Value| {
        let found = ROLES.into_iter().find(|role| value.as_str() == Some(role.name()));
        found.ok_or_else(|| format!("must be of {}", known()))
    };
    written.iter().map(role).collect()
}
