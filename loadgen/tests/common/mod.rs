//! A small server that speaks the protocol over real TCP and sells from memory. It can be told to lie.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tidegate_protocol::resp::{Limits, Protocol, RequestDecoder, Writer};

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Forgets every tenth order after accepting it.
    LosesOrders,
    /// Gives every tenth order the id of the one before.
    DoublesIds,
    /// Sells what it does not have.
    Oversells,
    /// Reports a unit too many as available.
    Miscounts,
    /// Charges a penny more than the price.
    Overcharges,
    /// Says PAID and does not note it.
    ForgetsPayments,
    /// Reads a wrong buyer back.
    MixesUpBuyers,
    /// Not a lie: three connections break, each with a reservation that was made and not answered.
    HangsUp,
    /// Not a lie: answers LOADING at first.
    Loads,
}

#[derive(Default)]
struct Sku {
    stock: i64,
    price: i64,
    orders: Vec<Order>,
    /// Reservations accepted so far.
    accepted: i64,
}

struct Order {
    id: String,
    buyer: String,
    qty: i64,
    state: &'static str,
}

#[derive(Default)]
struct Sale {
    skus: HashMap<String, Sku>,
    /// Order ids by SKU, buyer and request id.
    accepted: HashMap<[String; 3], String>,
    commands: u64,
    hung_up: u32,
}

/// Starts a server and returns its address. It lives as long as the test.
pub fn start(flaw: Flaw) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sale = Arc::new(Mutex::new(Sale::default()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sale) = (stream.unwrap(), Arc::clone(&sale));
            thread::spawn(move || serve(stream, &sale, flaw));
        }
    });
    address
}

fn serve(mut stream: TcpStream, sale: &Mutex<Sale>, flaw: Flaw) {
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut input = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let Ok(count @ 1..) = stream.read(&mut chunk) else { return };
        input.extend_from_slice(&chunk[..count]);
        let mut output = Vec::new();
        let mut used = 0;
        while let Some(request) = decoder.decode(&input[used..]).unwrap() {
            used += request.consumed;
            let args: Vec<String> =
                request.args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
            let mut sale = sale.lock().unwrap();
            sale.commands += 1;
            if flaw == Flaw::HangsUp && sale.commands > 500 && sale.hung_up < 3 && args[0] == "ORDER.RESERVE"
            {
                // The order exists and nobody hears of it.
                sale.answer(&args, flaw, &mut Writer::new(&mut Vec::new(), Protocol::Resp2));
                sale.hung_up += 1;
                return;
            }
            sale.answer(&args, flaw, &mut Writer::new(&mut output, Protocol::Resp2));
        }
        input.drain(..used);
        if stream.write_all(&output).is_err() {
            return;
        }
    }
}

