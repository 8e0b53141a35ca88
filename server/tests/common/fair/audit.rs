//! What must be so after every start, whatever happened before.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_protocol::resp::Value;

use super::shopper::{Promise, comes_back, encoded};
use super::stand::EMPTY;
use super::{Fair, LIMIT, SEATS, SKUS, STOCK};
use crate::common::{Client, disagreements, show, until};

impl Fair {
    /// Every promise is kept, nothing was sold, paid or given twice, every book balances, and the feed tells the same.
    pub(crate) fn check(&mut self, client: &mut Client) {
        self.check_books(client);
        // Holds that run out meanwhile make them differ for a moment.
        until("the feed", || disagreements(client, &[SKUS[0], SKUS[1], EMPTY]), Vec::is_empty);
    }

    /// The same without the feed, whose beginning may be deleted.
    pub(crate) fn check_books(&mut self, client: &mut Client) {
        self.operator.check(client);
        adds_up(client);
        assert_eq!(self.broken_promises(client), [""; 0]);
        let orders = adds_up(client);
        nothing_is_paid_or_given_twice(self.shoppers.iter().flat_map(|shopper| &shopper.promises), &orders);
    }

    /// Promises that are not kept: the same request has another answer.
    pub(crate) fn broken_promises(&self, client: &mut Client) -> Vec<String> {
        let mut broken = Vec::new();
        for part in self.shoppers.iter().flat_map(|shopper| shopper.promises.chunks(200)) {
            let lines: Vec<_> = part.iter().map(|(line, _)| line).collect();
            for ((line, told), again) in part.iter().zip(client.pipeline(&lines)) {
                if again != *told {
                    broken.push(format!("{line}: {told}, and then {again}"));
                }
            }
        }
        broken
    }
}

/// No serial was given twice, and no payment paid two orders of a SKU, be they lines of carts or not.
fn nothing_is_paid_or_given_twice<'a>(
    promises: impl Iterator<Item = &'a Promise>,
    orders: &BTreeMap<String, Value>,
) {
    // A serial returns with its unit.
    let is_given = |id: &str| {
        let state = orders.get(id).and_then(|order| order.get("state")).map(show);
        !(comes_back(id) && state.as_deref() == Some("REFUNDED"))
    };
    let (mut serials, mut payments) = (BTreeMap::new(), BTreeMap::new());
    for (line, told) in promises.filter(|(_, told)| told.starts_with("[PAID")) {
        let words: Vec<&str> = told.trim_matches(['[', ']']).split(' ').collect();
        let (paid, payment) = (words[1], line.rsplit(' ').next().unwrap());
        for serial in words[2..].iter().filter(|_| is_given(paid)) {
            assert_eq!(*serials.entry(serial.to_owned()).or_insert(paid), paid, "serial {serial}: {line}");
        }
        // A cart of this sale has a line of each SKU.
        for sku in SKUS.into_iter().filter(|sku| paid.starts_with("{fair}") || paid.contains(sku)) {
            assert_eq!(*payments.entry((payment, sku)).or_insert(paid), paid, "payment {payment}: {line}");
        }
    }
}

/// Every order there is, by id.
fn orders(client: &mut Client) -> BTreeMap<String, Value> {
    let mut orders = BTreeMap::new();
    for sku in SKUS {
        for first in (1..).step_by(500) {
            let ids: Vec<_> = (first..first + 500).map(|number| format!("{{{sku}}}:o:{number}")).collect();
            client
                .write(&encoded(&ids.iter().map(|id| format!("ORDER.GET {id}")).collect::<Vec<_>>()))
                .unwrap();
            let found: Vec<_> = ids.into_iter().map(|id| (id, client.reply())).collect();
            let is_last = found.last().is_some_and(|(_, order)| *order == Value::Null);
            orders.extend(found.into_iter().filter(|(_, order)| *order != Value::Null));
            if is_last {
                break;
            }
        }
    }
    orders
}

