//! WebSockets: what a client may send, what it is told, and how it can't harm others.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

mod common;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use common::{PATIENCE, Server, Socket, document, until};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

fn request(id: impl Into<Json>, method: &str, params: Json) -> Json {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// Its code, its message and the code of RESP.
fn error(answer: &Json) -> (i64, &str, &str) {
    let error = &answer["error"];
    (
        error["code"].as_i64().unwrap(),
        error["message"].as_str().unwrap(),
        error["data"]["code"].as_str().unwrap(),
    )
}

fn with_lamp(stock: u64) -> Server {
    let server = Server::start();
    put_lamp(&server, stock);
    server
}

fn put_lamp(server: &Server, stock: u64) {
    server.client().says(&format!("SKU.PUT lamp {}", document(stock, 1250, "")), "[CREATED]");
}

#[test]
fn a_purchase_from_the_first_look_to_the_payment() {
    let server = with_lamp(2);
    let mut socket = Socket::connect(server.http());
    let sku = socket.call("sku.get", json!({"sku": "lamp"})).unwrap();
    assert_eq!((&sku["state"], &sku["available"], &sku["ends_at"]), (&json!("OPEN"), &json!(2), &Json::Null));
    let reserve = json!({"sku": "lamp", "req": "r-1", "buyer": "ann", "qty": 2});
    let reserved = socket.call("order.reserve", reserve.clone()).unwrap();
    assert_eq!((&reserved["status"], &reserved["amount"]), (&json!("RESERVED"), &json!(2500)));
    assert!(reserved["expires_at"].as_str().unwrap().ends_with('Z'), "{reserved}");
    // The same request: the same answer, by whichever door.
    assert_eq!(socket.call("order.reserve", reserve).unwrap(), reserved);
    let again = json!({"sku": "lamp", "req": "r-2", "buyer": "bob", "qty": 1});
    assert_eq!(socket.call("order.reserve", again).unwrap(), json!({"status": "SOLD_OUT"}));
    let order = &reserved["order"];
    let pay = json!({"order": order, "req": "p-1", "amount": 2500, "payment": "pay-1"});
    assert_eq!(socket.call("order.pay", pay).unwrap(), json!({"status": "PAID", "order": order}));
    assert_eq!(socket.call("order.get", json!({"order": order})).unwrap()["state"], "PAID");
    assert_eq!(socket.call("order.get", json!({"order": "{lamp}:o:zz"})).unwrap(), Json::Null);
    assert_eq!(server.client().books("lamp"), "total=2 available=0 reserved=0 sold=2");
}

#[test]
fn a_batch_is_answered_in_one_message_and_what_has_no_id_not_at_all() {
    let server = with_lamp(5);
    let mut socket = Socket::connect(server.http());
    let reserve = |req: &str| json!({"sku": "lamp", "req": req, "buyer": "ann", "qty": 1});
    socket.send(&json!([
        request("first", "order.reserve", reserve("r-1")),
        {"jsonrpc": "2.0", "method": "order.reserve", "params": reserve("r-2")},
        request(Json::Null, "sku.get", json!({"sku": "lamp"})),
        request(1.5, "no.such", json!({})),
        7,
    ]));
    let answers = socket.receive();
    let ids: Vec<&Json> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("first"), &Json::Null, &json!(1.5), &Json::Null]);
    assert_eq!(answers[0]["result"]["status"], "RESERVED");
    // In order: the look saw the two reservations before it.
    assert_eq!(answers[1]["result"]["available"], 3);
    assert_eq!((error(&answers[2]).0, error(&answers[3]).0), (-32601, -32600));
    // Notifications alone are not answered: the next answer is another's.
    socket.send(&json!([{"jsonrpc": "2.0", "method": "order.reserve", "params": reserve("r-3")}]));
    socket.send(&json!({"jsonrpc": "2.0", "method": "no.such"}));
    assert_eq!(socket.call("sku.get", json!({"sku": "lamp"})).unwrap()["available"], 2);
    // A batch of one is still a batch.
    socket.send(&json!([request(9, "sku.get", json!({"sku": "none"}))]));
    assert_eq!(socket.receive(), json!([{"jsonrpc": "2.0", "id": 9, "result": null}]));
}

