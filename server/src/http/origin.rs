//! Which web pages may use this server: browsers say in `Origin` where a page came from, and send it along with
//! everything that could change something; and in `Host` whom they believe to ask.

use std::net::{IpAddr, SocketAddr};

use actix_web::dev::RequestHead;
use actix_web::http::header::{HOST, HeaderMap, ORIGIN};

use crate::config::{Origins, is_this_machine};

/// Whether a request with these headers, that came to `local`, may have come from a page of another site. Programs send
/// no `Origin` and are let through.
pub(crate) fn is_foreign(headers: &HeaderMap, local: SocketAddr, allowed: &Origins) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !origin.to_str().is_ok_and(|origin| is_own(origin, host, local.ip()) || allowed.contains(origin))
}

/// Whether a page of this origin came from this server itself. What is reached on this machine only must also be called so: any
/// name can be made to point to 127.0.0.1 by whoever owns the name.
fn is_own(origin: &str, host: Option<&str>, local: IpAddr) -> bool {
    let Some(origin) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return false;
    };
    let is_host = host.is_some_and(|host| host.eq_ignore_ascii_case(origin));
    is_host && (!local.to_canonical().is_loopback() || is_this_machine(host_of(origin)))
}

/// Whether a request says that it is for this machine. Any name can be made to point to 127.0.0.1 by whoever owns the name,
/// and then a browser takes what is served here for that site's own: it sends no `Origin`, and shows the answer to the page.
pub(super) fn is_meant_for_this_machine(request: &RequestHead) -> bool {
    // Where the address line names a host too, that is the one that counts.
    let named = request.uri.authority().is_none_or(|authority| is_this_machine(host_of(authority.as_str())));
    let mut hosts = request.headers.get_all(HOST).peekable();
    named
        && hosts.peek().is_some()
        && hosts.all(|host| host.to_str().is_ok_and(|host| is_this_machine(host_of(host))))
}

/// The host without its port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_servers_own_if_it_came_from_the_host_that_is_asked() {
        let (here, public): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [192, 0, 2, 7].into());
        for (origin, host, local, expected) in [
            ("http://127.0.0.1:7879", "127.0.0.1:7879", here, true),
            ("http://localhost:7879", "LOCALHOST:7879", here, true),
            ("http://[::1]:7879", "[::1]:7879", here, true),
            ("http://[::1]", "[::1]", here, true),
            ("http://localhost:3000", "localhost:7879", here, false),
            ("http://evil.example:7879", "evil.example:7879", here, false),
            ("https://shop.example", "shop.example", public, true),
            ("https://evil.example", "shop.example", public, false),
            ("null", "shop.example", public, false),
            ("file://", "", public, false),
        ] {
            assert_eq!(is_own(origin, Some(host), local), expected, "{origin} at {host}");
        }
        assert!(!is_own("https://shop.example", None, public));
    }
}
