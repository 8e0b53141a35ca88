//! Single turns of the pure engine: decide one command and apply it.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tidegate_benches::Sale;

/// Turns that are timed in one go. Ids are made within it, at a few nanoseconds each.
const ROUND: u32 = 1000;

/// Orders by which a SKU may outgrow the size that it is measured at, before it is made anew.
const GROWTH: u32 = 200_000;

fn sale(stock: Option<u32>, orders: u32) -> Sale {
    let sale = match stock {
        Some(stock) => Sale::with_orders(stock, orders),
        None => Sale::endless(orders),
    };
    sale.unwrap_or_else(|defect| panic!("{defect}"))
}

/// Times `turn` on orders `first..` of a SKU that `make` makes, which is made anew when `last` is reached.
fn rounds(
    iterations: u64,
    (first, last): (u32, u32),
    make: impl Fn() -> Sale,
    turn: impl Fn(&mut Sale, u32),
) -> Duration {
    let (mut spent, mut done) = (Duration::ZERO, 0);
    while done < iterations {
        let mut sale = make();
        for round in (first..last).step_by(ROUND as usize) {
            let size = u64::from(ROUND).min(iterations - done);
            let end = round + u32::try_from(size).unwrap_or(ROUND);
            let began = Instant::now();
            (round..end).for_each(|number| turn(&mut sale, number));
            spent += began.elapsed();
            done += size;
            if done == iterations {
                break;
            }
        }
    }
    spent
}

fn turns(c: &mut Criterion) {
    for size in [100_000, 1_000_000] {
        let mut group = c.benchmark_group("engine");
        group.sample_size(10).measurement_time(Duration::from_secs(3)).throughput(Throughput::Elements(1));
        let fresh = (size + 1, size + GROWTH);
        let placed = (1, size.min(GROWTH));
        let mut bench = |name: &str, run: &dyn Fn(u64) -> Duration| {
            group.bench_function(BenchmarkId::new(name, size), |b| b.iter_custom(run));
        };
        bench("reserve", &|n| {
            rounds(n, fresh, || sale(None, size), |sale, buyer| assert!(sale.reserve(buyer).is_ok()))
        });
        bench("reserve repeated", &|n| {
            rounds(n, placed, || sale(None, size), |sale, buyer| assert!(sale.reserve(buyer).is_err()))
        });
        bench("reserve sold out", &|n| {
            rounds(n, fresh, || sale(Some(size), size), |sale, buyer| assert!(sale.reserve(buyer).is_err()))
        });
        bench("pay", &|n| {
            rounds(n, placed, || sale(None, size), |sale, order| assert!(sale.pay(order).is_ok()))
        });
        bench("cancel", &|n| {
            rounds(n, placed, || sale(None, size), |sale, order| assert!(sale.cancel(order).is_ok()))
        });
        group.finish();
    }
}

criterion_group!(benches, turns);
criterion_main!(benches);
