//! Every command and every role, as the command table has them.

use tidegate_protocol::command::{Argument, COMMANDS, CommandSpec, Flag, Kind, Role};

use super::people::{as_user, with_users};
use crate::common::{Client, Server};

/// A command with arguments that fit, so that it reaches whoever judges it.
fn sample(spec: &CommandSpec) -> String {
    // Alone it would ask who is there.
    if spec.name == "HELLO" {
        return "HELLO 3 AUTH default default-secret".to_owned();
    }
    let spec = spec.subcommands.first().unwrap_or(spec);
    let arguments = spec.arguments.iter().filter(|argument| !argument.optional);
    let words = arguments.map(value);
    spec.name.split('|').map(str::to_owned).chain(words).collect::<Vec<_>>().join(" ")
}

fn value(argument: &Argument) -> String {
    match argument.kind {
        Kind::Order => "{lamp}:o:1".to_owned(),
        Kind::Room => "{lamp}:r:1".to_owned(),
        Kind::Cart => "{may}:c:1".to_owned(),
        Kind::Quantity | Kind::Money | Kind::Delta | Kind::Metres | Kind::Degrees { .. } => "1".to_owned(),
        Kind::Integer => "0".to_owned(),
        Kind::Json => "{}".to_owned(),
        Kind::Block(parts) => parts.iter().map(value).collect::<Vec<_>>().join(" "),
        Kind::Name | Kind::Id | Kind::Text { .. } | Kind::Bytes | Kind::Token => "lamp".to_owned(),
    }
}

#[test]
fn every_command_is_for_its_role_and_for_no_other() {
    let server = Server::start_with(with_users);
    for user in [Role::Storefront, Role::Admin, Role::Observer, Role::Feed] {
        for spec in COMMANDS {
            let reply = as_user(server.tcp(), user.name()).ask(&sample(spec));
            let may = spec.role == Role::All || spec.role == user;
            let refused = reply.starts_with("-NOPERM") || reply.starts_with("-NOAUTH");
            assert_eq!(refused, !may, "{} for {}: {reply}", sample(spec), user.name());
        }
    }
}

#[test]
fn before_authentication_there_is_nothing_but_authentication() {
    let server = Server::start_with(with_users);
    for spec in COMMANDS {
        let reply = Client::connect(server.tcp()).ask(&sample(spec));
        let refused = reply == "-NOAUTH Authentication required.";
        assert_eq!(refused, !spec.has(Flag::NoAuth), "{}: {reply}", sample(spec));
    }
    let mut stranger = Client::connect(server.tcp());
    stranger.says("HELLO 3", "-NOAUTH Authentication required.");
    // What is not there is told to anybody, as in Redis.
    assert!(stranger.ask("NO.SUCH").starts_with("-ERR unknown command"));
    stranger.says("RESET", "RESET");
    stranger.says("QUIT", "OK");
}

#[test]
fn nothing_is_done_for_who_may_not_do_it() {
    let server = Server::start_with(with_users);
    let (mut admin, mut shop) = (as_user(server.tcp(), "admin"), as_user(server.tcp(), "storefront"));
    admin.says(&format!("SKU.PUT lamp {}", crate::common::document(5, 100, "")), "[CREATED]");
    shop.says("SKU.RESTOCK lamp r1 5", "-NOPERM user storefront does not have the role admin; ask for it");
    admin.says(
        "ORDER.RESERVE lamp r1 ann 1",
        "-NOPERM user admin does not have the role storefront; ask for it",
    );
    let mut observer = as_user(server.tcp(), "observer");
    assert_eq!(observer.books("lamp"), "total=5 available=5 reserved=0 sold=0");
}