#[test]
fn what_came_together_is_answered_in_order() {
    let server = with_lamp(1000);
    let mut socket = Socket::connect(server.http());
    for at in 0..600 {
        let params = json!({"sku": "lamp", "req": format!("r-{at}"), "buyer": "ann", "qty": 1});
        socket.send(&request(at, "order.reserve", params));
    }
    for at in 0..600 {
        let answer = socket.receive();
        assert_eq!((&answer["id"], &answer["result"]["status"]), (&json!(at), &json!("RESERVED")));
    }
    assert_eq!(server.client().books("lamp"), "total=1000 available=400 reserved=600 sold=0");
}

#[test]
fn what_is_wrong_is_said_in_the_codes_of_json_rpc() {
    let server = with_lamp(1);
    let mut socket = Socket::connect(server.http());
    let mut says = |text: &str, code: i64, message: &str| {
        socket.send_text(text);
        let answer = socket.receive();
        let (got, said, data) = error(&answer);
        assert!(got == code && said.contains(message) && data == "ERR", "{text}: {answer}");
    };
    says("{", -32700, "this is not JSON");
    says(&"[".repeat(5000), -32700, "recursion limit");
    says("[]", -32600, "at least one request");
    says("\"hello\"", -32600, "a request is an object");
    says(r#"{"id": 1, "method": "sku.get"}"#, -32600, "jsonrpc: has to be");
    says(r#"{"jsonrpc": "2.0", "id": 1}"#, -32600, "method: has to be");
    says(r#"{"jsonrpc": "2.0", "id": [1], "method": "sku.get"}"#, -32600, "id: has to be");
    // It could not be given back as it came.
    says(r#"{"jsonrpc": "2.0", "id": 18446744073709551616, "method": "sku.get"}"#, -32600, "id: has to be");
    says(&json!((0..257).collect::<Vec<_>>()).to_string(), -32600, "ws.max_requests");
    for method in ["SKU.GET", "ping", "sku.gets", "client", "xlen"] {
        says(&request(1, method, json!({})).to_string(), -32601, "there is no method");
    }
    says(&request(1, "sku.get", json!(["lamp"])).to_string(), -32602, "by its name");
    says(&request(1, "sku.get", json!({})).to_string(), -32602, "sku: is missing");
    says(
        &request(1, "sku.get", json!({"sku": "lamp", "x": 1})).to_string(),
        -32602,
        "x: sku.get has no such",
    );
    let reserve = |more: &str, value: Json| {
        let mut params = json!({"sku": "lamp", "req": "r", "buyer": "ann", "qty": 1});
        params[more] = value;
        request(1, "order.reserve", params).to_string()
    };
    says(&reserve("qty", json!(0)), -32602, "qty must be a whole number from 1");
    says(&reserve("qty", json!(1.5)), -32602, "qty must be a whole number");
    says(&reserve("qty", json!("1")), -32602, "qty: must be a whole number");
    says(&reserve("max_price", json!(-1)), -32602, "max_price must be");
    says(&reserve("buyer", json!("a b")), -32602, "buyer must be");
    let put = json!({"sku": "mug", "json": {"title": "Mug", "stock": 1, "currency": "GBP", "price": {}}});
    says(&request(1, "sku.put", put).to_string(), -32602, "json: price");
    let large = json!({"skus": vec!["a-name-of-some-length"; 3000]});
    says(&request(1, "sku.mget", large).to_string(), -32602, "a command takes at most");
    // All that has harmed nothing.
    assert_eq!(server.client().books("lamp"), "total=1 available=1 reserved=0 sold=0");
}

#[test]
fn errors_of_the_application_have_numbers_of_their_own_and_the_codes_of_resp() {
    let server = with_lamp(5);
    let mut socket = Socket::connect(server.http());
    let reserve = |qty: u64| json!({"sku": "lamp", "req": "r-1", "buyer": "ann", "qty": qty});
    socket.call("order.reserve", reserve(1)).unwrap();
    let reused = socket.call("order.reserve", reserve(2)).unwrap_err();
    assert_eq!((&reused["code"], &reused["data"]["code"]), (&json!(-32009), &json!("IDEMPREUSE")));
    let reprice = json!({"sku": "lamp", "req": "r-2", "price": 5});
    let fixed = socket.call("sku.reprice", reprice).unwrap_err();
    assert_eq!((&fixed["code"], &fixed["data"]["code"]), (&json!(-32000), &json!("ERR")));
    let nobody = socket.call("auth", json!({"token": "t"})).unwrap_err();
    assert_eq!((&nobody["code"], &nobody["data"]["code"]), (&json!(-32001), &json!("WRONGPASS")));
    assert_eq!(socket.call("auth", json!({})).unwrap_err()["code"], -32602);
}

/// A frame as clients send it, of this first byte and this announced length.
fn frame(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    // Masked with zeros, which changes nothing.
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

const TEXT: u8 = 0x01;
const LAST: u8 = 0x80;

#[test]
fn what_is_no_message_is_refused_with_a_reason_and_a_code() {
    let server = Server::start();
    let cases: [(&[Vec<u8>], u16, &str); 9] = [
        (&[frame(LAST | 0x02, 2, b"{}")], 1003, "messages are text"),
        (&[frame(LAST | TEXT, 2, &[0xc3, 0x28])], 1007, "UTF-8"),
        // Refused when it is announced: what it announces would never fit.
        (&[frame(LAST | TEXT, 1 << 62, b"")], 1009, "at most 131072 bytes"),
        (&[frame(LAST | TEXT, 131_073, b"{")], 1009, "at most 131072 bytes"),
        (&[frame(TEXT, 100_000, &[b' '; 100_000]), frame(0, 100_000, b"")], 1009, "at most 131072 bytes"),
        (&[vec![LAST | TEXT, 2, b'{', b'}']], 1002, "unmasked"),
        (&[frame(LAST, 2, b"{}")], 1002, "Continuation has not started"),
        (&[frame(TEXT, 1, b"{"), frame(LAST | TEXT, 1, b"}")], 1002, "already started"),
        (&[frame(LAST | 0x70 | TEXT, 2, b"{}")], 1002, "reserved bits"),
    ];
    for (frames, code, reason) in cases {
        let mut socket = Socket::connect(server.http());
        socket.stream().write_all(&frames.concat()).unwrap();
        let (messages, close) = socket.rest();
        let (got, said) = close.unwrap_or_else(|| panic!("{reason}: no close"));
        assert_eq!(got, code, "{said}");
        assert!(said.contains(reason), "{said}");
        assert!(error(&messages[0]).1.contains(reason), "{messages:?}");
    }
}

#[test]
fn a_message_may_come_in_pieces_with_a_ping_between_them() {
    let server = with_lamp(1);
    let mut socket = Socket::connect(server.http());
    let text = request(1, "sku.get", json!({"sku": "lamp"})).to_string();
    let (head, tail) = text.as_bytes().split_at(10);
    let pieces = [
        frame(TEXT, 10, head),
        frame(LAST | 0x09, 2, b"hi"),
        frame(0, 0, b""),
        frame(LAST, tail.len() as u64, tail),
    ];
    for byte in pieces.concat() {
        socket.stream().write_all(&[byte]).unwrap();
    }
    assert_eq!(socket.receive()["result"]["sku"], "lamp");
}

#[test]
fn a_client_that_says_goodbye_is_answered_what_it_asked_before() {
    let server = with_lamp(1);
    let mut socket = Socket::connect(server.http());
    socket.send(&request(1, "sku.get", json!({"sku": "lamp"})));
    socket.send_message(Message::Close(None));
    let (messages, close) = socket.rest();
    assert_eq!(messages[0]["result"]["sku"], "lamp");
    assert_eq!(close.unwrap().0, 1000);
}

#[test]
fn a_connection_that_was_closed_from_either_side_is_gone_soon() {
    let server = Server::start();
    for (whose, last) in
        [("by the client", Message::Close(None)), ("by the server", Message::binary(vec![1]))]
    {
        let mut socket = Socket::connect(server.http());
        socket.send_message(last);
        assert!(socket.rest().1.is_some(), "{whose}");
        // From here on it says nothing any more, not even goodbye.
        let began = Instant::now();
        let _ = socket.stream().read_to_end(&mut Vec::new());
        assert!(began.elapsed() < Duration::from_secs(3), "closed {whose}: gone after {:?}", began.elapsed());
    }
}

#[test]
fn a_client_that_gives_no_sign_of_life_is_closed_and_one_that_does_stays() {
    let server = Server::start_with(|config| {
        config.ws.ping_ms = Duration::from_millis(100);
        config.ws.pong_timeout_ms = Duration::from_millis(100);
    });
    let mut lively = Socket::connect(server.http());
    let mut silent = Socket::connect(server.http());
    // The library answers pings whenever it reads; the silent one's socket is read past it.
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        silent.stream().read_to_end(&mut bytes).unwrap();
        bytes
    });
    while !reading.is_finished() {
        assert_eq!(lively.call("sku.get", json!({"sku": "lamp"})).unwrap(), Json::Null);
    }
    let bytes = reading.join().unwrap();
    assert!(bytes.windows(2).any(|bytes| bytes == 1008u16.to_be_bytes()), "{bytes:?}");
    assert!(lively.call("sku.get", json!({"sku": "lamp"})).is_ok());
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_nobody_else_notices() {
    let server = Server::start_with(|config| {
        config.ws.write_timeout_ms = Duration::from_millis(300);
        config.limits.max_connections = 4;
    });
    put_lamp(&server, 1);
    let skus = vec!["lamp"; 500];
    let mut deaf = Socket::connect(server.http());
    deaf.stream().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let text = request(1, "sku.mget", json!({"skus": skus})).to_string();
    let message = frame(LAST | TEXT, text.len() as u64, text.as_bytes());
    let mut other = Socket::connect(server.http());
    // It asks until nobody takes its questions any more.
    until(
        "the end of the deaf client",
        || {
            assert_eq!(other.call("sku.get", json!({"sku": "lamp"})).unwrap()["sku"], "lamp");
            let _ = deaf.stream().write(&message);
            let line = server.client().ask("INFO clients");
            line.contains("connected_clients:2")
        },
        |gone| *gone,
    );
    // The connection itself ends too, although nobody ever took what it had to bring.
    deaf.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    let _ = deaf.stream().read_to_end(&mut rest);
    assert_eq!(other.call("sku.get", json!({"sku": "lamp"})).unwrap()["sku"], "lamp");
}

/// A SKU whose map takes about 40 KiB.
fn put_in_many_stores(server: &Server) {
    let store = |at: u32| json!({"id": format!("store-{at:04}"), "lat": 31.2, "lon": 121.4, "stock": 1});
    let stores: Vec<Json> = (0..900).map(store).collect();
    let document = json!({"title": "Lamp", "currency": "EUR", "price": {"fixed": 500}, "stores": stores});
    server.client().says(&format!("SKU.PUT lamp {document}"), "[CREATED]");
}

#[test]
fn no_message_makes_the_server_hold_more_than_an_answer_may_have() {
    let server = Server::start_with(|config| config.limits.output_buffer_bytes = 64 << 10);
    put_in_many_stores(&server);
    let mut socket = Socket::connect(server.http());
    // One reply: the same SKU many times over.
    let many = vec!["lamp"; 100];
    let refused = socket.call("sku.mget", json!({"skus": many})).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("limits.output_buffer_bytes"), "{refused}");
    let line = format!("SKU.MGET {}", many.join(" "));
    let told = server.client().ask(&line);
    assert!(told.starts_with("-ERR the reply would be longer than limits.output_buffer_bytes"), "{told}");
    // One batch: what comes behind as much as one message may have is not done.
    let mut batch: Vec<Json> = (0..20).map(|id| request(id, "sku.get", json!({"sku": "lamp"}))).collect();
    let sold = json!({"sku": "lamp", "req": "r-1", "buyer": "ann", "qty": 1, "lat": 31.2, "lon": 121.4});
    batch.push(request(20, "order.reserve", sold));
    batch.push(request(21, "unsubscribe", json!({})));
    socket.send(&Json::Array(batch));
    let answers = socket.receive();
    let answers = answers.as_array().unwrap();
    assert_eq!(
        answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect::<Vec<_>>(),
        Vec::from_iter(0..22)
    );
    let shown = answers.iter().take_while(|answer| answer["result"]["sku"] == "lamp").count();
    assert!((1..6).contains(&shown), "{shown}");
    for answer in &answers[shown..] {
        let (code, message, _) = error(answer);
        assert_eq!(code, -32_600, "{message}");
        assert!(message.contains("was not carried out"), "{message}");
    }
    assert_eq!(server.client().books("lamp"), "total=900 available=900 reserved=0 sold=0");
    // It is the same behind a message that came together with it.
    let look = |id: Json| request(id, "sku.get", json!({"sku": "lamp"}));
    socket.send_together(&[look(json!("first")), (0..20).map(|id| look(json!(id))).collect()]);
    assert_eq!(socket.receive()["id"], "first");
    let shown_behind =
        socket.receive().as_array().unwrap().iter().filter(|answer| answer.get("result").is_some()).count();
    assert!((1..=shown).contains(&shown_behind), "{shown} alone, and {shown_behind}");
    // Messages that came together are each answered, however much that is.
    let text: Vec<Json> = (0..20).map(|id| request(id, "sku.get", json!({"sku": "lamp"}))).collect();
    text.iter().for_each(|message| socket.send(message));
    for id in 0..20 {
        let answer = socket.receive();
        assert_eq!((&answer["id"], &answer["result"]["sku"]), (&json!(id), &json!("lamp")));
    }
    // And so are those behind a command whose effect they must see.
    let batch = json!([
        request(1, "sku.pause", json!({"sku": "lamp"})),
        request(2, "sku.get", json!({"sku": "lamp"}))
    ]);
    socket.send(&batch);
    assert_eq!(socket.receive()[1]["result"]["state"], "PAUSED");
}

#[test]
fn pages_of_other_sites_may_not_connect() {
    let server = Server::start();
    let address = server.http();
    let own = format!("http://{address}");
    assert!(Socket::try_connect(address, &[("origin", &own)]).is_ok());
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(Socket::try_connect(address, &[("origin", origin)]).err(), Some(403), "{origin}");
    }
    // Whoever owns a name can make it point here.
    let rebound = [("origin", "http://evil.example:7879"), ("host", "evil.example:7879")];
    assert_eq!(Socket::try_connect(address, &rebound).err(), Some(403));
    let mut client = server.client();
    client.says("PING", "PONG");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Server::start_with(|config| config.ws.max_connections = 2);
    let first = Socket::connect(server.http());
    let mut second = Socket::connect(server.http());
    assert_eq!(Socket::try_connect(server.http(), &[]).err(), Some(503));
    assert_eq!(second.call("sku.get", json!({"sku": "lamp"})).unwrap(), Json::Null);
    drop(first);
    until("a free place", || Socket::try_connect(server.http(), &[]).is_ok(), |ok| *ok);
}

#[test]
fn a_server_that_stops_says_goodbye() {
    let server = with_lamp(1);
    let mut socket = Socket::connect(server.http());
    assert!(socket.call("sku.get", json!({"sku": "lamp"})).is_ok());
    server.stop().unwrap();
    assert_eq!(socket.rest().1, Some((1001, "the server is stopping".to_owned())));
}