impl Sale {
    fn answer(&mut self, args: &[String], flaw: Flaw, out: &mut Writer<'_>) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if flaw == Flaw::Loads && self.commands < 6 {
            return out.error("LOADING", &["replaying the journal"]);
        }
        match args[..] {
            ["SKU.PUT", sku, json] => {
                let document: serde_json::Value = serde_json::from_str(json).unwrap();
                let stock = document["stock"].as_i64().unwrap();
                let price = document["price"]["fixed"].as_i64().unwrap();
                if self.skus.contains_key(sku) {
                    return status(out, "UNCHANGED");
                }
                self.skus.insert(sku.to_owned(), Sku { stock, price, ..Sku::default() });
                status(out, "CREATED");
            }
            ["SKU.GET", sku] => match self.skus.get(sku) {
                Some(found) => {
                    out.map(2);
                    text(out, "sku", sku);
                    number(out, "price", found.price);
                }
                None => out.null(),
            },
            ["ORDER.RESERVE", sku, req, buyer, qty] => {
                self.reserve([sku, buyer, req], qty.parse().unwrap(), flaw, out);
            }
            ["ORDER.PAY", order, _, _, _] => {
                if flaw != Flaw::ForgetsPayments {
                    self.order(order).unwrap().0.state = "PAID";
                }
                out.array(2);
                out.bulk("PAID");
                out.bulk(order);
            }
            ["ORDER.CANCEL", order, _] => {
                self.order(order).unwrap().0.state = "CANCELLED";
                status(out, "CANCELLED");
            }
            ["ORDER.GET", id] => match self.order(id) {
                Some((order, sku, price)) => {
                    out.map(6);
                    text(out, "order", id);
                    text(out, "sku", &sku);
                    text(out, "buyer", if flaw == Flaw::MixesUpBuyers { "somebody" } else { &order.buyer });
                    text(out, "state", order.state);
                    number(out, "qty", order.qty);
                    number(out, "amount", order.qty * price);
                }
                None => out.null(),
            },
            ["REPORT", sku] => self.skus[sku].report(flaw, out),
            ["PING"] => out.simple("PONG"),
            _ => out.error("ERR", &["unknown command"]),
        }
    }

    fn reserve(&mut self, key: [&str; 3], qty: i64, flaw: Flaw, out: &mut Writer<'_>) {
        let key = key.map(str::to_owned);
        let name = &key[0];
        let sku = self.skus.get_mut(name).unwrap();
        let id = match self.accepted.get(&key) {
            Some(id) => id.clone(),
            None if flaw != Flaw::Oversells && sku.available() < qty => return status(out, "SOLD_OUT"),
            None => {
                sku.accepted += 1;
                let tenth = sku.accepted % 10 == 0;
                let number = sku.accepted - i64::from(flaw == Flaw::DoublesIds && tenth);
                let id = format!("{{{name}}}:o:{number}");
                if flaw != Flaw::LosesOrders || !tenth {
                    sku.orders.push(Order { id: id.clone(), buyer: key[1].clone(), qty, state: "RESERVED" });
                }
                id
            }
        };
        out.array(4);
        out.bulk("RESERVED");
        out.bulk(&id);
        out.int(sku.price * qty + i64::from(flaw == Flaw::Overcharges));
        out.int(1_700_000_000_000);
        self.accepted.insert(key, id);
    }

    /// An order with its SKU's name and price.
    fn order(&mut self, id: &str) -> Option<(&mut Order, String, i64)> {
        let name = id.strip_prefix('{')?.split_once('}')?.0.to_owned();
        let sku = self.skus.get_mut(&name)?;
        let price = sku.price;
        sku.orders.iter_mut().find(|order| order.id == id).map(|order| (order, name, price))
    }
}

impl Sku {
    fn units(&self, state: &str) -> i64 {
        self.orders.iter().filter(|order| order.state == state).map(|order| order.qty).sum()
    }

    fn available(&self) -> i64 {
        self.stock - self.units("RESERVED") - self.units("PAID")
    }

    fn report(&self, flaw: Flaw, out: &mut Writer<'_>) {
        out.map(8);
        number(out, "total", self.stock);
        number(out, "available", (self.available() + i64::from(flaw == Flaw::Miscounts)).max(0));
        number(out, "reserved", self.units("RESERVED"));
        number(out, "sold", self.units("PAID"));
        number(out, "balanced", 1);
        for field in ["orders", "units", "money"] {
            out.bulk(field);
            out.map(6);
            for state in ["RESERVED", "PAID", "CANCELLED", "EXPIRED", "REFUND_DUE", "REFUNDED"] {
                let orders = self.orders.iter().filter(|order| order.state == state).count() as i64;
                let units = self.units(state);
                let count = match field {
                    "orders" => orders,
                    "units" => units,
                    _ => units * self.price,
                };
                number(out, state, count);
            }
        }
    }
}

fn status(out: &mut Writer<'_>, word: &str) {
    out.array(1);
    out.bulk(word);
}

fn text(out: &mut Writer<'_>, field: &str, value: &str) {
    out.bulk(field);
    out.bulk(value);
}

fn number(out: &mut Writer<'_>, field: &str, value: i64) {
    out.bulk(field);
    out.int(value);
}
