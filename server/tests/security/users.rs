//! Users log in, at each door, and are told no.

use std::collections::HashMap;

use redis::{Client as RedisClient, Value, cmd};
use tidegate_protocol::command::Role;

use super::people::{as_user, get, user, with_users};
use crate::common::{Ask, Client, Server, run};

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";

#[test]
fn a_user_logs_in_by_auth_and_by_hello_and_out_by_reset() {
    let server = Server::start_with(with_users);
    let mut client = Client::connect(server.tcp());
    client.says("AUTH storefront storefront-secret", "OK");
    client.says("SKU.GET lamp", "nil");
    assert!(client.ask("CLIENT INFO").contains(" user=storefront"), "it is told who it is");
    client.says("RESET", "RESET");
    client.says("SKU.GET lamp", "-NOAUTH Authentication required.");
    let hello = client.value("HELLO 3 AUTH observer observer-secret SETNAME till");
    assert_eq!(hello.get("proto").unwrap().as_int(), Some(3));
    client.says("CLIENT GETNAME", "till");
    client.says("REPORT lamp", "nil");
    // Without a name it is the user called default.
    client.says("AUTH default-secret", "OK");
    client.says("SKU.GET lamp", "nil");
}

#[test]
fn a_wrong_secret_changes_nothing() {
    let server = Server::start_with(with_users);
    let mut client = Client::connect(server.tcp());
    for line in
        ["AUTH storefront wrong", "AUTH nobody storefront-secret", "HELLO 3 AUTH storefront x SETNAME a"]
    {
        client.says(line, WRONG);
        client.says("PING", "-NOAUTH Authentication required.");
    }
    client.says("AUTH storefront storefront-secret", "OK");
    client.says("AUTH admin wrong", WRONG);
    client.says("SKU.GET lamp", "nil");
    assert!(client.ask("SKU.PAUSE lamp").starts_with("-NOPERM"), "it is still who it was");
}

#[test]
fn a_login_takes_effect_between_the_commands_it_was_pipelined_with() {
    let server = Server::start_with(with_users);
    let mut client = Client::connect(server.tcp());
    let replies = client.pipeline(&[
        "PING",
        "AUTH storefront storefront-secret",
        "ORDER.RESERVE lamp r1 ann 1",
        "AUTH observer wrong",
        "SKU.GET lamp",
        "AUTH admin admin-secret",
        "SKU.GET lamp",
    ]);
    let no = "-NOPERM user admin does not have the role storefront; ask for it";
    let expected = ["-NOAUTH Authentication required.", "OK", "[NOT_FOUND]", WRONG, "nil", "OK", no];
    assert_eq!(replies, expected);
}

#[test]
fn redis_rs_logs_in_by_its_own_handshake() {
    let server = Server::start_with(with_users);
    for protocol in ["", "?protocol=resp3"] {
        let address = format!("redis://storefront:storefront-secret@{}/{protocol}", server.tcp());
        let mut connection = RedisClient::open(address).unwrap().get_connection().unwrap();
        let nothing: Option<HashMap<String, Value>> =
            cmd("SKU.GET").arg("lamp").query(&mut connection).unwrap();
        assert_eq!(nothing, None);
        let wrong = format!("redis://storefront:wrong@{}/{protocol}", server.tcp());
        assert!(RedisClient::open(wrong).unwrap().get_connection().is_err());
    }
}

#[test]
fn pages_about_the_server_are_for_observers_and_admins_and_health_is_for_all() {
    let server = Server::start_with(with_users);
    let basic = "Basic b2JzZXJ2ZXI6b2JzZXJ2ZXItc2VjcmV0";
    for (authorization, status, code) in [
        ("", 401, "NOAUTH"),
        ("Bearer storefront:storefront-secret", 403, "NOPERM"),
        ("Bearer observer:wrong", 401, "WRONGPASS"),
        ("Bearer nonsense", 401, "WRONGPASS"),
        ("Digest x", 401, "WRONGPASS"),
        ("Basic %%%", 401, "WRONGPASS"),
        ("Bearer admin:admin-secret", 200, ""),
        ("bearer observer:observer-secret", 200, ""),
        (basic, 200, ""),
    ] {
        for page in ["/status", "/metrics"] {
            let answer = get(server.http(), page, authorization);
            assert_eq!(answer.status, status, "{page} {authorization}: {answer:?}");
            assert!(code.is_empty() || answer.word() == code, "{answer:?}");
            // No challenge that makes a browser ask for a password, and send it for any other site.
            let challenge = answer.headers.get("www-authenticate").map(String::as_str);
            assert_eq!(challenge, (status == 401).then_some("Bearer realm=\"tidegate\""), "{answer:?}");
        }
    }
    assert_eq!(get(server.http(), "/livez", "").status, 200);
    assert_eq!(get(server.http(), "/readyz", "Bearer x:y").status, 200);
}

#[test]
fn with_users_any_address_may_be_listened_on_and_without_only_this_machine() {
    let server = Server::start_with(|config| {
        config.users = vec![user("shop", &[Role::Storefront])];
        config.tcp.listen = "0.0.0.0:0".parse().unwrap();
    });
    as_user(([127, 0, 0, 1], server.tcp().port()).into(), "shop").says("SKU.GET lamp", "nil");
    let (code, _, stderr) = run(&["serve", "--tcp-listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("tcp.listen: 0.0.0.0:0 can be reached from other machines"), "{stderr}");
    assert!(stderr.contains("configure users"), "{stderr}");
}

#[test]
fn with_users_a_server_is_asked_by_whatever_name_it_has() {
    let server = Server::start_with(with_users);
    let ask = |path: &str| Ask::new(server.http(), "GET", path).header("host", "shop.example");
    assert_eq!(ask("/asyncapi.json").send().status, 200);
    assert_eq!(ask("/status").send().status, 401);
    assert_eq!(ask("/status").header("authorization", "Bearer admin:admin-secret").send().status, 200);
}

#[test]
fn without_users_everybody_on_this_machine_may_do_everything_and_need_not_log_in() {
    let server = Server::start();
    let mut client = server.client();
    assert!(client.ask("AUTH shop secret").starts_with("-WRONGPASS no users are configured"));
    assert!(client.ask("HELLO 3 AUTH shop secret").starts_with("-WRONGPASS no users are configured"));
    client.says("SKU.PUT lamp {}", "-ERR title: is missing");
    client.says("REPORT lamp", "nil");
    assert_eq!(get(server.http(), "/status", "").status, 200);
}
