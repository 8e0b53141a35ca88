//! The command table: what parses, what doesn't and how that is said.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use common::with_args;
use proptest::prelude::*;
use tidegate_protocol::command::{
    COMMANDS, Call, CommandSpec, Keys, find, hash_tag, lookup, order_sku, parse,
};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::{Protocol, Writer};
use tidegate_protocol::status::Status;

/// The call that a line of words parses to, or the error as the client sees it.
fn parsed(line: &str) -> String {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    with_args(&words, |args| match parse(args) {
        Ok(call) => format!("{call:?}"),
        Err(error) => error.to_string(),
    })
}

fn every_spec() -> impl Iterator<Item = &'static CommandSpec> {
    COMMANDS.iter().chain(COMMANDS.iter().flat_map(|spec| spec.subcommands))
}

#[test]
fn every_command_parses_to_a_typed_call() {
    let table = [
        ("SKU.PUT iphone {}", r#"SkuPut { sku: "iphone", document: "{}" }"#),
        ("SKU.RESTOCK iphone r1 -5", r#"SkuRestock { sku: "iphone", req: "r1", delta: -5, store: None }"#),
        ("SKU.REPRICE iphone r1 9900", r#"SkuReprice { sku: "iphone", req: "r1", price: 9900 }"#),
        ("SKU.PAUSE iphone", r#"SkuPause { sku: "iphone" }"#),
        ("SKU.RESUME iphone", r#"SkuResume { sku: "iphone" }"#),
        ("sku.get iphone", r#"SkuGet { sku: "iphone" }"#),
        (
            "Order.Reserve iphone r1 u42 2",
            r#"OrderReserve { sku: "iphone", req: "r1", buyer: "u42", qty: 2, max_price: None, coupon: None, at: None }"#,
        ),
        (
            "ORDER.RESERVE iphone r1 u42 1000000 maxprice 9007199254740991",
            r#"OrderReserve { sku: "iphone", req: "r1", buyer: "u42", qty: 1000000, max_price: Some(9007199254740991), coupon: None, at: None }"#,
        ),
        (
            "ORDER.RESERVE iphone r1 u42 1 COUPON c1 MAXPRICE 5",
            r#"OrderReserve { sku: "iphone", req: "r1", buyer: "u42", qty: 1, max_price: Some(5), coupon: Some("c1"), at: None }"#,
        ),
        (
            "ORDER.RESERVE iphone r1 u42 1 at 31.2304 -121.47370009 within 5000",
            r#"OrderReserve { sku: "iphone", req: "r1", buyer: "u42", qty: 1, max_price: None, coupon: None, at: Some(At { lat_e6: 31230400, lon_e6: -121473700, within_m: Some(5000) }) }"#,
        ),
        (
            "SKU.RESTOCK iphone r1 5 STORE s1",
            r#"SkuRestock { sku: "iphone", req: "r1", delta: 5, store: Some("s1") }"#,
        ),
        (
            "ORDER.PAY {iphone}:o:1 r1 0 pay-1",
            r#"OrderPay { order: "{iphone}:o:1", req: "r1", amount: 0, payment: "pay-1" }"#,
        ),
        ("ORDER.CANCEL o r1", r#"OrderCancel { order: "o", req: "r1", reason: None }"#),
        ("ORDER.CANCEL o r1 REASON late", r#"OrderCancel { order: "o", req: "r1", reason: Some("late") }"#),
        ("ORDER.REFUND o r1", r#"OrderRefund { order: "o", req: "r1", restock: false }"#),
        ("ORDER.REFUND o r1 RESTOCK", r#"OrderRefund { order: "o", req: "r1", restock: true }"#),
        ("ORDER.GET o", r#"OrderGet { order: "o" }"#),
        ("ROOM.OPEN iphone r1 u1 2", r#"RoomOpen { sku: "iphone", req: "r1", buyer: "u1", qty: 2 }"#),
        (
            "room.join {iphone}:r:1 r1 u2 1",
            r#"RoomJoin { room: "{iphone}:r:1", req: "r1", buyer: "u2", qty: 1 }"#,
        ),
        ("ROOM.GET {iphone}:r:1", r#"RoomGet { room: "{iphone}:r:1" }"#),
        (
            "CART.PAY {fair}:c:1 r1 5 pay-1",
            r#"CartPay { cart: "{fair}:c:1", req: "r1", amount: 5, payment: "pay-1" }"#,
        ),
        ("cart.cancel {fair}:c:1 r1", r#"CartCancel { cart: "{fair}:c:1", req: "r1" }"#),
        ("CART.GET {fair}:c:1", r#"CartGet { cart: "{fair}:c:1" }"#),
        (
            "COUPON.TRIGGER double-11 r1 u1 try_on",
            r#"CouponTrigger { campaign: "double-11", req: "r1", buyer: "u1", event: "try_on" }"#,
        ),
        ("CAMPAIGN.PUT double-11 {}", r#"CampaignPut { campaign: "double-11", document: "{}" }"#),
        ("CAMPAIGN.GET double-11", r#"CampaignGet { campaign: "double-11" }"#),
        ("BUYER.BLOCK iphone u1", r#"BuyerBlock { sku: "iphone", buyer: "u1" }"#),
        ("BUYER.UNBLOCK iphone u1", r#"BuyerUnblock { sku: "iphone", buyer: "u1" }"#),
        ("REPORT iphone", r#"Report { key: "iphone" }"#),
        ("XLEN orders", r#"Stream(Len { key: "orders" })"#),
        (
            "XRANGE orders - (5-1 count 7",
            r#"Stream(Range { key: "orders", from: Least, to: Beside(StreamId { first: 5, second: 1 }), count: Some(7), backwards: false })"#,
        ),
        (
            "XREVRANGE orders 9 +",
            r#"Stream(Range { key: "orders", from: Most, to: At(StreamId { first: 9, second: 18446744073709551615 }), count: None, backwards: true })"#,
        ),
        (
            "XREAD BLOCK 5 STREAMS a b 1 $",
            r#"Stream(Read { count: None, block_ms: Some(5), streams: [("a", After(StreamId { first: 1, second: 0 })), ("b", Now)] })"#,
        ),
        (
            "XREADGROUP GROUP g c COUNT 2 NOACK STREAMS orders >",
            r#"Stream(ReadGroup { group: "g", consumer: "c", count: Some(2), block_ms: None, no_ack: true, streams: [("orders", None)] })"#,
        ),
        (
            "XGROUP CREATE orders g $ MKSTREAM ENTRIESREAD 4",
            r#"Stream(Group { key: "orders", group: "g", ask: Create { after: None, make_stream: true } })"#,
        ),
        (
            "XPENDING orders g IDLE 9 - + 10 c",
            r#"Stream(Group { key: "orders", group: "g", ask: Pending { min_idle_ms: 9, from: Least, to: Most, count: 10, consumer: Some("c") } })"#,
        ),
        (
            "XAUTOCLAIM orders g c 9 0-0 JUSTID",
            r#"Stream(Group { key: "orders", group: "g", ask: AutoClaim { consumer: "c", min_idle_ms: 9, from: At(StreamId { first: 0, second: 0 }), count: 100, just_id: true } })"#,
        ),
        (
            "XACK orders g 1 2-0",
            r#"Stream(Group { key: "orders", group: "g", ask: Ack { ids: [StreamId { first: 1, second: 0 }, StreamId { first: 2, second: 0 }] } })"#,
        ),
        ("HELLO", "Hello { protocol: None, auth: None, client_name: None }"),
        ("HELLO 3", "Hello { protocol: Some(Resp3), auth: None, client_name: None }"),
        ("HELLO 2 SETNAME shop", r#"Hello { protocol: Some(Resp2), auth: None, client_name: Some("shop") }"#),
        ("PING", "Ping { message: None }"),
        ("ECHO a", "Echo { message: [97] }"),
        ("SELECT 0", "Select"),
        ("quit", "Quit"),
        ("RESET", "Reset"),
        ("CLIENT SETNAME shop", r#"ClientSetName { name: "shop" }"#),
        ("client getname", "ClientGetName"),
        ("CLIENT SETINFO lib-name redis-py", r#"ClientSetInfo { attribute: LibName, value: "redis-py" }"#),
        ("CLIENT SETINFO LIB-VER 8.0", r#"ClientSetInfo { attribute: LibVer, value: "8.0" }"#),
        ("CLIENT ID", "ClientId"),
        ("CLIENT INFO", "ClientInfo"),
        ("CLIENT LIST", "ClientList"),
        ("COMMAND", "CommandAll"),
        ("COMMAND COUNT", "CommandCount"),
    ];
    for (line, expected) in table {
        assert_eq!(parsed(line), expected, "{line}");
    }
}

#[test]
fn commands_with_any_number_of_arguments_keep_them() {
    with_args(&[b"SKU.MGET", b"a", b"b", b"a"], |args| match parse(args).unwrap() {
        Call::SkuMget { skus } => assert_eq!(skus.texts().collect::<Vec<_>>(), ["a", "b", "a"]),
        other => panic!("{other:?}"),
    });
    with_args(&[b"CONFIG", b"GET", b"save", b"append*"], |args| match parse(args).unwrap() {
        Call::ConfigGet { patterns } => {
            assert_eq!(patterns.iter().collect::<Vec<_>>(), [b"save".as_slice(), b"append*"]);
        }
        other => panic!("{other:?}"),
    });
    with_args(&[b"INFO"], |args| {
        assert!(matches!(parse(args), Ok(Call::Info { sections }) if sections.is_empty()))
    });
}

#[test]
fn a_password_is_parsed_but_never_shown() {
    with_args(&[b"HELLO", b"3", b"AUTH", b"shop", b"secret", b"SETNAME", b"till-1"], |args| {
        let call = parse(args).unwrap();
        let Call::Hello { auth: Some(auth), client_name: Some("till-1"), .. } = call else {
            panic!("{call:?}")
        };
        assert_eq!((auth.user, auth.password), (Some(b"shop".as_slice()), b"secret".as_slice()));
        assert!(!format!("{call:?}").contains("secret"));
    });
    with_args(&[b"AUTH", b"secret"], |args| {
        assert!(
            matches!(parse(args), Ok(Call::Auth(auth)) if auth.user.is_none() && auth.password == b"secret")
        );
    });
    with_args(&[b"AUTH", b"shop", b"secret"], |args| {
        assert!(matches!(parse(args), Ok(Call::Auth(auth)) if auth.user == Some(b"shop".as_slice())));
    });
}

#[test]
fn wrong_commands_are_told_what_is_wrong() {
    let long = "x".repeat(65);
    let long_id = format!("SKU.GET {long}");
    let long_reason = format!("ORDER.CANCEL o r REASON {}", "x".repeat(257));
    let long_order = format!("ORDER.GET {}", "x".repeat(129));
    let table: &[(&str, &str)] = &[
        ("GET a", "ERR unknown command 'GET', with args beginning with: 'a'"),
        ("order.pay", "ERR wrong number of arguments for 'order.pay' command"),
        ("ORDER.PAY o r 1", "ERR wrong number of arguments for 'order.pay' command"),
        ("ORDER.PAY o r 1 p x", "ERR wrong number of arguments for 'order.pay' command"),
        ("SKU.MGET", "ERR wrong number of arguments for 'sku.mget' command"),
        ("CLIENT", "ERR wrong number of arguments for 'client' command"),
        ("CLIENT SETNAME", "ERR wrong number of arguments for 'client|setname' command"),
        ("PING a b", "ERR wrong number of arguments for 'ping' command"),
        ("SKU.GET ", "ERR sku must be 1 to 64 characters"),
        ("SKU.GET a/b", "ERR sku must be 1 to 64 characters of A-Z a-z 0-9 . _ - but is 'a/b'"),
        (&long_id, "ERR sku must be 1 to 64 characters"),
        ("SKU.MGET a b/c", "ERR sku must be 1 to 64 characters"),
        ("ORDER.RESERVE a  u 1", "ERR req must be 1 to 64 printable ASCII characters"),
        (
            "ORDER.RESERVE a r ü 1",
            r"ERR buyer must be 1 to 64 printable ASCII characters without spaces but is '\xc3\xbc'",
        ),
        ("ORDER.RESERVE a r u 0", "ERR qty must be a whole number from 1 to 1000000 but is '0'"),
        ("ORDER.RESERVE a r u 1000001", "ERR qty must be a whole number from 1 to 1000000 but is '1000001'"),
        ("ORDER.RESERVE a r u -1", "ERR qty must be a whole number"),
        ("ORDER.RESERVE a r u +5", "ERR qty must be a whole number"),
        ("ORDER.RESERVE a r u 007", "ERR qty must be a whole number"),
        ("ORDER.RESERVE a r u 1.5", "ERR qty must be a whole number"),
        ("ORDER.RESERVE a r u ", "ERR qty must be a whole number from 1 to 1000000 but is ''"),
        ("ORDER.RESERVE a r u 99999999999999999999999", "ERR qty must be a whole number"),
        ("ORDER.PAY o r 9007199254740992 p", "ERR amount must be a whole number from 0 to 9007199254740991"),
        ("ORDER.PAY o r 1 p\u{7f}", "ERR payment must be 1 to 64 printable"),
        (&long_order, "ERR order must be an order id"),
        (
            "SKU.RESTOCK a r 0",
            "ERR delta must be a whole number from -9007199254740991 to 9007199254740991, not 0",
        ),
        ("SKU.RESTOCK a r -0", "ERR delta must be"),
        ("SKU.RESTOCK a r --1", "ERR delta must be"),
        ("SKU.RESTOCK a r -9007199254740992", "ERR delta must be"),
        ("ORDER.RESERVE a r u 1 MAXPRICE", "ERR syntax error: 'MAXPRICE' needs a value"),
        ("ORDER.RESERVE a r u 1 MAXPRICE 1 maxprice 2", "ERR syntax error: 'maxprice' is given twice"),
        ("ORDER.RESERVE a r u 1 MAXPRICE x", "ERR MAXPRICE must be a whole number"),
        (
            "ORDER.RESERVE a r u 1 NOW",
            "ERR syntax error: unexpected 'NOW'; usage: ORDER.RESERVE sku req buyer qty [MAXPRICE minor] [COUPON code] [AT lat lon] [WITHIN metres]",
        ),
        ("ORDER.RESERVE a r u 1 AT 1", "ERR syntax error: 'AT' needs lon"),
        ("ORDER.RESERVE a r u 1 AT", "ERR syntax error: 'AT' needs lat"),
        ("ORDER.RESERVE a r u 1 AT 1 2 AT 1 2", "ERR syntax error: 'AT' is given twice"),
        (
            "ORDER.RESERVE a r u 1 AT 90.000001 2",
            "ERR lat must be decimal degrees from -90 to 90 but is '90.000001'",
        ),
        (
            "ORDER.RESERVE a r u 1 AT 90 -180.5",
            "ERR lon must be decimal degrees from -180 to 180 but is '-180.5'",
        ),
        ("ORDER.RESERVE a r u 1 AT 1e1 2", "ERR lat must be decimal degrees"),
        ("ORDER.RESERVE a r u 1 AT .5 2", "ERR lat must be decimal degrees"),
        ("ORDER.RESERVE a r u 1 AT 5. 2", "ERR lat must be decimal degrees"),
        ("ORDER.RESERVE a r u 1 AT NaN 2", "ERR lat must be decimal degrees"),
        ("ORDER.RESERVE a r u 1 AT 1 2 WITHIN 0", "ERR WITHIN must be a whole number from 1 to 21000000"),
        ("ORDER.RESERVE a r u 1 WITHIN 5", "ERR syntax error: WITHIN needs AT lat lon"),
        ("SKU.RESTOCK a r 1 STORE s/1", "ERR STORE must be 1 to 64 characters"),
        ("ORDER.REFUND o r RESTOCK RESTOCK", "ERR syntax error: 'RESTOCK' is given twice"),
        (&long_reason, "ERR REASON must be UTF-8 text of at most 256 bytes"),
        ("CART.RESERVE c r u a", "ERR wrong number of arguments"),
        ("CART.RESERVE c r u a 1 b", "ERR syntax error: 'b' needs a qty"),
        ("CART.RESERVE c r u a 0", "ERR qty must be a whole number from 1 to 1000000 but is '0'"),
        ("CART.RESERVE c r u a 1 b/c 1", "ERR sku must be 1 to 64 characters"),
        ("CART.RESERVE c r u a 1 COUPON", "ERR syntax error: 'COUPON' needs a value"),
        (
            "CART.RESERVE c r u a 1 COUPON c1 b 2",
            "ERR qty must be a whole number from 1 to 1000000 but is 'c1'",
        ),
        ("CART.PAY c r x p", "ERR amount must be a whole number"),
        ("XREADGROUP", "ERR wrong number of arguments for 'xreadgroup' command"),
        ("XADD orders * a b", "ERR unknown command 'XADD'"),
        ("XREAD STREAMS orders >", "ERR The > ID can be specified only when calling XREADGROUP"),
        ("XREADGROUP GROUP g c STREAMS orders $", "ERR The $ ID is meaningless in the context of XREADGROUP"),
        ("XREADGROUP GROUP g c NOACK STREAMS orders a >", "ERR Unbalanced XREAD list of streams"),
        ("XREADGROUP COUNT 1 COUNT 1 NOACK STREAMS orders >", "ERR Missing GROUP option for XREADGROUP"),
        ("XGROUP DANCE orders g", "ERR unknown subcommand 'DANCE'. Try XGROUP HELP."),
        ("XGROUP CREATE orders g", "ERR wrong number of arguments for 'xgroup|create' command"),
        ("XGROUP CREATE orders  0", "ERR group must be UTF-8 text of 1 to 256 bytes but is ''"),
        ("XACK orders g 1-0-0", "ERR Invalid stream ID specified as stream command argument"),
        ("XAUTOCLAIM orders g c 0 0 COUNT 0", "ERR COUNT must be > 0"),
        ("XCLAIM orders g c 0 1 FORCE", "ERR XCLAIM takes no option but JUSTID in this version"),
        ("HELLO 4", "NOPROTO unsupported protocol version: use 2 or 3"),
        ("HELLO x", "ERR Protocol version is not an integer or out of range"),
        ("HELLO 3 AUTH shop", "ERR Syntax error in HELLO option 'AUTH'"),
        ("HELLO 3 WHAT", "ERR Syntax error in HELLO option 'WHAT'"),
        ("AUTH a b c", "ERR syntax error: usage: AUTH [username] password"),
        ("SELECT 1", "ERR DB index is out of range"),
        ("SELECT x", "ERR invalid DB index"),
        ("CLIENT TRACKING ON", "ERR CLIENT 'TRACKING' is not supported; CLIENT knows SETNAME,"),
        ("CLIENT MAINT_NOTIFICATIONS ON", "ERR CLIENT 'MAINT_NOTIFICATIONS' is not supported"),
        ("CLIENT SETNAME a\u{7f}", "ERR Client names cannot contain spaces"),
        ("CLIENT SETINFO LIB-AGE 3", "ERR Unrecognized option 'LIB-AGE'"),
        ("CONFIG SET save 1", "ERR CONFIG 'SET' is not supported; CONFIG knows GET"),
        ("CONFIG", "ERR wrong number of arguments for 'config' command"),
        ("COMMAND LIST", "ERR COMMAND 'LIST' is not supported"),
    ];
    for (line, expected) in table {
        let told = parsed(line);
        assert!(told.starts_with(expected), "{line}\n told: {told}\n want: {expected}");
    }
}

#[test]
fn bad_utf8_is_refused_where_text_is_expected() {
    let told = |args: &[&[u8]]| with_args(args, |args| parse(args).unwrap_err().to_string());
    assert_eq!(told(&[b"SKU.PUT", b"a", b"\xff"]), "ERR json must be a JSON document in UTF-8");
    assert_eq!(
        told(&[b"ORDER.CANCEL", b"o", b"r", b"REASON", b"\xc3"]),
        "ERR REASON must be UTF-8 text of at most 256 bytes"
    );
    assert!(told(&[b"SKU.GET", b"\xff"]).starts_with("ERR sku must be"));
    assert!(told(&[b"\xff\0"]).starts_with(r"ERR unknown command '\xff\x00'"));
}

#[test]
fn an_unknown_command_is_repeated_only_in_part() {
    let huge = vec![b'\n'; 20_000];
    let told = with_args(&[&huge, &huge, &huge], |args| lookup(args).unwrap_err().to_string());
    assert!(told.len() < 600, "{} bytes", told.len());
    assert!(!told.contains('\n'));
}

#[test]
fn overload_says_when_to_try_again() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Protocol::Resp2);
    WireError::retry(ErrorCode::Overloaded, 20, "too many orders are waiting").write(&mut writer);
    assert_eq!(out, b"-OVERLOADED retry_ms=20 too many orders are waiting\r\n");
    for code in ErrorCode::ALL {
        assert_eq!(ErrorCode::from_word(code.word().as_bytes()), Some(*code));
    }
}

#[test]
fn an_order_id_routes_itself() {
    assert_eq!(hash_tag("{iphone}:o:7"), "iphone");
    assert_eq!(hash_tag("iphone"), "iphone");
    assert_eq!(hash_tag("{}:o:7"), "{}:o:7");
    assert_eq!(order_sku("{iphone}:o:7"), Some("iphone"));
    for other in ["iphone", "{}:o:7", "{iphone}", "{iphone}:r:7", "{a b}:o:7", "x{iphone}:o:7", "{iphone:o:7"]
    {
        assert_eq!(order_sku(other), None, "{other}");
    }
}

#[test]
fn the_table_is_consistent() {
    for spec in every_spec() {
        assert!(spec.name.matches('.').count() <= 1, "{}: two dots break redis-py", spec.name);
        assert_eq!(spec.name, spec.name.to_ascii_uppercase());
        assert!(spec.summary.ends_with('.') && !spec.since.is_empty());
        let optional_from = spec.arguments.iter().position(|argument| argument.optional);
        let required_to = spec.arguments.iter().rposition(|argument| !argument.optional);
        // Their last arguments stand behind a word, wherever that is.
        let is_behind_word = matches!(spec.keys, Keys::Streams { .. });
        if spec.name != "AUTH" && !is_behind_word {
            assert!(optional_from.is_none_or(|from| required_to.is_none_or(|to| to < from)), "{}", spec.name);
        }
        if spec.keys != Keys::None && !is_behind_word {
            assert!(!spec.arguments[0].optional, "{}: the key comes first", spec.name);
        }
        for word in spec.replies.iter().filter_map(|reply| reply.strip_prefix('[')) {
            let word = word.split([',', ']']).next().unwrap();
            assert!(Status::from_word(word.as_bytes()).is_some(), "{}: {word} is no status", spec.name);
        }
    }
    for (index, spec) in COMMANDS.iter().enumerate() {
        assert_eq!(find(spec.name.as_bytes()).unwrap().index(), index);
        assert_eq!(find(spec.name.to_lowercase().as_bytes()).unwrap().index(), index);
    }
    assert!(find(b"").is_none() && find(b"ORDER.RESERVES").is_none());
}

#[test]
fn the_table_knows_arity_as_clients_count_it() {
    let arity = |name: &str| every_spec().find(|spec| spec.name == name).unwrap().arity();
    for (name, expected) in [
        ("SKU.GET", 2),
        ("SKU.MGET", -2),
        ("ORDER.RESERVE", -5),
        ("ORDER.PAY", 5),
        ("SKU.RESTOCK", -4),
        ("HELLO", -1),
        ("AUTH", -2),
        ("CLIENT", -2),
        ("CLIENT|SETINFO", 4),
        ("COMMAND", -1),
        ("CONFIG|GET", -3),
        // As Redis has them.
        ("XRANGE", -4),
        ("XREAD", -4),
        ("XREADGROUP", -7),
        ("XACK", -4),
        ("XPENDING", -3),
        ("XAUTOCLAIM", -6),
        ("XCLAIM", -6),
        ("XGROUP|CREATE", -5),
        ("XGROUP|DESTROY", 4),
    ] {
        assert_eq!(arity(name), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn arguments_of_any_kind_never_panic(
        command in 0..COMMANDS.len(),
        rest in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            "[A-Za-z0-9:{}._-]{1,12}".prop_map(String::into_bytes),
            prop::sample::select(vec!["MAXPRICE", "REASON", "STREAMS", "GROUP", "COUNT", "CREATE", "RESTOCK", "1", "-1", "GET", "AUTH", "SETNAME"])
                .prop_map(|word| word.as_bytes().to_vec()),
        ], 0..8),
    ) {
        let mut args = vec![COMMANDS[command].name.as_bytes()];
        args.extend(rest.iter().map(Vec::as_slice));
        with_args(&args, |args| {
            if let Err(error) = parse(args) {
                assert!(!error.message().is_empty());
            }
        });
    }
}

#[test]
fn a_cart_is_pairs_of_sku_and_quantity_and_perhaps_a_coupon() {
    let lines = |line: &str| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        with_args(&words, |args| match parse(args).unwrap() {
            Call::CartReserve { campaign, req, buyer, lines, coupon } => {
                format!("{campaign} {req} {buyer} {:?} {coupon:?}", lines.iter().collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        })
    };
    assert_eq!(lines("CART.RESERVE c r u hat 1"), r#"c r u [("hat", 1)] None"#);
    assert_eq!(lines("cart.reserve c r u hat 1 cap 20"), r#"c r u [("hat", 1), ("cap", 20)] None"#);
    assert_eq!(lines("CART.RESERVE c r u hat 1 coupon x"), r#"c r u [("hat", 1)] Some("x")"#);
    // A SKU of that name is one in any place but the last.
    assert_eq!(lines("CART.RESERVE c r u COUPON 1"), r#"c r u [("COUPON", 1)] None"#);
    assert_eq!(
        lines("CART.RESERVE c r u hat 1 COUPON 2 COUPON x"),
        r#"c r u [("hat", 1), ("COUPON", 2)] Some("x")"#
    );
}
