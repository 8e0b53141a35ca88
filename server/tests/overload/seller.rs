//! The client that does everything right: it reserves and pays, one order after the other, and looks at every answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::common::{Client, PATIENCE, document, show};

/// What it sells; crowds may sell of it too.
pub(crate) const SKU: &str = "lamp";
const PRICE: i64 = 1_250;
/// Enough for any crowd.
const STOCK: u64 = 900_000_000;
/// Between two sales: it is no load itself.
const PACE: Duration = Duration::from_millis(1);
/// How often it is looked how it is doing; it is not to be held up by that.
const LOOK: Duration = Duration::from_millis(10);

/// A step that was answered as it should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    /// When it was asked for.
    pub(crate) since: Instant,
    /// How long that took, being told to try again included.
    pub(crate) took: Duration,
}

/// A seller on a thread of its own.
pub(crate) struct Seller {
    over: Arc<AtomicBool>,
    served: Arc<Mutex<Vec<Served>>>,
    thread: Option<JoinHandle<Sales>>,
}

/// What it has sold.
pub(crate) struct Sales {
    /// Orders and their buyers.
    orders: Vec<(String, String)>,
    /// How often it was told to try again.
    pub(crate) put_off: u64,
}

impl Seller {
    /// Puts something on sale and begins to sell it.
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let mut client = Client::connect(address);
        let put = format!("SKU.PUT {SKU} {}", document(STOCK, PRICE.unsigned_abs(), r#","hold_s":3600"#));
        client.says(&put, "[CREATED]");
        let (over, served) = <(Arc<AtomicBool>, Arc<Mutex<Vec<Served>>>)>::default();
        let mut at_work =
            AtWork { client, served: Arc::clone(&served), sales: Sales { orders: Vec::new(), put_off: 0 } };
        let is_over = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                at_work.sell();
                std::thread::sleep(PACE);
            }
            at_work.sales
        });
        Self { over, served, thread: Some(thread) }
    }

    /// Waits until something can be said about all its steps. Fails the test if an answer was wrong, or it never can.
    pub(crate) fn wait<T>(&mut self, says: impl Fn(&[Served]) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(said) = says(&self.served.lock().unwrap()) {
                return said;
            }
            if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                self.end();
            }
            assert!(began.elapsed() < PATIENCE, "the seller is not served as before");
            std::thread::sleep(LOOK);
        }
    }

    /// Sells no more.
    pub(crate) fn end(&mut self) -> Sales {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Seller {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The test has failed already if it is still at work.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// The seller's own side.
struct AtWork {
    client: Client,
    served: Arc<Mutex<Vec<Served>>>,
    sales: Sales,
}

impl AtWork {
    fn sell(&mut self) {
        let n = self.sales.orders.len();
        let (buyer, due) = (format!("good-{n}"), PRICE);
        let held = self.step(&format!("ORDER.RESERVE {SKU} r-{n} {buyer} 1"));
        let order = held.strip_prefix("[RESERVED ").and_then(|held| held.split(' ').next());
        let order = order.unwrap_or_else(|| panic!("{held}")).to_owned();
        assert!(
            held.starts_with(&format!("[RESERVED {{{SKU}}}:o:")) && held.contains(&format!(" {due} ")),
            "{held}"
        );
        let paid = self.step(&format!("ORDER.PAY {order} p-{n} {due} good-pay-{n}"));
        assert_eq!(paid, format!("[PAID {order}]"));
        self.sales.orders.push((order, buyer));
    }

    /// Asks, and does as it is told when it is told to try again.
    fn step(&mut self, line: &str) -> String {
        let since = Instant::now();
        loop {
            let reply = self.client.ask(line);
            let Some(wait) = reply.strip_prefix("-OVERLOADED retry_ms=") else {
                self.served.lock().unwrap().push(Served { since, took: since.elapsed() });
                return reply;
            };
            self.sales.put_off += 1;
            assert!(since.elapsed() < PATIENCE, "never gets its turn: {reply}");
            let wait: String = wait.chars().take_while(char::is_ascii_digit).collect();
            std::thread::sleep(Duration::from_millis(wait.parse().unwrap()));
        }
    }
}

impl Sales {
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Every order is there, paid, and the buyer's who was told so.
    pub(crate) fn are_all_there(&self, client: &mut Client) {
        for orders in self.orders.chunks(500) {
            let lines: Vec<String> = orders.iter().map(|(order, _)| format!("ORDER.GET {order}")).collect();
            client
                .write(&lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().into_bytes())
                .unwrap();
            for (order, buyer) in orders {
                let shown = client.reply();
                let field = |name: &str| shown.get(name).map(show).unwrap_or_default();
                let found = [field("order"), field("state"), field("buyer"), field("amount")];
                assert_eq!(found, [order.clone(), "PAID".to_owned(), buyer.clone(), PRICE.to_string()]);
            }
        }
        client.books(SKU);
    }
}
