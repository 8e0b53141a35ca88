//! What a buyer may do: look, buy for itself, and end what is its own.

use tidegate_protocol::command::{COMMANDS, Role};

use super::people::{as_buyer, as_user, with_tokens, with_users};
use crate::common::{Client, Server, document, show};

const OTHERS: &str = "-NOPERM this is another buyer's; nothing was done";

/// A server with a lamp on sale, and a campaign of it.
struct Shop {
    server: Server,
    _keys: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        Self::open_with(false)
    }

    fn open_with(buyers_may_pay: bool) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let server = Server::start_with(|config| {
            with_users(config);
            with_tokens(config, keys.path());
            config.tokens.buyers_may_pay = buyers_may_pay;
        });
        let mut admin = as_user(server.tcp(), "admin");
        let group = r#","group_buy":{"tiers":[{"members":2,"percent_off":10}],"room_ttl_s":60}"#;
        admin.says(&format!("SKU.PUT lamp {}", document(50, 100, "")), "[CREATED]");
        admin.says(&format!("SKU.PUT vase {}", document(50, 100, group)), "[CREATED]");
        admin.says(r#"CAMPAIGN.PUT may {"title":"May","skus":["lamp"]}"#, "[CREATED]");
        Self { server, _keys: keys }
    }

    fn buyer(&self, name: &str) -> Client {
        as_buyer(self.server.tcp(), name)
    }

    fn user(&self, name: &str) -> Client {
        as_user(self.server.tcp(), name)
    }
}

#[test]
fn a_buyer_buys_for_itself_and_for_nobody_else() {
    let shop = Shop::open();
    let mut ann = shop.buyer("ann");
    let order = ann.reserve("lamp", "r1", "ann", 1).order;
    let no = "-NOPERM the token is that of the buyer ann, and of nobody else";
    for line in [
        "ORDER.RESERVE lamp r2 bob 1",
        "ROOM.OPEN vase r2 bob 1",
        "ROOM.JOIN {vase}:r:1 r2 bob 1",
        "CART.RESERVE may r2 bob lamp 1",
        "COUPON.TRIGGER may r2 bob try_on",
    ] {
        ann.says(line, no);
    }
    assert_eq!(shop.user("observer").books("lamp"), "total=50 available=49 reserved=1 sold=0");
    assert_eq!(ann.fields(&format!("ORDER.GET {order}"), &["buyer", "state"]), "buyer=ann state=RESERVED");
    ann.says(&format!("ORDER.CANCEL {order} c1"), "[CANCELLED]");
    ann.says("COUPON.TRIGGER may r3 ann try_on", "[NOT_ELIGIBLE]");
}

#[test]
fn another_buyers_order_and_cart_are_not_to_be_seen_nor_touched() {
    let shop = Shop::open();
    let mut ann = shop.buyer("ann");
    let order = ann.reserve("lamp", "r1", "ann", 1).order;
    let cart = ann.value("CART.RESERVE may r2 ann lamp 2");
    let cart = cart
        .items()
        .get(1)
        .and_then(|cart| cart.as_str())
        .unwrap_or_else(|| panic!("{}", show(&cart)))
        .to_owned();
    let mut eve = shop.buyer("eve");
    for line in [
        format!("ORDER.GET {order}"),
        format!("ORDER.CANCEL {order} x1"),
        format!("CART.GET {cart}"),
        format!("CART.CANCEL {cart} x1"),
    ] {
        eve.says(&line, OTHERS);
    }
    // Nor in between things that she may do.
    let replies = eve.pipeline(&[
        "ORDER.RESERVE lamp r1 eve 1",
        &format!("ORDER.CANCEL {order} x2"),
        "ORDER.CANCEL {lamp}:o:3 x3",
        "ORDER.GET {lamp}:o:999",
        "ORDER.CANCEL {lamp}:o:999 x4",
        "ORDER.CANCEL nonsense x5",
        "CART.CANCEL {nowhere}:c:1 x6",
        "PING",
    ]);
    assert!(replies[0].starts_with("[RESERVED {lamp}:o:3 "), "{replies:?}");
    let rest = [OTHERS, "[CANCELLED]", "nil", "[NOT_FOUND]", "[NOT_FOUND]", "[NOT_FOUND]", "PONG"];
    assert_eq!(replies[1..], rest);
    assert_eq!(shop.user("observer").books("lamp"), "total=50 available=47 reserved=3 sold=0");
    ann.says(&format!("CART.CANCEL {cart} x1"), "[CANCELLED]");
}

#[test]
fn a_payment_is_the_shops_word_unless_the_configuration_trusts_buyers() {
    let shop = Shop::open();
    let mut ann = shop.buyer("ann");
    let order = ann.reserve("lamp", "r1", "ann", 1).order;
    let no = "-NOPERM a buyer may not confirm a payment; the shop's backend does (tokens.buyers_may_pay)";
    ann.says(&format!("ORDER.PAY {order} p1 100 pay-1"), no);
    ann.says("CART.PAY {may}:c:1 p1 100 pay-1", no);
    shop.user("storefront").says(&format!("ORDER.PAY {order} p1 100 pay-1"), &format!("[PAID {order}]"));

    let trusting = Shop::open_with(true);
    let order = trusting.buyer("ann").reserve("lamp", "r1", "ann", 1).order;
    let pay = format!("ORDER.PAY {order} p1 100 pay-1");
    trusting.buyer("eve").says(&pay, OTHERS);
    trusting.buyer("ann").says(&pay, &format!("[PAID {order}]"));
}

#[test]
fn a_buyer_has_no_other_role_and_learns_nothing_of_the_server() {
    let shop = Shop::open();
    let mut ann = shop.buyer("ann");
    for spec in COMMANDS.iter().filter(|spec| !matches!(spec.role, Role::Storefront | Role::All)) {
        let reply = ann.ask(spec.name);
        assert!(reply.starts_with("-NOPERM a buyer does not have the role"), "{}: {reply}", spec.name);
    }
    for line in ["CLIENT LIST", "INFO", "CONFIG GET *"] {
        ann.says(line, "-NOPERM this is not for buyers");
    }
    for line in
        ["SKU.GET lamp", "SKU.MGET lamp vase", "CAMPAIGN.GET may", "ROOM.GET {vase}:r:1", "CLIENT ID", "PING"]
    {
        let reply = ann.ask(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}
