//! The setting that names web origins, and which hosts are this machine.

use std::net::IpAddr;
use std::str::FromStr;

use super::section::{Rule, Setting};

/// Web origins, `scheme://host[:port]` each: the pages of which sites may use this server from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this `Origin` header names one of them.
    #[must_use]
    pub fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }
}

impl Setting for Origins {
    type Raw = String;

    fn to_raw(&self) -> String {
        self.0.join(", ")
    }
}

/// Commas between several; an empty text is none.
impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        let origins: Vec<String> = origins.map(str::to_owned).collect();
        match origins.iter().find(|origin| !is_origin(origin)) {
            Some(other) => Err(format!(
                "{other:?} is not an origin: write scheme, host and port as browsers do, with commas between \
                 several, such as \"https://shop.example.com, http://localhost:3000\""
            )),
            None => Ok(Origins(origins)),
        }
    }
}

/// The rule of the setting.
pub(super) struct OriginList;

impl Rule<Origins> for OriginList {
    fn check(&self, raw: &String) -> Result<Origins, String> {
        raw.parse()
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
    })
}

/// Whether a host, as it stands in a URL, is this machine and no other.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}
