//! A process that has no file descriptor left: alone in its process, for it takes them from everybody there.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use common::{Shop, open, sell_epochs, small, start};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tidegate_persistence::{ActorId, Options};

#[test]
fn what_can_not_be_opened_for_a_moment_is_not_taken_for_damage() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { retention_epochs: 1000, ..small() };
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &options).journal, &options);
    sell_epochs(&mut shop, &writer, &lane, &wakes, 3);
    let reader = writer.reader();
    let limits = getrlimit(Resource::Nofile);
    let (state, _) = &shop.skus[&0];
    // With and without a snapshot, from none left to as many as it takes.
    for has_snapshots in [true, false] {
        if !has_snapshots {
            std::fs::remove_dir_all(dir.path().join("snapshots")).unwrap();
        }
        let (mut refused, mut is_of_epoch) = (0, false);
        let rebuilt = loop {
            setrlimit(Resource::Nofile, Rlimit { current: Some(3 + refused), ..limits }).unwrap();
            let made = reader.rebuild(ActorId(0), 3);
            setrlimit(Resource::Nofile, limits).unwrap();
            let error = match made {
                Ok(rebuilt) => break rebuilt,
                Err(error) => error,
            };
            assert!(error.may_pass(), "{error}");
            assert!(error.to_string().contains("Too many open files"), "{error}");
            is_of_epoch |= error.to_string().contains("journal/0000000001");
            refused += 1;
        };
        // With one, the epochs that are read are open anyway.
        assert!(refused > 0 && (has_snapshots || is_of_epoch), "refused {refused} times");
        assert_eq!(rebuilt.state.sku().unwrap().state_hash(), state.sku().unwrap().state_hash());
    }
    writer.stop().unwrap();
}
