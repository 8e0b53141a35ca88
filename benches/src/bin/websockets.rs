//! Many WebSocket clients of a server that is running: some only look on, some buy, some never read. What those that never
//! read cost the others is the ratio of two measurements that take turns.
//!
//! ```
//! tidegate serve &
//! cargo run --release -p tidegate-benches --bin websockets -- --idle 5000 --busy 1000 --deaf 100
//! ```

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// SKUs that are on sale.
const SKUS: usize = 100;
/// One request in so many reserves a unit; the others look at a SKU.
const RESERVE_EVERY: u64 = 5;
/// Channels that one who never reads subscribes to.
const CHANNELS: usize = 20;
/// What the system of one who never reads takes for it.
const NARROW_BYTES: usize = 4 << 10;
/// Before a measurement begins.
const SETTLE: Duration = Duration::from_secs(3);

#[derive(Parser)]
struct Arguments {
    /// The HTTP port.
    #[arg(long, default_value = "127.0.0.1:7879")]
    target: SocketAddr,
    /// Clients that subscribe to a price and wait.
    #[arg(long, default_value_t = 5000)]
    idle: usize,
    /// Clients that ask.
    #[arg(long, default_value_t = 1000)]
    busy: usize,
    /// Clients that subscribe to much and never read.
    #[arg(long, default_value_t = 100)]
    deaf: usize,
    /// Requests a second of all busy clients together.
    #[arg(long, default_value_t = 5000)]
    rate: u64,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Pairs of measurements.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

type Socket = WebSocketStream<TcpStream>;

/// What busy clients share.
#[derive(Clone)]
struct Times(Rc<RefCell<Histogram<u64>>>);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run(&arguments))
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut admin = connect(arguments.target).await?;
    for sku in 0..SKUS {
        let document =
            json!({"title": "T", "stock": 100_000_000, "currency": "EUR", "price": {"fixed": 1000}});
        call(&mut admin, "sku.put", &json!({"sku": name(sku), "json": document})).await?;
    }
    let began = Instant::now();
    let mut idle = Vec::new();
    for client in 0..arguments.idle {
        let mut socket = connect(arguments.target).await.with_context(|| format!("idle client {client}"))?;
        let channels = json!({"channels": [format!("price:{{{}}}", name(client % SKUS))]});
        call(&mut socket, "subscribe", &channels).await?;
        // Whoever waits answers pings.
        idle.push(tokio::task::spawn_local(look_on(socket)));
    }
    println!("{} idle clients connected in {:.1} s", idle.len(), began.elapsed().as_secs_f64());
    let times = Times(Rc::new(RefCell::new(Histogram::new(3)?)));
    let mut busy = Vec::new();
    for client in 0..arguments.busy {
        let socket = connect(arguments.target).await.with_context(|| format!("busy client {client}"))?;
        busy.push(tokio::task::spawn_local(ask(
            socket,
            client,
            arguments.busy,
            arguments.rate,
            times.clone(),
        )));
    }
    let mut ratios = Vec::new();
    for round in 1..=arguments.rounds {
        let alone = measure(arguments, &times, "alone").await?;
        let deaf: Vec<JoinHandle<()>> = (0..arguments.deaf)
            .map(|client| tokio::task::spawn_local(never_read(arguments.target, client)))
            .collect();
        let beside = measure(arguments, &times, "beside those who never read").await?;
        deaf.iter().for_each(JoinHandle::abort);
        ratios.push(beside / alone);
        println!("round {round}: p99 {:.2} times", beside / alone);
    }
    for client in idle.iter().chain(&busy) {
        ensure!(!client.is_finished(), "a client was cut off");
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        println!(
            "median: p99 {median:.2} times; {} idle and {} busy clients still connected",
            idle.len(),
            busy.len()
        );
    }
    Ok(())
}

fn name(sku: usize) -> String {
    format!("lamp-{sku}")
}

async fn connect(target: SocketAddr) -> anyhow::Result<Socket> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(client_async(format!("ws://{target}/ws"), stream).await?.0)
}

/// The result of one call.
async fn call(socket: &mut Socket, method: &str, params: &Value) -> anyhow::Result<Value> {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    socket.send(Message::text(request.to_string())).await?;
    loop {
        match socket.next().await.context("the server closed")?? {
            Message::Text(text) => {
                let mut answer: Value = serde_json::from_str(&text)?;
                ensure!(answer.get("error").is_none(), "{method}: {answer}");
                if answer.get("id").is_some() {
                    return Ok(answer["result"].take());
                }
            }
            Message::Close(frame) => bail!("closed: {frame:?}"),
            _ => {}
        }
    }
}

/// Takes what comes.
async fn look_on(mut socket: Socket) -> anyhow::Result<()> {
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(())
}

/// Asks at its share of the rate, each time when its time has come; a late answer counts from when it was due.
async fn ask(
    mut socket: Socket,
    client: usize,
    clients: usize,
    rate: u64,
    times: Times,
) -> anyhow::Result<()> {
    let period = Duration::from_secs_f64(clients as f64 / rate as f64);
    let first = Instant::now() + period.mul_f64(client as f64 / clients as f64);
    let mut clock = interval_at(first, period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for request in 0u64.. {
        let due = clock.tick().await;
        let sku = name((client + request as usize) % SKUS);
        let (method, params) = if request % RESERVE_EVERY == 0 {
            let req = format!("r-{client}-{request}-{}", std::process::id());
            ("order.reserve", json!({"sku": sku, "req": req, "buyer": format!("b-{client}"), "qty": 1}))
        } else {
            ("sku.get", json!({ "sku": sku }))
        };
        call(&mut socket, method, &params).await?;
        times.0.borrow_mut().record(due.elapsed().as_micros() as u64)?;
    }
    Ok(())
}

/// Subscribes to much, gives signs of life, and never reads. Comes again when it is cut off.
async fn never_read(target: SocketAddr, client: usize) {
    loop {
        // It ends when it is cut off.
        let _ = be_deaf(target, client).await;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn be_deaf(target: SocketAddr, client: usize) -> anyhow::Result<()> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(target), socket2::Type::STREAM, None)?;
    socket.set_recv_buffer_size(NARROW_BYTES)?;
    socket.connect(&target.into())?;
    socket.set_nonblocking(true)?;
    let stream = TcpStream::from_std(socket.into())?;
    let (mut socket, _) = client_async(format!("ws://{target}/ws"), stream).await?;
    let stocks = (0..CHANNELS).map(|at| format!("stock:{{{}}}", name((client + at) % SKUS)));
    let channels: Vec<String> = stocks.chain([format!("buyer:b-{client}")]).collect();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"channels": channels}});
    socket.send(Message::text(request.to_string())).await?;
    loop {
        sleep(Duration::from_secs(1)).await;
        socket.send(Message::Ping(Vec::new().into())).await?;
    }
}

/// The p99 of what busy clients see for a while, in microseconds.
async fn measure(arguments: &Arguments, times: &Times, what: &str) -> anyhow::Result<f64> {
    sleep(SETTLE).await;
    times.0.borrow_mut().reset();
    sleep(Duration::from_secs(arguments.seconds)).await;
    let times = times.0.borrow();
    ensure!(!times.is_empty(), "nothing was answered");
    let at = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "{what}: {:.0} requests/s, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
        times.len() as f64 / arguments.seconds as f64,
        at(0.5),
        at(0.99),
        at(0.999)
    );
    Ok(at(0.99))
}
