//! TLS on both ports.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::CertifiedKey;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tidegate_server::config::Config;

use super::people::with_users;
use crate::common::{PATIENCE, Process, Server, until};

/// A certificate of this machine's in two files.
struct Pair {
    certificate: CertificateDer<'static>,
    files: (PathBuf, PathBuf),
}

impl Pair {
    fn make(directory: &Path) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        let files = (directory.join("certificate.pem"), directory.join("key.pem"));
        std::fs::write(&files.0, cert.pem()).unwrap();
        std::fs::write(&files.1, signing_key.serialize_pem()).unwrap();
        Self { certificate: cert.der().clone(), files }
    }

    fn put(&self, config: &mut Config) {
        config.tls.certificate_file = Some(self.files.0.clone());
        config.tls.key_file = Some(self.files.1.clone());
    }

    /// A connection of somebody who trusts this certificate alone.
    fn connect(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        self.connect_offering(address, &[])
    }

    /// Of somebody who speaks these protocols.
    fn connect_offering(
        &self,
        address: SocketAddr,
        protocols: &[&str],
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket)
    }

    /// What a PING over TLS brings, or why it does not.
    fn ping(&self, address: SocketAddr) -> String {
        let mut stream = self.connect(address);
        let mut reply = [0; 7];
        let asked = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut reply));
        asked.map_or_else(|error| error.to_string(), |()| String::from_utf8_lossy(&reply).into_owned())
    }
}

/// What is answered until the server closes.
fn ask(stream: &mut StreamOwned<ClientConnection, TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Whether it says goodbye by TLS too is not ours to say.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn redis_cli_sells_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| {
        with_users(config);
        pair.put(config);
    });
    let port = server.tcp().port().to_string();
    let cli = |versions: &[&str], words: &[&str]| {
        let ended = Command::new("redis-cli")
            .args(["--tls", "--cacert", pair.files.0.to_str().unwrap(), "-h", "127.0.0.1", "-p", &port])
            .args(["--user", "default", "--pass", "default-secret", "--no-auth-warning"])
            .args(versions)
            .args(words)
            .output();
        ended.map(|ended| String::from_utf8(ended.stdout).unwrap().trim().to_owned())
    };
    let Ok(answer) = cli(&[], &["PING"]) else {
        eprintln!("skipped: redis-cli is not there");
        return;
    };
    assert_eq!(answer, "PONG");
    let document = crate::common::document(5, 100, "");
    assert_eq!(cli(&["-3"], &["SKU.PUT", "lamp", &document]).unwrap(), "CREATED");
    assert!(
        cli(&[], &["ORDER.RESERVE", "lamp", "r1", "ann", "2"]).unwrap().starts_with("RESERVED\n{lamp}:o:1")
    );
}

#[test]
fn a_large_pipeline_comes_through_whole() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| pair.put(config));
    let mut stream = pair.connect(server.tcp());
    let (count, text) = (2_000, "x".repeat(1_000));
    let command = format!("*2\r\n$4\r\nECHO\r\n$1000\r\n{text}\r\n");
    for _ in 0..20 {
        stream.write_all(command.repeat(count / 20).as_bytes()).unwrap();
        let mut replies = vec![0; (count / 20) * (1_000 + 9)];
        stream.read_exact(&mut replies).unwrap();
        assert!(replies.starts_with(b"$1000\r\nxxx") && replies.ends_with(b"xxx\r\n"));
    }
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut rest = Vec::new();
    // To its end, with the word that nothing was cut off.
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"+OK\r\n");
}

