//! Users: `[[users]]` in the file, the one part of a configuration that is a list.

use figment::value::{Dict, Value};
use serde::Serialize;
use tidegate_protocol::command::Role;

use super::problem::Problems;
use crate::security::{HIDDEN, ROLES, SecretHash};

/// The key in the file.
pub(super) const KEY: &str = "users";

/// How many users there may be.
const MOST: usize = 1_000;

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

/// Checks the users that a file lists. `None` exactly if a problem was found.
pub(super) fn check(listed: &[Value], problems: &mut Problems) -> Option<Vec<User>> {
    let before = problems.len();
    if listed.len() > MOST {
        problems.add(KEY, format!("at most {MOST} users, but there are {}", listed.len()));
    }
    let mut users: Vec<User> = Vec::new();
    for (at, value) in listed.iter().enumerate() {
        let key = format!("{KEY}[{at}]");
        let Some(user) = check_one(&key, value, problems) else { continue };
        if users.iter().any(|other| other.name == user.name) {
            problems.add(format!("{key}.name"), format!("there is another user called {:?}", user.name));
        }
        users.push(user);
    }
    (problems.len() == before).then_some(users)
}

fn check_one(key: &str, value: &Value, problems: &mut Problems) -> Option<User> {
    let Some(fields) = value.as_dict() else {
        problems.add(key, "is no table; write [[users]] and name, secret_hash and roles below");
        return None;
    };
    for field in fields.keys().filter(|field| !["name", "secret_hash", "roles"].contains(&field.as_str())) {
        problems.add(format!("{key}.{field}"), "unknown key; a user has name, secret_hash and roles");
    }
    let name = problems.check(&format!("{key}.name"), name(fields));
    let secret_hash = problems.check(&format!("{key}.secret_hash"), secret_hash(fields));
    let roles = problems.check(&format!("{key}.roles"), roles(fields));
    Some(User { name: name?, secret_hash: secret_hash?, roles: roles? })
}

fn name(fields: &Dict) -> Result<String, String> {
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
    let is_name = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !is_name {
        return Err("must be 1 to 64 characters of A-Z a-z 0-9 . _ -".to_owned());
    }
    if name == TOKEN_USER {
        return Err(format!("{TOKEN_USER:?} is what AUTH calls a buyer's token; choose another name"));
    }
    Ok(name.to_owned())
}

/// Never says what was written: it may be the secret itself.
fn secret_hash(fields: &Dict) -> Result<SecretHash, String> {
    SecretHash::parse(fields.get("secret_hash").and_then(Value::as_str).unwrap_or_default())
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
