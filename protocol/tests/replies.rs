//! Replies field by field: names, order and types are a contract.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use tidegate_protocol::document::Discount;
use tidegate_protocol::reply::{
    CampaignMap, CartEntry, CartMap, CouponWindowEntry, OrderMap, Outcome, ReportMap, ReportOf, RoomMap,
    RoomMember, SkuMap,
};
use tidegate_protocol::resp::{Protocol, Value, Writer, decode_reply};
use tidegate_protocol::status::{CampaignState, OrderState, RoomState, SkuState, Status};

fn bytes(protocol: Protocol, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out, protocol));
    out
}

/// The field names of a map, in the order they are written (a map is a flat array in RESP2).
fn field_names(map: &Value) -> Vec<String> {
    map.pairs().iter().map(|(key, _)| key.as_str().unwrap().to_owned()).collect()
}

fn value(protocol: Protocol, write: impl FnOnce(&mut Writer<'_>)) -> Value {
    let out = bytes(protocol, write);
    let reply = decode_reply(&out).unwrap().unwrap();
    assert_eq!(reply.wire_len(), out.len(), "counts agree with what follows them");
    reply.value().unwrap()
}

#[test]
fn an_outcome_is_its_word_and_what_belongs_to_it() {
    let order = "{a}:o:1";
    let table: &[(Outcome<'_>, &str)] = &[
        (Outcome::Created, "*1\r\n$7\r\nCREATED\r\n"),
        (Outcome::SoldOut, "*1\r\n$8\r\nSOLD_OUT\r\n"),
        (Outcome::Limit { left: 0 }, "*2\r\n$5\r\nLIMIT\r\n:0\r\n"),
        (Outcome::NotOpen { starts_at: 1767225600000 }, "*2\r\n$8\r\nNOT_OPEN\r\n:1767225600000\r\n"),
        (Outcome::Restocked { available: 12 }, "*2\r\n$9\r\nRESTOCKED\r\n:12\r\n"),
        (Outcome::Paid { order }, "*2\r\n$4\r\nPAID\r\n$7\r\n{a}:o:1\r\n"),
        (Outcome::RefundDue { order }, "*2\r\n$10\r\nREFUND_DUE\r\n$7\r\n{a}:o:1\r\n"),
        (
            Outcome::Reserved { order, amount: 5, expires_at: 6 },
            "*4\r\n$8\r\nRESERVED\r\n$7\r\n{a}:o:1\r\n:5\r\n:6\r\n",
        ),
        (
            Outcome::CartReserved { cart: "{f}:c:1", amount: 5, expires_at: 6, threshold_discount: 7 },
            "*5\r\n$8\r\nRESERVED\r\n$7\r\n{f}:c:1\r\n:5\r\n:6\r\n:7\r\n",
        ),
    ];
    let line = bytes(Protocol::Resp3, |writer| Outcome::SoldOut.write_line("hat", writer));
    assert_eq!(line, b"*2\r\n$8\r\nSOLD_OUT\r\n$3\r\nhat\r\n");
    let line = bytes(Protocol::Resp3, |writer| Outcome::Limit { left: 2 }.write_line("hat", writer));
    assert_eq!(line, b"*3\r\n$5\r\nLIMIT\r\n:2\r\n$3\r\nhat\r\n");
    for (outcome, expected) in table {
        let written = bytes(Protocol::Resp3, |writer| outcome.write(writer));
        assert_eq!(String::from_utf8(written).unwrap(), *expected);
    }
}

#[test]
fn words_read_back_as_what_they_were_written_from() {
    for (index, status) in Status::ALL.iter().enumerate() {
        assert_eq!((Status::from_word(status.word().as_bytes()), status.index()), (Some(*status), index));
    }
    assert_eq!(Status::from_word(b"sold_out"), None);
    assert_eq!(Status::from_word(b"\xff"), None);
    assert_eq!(OrderState::ALL.len(), 6);
}

#[test]
fn sku_get_has_its_fields_in_order() {
    let sku = SkuMap {
        sku: "iphone",
        title: "Phone",
        state: SkuState::SoldOut,
        price: 599900,
        currency: "CNY",
        next_price: None,
        next_price_at: None,
        total: 3,
        available: 0,
        reserved: 1,
        sold: 2,
        starts_at: Some(1),
        ends_at: None,
        seq: 9,
        stores: None,
    };
    let map = value(Protocol::Resp2, |writer| sku.write(writer));
    assert_eq!(
        field_names(&map).join(","),
        "sku,title,state,price,currency,next_price,next_price_at,total,available,reserved,sold,starts_at,ends_at,seq"
    );
    let map = value(Protocol::Resp3, |writer| sku.write(writer));
    assert_eq!(map.get("state").and_then(Value::as_str), Some("SOLD_OUT"));
    assert_eq!(map.get("price").and_then(Value::as_int), Some(599900));
    assert_eq!(map.get("ends_at"), Some(&Value::Null));
}

#[test]
fn order_get_has_its_fields_in_order() {
    let order = OrderMap {
        order: "{iphone}:o:1",
        state: OrderState::RefundDue,
        sku: "iphone",
        buyer: "u42",
        qty: 2,
        unit_price: 100,
        amount: 190,
        currency: "CNY",
        discounts: &[("green", 10)],
        reserved_at: 1,
        expires_at: 2,
        paid_at: None,
        room: None,
        cart: None,
        store: None,
    };
    let map = value(Protocol::Resp2, |writer| order.write(writer));
    assert_eq!(
        field_names(&map).join(","),
        "order,state,sku,buyer,qty,unit_price,amount,currency,discounts,reserved_at,expires_at,paid_at,room,cart,store"
    );
    let discount = &map.get("discounts").unwrap().items()[0];
    assert_eq!(discount.items(), [Value::Text(b"green".to_vec()), Value::Integer(10)]);
}

#[test]
fn room_get_has_its_fields_in_order() {
    let member = |buyer, order: &str, paid| RoomMember { buyer, order: order.to_owned(), paid };
    let room = RoomMap {
        room: "{iphone}:r:1",
        sku: "iphone",
        state: RoomState::Forming,
        leader: Some("u1"),
        members: &[member("u1", "{iphone}:o:1", true), member("u2", "{iphone}:o:2", false)],
        paid_members: 1,
        tier_members: 2,
        unit_price: 90,
        next_tier_members: Some(5),
        next_unit_price: Some(80),
        deadline: 7,
        settled_at: None,
    };
    let map = value(Protocol::Resp2, |writer| room.write(writer));
    assert_eq!(
        field_names(&map).join(","),
        "room,sku,state,leader,members,paid_members,tier_members,unit_price,next_tier_members,next_unit_price,\
         deadline,settled_at"
    );
    let text = |text: &str| Value::Text(text.as_bytes().to_vec());
    let members = map.get("members").unwrap().items();
    assert_eq!(members[0].items(), [text("u1"), text("{iphone}:o:1"), Value::Integer(1)]);
    assert_eq!(members[1].items(), [text("u2"), text("{iphone}:o:2"), Value::Integer(0)]);
}

#[test]
fn report_has_its_fields_in_order() {
    let report = ReportMap {
        of: ReportOf::Sku("iphone"),
        total: 10,
        available: 5,
        reserved: 2,
        sold: 3,
        orders: [1, 2, 3, 4, 5, 6],
        units: [2, 3, 0, 0, 0, 0],
        money: [20, 30, 0, 0, 0, 0],
        currency: Some("CNY"),
        rejections: &[(Status::SoldOut, 7), (Status::Limit, 1)],
        first_sale_at: Some(1),
        last_sale_at: Some(2),
        first_time_buyers: 3,
        balanced: true,
        stores: &[],
    };
    let map = value(Protocol::Resp2, |writer| report.write(writer));
    assert_eq!(
        field_names(&map).join(","),
        "sku,total,available,reserved,sold,orders,units,money,currency,rejections,first_sale_at,last_sale_at,\
         first_time_buyers,balanced"
    );
    let states = "RESERVED,PAID,CANCELLED,EXPIRED,REFUND_DUE,REFUNDED";
    for field in ["orders", "units", "money"] {
        assert_eq!(field_names(map.get(field).unwrap()).join(","), states);
    }
    let map = value(Protocol::Resp3, |writer| report.write(writer));
    assert_eq!(map.get("rejections").and_then(|by| by.get("SOLD_OUT")).and_then(Value::as_int), Some(7));
    assert_eq!(map.get("orders").and_then(|by| by.get("REFUNDED")).and_then(Value::as_int), Some(6));
    assert_eq!(map.get("balanced").and_then(Value::as_int), Some(1));
}

#[test]
fn the_report_of_a_campaign_is_that_of_a_sku_under_another_name() {
    let report = ReportMap {
        of: ReportOf::Campaign("double-11"),
        total: 0,
        available: 0,
        reserved: 0,
        sold: 0,
        orders: [0; 6],
        units: [0; 6],
        money: [0; 6],
        currency: None,
        rejections: &[],
        first_sale_at: None,
        last_sale_at: None,
        first_time_buyers: 0,
        balanced: true,
        stores: &[],
    };
    let map = value(Protocol::Resp3, |writer| report.write(writer));
    assert_eq!(map.get("campaign").and_then(Value::as_str), Some("double-11"));
    assert_eq!((map.get("sku"), map.get("currency")), (None, Some(&Value::Null)));
}

#[test]
fn campaign_get_has_its_fields_in_order() {
    let windows =
        [CouponWindowEntry { event: "try_on", percent_off: 20, window_s: 1800, skus: Some(vec!["b"]) }];
    let campaign = CampaignMap {
        campaign: "double-11",
        title: "Singles' Day",
        state: CampaignState::Open,
        currency: Some("CNY"),
        starts_at: Some(1),
        ends_at: None,
        skus: &["a", "b"],
        per_buyer_limit: Some(5),
        thresholds: &[(30_000, 4_000)],
        coupon_windows: &windows,
        green: Some((500, 3)),
        order_of_discounts: Discount::ALL,
        seq: 7,
    };
    let map = value(Protocol::Resp2, |writer| campaign.write(writer));
    assert_eq!(
        field_names(&map).join(","),
        "campaign,title,state,currency,starts_at,ends_at,skus,per_buyer_limit,thresholds,coupon_windows,green,\
         order_of_discounts,seq"
    );
    let whole = |numbers: &[i64]| Value::Array(numbers.iter().map(|n| Value::Integer(*n)).collect());
    assert_eq!(map.get("thresholds").unwrap().items(), [whole(&[30_000, 4_000])]);
    assert_eq!(map.get("green"), Some(&whole(&[500, 3])));
    let order: Vec<_> =
        map.get("order_of_discounts").unwrap().items().iter().filter_map(Value::as_str).collect();
    assert_eq!(order, ["tier", "coupon", "green", "threshold"]);
    let window = map.get("coupon_windows").unwrap().items()[0].items().to_vec();
    assert_eq!(window[0].as_str(), Some("try_on"));
    assert_eq!(window[1..3], [Value::Integer(20), Value::Integer(1800)]);
    let none = CampaignMap { green: None, coupon_windows: &[], ..campaign };
    assert_eq!(value(Protocol::Resp3, |writer| none.write(writer)).get("green"), Some(&Value::Null));
}

#[test]
fn a_reservation_nearby_names_its_store() {
    let outcome = Outcome::ReservedAt { order: "{a}:o:1", amount: 5, expires_at: 9, store: "bund" };
    let told = value(Protocol::Resp2, |writer| outcome.write(writer));
    let words: Vec<_> = told.items().iter().map(Value::as_str).collect();
    assert_eq!(words, [Some("RESERVED"), Some("{a}:o:1"), None, None, Some("bund")]);
}

#[test]
fn a_cart_shows_its_lines_and_what_the_sum_took_off() {
    let lines = [CartEntry { order: "{hat}:o:7".to_owned(), sku: "hat", qty: 2, amount: 1_900 }];
    let map = CartMap {
        cart: "{fair}:c:1",
        state: OrderState::Reserved,
        campaign: "fair",
        buyer: "ann",
        lines: &lines,
        amount: 1_900,
        currency: "EUR",
        threshold_discount: 100,
        reserved_at: 5,
        expires_at: 6,
        paid_at: None,
    };
    let fields = [
        "cart",
        "state",
        "campaign",
        "buyer",
        "lines",
        "amount",
        "currency",
        "threshold_discount",
        "reserved_at",
        "expires_at",
        "paid_at",
    ];
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let shown = value(protocol, |writer| map.write(writer));
        if protocol == Protocol::Resp2 {
            assert_eq!(field_names(&shown), fields);
        }
        let line = shown.get("lines").unwrap().items()[0].items().to_vec();
        assert_eq!((line[0].as_str(), line[1].as_str()), (Some("{hat}:o:7"), Some("hat")));
        assert_eq!((line[2].as_int(), line[3].as_int()), (Some(2), Some(1_900)));
        assert_eq!(shown.get("paid_at"), Some(&Value::Null));
    }
}