/// Nothing is there twice, no limit is exceeded, and every book balances. All orders there are.
fn adds_up(client: &mut Client) -> BTreeMap<String, Value> {
    let orders = orders(client);
    let text = |order: &Value, field: &str| order.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let int = |order: &Value, field: &str| order.get(field).and_then(Value::as_int).unwrap();
    let is_held = |order: &Value| matches!(&*text(order, "state"), "RESERVED" | "PAID");
    let (mut units, mut coupons) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, usize>::new());
    let mut rooms = BTreeMap::<String, BTreeSet<String>>::new();
    let mut carts = BTreeMap::<String, Vec<&str>>::new();
    for (id, order) in &orders {
        let off: i64 =
            order.get("discounts").unwrap().items().iter().map(|one| one.items()[1].as_int().unwrap()).sum();
        assert_eq!(int(order, "amount") + off, int(order, "unit_price") * int(order, "qty"), "{id}");
        if !text(order, "cart").is_empty() {
            carts.entry(text(order, "cart")).or_default().push(id);
        }
        if is_held(order) {
            *units.entry(text(order, "buyer")).or_default() += int(order, "qty");
            let used = show(order).contains("[coupon ");
            // A coupon is good for both lines of a cart: those count as one use.
            let is_second = text(order, "sku") == "kettle" && !text(order, "cart").is_empty();
            *coupons.entry(text(order, "buyer")).or_default() += usize::from(used && !is_second);
            if !text(order, "room").is_empty() {
                rooms.entry(text(order, "room")).or_default().insert(id.clone());
            }
        }
    }
    assert!(units.values().all(|units| *units <= LIMIT), "{units:?}");
    assert!(coupons.values().all(|used| *used <= 1), "{coupons:?}");
    for (id, sitting) in rooms {
        let room = client.value(&format!("ROOM.GET {id}"));
        let members: Vec<_> = room.get("members").unwrap().items().to_vec();
        let seats: BTreeSet<_> =
            members.iter().map(|member| member.items()[1].as_str().unwrap().to_owned()).collect();
        assert_eq!((seats.len(), seats.len() <= SEATS), (members.len(), true), "{id}: {room:?}");
        // Who is held has a seat, and in a room that has closed only who paid.
        assert_eq!(seats, sitting, "{id}: {room:?}");
        let paid = sitting.iter().filter(|order| text(&orders[*order], "state") == "PAID").count();
        assert_eq!(room.get("paid_members").unwrap().as_int(), i64::try_from(paid).ok(), "{id}");
    }
    for (id, lines) in carts {
        is_whole(client, &id, &lines);
    }
    client.books("fair");
    stock_is_what_orders_make_of_it(client, &orders);
    orders
}

/// `read` are the orders there were a moment ago.
fn stock_is_what_orders_make_of_it(client: &mut Client, read: &BTreeMap<String, Value>) {
    let mut is_first = true;
    let look = || {
        // Holds that ran out since then make a difference: look once more.
        let again = if std::mem::take(&mut is_first) { None } else { Some(orders(client)) };
        SKUS.map(|sku| (counted(again.as_ref().unwrap_or(read), sku), client.books(sku)))
    };
    until("the stock", look, |skus| skus.iter().all(|(counted, books)| counted == books));
}

/// The books of a SKU as its orders say.
fn counted(orders: &BTreeMap<String, Value>, sku: &str) -> String {
    let text = |order: &Value, field: &str| order.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let units = |is_counted: &dyn Fn(&str, &str) -> bool| -> i64 {
        let of_sku = orders.iter().filter(|(_, order)| text(order, "sku") == sku);
        let those = of_sku.filter(|(id, order)| is_counted(id, &text(order, "state")));
        those.filter_map(|(_, order)| order.get("qty").and_then(Value::as_int)).sum()
    };
    let reserved = units(&|_, state| state == "RESERVED");
    let sold = units(&|id, state| state == "PAID" || (state == "REFUNDED" && !comes_back(id)));
    format!("total={STOCK} available={} reserved={reserved} sold={sold}", STOCK - reserved - sold)
}

/// A cart and its lines are one, or there is no cart and the lines hold nothing.
fn is_whole(client: &mut Client, cart: &str, lines: &[&str]) {
    // One that runs out at this moment is told to its lines a moment later.
    let look = || {
        let states = lines.iter().map(|line| client.value(&format!("ORDER.GET {line}")));
        let lines: Vec<_> = states
            .map(|order| (order.get("state").map(show), order.get("amount").and_then(Value::as_int)))
            .collect();
        (client.value(&format!("CART.GET {cart}")), lines)
    };
    until(cart, look, |(cart, found)| {
        let Some(state) = cart.get("state").map(show) else {
            return found.iter().all(|(state, _)| state.as_deref() == Some("CANCELLED"));
        };
        let due: i64 = found.iter().filter_map(|(_, amount)| *amount).sum();
        lines.len() == SKUS.len()
            && found.iter().all(|(line, _)| *line == Some(state.clone()))
            && cart.get("amount").and_then(Value::as_int) == Some(due)
    });
}
