//! A journal that the first release wrote: every later one opens it.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use common::{SEED, Shop, open, small, start, terms, wait};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tidegate_engine::{Answer, Event, Fingerprint, Millis, OrderNumber, Payment, Request, SkuState};
use tidegate_persistence::{
    ActorId, ActorKind, Birth, DirLock, EncodedGroup, GroupEncoder, identity, inspect,
};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-v1")
}

/// Every kind of event once, as a sale could bring them about.
fn every_event() -> EncodedGroup {
    let at = Millis(1_000_000);
    let mut state = SkuState::new(SEED);
    let birth = Birth { kind: ActorKind::Sku, name: "every-event" };
    let mut group = GroupEncoder::new(ActorId(1_000), at, Some(birth));
    let request = |id| Request { id, fingerprint: Fingerprint(5) };
    let reserved = |order, id| Event::Reserved {
        order: OrderNumber(order),
        request: request(id),
        buyer: "buyer",
        qty: 2,
        unit_price: 700,
        hold_ms: 1_000,
    };
    let payment = |order, id| Payment { order: OrderNumber(order), request: request(id), id, amount: 1_400 };
    let (second, third) = (OrderNumber(2), OrderNumber(3));
    for event in [
        Event::Created { terms: terms(), stock: 100 },
        Event::Updated { terms: terms() },
        Event::Restocked { request: request("more"), delta: 5 },
        Event::Paused,
        Event::Resumed,
        reserved(1, "first"),
        Event::Paid(payment(1, "pay-1")),
        reserved(2, "second"),
        Event::Cancelled { order: second, request: request("cancel"), reason: Some("changed my mind") },
        Event::Noted { order: second, request: request("cancel-again"), answer: Answer::Cancelled },
        Event::RefundDue(payment(2, "pay-2")),
        reserved(3, "third"),
        Event::Expired { order: third },
        Event::BuyerLapsedOut { order: third },
        Event::BuyerUnblocked { buyer: "buyer" },
        Event::Reacquired(payment(3, "pay-3")),
        Event::Refunded { order: third, request: request("refund"), restock: true },
        Event::BuyerBlocked { buyer: "buyer" },
        reserved(4, "fourth"),
    ] {
        state.apply(&event, at).unwrap_or_else(|error| panic!("{event:?}: {error}"));
        group.push(&event);
    }
    group.finish().unwrap()
}

/// What must be found, one line a SKU.
fn summary(dir: &Path) -> String {
    let inspection = inspect(dir).unwrap();
    assert!(inspection.is_sound(), "{inspection}");
    let line = |sku: &tidegate_persistence::SkuInspection| {
        let stock = sku.stock;
        format!(
            "{} available {} reserved {} sold {} changes {}\n",
            sku.name,
            stock.available(),
            stock.reserved(),
            stock.sold(),
            sku.changes
        )
    };
    inspection.skus.iter().map(line).collect()
}

#[test]
fn a_journal_of_format_version_1_opens_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    unpack(&fixture().join("data"), dir.path());
    // It was made without one.
    identity(&DirLock::take(dir.path()).unwrap(), [7; 16]).unwrap();
    assert_eq!(summary(dir.path()), fs::read_to_string(fixture().join("expected.txt")).unwrap());
    let mut recovered = open(dir.path(), &small());
    assert_eq!(recovered.report.warnings, Vec::<String>::new());
    assert!(recovered.report.snapshot.is_some() && recovered.report.events > 0);
    let mut shop = Shop::recovered(&mut recovered);
    let (writer, lane, wakes) = start(recovered.journal, &small());
    let ticket = lane.submit(shop.sell(0, 3).finish().unwrap());
    wait(&lane, &wakes, ticket);
    assert_eq!(writer.failed(), None);
    writer.stop().unwrap();
}

/// How the fixture was made. Not to be run again for version 1: what it checks is that old bytes stay readable.
#[test]
#[ignore = "writes a new fixture into the directory that TIDEGATE_FIXTURE names"]
fn write_a_fixture() {
    let target = PathBuf::from(std::env::var("TIDEGATE_FIXTURE").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &small()).journal, &small());
    wait(&lane, &wakes, lane.submit(every_event()));
    let snapshot = dir.path().join("snapshots/0000000001.snap");
    let (mut turn, mut more) = (0, 3);
    while more > 0 {
        turn += 1;
        more -= u32::from(snapshot.exists());
        wait(&lane, &wakes, lane.submit(shop.sell(turn % 3, 1 + turn % 5).finish().unwrap()));
    }
    writer.stop().unwrap();
    drop(lane);
    pack(dir.path(), &target.join("data"));
    fs::write(target.join("expected.txt"), summary(dir.path())).unwrap();
}

fn pack(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            pack(&entry.path(), &target);
        } else if entry.file_name() != "tidegate.lock" {
            let target = File::create(format!("{}.gz", target.display())).unwrap();
            let mut packed = GzEncoder::new(target, Compression::best());
            io::copy(&mut File::open(entry.path()).unwrap(), &mut packed).unwrap();
            packed.finish().unwrap().flush().unwrap();
        }
    }
}

fn unpack(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let target = to.join(name.trim_end_matches(".gz"));
        if entry.file_type().unwrap().is_dir() {
            unpack(&entry.path(), &target);
        } else {
            let mut packed = GzDecoder::new(File::open(entry.path()).unwrap());
            io::copy(&mut packed, &mut File::create(target).unwrap()).unwrap();
        }
    }
}
