//! Who may do what in the administration over HTTP.

use serde_json::json;

use super::people::{as_user, token, with_tokens, with_users};
use crate::common::description::Description;
use crate::common::{Answer, Ask, Server, document};

/// An answer as the document describes it: its status and its word.
#[track_caller]
fn seen(description: &Description, ask: &Ask, (method, path): (&str, &str)) -> (u16, String) {
    let answer: Answer = ask.send();
    description.check(method, path, &answer);
    (answer.status, answer.word())
}

#[test]
fn each_may_do_what_its_role_admits_and_a_buyer_what_is_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_with(|config| {
        with_users(config);
        with_tokens(config, directory.path());
    });
    let description = Description::new(Ask::new(server.http(), "GET", "/api/openapi.json").send().json());
    let ask = |method: &str, path: &str, who: &str| {
        let ask = Ask::new(server.http(), method, path).key("r1");
        if who.is_empty() { ask } else { ask.header("authorization", &format!("Bearer {who}")) }
    };
    // Before there is anything: whoever may not look is not told that there is nothing.
    let list = ("GET", "/api/v1/skus");
    assert_eq!(seen(&description, &ask(list.0, list.1, ""), list), (401, "NOAUTH".to_owned()));
    as_user(server.tcp(), "admin").says(&format!("SKU.PUT lamp {}", document(10, 1250, "")), "[CREATED]");

    let (storefront, admin, observer) =
        ("storefront:storefront-secret", "admin:admin-secret", "observer:observer-secret");
    let (ann, bob) = (token("ann"), token("bob"));
    let reserve = ("POST", "/api/v1/skus/lamp/orders");
    let pause = ("POST", "/api/v1/skus/lamp/pause");
    let report = ("GET", "/api/v1/reports/lamp");
    let order = ("GET", "/api/v1/orders/%7Blamp%7D:o:1");
    for (what, who, expected) in [
        (reserve, "", (401, "NOAUTH")),
        (reserve, "storefront:wrong", (401, "WRONGPASS")),
        (reserve, "not a token", (401, "WRONGPASS")),
        (reserve, observer, (403, "NOPERM")),
        (reserve, bob.as_str(), (403, "NOPERM")),
        (reserve, ann.as_str(), (201, "RESERVED")),
        (reserve, storefront, (201, "RESERVED")),
        (order, ann.as_str(), (200, "RESERVED")),
        (order, bob.as_str(), (403, "NOPERM")),
        (pause, storefront, (403, "NOPERM")),
        (pause, admin, (200, "PAUSED")),
        (report, storefront, (403, "NOPERM")),
        (report, observer, (200, "")),
        (list, storefront, (200, "")),
        (list, "", (401, "NOAUTH")),
    ] {
        let body = json!({"buyer": "ann", "qty": 1}).to_string();
        let ask = ask(what.0, what.1, who);
        let ask = if what == reserve { ask.body(&body) } else { ask };
        assert_eq!(seen(&description, &ask, what), (expected.0, expected.1.to_owned()), "{what:?} by {who}");
    }
    let refused = ask(list.0, list.1, "").send();
    assert!(refused.headers["www-authenticate"].starts_with("Bearer"), "{refused:?}");
}