#[test]
fn pages_are_served_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| pair.put(config));
    let mut stream = pair.connect(server.http());
    let answer = ask(&mut stream, "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn browsers_offer_http_2_and_get_1_1() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| pair.put(config));
    let mut browser = pair.connect_offering(server.http(), &["h2", "http/1.1"]);
    let answer = ask(&mut browser, "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(browser.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    // Who speaks nothing else hears so in the handshake, and who does not ask is not listened to.
    let mut other = pair.connect_offering(server.http(), &["h2"]);
    let refused = other.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    let mut blunt = pair.connect(server.http());
    let answer = ask(&mut blunt, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[test]
fn the_servers_own_page_may_write_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| pair.put(config));
    let port = server.http().port();
    let document = crate::common::document(5, 100, "");
    let put = |origin: &str| {
        // As a browser connects.
        let mut browser = pair.connect_offering(server.http(), &["h2", "http/1.1"]);
        let head = format!(
            "PUT /api/v1/skus/lamp HTTP/1.1\r\nhost: localhost:{port}\r\norigin: {origin}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            document.len()
        );
        let answer = ask(&mut browser, &format!("{head}{document}"));
        answer.lines().next().unwrap().to_owned()
    };
    assert_eq!(put("https://evil.example"), "HTTP/1.1 403 Forbidden");
    assert_eq!(put(&format!("https://localhost:{port}")), "HTTP/1.1 201 Created");
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for_at_either_port() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| {
        pair.put(config);
        config.tls.handshake_timeout_ms = Duration::from_millis(1_000);
        config.http.request_timeout_ms = Duration::from_millis(1_000);
    });
    for address in [server.tcp(), server.http()] {
        for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.write_all(begun).unwrap();
            let mut said = Vec::new();
            // Closed, in whatever way, and before patience is over.
            if let Err(error) = socket.read_to_end(&mut said) {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{address}");
            }
        }
    }
    // A head that never ends, inside a good handshake.
    let mut slow = pair.connect(server.http());
    slow.write_all(b"GET /livez HTTP/1.1\r\nx-half: ").unwrap();
    let mut said = Vec::new();
    let _ = slow.read_to_end(&mut said);
    assert!(String::from_utf8_lossy(&said).starts_with("HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
    // Plain text is no handshake.
    let mut plain = TcpStream::connect(server.tcp()).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"PING\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"+PONG"));
    assert_eq!(pair.ping(server.tcp()), "+PONG\r\n");
}

#[test]
fn handshakes_that_stall_keep_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::make(directory.path());
    let server = Server::start_with(|config| {
        pair.put(config);
        // Nobody is helped by a handshake that times out.
        config.tls.handshake_timeout_ms = PATIENCE;
    });
    let stalled = |begun: &[u8]| {
        let mut socket = TcpStream::connect(server.http()).unwrap();
        socket.write_all(begun).unwrap();
        socket
    };
    let _stalled: Vec<_> = (0..300).map(|_| stalled(b"\x16\x03\x01\x02\x00\x01")).collect();
    let began = Instant::now();
    let mut probe = pair.connect(server.http());
    let answer = ask(&mut probe, "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(3), "answered after {:?}", began.elapsed());
}

#[test]
fn a_certificate_is_renewed_by_sighup_and_a_bad_one_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let first = Pair::make(directory.path());
    let config = directory.path().join("tidegate.toml");
    let (certificate, key) = (first.files.0.display(), first.files.1.display());
    let text = format!("[tls]\ncertificate_file = '{certificate}'\nkey_file = '{key}'");
    std::fs::write(&config, text).unwrap();
    let data = directory.path().join("data");
    let mut process = Process::start_listening(&data, &["--config", config.to_str().unwrap()]);
    process.wait_for("ready");
    assert_eq!(first.ping(process.tcp()), "+PONG\r\n");

    // The new certificate with the old key: a renewal that was interrupted.
    let old_key = std::fs::read(&first.files.1).unwrap();
    let second = Pair::make(directory.path());
    let new_key = std::fs::read(&second.files.1).unwrap();
    std::fs::write(&second.files.1, old_key).unwrap();
    hang_up(&process);
    let line = process
        .wait_for_that("the refusal", |message| message.starts_with("SIGHUP: the old certificate stays"));
    assert!(line.contains("is not the certificate's"), "{line}");
    assert_eq!(first.ping(process.tcp()), "+PONG\r\n");

    std::fs::write(&second.files.1, new_key).unwrap();
    hang_up(&process);
    process.wait_for("SIGHUP: the certificate was read again");
    until("the new certificate", || second.ping(process.tcp()), |said| said == "+PONG\r\n");
    assert!(first.ping(process.tcp()).contains("certificate"), "the old one is not shown any more");
}

fn hang_up(process: &Process) {
    let told = Command::new("kill").args(["-HUP", &process.id().to_string()]).status().unwrap();
    assert!(told.success());
}
