//! What go-redis says first, byte for byte. Version 9 needs a module proxy to be installed, so `clients/` can't run it
//! everywhere; these bytes are those of a recorded connection of go-redis 9.22.0 with its defaults and a name.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use common::{PATIENCE, Server, document};

/// It waits for each of these replies before it goes on.
#[test]
fn go_redis_is_answered_as_it_expects() {
    let server = Server::start();
    let mut first = server.client();
    first.says(&format!("SKU.PUT iphone {}", document(10, 500, "")), "[CREATED]");
    let mut socket = TcpStream::connect(server.tcp()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hello = format!(
        "%7\r\n$6\r\nserver\r\n$8\r\ntidegate\r\n$7\r\nversion\r\n${}\r\n{}\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:2\r\n\
         $4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
        env!("CARGO_PKG_VERSION").len(),
        env!("CARGO_PKG_VERSION"),
    );
    let exchanges = [
        // Any error here makes it speak RESP2 without a word.
        ("*4\r\n$5\r\nhello\r\n$1\r\n3\r\n$7\r\nsetname\r\n$6\r\ntill-1\r\n", hello.as_str()),
        // An error here ends the connection.
        ("*3\r\n$6\r\nclient\r\n$7\r\nsetname\r\n$6\r\ntill-1\r\n", "+OK\r\n"),
        // OK would make it wait for push messages that never come; an error makes it go on without them.
        (
            "*5\r\n$6\r\nclient\r\n$19\r\nmaint_notifications\r\n$2\r\non\r\n$20\r\nmoving-endpoint-type\r\n\
             $11\r\ninternal-ip\r\n",
            "-ERR CLIENT 'maint_notifications' is not supported; CLIENT knows SETNAME, GETNAME, SETINFO, ID, INFO, \
             LIST\r\n",
        ),
        (
            "*4\r\n$6\r\nclient\r\n$7\r\nsetinfo\r\n$8\r\nLIB-NAME\r\n$20\r\ngo-redis(,go1.24.11)\r\n\
             *4\r\n$6\r\nclient\r\n$7\r\nsetinfo\r\n$7\r\nLIB-VER\r\n$6\r\n9.22.0\r\n",
            "+OK\r\n+OK\r\n",
        ),
        ("*1\r\n$4\r\nping\r\n", "+PONG\r\n"),
        (
            "*5\r\n$13\r\nORDER.RESERVE\r\n$6\r\niphone\r\n$2\r\nr1\r\n$2\r\nu1\r\n$2\r\n99\r\n",
            "*1\r\n$8\r\nSOLD_OUT\r\n",
        ),
        ("*2\r\n$7\r\nSKU.GET\r\n$4\r\nnone\r\n", "_\r\n"),
    ];
    for (sent, expected) in exchanges {
        socket.write_all(sent.as_bytes()).unwrap();
        let mut reply = vec![0; expected.len()];
        socket.read_exact(&mut reply).unwrap();
        assert_eq!(String::from_utf8_lossy(&reply), expected, "{sent}");
    }
    let list = first.ask("CLIENT LIST");
    assert!(
        list.contains("name=till-1 ")
            && list.contains(" resp=3 lib-name=go-redis(,go1.24.11) lib-ver=9.22.0 ")
    );
}
