//! A sale of rooms, coupons and carts that shoppers rush at until their server ends, beside an operator, and everything they
//! were told.

mod audit;
mod operator;
mod shopper;
mod stand;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) use self::operator::Operator;
use self::shopper::Shopper;
use super::Client;

/// The SKU that is sold in rooms, and the one that coupons are for, whose holds run out all the time. Both are part of
/// the campaign.
const SKUS: [&str; 2] = ["kettle", "coat"];
/// Units of each.
const STOCK: i64 = 1_000_000;
/// Shoppers at once.
const SHOPPERS: u64 = 4;
/// Units a buyer may have in the campaign.
const LIMIT: i64 = 4;
const SEATS: usize = 3;

/// Short epochs: now and then a snapshot is made, and some starts begin with one. Nothing is deleted, so that the feed
/// can be read from its beginning.
pub(crate) const CONFIG: &str = "[journal]\nepoch_bytes = 1048576\nretention_epochs = 1000\n";

/// The sale. It outlives its server, and goes on with the next one.
pub(crate) struct Fair {
    shoppers: Vec<Shopper>,
    operator: Operator,
    rushes: u64,
}

impl Fair {
    pub(crate) fn new() -> Self {
        let shoppers = (0..SHOPPERS).map(Shopper::new).collect();
        Self { shoppers, operator: Operator::default(), rushes: 0 }
    }

    /// Puts what is sold. Again changes nothing.
    pub(crate) fn put(&self, client: &mut Client) {
        let kettle =
            r#""group_buy":{"tiers":[{"members":2,"percent_off":10},{"members":3,"percent_off":25}]}"#;
        let coat = r#""carbon_g":400,"hold_s":1,"fulfilment":{"numbered":true}"#;
        let skus = [("kettle", kettle), ("coat", coat)].map(|(sku, more)| {
            format!(
                r#"SKU.PUT {sku} {{"title":"T","stock":{STOCK},"currency":"CNY","price":{{"fixed":9999}},"campaign":"fair",{more}}}"#
            )
        });
        let fair = format!(
            r#"CAMPAIGN.PUT fair {{"title":"F","per_buyer_limit":{LIMIT},"thresholds":[{{"spend":15000,"off":1001}}],"green":{{"max_carbon_g":500,"percent_off":3}},"coupon_windows":[{{"event":"try_on","percent_off":20,"window_s":86400}}]}}"#
        );
        for line in skus.iter().chain([&fair]) {
            // A server that ended before it told so may have put it all the same.
            let told = client.ask(line);
            assert!(["[CREATED]", "[UNCHANGED]"].contains(&&*told), "{line}: {told}");
        }
    }

    /// All shop at once, and the operator works, while `end` waits for its moment, given the number of answers so far, and
    /// ends the server.
    pub(crate) fn rush(&mut self, address: SocketAddr, seed: u64, end: impl FnOnce(&AtomicUsize)) {
        let heard = Arc::new(AtomicUsize::new(0));
        let rush = self.rushes;
        self.rushes += 1;
        let shopping: Vec<_> = (0..)
            .zip(self.shoppers.drain(..))
            .map(|(place, mut shopper)| {
                let heard = Arc::clone(&heard);
                // Here, for the server may be gone soon.
                let client = Client::connect(address);
                let mut random = StdRng::seed_from_u64(seed.wrapping_add(place));
                std::thread::spawn(move || {
                    shopper.shop(client, rush, &mut random, || {
                        heard.fetch_add(1, Ordering::Relaxed);
                    });
                    shopper
                })
            })
            .collect();
        let client = Client::connect(address);
        let mut operator = std::mem::take(&mut self.operator);
        let working = std::thread::spawn(move || {
            operator.work(client, &mut StdRng::seed_from_u64(seed));
            operator
        });
        end(&heard);
        self.operator = working.join().unwrap();
        self.shoppers = shopping.into_iter().map(|shopper| shopper.join().unwrap()).collect();
    }

    /// How many promises were made so far.
    pub(crate) fn promises(&self) -> usize {
        self.shoppers.iter().map(|shopper| shopper.promises.len()).sum()
    }
}
